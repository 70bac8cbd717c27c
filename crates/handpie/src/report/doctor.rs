//! What this machine can do: one line a CPU.

use serde::Serialize;

use super::{Lines, Report};

#[derive(Debug, Serialize)]
pub(crate) struct DoctorReport {
    /// The version of Go, if there is one.
    pub(crate) go: Option<String>,
    pub(crate) cpus: Vec<Cpu>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Cpu {
    /// As Go spells it.
    pub(crate) cpu: &'static str,
    pub(crate) build: Capability,
    pub(crate) run: Capability,
    pub(crate) prove: Capability,
    /// Whether `--aslr full` and `--seal` are to be had.
    pub(crate) aslr_full: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Capability {
    pub(crate) yes: bool,
    /// How, or why not.
    pub(crate) reason: String,
}

impl Capability {
    pub(crate) fn yes(reason: String) -> Self {
        Self { yes: true, reason }
    }

    pub(crate) fn no(reason: String) -> Self {
        Self { yes: false, reason }
    }

    fn word(&self) -> &'static str {
        if self.yes { "yes" } else { "no" }
    }
}

impl Report for DoctorReport {
    fn text(&self, lines: &mut Lines) {
        match &self.go {
            Some(version) => lines.good("go", version),
            None => lines.bad("go", "not found, so nothing can be built"),
        }
        let header = row("cpu", ["build", "run", "prove", "--aslr full, --seal"]);
        lines.line(header);
        for cpu in &self.cpus {
            let aslr = if cpu.aslr_full { "yes" } else { "no" };
            let words = [cpu.build.word(), cpu.run.word(), cpu.prove.word(), aslr];
            lines.line(row(cpu.cpu, words));
        }
        for cpu in &self.cpus {
            // What stands in the way first.
            let answers = [("not built", &cpu.build), ("not run", &cpu.run)];
            let first = answers.iter().find(|(_, answer)| !answer.yes);
            if let Some((what, answer)) = first {
                lines.fact(cpu.cpu, format!("{what}: {}", answer.reason));
            }
        }
        if self.cpus.iter().any(|cpu| cpu.run.yes && !cpu.prove.yes) {
            lines.line("a program that runs under an emulator here can only be proven on a machine with its CPU");
        }
    }
}

/// What was tried.
#[derive(Debug, Serialize)]
pub(crate) struct AttemptsReport {
    pub(crate) attempts: Vec<Attempt>,
}

/// A program that was built, or not.
#[derive(Debug, Serialize)]
pub(crate) struct Attempt {
    pub(crate) language: &'static str,
    /// As Go spells it.
    pub(crate) cpu: &'static str,
    pub(crate) libc: &'static str,
    pub(crate) linker: &'static str,
    #[serde(flatten)]
    pub(crate) answer: Capability,
}

impl Report for AttemptsReport {
    fn text(&self, lines: &mut Lines) {
        lines.line(format!(
            "{:11}{:9}{:7}{:10}{}",
            "language", "cpu", "libc", "linker", "static-PIE"
        ));
        for attempt in &self.attempts {
            let Attempt {
                language,
                cpu,
                libc,
                linker,
                answer,
            } = attempt;
            let word = answer.word();
            let reason = &answer.reason;
            lines.line(format!(
                "{language:11}{cpu:9}{libc:7}{linker:10}{word}: {reason}"
            ));
        }
    }
}

fn row(cpu: &str, cells: [&str; 4]) -> String {
    let [build, run, prove, aslr] = cells;
    format!("{cpu:10}{build:7}{run:7}{prove:7}{aslr}")
}
