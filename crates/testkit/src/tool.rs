//! Tools that may be missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip;

/// The first of these names that is in PATH, or `None` after saying aloud that `what` is skipped.
/// With `HANDPIE_REQUIRE=all` a missing tool fails the test.
#[track_caller]
pub fn find(names: &[&str], what: &str) -> Option<PathBuf> {
    let found = names.iter().find_map(|name| in_path(name));
    if found.is_none() {
        skip(what, names[0]);
    }
    found
}

/// The tool of this name that is in PATH.
pub fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut files = std::env::split_paths(&path).map(|folder| folder.join(name));
    files.find(|path| path.is_file())
}

/// The Go in PATH, or the one that Go's own installer puts beside it.
pub fn go() -> Option<PathBuf> {
    let usual = Path::new("/usr/local/go/bin/go");
    in_path("go").or_else(|| usual.is_file().then(|| usual.to_owned()))
}

/// Nothing of the user's own settings for `go`, nothing from the network, and no cgo.
pub const CLEAN_GO: [(&str, &str); 5] = [
    ("GOTOOLCHAIN", "local"),
    ("GOENV", "off"),
    ("GOFLAGS", ""),
    ("GOPROXY", "off"),
    ("CGO_ENABLED", "0"),
];

/// Runs a tool in a folder with arguments that have no blanks, and returns what it printed.
#[track_caller]
pub fn run(tool: &Path, folder: &Path, args: &str, env: &[(&str, &str)]) -> String {
    let mut command = Command::new(tool);
    command.args(args.split_whitespace()).current_dir(folder);
    command.envs(env.iter().copied());
    let output = command.output().expect("the tool starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool:?} {args}:\n{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
