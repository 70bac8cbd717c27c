//! govulncheck's own tests, with which a test holds `handpie vuln --compat govulncheck`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use xtask::root;

use crate::go_module::GoModule;

const MODULE: GoModule = GoModule {
    path: "golang.org/x/vuln",
    version: "v1.8.0",
    sum: "h1:clG4qBU6zH5VKjti8n5j8BBuYzoSha392xXMkXS351U=",
};

/// `target/tools/govulncheck-cases`, fetched if it is not there: what govulncheck's tests ask, what it
/// answers, and the databases that it is asked with.
pub(crate) fn fetch(go: &Path) -> anyhow::Result<PathBuf> {
    let cases = root().join("target/tools/govulncheck-cases");
    if cases.is_dir() {
        return Ok(cases);
    }
    let source = MODULE.fetch(go, "vuln")?.join("cmd/govulncheck/testdata");
    // Whoever finds the folder finds all of it.
    let made = cases.with_extension("new");
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    for entry in walkdir::WalkDir::new(&source) {
        let entry = entry?;
        let place = made.join(entry.path().strip_prefix(&source)?);
        match entry.file_type().is_dir() {
            true => fs::create_dir_all(&place)?,
            false => fs::write(&place, fs::read(entry.path())?)?,
        }
    }
    fs::rename(&made, &cases).context("keep govulncheck's tests")?;
    Ok(cases)
}
