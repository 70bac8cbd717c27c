//! The official JSON Schema of SARIF 2.1.0, with which a test holds `handpie check --format sarif`.
//!
//! OASIS publishes it as a file. It is taken from a Go module that ships it as a string.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;
use xtask::root;

use crate::go_module::GoModule;

const MODULE: GoModule = GoModule {
    path: "github.com/owenrumney/go-sarif/v3",
    version: "v3.3.1",
    sum: "h1:bKY8YnWcY8zYTiGVObC5wZLlfEvMkCxK9XMGXBbzEtQ=",
};
const SOURCE: &str = "pkg/report/v210/sarif/schema.go";

/// `target/tools/sarif-schema-2.1.0.json`, fetched if it is not there.
pub(crate) fn fetch(go: &Path) -> anyhow::Result<PathBuf> {
    let path = root().join("target/tools/sarif-schema-2.1.0.json");
    if path.is_file() {
        return Ok(path);
    }
    let source = MODULE.fetch(go, "go-sarif")?.join(SOURCE);
    let source = fs::read_to_string(source)?;
    let schema = source
        .split('`')
        .nth(1)
        .context("a string in `schema.go`")?;
    let schema: Value = serde_json::from_str(schema).context("the schema is no JSON")?;
    fs::write(&path, format!("{schema:#}\n"))?;
    Ok(path)
}
