//! The official JSON Schema of SARIF 2.1.0, with which a test holds `handpie check --format sarif`.
//!
//! OASIS publishes it as a file. It is taken from a Go module that ships it as a string, because
//! modules are pinned by a checksum that Go itself compares, and Go is here anyway.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use handpie_toolchain::command::Tool;
use serde_json::Value;

use crate::root;

const MODULE: &str = "github.com/owenrumney/go-sarif/v3";
const VERSION: &str = "v3.3.1";
/// As go.sum has it.
const SUM: &str = "h1:bKY8YnWcY8zYTiGVObC5wZLlfEvMkCxK9XMGXBbzEtQ=";
const SOURCE: &str = "pkg/report/v210/sarif/schema.go";

/// `target/tools/sarif-schema-2.1.0.json`, fetched if it is not there.
pub(crate) fn fetch(go: &Path) -> anyhow::Result<PathBuf> {
    let path = root().join("target/tools/sarif-schema-2.1.0.json");
    if path.is_file() {
        return Ok(path);
    }
    let folder = root().join("target/tools/go-sarif");
    fs::create_dir_all(&folder)?;
    let output = Tool::new(go)
        .args(["mod", "download", "-json"])
        .arg(format!("{MODULE}@{VERSION}"))
        .dir(&folder)
        .env("GOMODCACHE", folder.join("modules"))
        .env("GOFLAGS", "-modcacherw")
        .env("GOWORK", "off")
        .run()
        .context("fetch the schema of SARIF")?;
    let module: Value = serde_json::from_slice(&output.stdout)?;
    if module["Sum"] != SUM {
        bail!("{MODULE} {VERSION} has the checksum {}", module["Sum"]);
    }
    let source = Path::new(module["Dir"].as_str().context("a folder")?).join(SOURCE);
    let source = fs::read_to_string(source)?;
    let schema = source
        .split('`')
        .nth(1)
        .context("a string in `schema.go`")?;
    let schema: Value = serde_json::from_str(schema).context("the schema is no JSON")?;
    fs::write(&path, format!("{schema:#}\n"))?;
    Ok(path)
}
