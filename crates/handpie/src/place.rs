//! Where a file lies, as seen from a folder. By the words of the path alone: links are not followed,
//! so that a file keeps the name by which somebody called it.

use std::path::{Component, Path, PathBuf};

/// The path from `folder` down to `path`, which is meant from the working directory `here`; the
/// absolute path when it lies elsewhere.
pub(crate) fn seen_from(folder: &Path, here: &Path, path: &Path) -> PathBuf {
    let absolute = plain(&here.join(path));
    match absolute.strip_prefix(plain(&here.join(folder))) {
        Ok(inside) => inside.to_owned(),
        Err(_) => absolute,
    }
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
            let seen = seen_from(
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
