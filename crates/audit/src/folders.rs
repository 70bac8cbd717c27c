//! Directories that a search path should not lead to, on any system.

/// Directories that everybody writes to, or that are of the machine that built: those of users; of
/// Debian's, Fedora's and others' package builders; of GitHub's, GitLab's, Bazel's, conda's, Jenkins'
/// and Docker's runners. Whoever may create one on another machine can use it.
pub(crate) const FOREIGN: [&str; 25] = [
    "/tmp",
    "/private/tmp",
    "/var/tmp",
    "/private/var/tmp",
    "/var/folders",
    "/private/var/folders",
    "/dev/shm",
    "/home",
    "/Users",
    "/root",
    "/build",
    "/builds",
    "/builddir",
    "/buildroot",
    "/workspace",
    "/workspaces",
    "/__w",
    "/_work",
    "/github",
    "/io",
    "/project",
    "/croot",
    "/var/lib/jenkins",
    "/var/lib/buildkite-agent",
    "/usr/src/packages",
];

/// Whether `path` is one of `folders`, or something in one.
pub(crate) fn is_below(path: &[u8], folders: &[&str]) -> bool {
    let mut rests = folders
        .iter()
        .filter_map(|folder| path.strip_prefix(folder.as_bytes()));
    rests.any(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
