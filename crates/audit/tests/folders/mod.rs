//! Where tests that start tools read and write.

#![allow(dead_code, reason = "each test target uses a part of it")]

use std::path::{Path, PathBuf};

/// A new, empty folder of this test target.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder of the tests");
    folder
}

/// The folder of the sources that tests compile.
pub(crate) fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs")
}
