//! Exit codes: the same for every command and every format.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and nothing to report.
    Done = 0,
    /// The answer is no: a refusal, or a claim that is not proven.
    No = 1,
    /// The command line, or what it asks for, makes no sense. clap uses the same number.
    Usage = 2,
    /// The input cannot be read, or the output cannot be written.
    Input = 3,
    /// A program that we started failed.
    Tool = 4,
    /// Our bug. A panic ends with the same number.
    Bug = 101,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
