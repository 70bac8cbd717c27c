//! C and Rust programs that nobody here wrote, to measure with: sqlite from the Go module proxy, in
//! which it is the C of a Go package, and programs from crates.io.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use handpie_toolchain::command::Tool;
use serde::Deserialize;
use xtask::root;
use xtask::workplace::{Workplace, cargo};

/// The Go package that holds sqlite as one file of C.
const SQLITE: &str = "github.com/mattn/go-sqlite3@v1.14.32";

/// A table in memory, some rows, and their sum.
const MAIN: &str = r#"#include <stdio.h>
#include "sqlite3-binding.h"

static int show(void *none, int count, char **values, char **names) {
	printf("%s %s\n", sqlite3_libversion(), values[0]);
	return 0;
}

int main(void) {
	sqlite3 *db;
	const char *rows = "create table t(n); with recursive c(n) as (select 1 union all select n+1 "
		"from c where n < 1000) insert into t select n from c; select sum(n) from t";
	return sqlite3_open(":memory:", &db) || sqlite3_exec(db, rows, show, 0, 0) || sqlite3_close(db);
}
"#;

/// A folder with `sqlite3-binding.c` and a `main.c` that uses it.
pub(crate) fn sqlite(workplace: &Workplace) -> anyhow::Result<PathBuf> {
    #[derive(Deserialize)]
    struct Module {
        #[serde(rename = "Dir")]
        dir: PathBuf,
    }
    let folder = root().join("target/samples/sqlite");
    fs::create_dir_all(&folder)?;
    let download = workplace
        .tool("go")
        .args(["mod", "download", "-json", SQLITE]);
    let module = download.dir(&folder).run().context("fetch sqlite")?;
    let module: Module = serde_json::from_slice(&module.stdout)?;
    for name in ["sqlite3-binding.c", "sqlite3-binding.h"] {
        // What the module cache holds cannot be written to.
        fs::write(folder.join(name), fs::read(module.dir.join(name))?)?;
    }
    fs::write(folder.join("main.c"), MAIN)?;
    Ok(folder)
}

/// The sources of a program from crates.io, in a folder where it can be built.
pub(crate) fn rust_program(name: &str, version: &str) -> anyhow::Result<PathBuf> {
    let folder = root().join("target/samples").join(name);
    if folder.join("Cargo.lock").is_file() {
        return Ok(folder);
    }
    // cargo fetches nothing but what it builds or installs: it has the sources by the time it sees
    // that there is no such program.
    let ask = [
        "install",
        "--bin",
        "no-such-program",
        "--version",
        version,
        name,
    ];
    let answer = Tool::new(cargo()).args(ask).output()?;
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let sources = home.context("no home")?.join("registry/src");
    let registries = fs::read_dir(sources)?.filter_map(Result::ok);
    let mut found = registries.map(|one| one.path().join(format!("{name}-{version}")));
    let source = found.find(|folder| folder.is_dir());
    let said = String::from_utf8_lossy(&answer.stderr).into_owned();
    let source = source.with_context(|| format!("fetch {name} {version}: {said}"))?;
    Tool::new("cp")
        .args(["-r", "--no-target-directory"])
        .args([&source, &folder])
        .run()?;
    Ok(folder)
}

/// A program that is written anew in one go: how a file came to be written decides in what portions
/// the kernel keeps it in memory, and that decides how many page faults it costs.
pub(crate) fn rewrite(file: &Path) -> anyhow::Result<()> {
    let (bytes, rights) = (fs::read(file)?, fs::metadata(file)?.permissions());
    fs::remove_file(file)?;
    fs::write(file, bytes)?;
    fs::set_permissions(file, rights)?;
    Ok(())
}
