//! The CPU level of this host, and what many hosts have in common.

use super::{Lines, Report};
use handpie_toolchain::cpu::HostCpu;
use handpie_toolchain::cpu::fleet::{Fleet, FleetCpu};

/// So many hosts are named of those that hold a fleet back.
const NAMED: usize = 20;

impl Report for HostCpu {
    fn text(&self, lines: &mut Lines) {
        match (&self.variable, &self.safe_level) {
            (Some(variable), Some(level)) => lines.good(&self.host, format!("{variable}={level}")),
            _ => lines.good(&self.host, &self.cpu),
        }
        if !self.model.is_empty() {
            lines.fact("cpu", &self.model);
        }
        if self.level != self.safe_level
            && let Some(level) = &self.level
        {
            lines.fact("claims", level);
        }
        match &self.next {
            Some(next) => lines.fact(&format!("{} lacks", next.level), next.lacks.join(", ")),
            None if self.safe_level.is_some() => lines.fact("next", "there is no higher level"),
            None => {}
        }
        for caution in &self.cautions {
            lines.fact("caution", caution);
        }
        let shown = match lines.verbose {
            true => self.features.as_slice(),
            false => &[],
        };
        for feature in shown {
            let word = if feature.usable { "yes" } else { "no: " };
            let words = format!("{}, {word}{}", feature.level, feature.reason);
            lines.fact(&feature.name, words);
        }
    }
}

impl Report for Fleet {
    fn text(&self, lines: &mut Lines) {
        for cpu in &self.cpus {
            text_of(cpu, lines);
        }
    }
}

fn text_of(cpu: &FleetCpu, lines: &mut Lines) {
    let hosts = match cpu.hosts {
        1 => "1 host".to_owned(),
        count => format!("{count} hosts"),
    };
    match (&cpu.variable, &cpu.safe_level) {
        (Some(variable), Some(level)) => {
            lines.good(
                format!("{} on {hosts}", cpu.cpu),
                format!("{variable}={level}"),
            );
        }
        _ => lines.good(format!("{} on {hosts}", cpu.cpu), "no levels are known"),
    }
    for share in &cpu.levels {
        lines.fact(&share.level, format!("{} of {hosts}", share.hosts));
    }
    for brake in cpu.held_back_by.iter().take(NAMED) {
        let lacks = brake.lacks.join(", ");
        lines.fact(
            "held back by",
            format!("{} ({}), which lacks {lacks}", brake.host, brake.level),
        );
    }
    let more = cpu.held_back_by.len().saturating_sub(NAMED);
    if more > 0 {
        lines.fact(
            "held back by",
            format!("{more} more; --format json names all"),
        );
    }
}
