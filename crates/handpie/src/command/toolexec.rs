//! `handpie toolexec TOOL ARGS...`, which go starts for every tool it runs. Hidden.

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs when the first argument is `toolexec`, before anything else of the program does.
pub(crate) fn run_if_asked(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    (args.nth(1)? == "toolexec").then_some(ExitCode::from(101))
}
