//! What a proof has shown.

use handpie_prove::{
    Base, Claim, Code, Confinement, Ending, Entropy, Machine, Proof, Region, Relation, Sealing,
    StartUp, Verdict,
};
use serde::Serialize;

use super::{Lines, Report, bytes};

#[derive(Debug, Serialize)]
pub(crate) struct ProveReport {
    pub(crate) file: String,
    #[serde(flatten)]
    pub(crate) proof: Proof,
}

impl Report for ProveReport {
    fn text(&self, lines: &mut Lines) {
        let proof = &self.proof;
        let proven = proof.claims.iter().filter(|it| it.is_proven()).count();
        let all = proof.claims.len();
        if proof.is_complete() {
            lines.good(&self.file, format!("all {all} claims are proven"));
        } else {
            lines.bad(&self.file, format!("{proven} of {all} claims are proven"));
        }
        for one in &proof.claims {
            claim(one, lines);
        }
        addresses(proof, lines);
        leaks(&proof.relations, lines);
        sealing(&proof.sealing, lines);
        if let Some(start_up) = &proof.start_up {
            cost(start_up, lines);
        }
        confinement(&proof.confinement, lines);
        if lines.verbose {
            lines.fact("confined by", confinement_steps(&proof.confinement));
            ending(&proof.ending, lines);
            for (name, text) in [("stdout", &proof.stdout), ("stderr", &proof.stderr)] {
                for line in text.text.lines().take(20) {
                    lines.fact(name, line);
                }
            }
            for mapping in &proof.maps {
                lines.fact("memory", mapping);
            }
        }
        // When it does not start, the other claims say no more than that.
        let started = proof.claim(Code::Starts).is_some_and(Claim::is_proven);
        for claim in proof.claims.iter().filter(|it| !it.is_proven()) {
            if started || claim.code == Code::Starts {
                lines.see(claim.code.name());
            }
        }
    }
}

fn sealing(sealing: &Sealing, lines: &mut Lines) {
    let Sealing {
        asked,
        sealed,
        read_only,
    } = *sealing;
    let (sealed, read_only) = (bytes(sealed), bytes(read_only));
    match (asked, sealing.sealed) {
        (false, 0) => {}
        (true, 0) => lines.fact(
            "sealing",
            "requested; this kernel does not support it (Linux 6.10 and newer do, on 64-bit CPUs)",
        ),
        (_, some) if some == sealing.read_only => lines.fact(
            "sealing",
            format!("all {read_only} read-only bytes are sealed: nothing can make them writable"),
        ),
        _ => lines.fact(
            "sealing",
            format!("{sealed} of {read_only} read-only bytes are sealed"),
        ),
    }
}

fn claim(claim: &Claim, lines: &mut Lines) {
    let name = claim.code.name();
    let (word, first) = match &claim.verdict {
        Verdict::Proven => ("proven", None),
        Verdict::NotProven => ("NOT PROVEN", None),
        Verdict::Unknown { why } => ("unknown", Some(why)),
    };
    let mut evidence = first.into_iter().chain(&claim.evidence);
    match evidence.next() {
        Some(line) => lines.fact(word, format!("{name}: {line}")),
        None => lines.fact(word, name),
    }
    for line in evidence {
        lines.fact("", format!("  {line}"));
    }
}

/// The table of bits, and what the machine could give at best.
fn addresses(proof: &Proof, lines: &mut Lines) {
    let words = match &proof.base {
        None => return,
        Some(Base::Fixed { .. }) => "the load address is fixed".to_owned(),
        Some(Base::Aligned { step, .. }) => {
            format!("the load address is a multiple of {step:#x} bytes")
        }
        Some(Base::Full) => "the load address is any page".to_owned(),
    };
    lines.fact("addresses", format!("{words}; {}", promise(&proof.machine)));
    for entropy in &proof.entropy {
        let Entropy {
            bits,
            step,
            samples,
            distinct,
            ..
        } = entropy;
        let name = entropy.region.name();
        let text = match distinct {
            1 => format!("{name:11} fixed at {:#x}, {samples} runs", entropy.lowest),
            _ => format!("{name:11} {bits:4.1} bits, {step:#x} bytes apart, {samples} runs"),
        };
        lines.fact("", text);
    }
}

fn promise(machine: &Machine) -> String {
    let Machine {
        kernel,
        file_system,
        ..
    } = machine;
    let bits = match machine.mmap_rnd_bits {
        Some(bits) => format!("vm.mmap_rnd_bits is {bits}"),
        None => "vm.mmap_rnd_bits can be read by root only".to_owned(),
    };
    format!("{bits}, Linux {kernel}, {file_system}")
}

/// What the address of one region tells of others. Regions that always lie at the same distance
/// are one, and only the first of them is compared with the rest.
fn leaks(relations: &[Relation], lines: &mut Lines) {
    let constant = |it: &&Relation| it.distance.is_some();
    let follows = |region| {
        relations
            .iter()
            .filter(constant)
            .any(|it| it.second == region)
    };
    for first in Region::ALL.into_iter().filter(|region| !follows(*region)) {
        let same = relations
            .iter()
            .filter(constant)
            .filter(|it| it.first == first);
        let others: Vec<&str> = same.map(|it| it.second.name()).collect();
        if !others.is_empty() {
            let (first, others) = (first.name(), others.join(", "));
            lines.fact(
                "a leak tells",
                format!("{first}, {others}: always at the same distance"),
            );
        }
    }
    let rest = relations.iter().filter(|it| it.distance.is_none());
    for relation in rest.filter(|it| !follows(it.first) && !follows(it.second)) {
        let (known, guessed, bits) = (relation.first, relation.second, relation.bits);
        let (known, guessed) = (known.name(), guessed.name());
        lines.fact(
            "a leak tells",
            format!("with {known} known, {bits:.1} bits are left of {guessed}"),
        );
    }
}

fn cost(start_up: &StartUp, lines: &mut Lines) {
    let StartUp {
        runs,
        minor_faults,
        major_faults,
        microseconds,
        ..
    } = start_up;
    let exit = match &start_up.microseconds_to_exit {
        Some(spread) => format!("; {} µs to the exit", spread.median),
        None => String::new(),
    };
    lines.fact(
        "start-up",
        format!(
            "{} µs and {} page faults to the program's entry at {:#x}{exit}",
            microseconds.median,
            minor_faults.median + major_faults.median,
            start_up.entry,
        ),
    );
    if lines.verbose {
        let range = format!("{} to {} µs", microseconds.least, microseconds.greatest);
        lines.fact("", format!("the median of {runs} runs, {range}"));
    }
}

fn confinement(confinement: &Confinement, lines: &mut Lines) {
    for fallback in &confinement.fallbacks {
        lines.fact("not confined by", &fallback.text);
    }
}

fn confinement_steps(confinement: &Confinement) -> String {
    let names = confinement.done.iter().map(|step| step.name());
    names.collect::<Vec<_>>().join(", ")
}

fn ending(ending: &Ending, lines: &mut Lines) {
    let text = match ending {
        Ending::Exited { status } => format!("exited with status {status}"),
        Ending::Killed { signal, .. } => format!("was ended by {signal}"),
        Ending::StillRunning { stopped: true } => "stopped itself, and was ended by us".to_owned(),
        Ending::StillRunning { stopped: false } => "was running, and was ended by us".to_owned(),
        Ending::NotExecuted { errno } => format!("was refused by the kernel ({errno})"),
    };
    lines.fact("the run", text);
}
