//! Which module a package belongs to, by its import path.

use std::collections::HashMap;

use super::Component;
use crate::limits::MAX_PATH_PARTS;

/// The components of a program by the paths that their packages have in it.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// By import path. Of two components with one path, which no toolchain writes, the later.
    by_path: HashMap<String, usize>,
    stdlib: Option<usize>,
}

impl Owners {
    pub(super) fn of(components: &[Component]) -> Self {
        let paths = components.iter().enumerate();
        let paths = paths.filter(|(_, it)| !it.import_path.is_empty());
        Self {
            by_path: paths
                .map(|(index, it)| (it.import_path.clone(), index))
                .collect(),
            stdlib: components.iter().position(Component::is_stdlib),
        }
    }

    /// The component with the longest path that the package's path is or lies below; without one,
    /// the standard library, whose paths have no dot in their first part. `main` is the main package.
    pub(super) fn of_package(&self, package: &str, main: &str) -> Option<usize> {
        let mut paths = upwards(package);
        if let Some(owner) = paths.find_map(|path| self.by_path.get(path)) {
            return Some(*owner);
        }
        let first = package.split('/').next().unwrap_or_default();
        // `go build main.go` gives its package this name.
        if first.contains('.') || package == "command-line-arguments" || package == main {
            return None;
        }
        self.stdlib
    }
}

/// The path itself, then the path above it, and so on: it ends at slashes only, because a path that
/// starts with the same letters is another module's. Below a depth that no real path has, the
/// paths between are left out, so that a forged one costs no more than a real one.
pub(super) fn upwards(path: &str) -> impl Iterator<Item = &str> {
    let slashes = path.match_indices('/').map(|(at, _)| at);
    let mut ends: Vec<usize> = slashes.take(MAX_PATH_PARTS).collect();
    ends.push(path.len());
    ends.into_iter().rev().filter_map(|end| path.get(..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_up_is_short_however_deep_a_path_is() {
        let paths: Vec<&str> = upwards("a.b/c/d").collect();
        assert_eq!(paths, ["a.b/c/d", "a.b/c", "a.b"]);
        let deep = "a/".repeat(10_000);
        assert_eq!(upwards(&deep).count(), MAX_PATH_PARTS + 1);
        assert_eq!(upwards(&deep).next(), Some(deep.as_str()));
    }
}
