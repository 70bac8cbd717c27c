//! Where the libraries are joined: what happens to a program, step after step.

use handpie_binary::{Bytes, Elf};
use handpie_pie::{Error, StubHeader};

use crate::exit::Exit;
use crate::failure::Failure;

/// The failure for a program that could not be converted and was not refused either.
pub(crate) fn unconverted(name: &str, error: Error) -> Failure {
    match error {
        Error::Unreadable(error) => Failure::new(Exit::Input, format!("failed to read `{name}`"))
            .code(error.kind().code())
            .cause(error),
        Error::Refused(refusals) => {
            let mut failure = Failure::new(Exit::No, format!("`{name}` cannot be converted"));
            for refusal in refusals {
                failure = failure.cause(&refusal).hint(refusal.hint);
            }
            failure
        }
        error @ (Error::Mistake(_) | Error::Incomplete) => Failure::new(
            Exit::Bug,
            format!("failed to convert `{name}`"),
        )
        .cause(error)
        .hint(
            "this is a bug in handpie; nothing was written; please report this and attach the \
               file",
        ),
    }
}

/// The stub of a program that we have converted ourselves.
pub(crate) fn stub(program: Bytes<'_>) -> Option<StubHeader> {
    StubHeader::read(&Elf::parse(program).ok()?)
}
