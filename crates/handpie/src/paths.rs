//! Paths: relative to a folder, absolute, as users write them; and the path of this program.
//!
//! By the text of a path alone. Links are not followed, so a file keeps the name that it was called
//! by.

use std::path::{Component, Path, PathBuf};

use crate::exit::Exit;
use crate::failure::Failure;

/// The path from `folder` down to `path`, which is meant from the working directory `here`; the
/// absolute path when it lies elsewhere.
pub(crate) fn relative_to(folder: &Path, here: &Path, path: &Path) -> PathBuf {
    let absolute = plain(&here.join(path));
    match absolute.strip_prefix(plain(&here.join(folder))) {
        Ok(inside) => inside.to_owned(),
        Err(_) => absolute,
    }
}

/// The path of this program, for other tools to start.
pub(crate) fn own_program() -> Result<PathBuf, Failure> {
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

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shortened_when_it_lies_inside() {
        let seen = |folder: &str, path: &str| {
            let seen = relative_to(
                Path::new(folder),
                Path::new("/home/me/src"),
                Path::new(path),
            );
            seen.to_string_lossy().into_owned()
        };
        assert_eq!(seen("", "bin/svc"), "bin/svc");
        assert_eq!(seen("", "./bin/../dist//svc"), "dist/svc");
        assert_eq!(seen("/home/me", "bin/svc"), "src/bin/svc");
        assert_eq!(seen("..", "bin/svc"), "src/bin/svc");
        assert_eq!(seen("", "/home/me/src/svc"), "svc");
        assert_eq!(seen("", "../other/svc"), "/home/me/other/svc");
        assert_eq!(seen("", "/usr/bin/svc"), "/usr/bin/svc");
        assert_eq!(seen("", "-"), "-");
    }
}
