//! What the wrapped linker says: go shows it under the name of the package, among what compilers
//! say, so every line starts with who speaks.

use std::io::Write;

use super::{Lines, print_stderr, print_text};
use crate::failure::Failure;

const WHO: &str = "handpie: ";

/// Prints why a program was not converted.
pub(crate) fn failure(failure: &Failure) {
    message(&failure.message);
    for (at, cause) in failure.causes.iter().enumerate() {
        message(cause);
        if at + 1 == failure.causes.len() {
            said(&failure.said);
        }
        if let Some(hint) = failure.hints.get(at) {
            message(&format!("hint: {hint}"));
        }
    }
    if failure.causes.is_empty() {
        said(&failure.said);
    }
    for hint in failure.hints.iter().skip(failure.causes.len()) {
        message(&format!("hint: {hint}"));
    }
    if let Some(code) = failure.code {
        message(&format!("see: handpie explain {code}"));
    }
}

/// Prints one message.
pub(crate) fn message(text: &str) {
    let mut lines = Lines::new(false);
    lines.word(WHO);
    lines.total(text);
    print_stderr(lines);
}

fn said(list: &[String]) {
    let mut lines = Lines::new(false);
    for line in list {
        lines.word(WHO);
        lines.said("   ", line);
    }
    print_stderr(lines);
}

/// Prints a command that was asked for to standard output.
pub(crate) fn command(line: &str) {
    let mut lines = Lines::new(false);
    lines.command(line);
    // Whoever has closed standard output wants no answer.
    _ = print_text(lines);
}

/// Prints what the linker that is built in said, for the process that started it.
pub(crate) fn linker_said(text: &str) {
    let mut lines = Lines::new(false);
    for line in text.lines() {
        lines.command(line);
    }
    print_stderr(lines);
}

/// Passes on what a tool said, as it said it: go started us in its place, and what it says is no more
/// ours than what a child says that inherits standard error.
pub(crate) fn pass_on(said: &[u8]) {
    // Who cannot be told has closed standard error; the exit code tells him.
    let _ = std::io::stderr().write_all(said);
}
