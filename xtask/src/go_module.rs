//! Modules of the Go module proxy that tests hold our output against: pinned by the checksum that
//! Go itself compares, and fetched once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use handpie_toolchain::command::Tool;
use serde_json::Value;
use xtask::root;

/// A module, its version, and its checksum as go.sum has it.
pub(crate) struct GoModule {
    pub(crate) path: &'static str,
    pub(crate) version: &'static str,
    pub(crate) sum: &'static str,
}

impl GoModule {
    /// Fetches it into `target/tools/<folder>`; the folder of its sources there.
    pub(crate) fn fetch(&self, go: &Path, folder: &str) -> anyhow::Result<PathBuf> {
        let folder = root().join("target/tools").join(folder);
        fs::create_dir_all(&folder)?;
        let output = Tool::new(go)
            .args(["mod", "download", "-json"])
            .arg(format!("{}@{}", self.path, self.version))
            .dir(&folder)
            .env("GOMODCACHE", folder.join("modules"))
            .env("GOFLAGS", "-modcacherw")
            .env("GOWORK", "off")
            .run()
            .with_context(|| format!("fetch {} {}", self.path, self.version))?;
        let module: Value = serde_json::from_slice(&output.stdout)?;
        if module["Sum"] != self.sum {
            bail!(
                "{} {} has the checksum {}",
                self.path,
                self.version,
                module["Sum"]
            );
        }
        Ok(PathBuf::from(module["Dir"].as_str().context("a folder")?))
    }
}
