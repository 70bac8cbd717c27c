//! What the wrapped linker says: go shows it under the name of the package, among what compilers
//! say, so every line starts with who speaks.

use std::io::Write;

use crate::failure::Failure;

/// Prints why a program was not converted.
pub(crate) fn failure(failure: &Failure) {
    message(&failure.message);
    for (at, cause) in failure.causes.iter().enumerate() {
        message(&cause.replace('\n', "\n    "));
        if let Some(hint) = failure.hints.get(at) {
            message(&format!("hint: {hint}"));
        }
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
    anstream::eprintln!("handpie: {text}");
}

/// Prints help, or a command that was asked for, to standard output.
pub(crate) fn help(text: &str) {
    anstream::print!("{text}");
}

/// Prints what a tool said, as it said it.
pub(crate) fn pass_on(said: &[u8]) {
    // Who cannot be told has closed standard error; the exit code tells him.
    let _ = std::io::stderr().write_all(said);
}
