//! Files that tests need and that a Go module happens to ship. Modules are pinned by a checksum that Go
//! itself compares, and Go is here anyway.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use handpie_toolchain::command::Tool;
use serde_json::Value;

use crate::root;

/// A module, pinned.
pub(crate) struct GoModule {
    pub(crate) path: &'static str,
    pub(crate) version: &'static str,
    /// As go.sum has it.
    pub(crate) sum: &'static str,
}

/// Fetches a module and returns the folder with its files, which lies somewhere in `folder`.
pub(crate) fn fetch(go: &Path, module: &GoModule, folder: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let GoModule { path, version, sum } = module;
    let output = Tool::new(go)
        .args(["mod", "download", "-json"])
        .arg(format!("{path}@{version}"))
        .dir(folder)
        .env("GOMODCACHE", folder.join("modules"))
        .env("GOFLAGS", "-modcacherw")
        .env("GOWORK", "off")
        .run()?;
    let fetched: Value = serde_json::from_slice(&output.stdout)?;
    if fetched["Sum"] != *sum {
        bail!("{path} {version} has the checksum {}", fetched["Sum"]);
    }
    Ok(fetched["Dir"].as_str().context("a folder")?.into())
}

/// Programs that were made by Go 1.15 and 1.16, for Linux, Windows and macOS.
const OLD_GO: GoModule = GoModule {
    path: "github.com/aquasecurity/go-dep-parser",
    version: "v0.0.0-20240202105001-4f19ab402b0b",
    sum: "h1:GEwxQO0+OcZ4wgmtqU+8qBK179BXhz+WHTWahZA5dfM=",
};
const OLD_GO_FOLDER: &str = "pkg/golang/binary/testdata";
const OLD_GO_PROGRAMS: [&str; 4] = ["test.elf", "test.exe", "test.macho", "replace.elf"];

/// `target/tools/old-go` with those programs, fetched if they are not there.
pub(crate) fn old_go_programs(go: &Path) -> anyhow::Result<PathBuf> {
    let folder = root().join("target/tools/old-go");
    if OLD_GO_PROGRAMS
        .iter()
        .all(|name| folder.join(name).is_file())
    {
        return Ok(folder);
    }
    let module = fetch(go, &OLD_GO, &folder).context("fetch programs of old Go")?;
    for name in OLD_GO_PROGRAMS {
        fs::copy(module.join(OLD_GO_FOLDER).join(name), folder.join(name))?;
    }
    // The rest of the module is of no use.
    fs::remove_dir_all(folder.join("modules"))?;
    Ok(folder)
}
