//! What came of a build: one block a program.

use serde::Serialize;

use super::convert::hardening;
use super::{Lines, Report, bytes};
use crate::build_notes::Note;

#[derive(Debug, Serialize)]
pub(crate) struct BuildReport {
    /// As it can be pasted into a shell.
    pub(crate) command: String,
    /// The packages that use C; none without `--cgo`.
    pub(crate) cgo: Vec<String>,
    pub(crate) programs: Vec<Program>,
}

/// What would be run.
#[derive(Debug, Serialize)]
pub(crate) struct DryRun {
    /// As it can be pasted into a shell.
    pub(crate) command: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Program {
    pub(crate) path: String,
    /// Go found it up to date; it was converted by an earlier build.
    pub(crate) up_to_date: bool,
    #[serde(flatten)]
    pub(crate) note: Note,
    pub(crate) version: Version,
}

/// Whether the program carries its version.
#[derive(Debug, Serialize)]
#[serde(tag = "stamp", rename_all = "kebab-case")]
pub(crate) enum Version {
    /// It is in these variables.
    Stamped {
        version: String,
        variables: Vec<String>,
    },
    /// The user's own -X.
    Own { variables: Vec<String> },
    /// There is no variable for it.
    NoVariable { version: String },
    /// The symbol table would tell, and there is none.
    Unknown { version: String },
    /// There is no version.
    Absent { reason: String },
}

impl Report for BuildReport {
    fn text(&self, lines: &mut Lines) {
        for program in &self.programs {
            program.text(lines);
            if !self.cgo.is_empty() {
                lines.fact("cgo", format!("C is used by {}", self.cgo.join(", ")));
            }
        }
        if lines.verbose {
            lines.word("    command: ");
            lines.command(&self.command);
        }
    }
}

impl Report for DryRun {
    fn text(&self, lines: &mut Lines) {
        lines.command(&self.command);
    }
}

impl Program {
    fn text(&self, lines: &mut Lines) {
        let note = &self.note;
        let kind = &note.kind_after;
        match self.up_to_date {
            true => lines.good(
                &self.path,
                format!("{kind}, up to date; converted by an earlier build"),
            ),
            false => lines.good(&self.path, kind),
        }
        if let Some(before) = &note.kind_before {
            match note.linked {
                Some(_) => lines.fact("go made", format!("{before}, which handpie linked")),
                None => lines.fact("go made", before),
            }
        }
        match note.size_before {
            Some(before) => lines.fact(
                "size",
                format!("{} -> {} bytes", bytes(before), bytes(note.size_after)),
            ),
            None => lines.fact("size", format!("{} bytes", bytes(note.size_after))),
        }
        if let Some(changes) = &note.changes {
            lines.fact(
                "relocations",
                format!(
                    "{} words, done by the program itself; the table shrinks from {} to {} bytes",
                    bytes(changes.relocations),
                    bytes(changes.rela_size),
                    bytes(changes.relr_size)
                ),
            );
            lines.fact("start-up stub", format!("{} bytes", changes.stub_size));
            match changes.relro_size {
                Some(size) => lines.fact(
                    "RELRO",
                    format!("{} bytes become read-only at start", bytes(size)),
                ),
                None => lines.fact("RELRO", "none"),
            }
        }
        hardening(note.moves, note.seals, lines);
        if let Some(linked) = &note.linked {
            lines.fact(
                "relocations",
                format!(
                    "{} words, done by the program itself, from a table of {} bytes",
                    bytes(linked.relocations),
                    bytes(linked.relr_size)
                ),
            );
            lines.fact("start-up stub", format!("{} bytes", linked.stub_size));
            lines.fact(
                "RELRO",
                format!(
                    "{} bytes become read-only at start",
                    bytes(linked.relro_size)
                ),
            );
        }
        lines.fact("version", self.version.text());
    }
}

impl Version {
    fn text(&self) -> String {
        match self {
            Self::Stamped { version, variables } => {
                format!("{version}, in {}", variables.join(" and "))
            }
            Self::Own { variables } => {
                format!("yours, from -ldflags=-X, in {}", variables.join(" and "))
            }
            Self::NoVariable { version } => format!(
                "{version} is not stamped: the program has no variable main.Version or \
                 main.version that is read"
            ),
            Self::Unknown { version } => {
                format!("{version}, if the program has a variable for it; no symbols tell")
            }
            Self::Absent { reason } => format!("none: {reason}"),
        }
    }
}
