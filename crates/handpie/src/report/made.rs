//! Programs that another build tool made with our compiler and linker.

use serde::Serialize;

use super::{Lines, Report, bytes};

#[derive(Debug, Serialize)]
pub(crate) struct MadeReport {
    /// As it can be pasted into a shell.
    pub(crate) command: String,
    pub(crate) programs: Vec<Made>,
}

/// One program.
#[derive(Debug, Serialize)]
pub(crate) struct Made {
    pub(crate) file: String,
    pub(crate) kind: String,
    /// In bytes.
    pub(crate) size: u64,
    /// Why it is not what was wanted; none when it is.
    pub(crate) reasons: Vec<String>,
}

impl Report for MadeReport {
    fn text(&self, lines: &mut Lines) {
        for program in &self.programs {
            match program.reasons.is_empty() {
                true => lines.good(&program.file, &program.kind),
                false => lines.bad(&program.file, &program.kind),
            }
            lines.fact("size", format!("{} bytes", bytes(program.size)));
            for reason in &program.reasons {
                lines.fact("no static-PIE", reason);
            }
        }
        if self.programs.is_empty() {
            lines.total("no program is new or changed");
        }
        if lines.verbose {
            lines.word("    command: ");
            lines.command(&self.command);
        }
    }
}
