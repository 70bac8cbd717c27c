//! What came of a conversion.

use handpie_pie::{Aslr, Outcome, Plan, Refusal};
use serde::Serialize;

use super::{Lines, Report, bytes};

#[derive(Debug, Serialize)]
pub(crate) struct ConvertReport {
    pub(crate) file: String,
    pub(crate) output: Option<String>,
    #[serde(flatten)]
    pub(crate) answer: Answer,
}

#[derive(Debug, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub(crate) enum Answer {
    Converted {
        /// False under --dry-run.
        written: bool,
        #[serde(flatten)]
        changes: Changes,
    },
    AlreadyStaticPie {
        by_handpie: bool,
    },
    Refused {
        refusals: Vec<Reason>,
    },
}

/// What a conversion changes. Addresses and offsets are numbers of bytes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Changes {
    pub(crate) cpu: &'static str,
    pub(crate) interpreter_removed: String,
    pub(crate) relocations: usize,
    pub(crate) rela_size: u64,
    pub(crate) relr_size: u64,
    pub(crate) relro_address: Option<u64>,
    pub(crate) relro_size: Option<u64>,
    pub(crate) entry: u64,
    pub(crate) stub_offset: u64,
    pub(crate) stub_address: u64,
    pub(crate) stub_size: u64,
    /// Whether the program chooses its own load address.
    pub(crate) moves: bool,
    /// Whether it seals its code, read-only data and RELRO.
    pub(crate) seals: bool,
    pub(crate) size_before: u64,
    pub(crate) size_after: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

impl Answer {
    /// `written` is false under --dry-run.
    pub(crate) fn of(outcome: &Outcome, written: bool) -> Self {
        match outcome {
            Outcome::Converted(conversion) => Self::Converted {
                written,
                changes: Changes::of(&conversion.plan),
            },
            Outcome::AlreadyStaticPie { by_us } => Self::AlreadyStaticPie { by_handpie: *by_us },
            Outcome::Refused(refusals) => Self::refused(refusals),
        }
    }

    fn refused(refusals: &[Refusal]) -> Self {
        let refusals = refusals.iter().map(|refusal| Reason {
            code: refusal.code.name(),
            message: refusal.message.clone(),
            hint: refusal.hint,
        });
        Self::Refused {
            refusals: refusals.collect(),
        }
    }
}

impl Changes {
    fn of(plan: &Plan) -> Self {
        Self {
            cpu: plan.cpu.name,
            interpreter_removed: plan.interpreter.clone(),
            relocations: plan.relocations,
            rela_size: plan.packing.old_size.0,
            relr_size: plan.packing.relr_size.0,
            relro_address: plan.relro.map(|relro| relro.address.0),
            relro_size: plan.relro.map(|relro| relro.size.0),
            entry: plan.header.entry.0,
            stub_offset: plan.stub.offset.0,
            stub_address: plan.stub.address.0,
            stub_size: plan.stub.size.0,
            moves: plan.options.aslr == Aslr::Full,
            seals: plan.options.seal,
            size_before: plan.old_size.0,
            size_after: plan.new_size.0,
        }
    }

    fn text(&self, lines: &mut Lines) {
        lines.fact(
            "loader",
            format!("{} is no longer needed", self.interpreter_removed),
        );
        lines.fact(
            "relocations",
            format!(
                "{} words, done by the program itself; the table shrinks from {} to {} bytes",
                bytes(self.relocations as u64),
                bytes(self.rela_size),
                bytes(self.relr_size)
            ),
        );
        match (self.relro_address, self.relro_size) {
            (Some(address), Some(size)) => lines.fact(
                "RELRO",
                format!(
                    "{} bytes from address {address:#x} become read-only at start",
                    bytes(size)
                ),
            ),
            _ => lines.fact(
                "RELRO",
                "none: the linker marked no page to become read-only",
            ),
        }
        lines.fact(
            "start-up stub",
            format!(
                "{} bytes at address {:#x}, then on to {:#x}",
                self.stub_size, self.stub_address, self.entry
            ),
        );
        hardening(self.moves, self.seals, lines);
        lines.fact(
            "size",
            format!(
                "{} -> {} bytes",
                bytes(self.size_before),
                bytes(self.size_after)
            ),
        );
    }
}

/// What a program does at start beside starting.
pub(super) fn hardening(moves: bool, seals: bool, lines: &mut Lines) {
    if moves {
        lines.fact(
            "load address",
            "chosen by the program itself, from 2^34 pages",
        );
    }
    if seals {
        lines.fact(
            "sealing",
            "code, read-only data and RELRO, on Linux 6.10 and newer",
        );
    }
}

impl Report for ConvertReport {
    fn text(&self, lines: &mut Lines) {
        match &self.answer {
            Answer::Converted { written, changes } => {
                match (&self.output, written) {
                    (Some(output), true) => lines.good(output, "converted to a static-PIE"),
                    _ => lines.good(&self.file, "can be converted to a static-PIE"),
                }
                changes.text(lines);
            }
            Answer::AlreadyStaticPie { by_handpie: true } => {
                lines.good(
                    &self.file,
                    "already a static-PIE, made by handpie; nothing to do",
                );
            }
            Answer::AlreadyStaticPie { by_handpie: false } => {
                lines.good(&self.file, "already a static-PIE; nothing to do");
                lines.line("it was not made by handpie; `handpie prove` shows whether its RELRO is applied");
            }
            Answer::Refused { refusals } => {
                for refusal in refusals {
                    lines.bad(&self.file, format!("refused: {}", refusal.code));
                    lines.line(&refusal.message);
                    lines.hint(refusal.hint);
                    lines.see(refusal.code);
                }
            }
        }
    }
}
