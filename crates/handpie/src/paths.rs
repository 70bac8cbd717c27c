//! Paths: relative to a folder, absolute, as users write them; and the path of this program.
//!
//! A file keeps the name that it was called by: links are followed only where the text of a path does
//! not tell whether it lies in a folder, and never at its end.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::exit::Exit;
use crate::failure::Failure;

/// The path from `folder` down to `path`, which is meant from the working directory `here`; the
/// absolute path when it lies elsewhere, by its text and by where links lead.
pub(crate) fn relative_to(folder: &Path, here: &Path, path: &Path) -> PathBuf {
    let absolute = plain(&here.join(path));
    let folder = plain(&here.join(folder));
    match absolute.strip_prefix(&folder) {
        Ok(inside) => inside.to_owned(),
        Err(_) => below_real(&folder, &absolute).unwrap_or(absolute),
    }
}

/// Every name by which a glob may mean the file at `path`: absolute, and relative to `folder`, each as
/// it was written and where links lead. `called` is what else the working directory `here` is called.
pub(crate) fn names(
    folder: &Path,
    here: &Path,
    called: Option<&Path>,
    path: &Path,
) -> Vec<PathBuf> {
    let absolute = plain(&here.join(path));
    let real = real(&absolute);
    let beside = [Some(&absolute), real.as_ref()].into_iter().flatten();
    let beside = beside
        .filter_map(|path| path.strip_prefix(here).ok())
        .next();
    let beside = called.and_then(|called| Some(called.join(beside?)));
    let folder = plain(&here.join(folder));
    let folders = [fs::canonicalize(&folder).ok(), Some(folder)];
    let mut names = Vec::new();
    for absolute in [Some(absolute), beside, real].into_iter().flatten() {
        let inside = folders.iter().flatten();
        let inside = inside.filter_map(|folder| absolute.strip_prefix(folder).ok());
        names.extend(inside.map(Path::to_owned));
        names.push(absolute);
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// What the working directory is called by a shell that entered it through a link.
pub(crate) fn logical(here: &Path) -> Option<PathBuf> {
    let called = PathBuf::from(std::env::var_os("PWD")?);
    let is_here = called.is_absolute() && called != here && fs::canonicalize(&called).ok()? == here;
    is_here.then_some(called)
}

/// A file by the folder that it is really in. Its own name stays, even where it is a link.
fn real(absolute: &Path) -> Option<PathBuf> {
    let folder = fs::canonicalize(absolute.parent()?).ok()?;
    Some(folder.join(absolute.file_name()?))
}

/// The path from `folder` down to a file in it, where links lead.
fn below_real(folder: &Path, absolute: &Path) -> Option<PathBuf> {
    let folder = fs::canonicalize(folder).ok()?;
    let below = real(absolute)?.strip_prefix(folder).ok()?.to_owned();
    Some(below)
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

/// Without `.` and `..`. What stands before a `..` may be a link, which only the file system knows.
fn plain(path: &Path) -> PathBuf {
    let parts: Vec<Component<'_>> = path.components().collect();
    let last = parts.iter().rposition(|part| *part == Component::ParentDir);
    let (before, rest) = parts.split_at(last.map_or(0, |last| last + 1));
    let before: PathBuf = before.iter().collect();
    let start = match last {
        Some(_) => fs::canonicalize(&before).unwrap_or_else(|_| without_parents(&before)),
        None => before,
    };
    let rest = rest.iter().filter(|part| **part != Component::CurDir);
    rest.fold(start, |path, part| path.join(part))
}

/// By the text alone.
fn without_parents(path: &Path) -> PathBuf {
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

    #[test]
    fn a_path_is_the_same_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir_all(top.join("project/bin")).unwrap();
        fs::create_dir_all(top.join("other/deep")).unwrap();
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(top.join(to), top.join(at));
        link("project", "link").unwrap();
        link("project/bin", "shortcut").unwrap();
        link("other/deep", "project/away").unwrap();
        let here = top.join("project");
        let seen = |path: &Path| relative_to(&here, &here, path);
        assert_eq!(seen(&top.join("link/bin/svc")), Path::new("bin/svc"));
        assert_eq!(seen(&top.join("shortcut/svc")), Path::new("bin/svc"));
        assert_eq!(seen(Path::new("away/svc")), Path::new("away/svc"));
        // The kernel leaves `away` through where it leads.
        assert_eq!(seen(Path::new("away/../svc")), top.join("other/svc"));
        let names = |path: &Path| names(&here, &here, Some(&top.join("link")), path);
        let all = names(&top.join("link/bin/svc"));
        for name in [
            Path::new("bin/svc"),
            &here.join("bin/svc"),
            &top.join("link/bin/svc"),
        ] {
            assert!(all.iter().any(|it| it == name), "{all:?}");
            assert_eq!(names(Path::new("bin/svc")), all);
        }
        let outside = names(Path::new("away/svc"));
        assert!(outside.contains(&top.join("other/deep/svc")), "{outside:?}");
        assert!(outside.contains(&PathBuf::from("away/svc")), "{outside:?}");
    }
}
