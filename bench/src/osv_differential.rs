//! `cargo xtask bench osv-differential`: `handpie vuln` beside the reference evaluation of the OSV
//! schema, on records and versions that are made up, written to `bench/results`.
//!
//! The reference is a Python program beside the test that asks it less:
//! `crates/handpie/tests/vuln/osv_reference.py`.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use handpie_toolchain::command::Tool;
use xtask::workplace::Workplace;
use xtask::{output_of, root};

use crate::results;

/// So many programs hold each module, each in another version.
const PROGRAMS: &str = "8";

/// `cargo xtask bench osv-differential [HANDPIE]`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let handpie = match args.first() {
        Some(path) => PathBuf::from(path),
        None => Workplace::prepare()?.build_handpie()?,
    };
    let folder = root().join("target/osv");
    fs::create_dir_all(&folder)?;
    let script = root().join("crates/handpie/tests/vuln/osv_reference.py");
    let reference = |args: &[&str]| Tool::new("python3").arg(&script).args(args).dir(&folder);
    reference(&["make", ".", PROGRAMS]).run()?;
    let report = Tool::new(handpie).dir(&folder).args([
        "vuln",
        "--format",
        "json",
        "--db",
        "records.zip",
        "--facts",
        "facts.json",
    ]);
    let report = report.output().context("handpie vuln")?;
    fs::write(folder.join("report.json"), &report.stdout)?;
    let compared = reference(&["compare", ".", "report.json"]).output()?;
    let table = String::from_utf8_lossy(&compared.stdout);
    let text = format!(
        "# `handpie vuln` beside the reference evaluation of the OSV schema\n\n\
         Made by `cargo xtask bench osv-differential` on {}, {}, {}, handpie at {}.\n\
         Records are made up from a fixed seed, each about a module or crate of its own: lists, ranges \
         of every type, every kind of event in any order, limits, GitHub's bounds, and what breaks the \
         schema. Each is asked about {PROGRAMS} versions, and the answer compared with that of \
         `osv_reference.py`. Every version that handpie calls fixed is asked about, too.\n\n\
         | | |\n|---|---|\n{table}",
        output_of("date", &["+%F"])?,
        output_of("python3", &["--version"])?,
        output_of("uname", &["-srm"])?,
        output_of("git", &["describe", "--always", "--dirty"])?,
    );
    results::write("osv", &text)?;
    anyhow::ensure!(compared.status.success(), "the answers differ");
    Ok(())
}
