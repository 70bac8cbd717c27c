//! What go and git say, in the words of this program: failures with exit codes, and paths.

use std::path::{Path, PathBuf};

use handpie_toolchain::contradiction::Contradiction;
use handpie_toolchain::profile::{Profile, Stamp};
use handpie_toolchain::{command, go};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::record::Said;

/// Go could not tell its settings.
pub(crate) fn settings_failed(error: go::Error) -> Failure {
    Failure::new(Exit::Tool, "failed to ask go for its settings").tool(error)
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
        _ => failure.hint("`handpie explain CODE` says more about each code"),
    }
}

/// `go build` failed; what it and the wrapped linkers had to say stands on standard error already.
pub(crate) fn build_failed(error: command::Error, said: &Said, profile: &Profile) -> Failure {
    if said.refused {
        let failure = Failure::new(Exit::No, "a program cannot be converted");
        return failure.hint("the reasons stand above, under the name of its package");
    }
    let failure = Failure::new(Exit::Tool, "failed to build").tool(error);
    match (&profile.stamp, said.link_failed) {
        (Stamp::Ours(_), true) => failure.hint(
            "if `main.version` or `main.Version` is a variable but no string, the version cannot \
             be written into it; use --no-stamp",
        ),
        _ => failure,
    }
}

/// The path of this program, for go to start.
pub(crate) fn own_path() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|cause| {
        Failure::new(Exit::Tool, "failed to find the path of handpie").cause(cause)
    })
}

/// The folder that go works in.
pub(crate) fn absolute(folder: Option<&Path>) -> Result<PathBuf, Failure> {
    let folder = folder.unwrap_or(Path::new("."));
    std::path::absolute(folder).map_err(|cause| {
        let message = format!("failed to find the folder `{}`", folder.display());
        Failure::new(Exit::Input, message).cause(cause)
    })
}

/// The folder of the module around `folder`, or `folder` itself.
pub(crate) fn module_folder(folder: &Path) -> PathBuf {
    let mut above = folder.ancestors();
    let module = above.find(|folder| folder.join("go.mod").is_file());
    module.unwrap_or(folder).to_owned()
}

/// A path as the user would write it.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here)
        .unwrap_or(path)
        .display()
        .to_string()
}
