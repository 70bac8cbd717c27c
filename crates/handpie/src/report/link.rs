//! What was linked.

use serde::Serialize;

use super::{Lines, Report, bytes};
use crate::linking::Program;

#[derive(Debug, Serialize)]
pub(crate) struct LinkReport {
    file: String,
    /// In bytes.
    size: u64,
    linker: &'static str,
    /// Where it is from; null when it was given.
    libc: Option<String>,
    /// The command of the linker.
    command: String,
}

impl LinkReport {
    pub(crate) fn of(program: &Program) -> Self {
        Self {
            file: program.output.display().to_string(),
            size: program.size,
            linker: program.linker,
            libc: program.libc.clone(),
            command: program.command.clone(),
        }
    }
}

impl Report for LinkReport {
    fn text(&self, lines: &mut Lines) {
        let size = bytes(self.size);
        lines.good(
            &self.file,
            format!("static-PIE, {size}, linked by {}", self.linker),
        );
        if let Some(libc) = &self.libc {
            lines.fact("libc", libc);
        }
        if lines.verbose {
            lines.word("    command           ");
            lines.command(&self.command);
        }
    }
}
