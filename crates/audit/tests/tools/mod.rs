//! Tools that may be missing, and what they make.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "each test target uses a part of it; tools are run with nothing of ours in between, \
              and skips are said aloud"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The first of these names that is in PATH, or `None` after saying aloud that the test is skipped.
pub(crate) fn tool(names: &[&str], what: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut found = names.iter().filter_map(|name| {
        let mut paths = folders.iter().map(|folder| folder.join(name));
        paths.find(|path| path.is_file())
    });
    found.next().or_else(|| {
        if std::env::var_os("HANDPIE_REQUIRE").is_some_and(|value| value == "all") {
            panic!("{what} needs {}, and HANDPIE_REQUIRE=all", names[0]);
        }
        eprintln!("SKIPPED: {what} needs {}", names[0]);
        None
    })
}

/// A new, empty folder of this test target.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The folder of the sources that tests compile.
pub(crate) fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs")
}

/// Runs a tool in a folder with arguments that have no blanks, and returns what it printed.
pub(crate) fn run(tool: &Path, folder: &Path, args: &str, env: &[(&str, &str)]) -> String {
    let mut command = Command::new(tool);
    command.args(args.split_whitespace()).current_dir(folder);
    command.envs(env.iter().copied());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool:?} {args}:\n{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
