//! Why go did not build: what it and its wrapped linkers reported, as failures with exit codes.

use handpie_toolchain::contradiction::Contradiction;
use handpie_toolchain::profile::{Profile, Stamp};
use handpie_toolchain::{command, go};

use crate::build_notes::Notes;
use crate::exit::Exit;
use crate::failure::Failure;

/// Go could not tell its settings.
pub(crate) fn settings_failed(error: go::Error) -> Failure {
    Failure::new(Exit::Tool, "failed to read go's settings").tool(error)
}

/// Go could not list the packages.
pub(crate) fn list_failed(error: go::Error) -> Failure {
    Failure::new(Exit::Tool, "failed to list the packages").tool(error)
}

/// The answer is no, for all these reasons.
pub(crate) fn contradicted(message: &str, against: &[Contradiction]) -> Failure {
    let mut failure = Failure::new(Exit::No, message);
    for one in against {
        failure = failure.cause(one);
        if let Some(hint) = &one.hint {
            failure = failure.hint(hint);
        }
    }
    match against {
        [one] => failure.code(one.code.name()),
        _ => failure.hint("`handpie explain CODE` describes each code"),
    }
}

/// `go build` failed; what it and the wrapped linkers reported is on standard error already.
pub(crate) fn build_failed(error: command::Error, notes: &Notes, profile: &Profile) -> Failure {
    if notes.refused {
        let failure = Failure::new(Exit::No, "a program cannot be converted");
        return failure.hint("the reasons are above, under the name of its package");
    }
    let failure = Failure::new(Exit::Tool, "failed to build").tool(error);
    match (&profile.stamp, notes.link_failed) {
        (Stamp::Ours(_), true) => failure.hint(
            "if `main.version` or `main.Version` is a variable but no string, the version cannot \
             be written into it; use --no-stamp",
        ),
        _ => failure,
    }
}
