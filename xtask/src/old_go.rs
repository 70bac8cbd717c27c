//! Programs of Go releases that are older than any toolchain at hand, with which tests hold
//! `handpie vuln`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use xtask::root;

use crate::go_module::GoModule;

/// Go 1.15 and 1.16, for Linux, Windows and macOS.
const MODULE: GoModule = GoModule {
    path: "github.com/aquasecurity/go-dep-parser",
    version: "v0.0.0-20240202105001-4f19ab402b0b",
    sum: "h1:GEwxQO0+OcZ4wgmtqU+8qBK179BXhz+WHTWahZA5dfM=",
};
const SOURCE: &str = "pkg/golang/binary/testdata";
const PROGRAMS: [&str; 4] = ["test.elf", "test.exe", "test.macho", "replace.elf"];

/// `target/tools/old-go` with the programs, fetched if they are not there.
pub(crate) fn fetch(go: &Path) -> anyhow::Result<PathBuf> {
    let programs = root().join("target/tools/old-go");
    if programs.is_dir() {
        return Ok(programs);
    }
    let source = MODULE.fetch(go, "go-dep-parser")?.join(SOURCE);
    // Whoever finds the folder finds all of it.
    let made = programs.with_extension("new");
    fs::create_dir_all(&made)?;
    for name in PROGRAMS {
        fs::write(made.join(name), fs::read(source.join(name))?)?;
    }
    fs::rename(&made, &programs).context("keep programs of old Go")?;
    Ok(programs)
}
