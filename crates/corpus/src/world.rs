//! `cargo xtask world`: `handpie check` beside independent judges, on files that nobody here made.
//!
//! The corpus has the world view of its makers. So packages of Debian, npm, PyPI and Maven are fetched,
//! for every CPU and system that they are made for, and what handpie says of each file is compared with what
//! pyelftools, pefile, lief, objdump and the loaders say. All of that is Python, beside this crate in
//! `world/`, because the judges are; this file makes them ready and starts them.
//!
//! `--subset` takes the few files that CI looks at; `--pin` fetches what is served today and writes that
//! into `packages.lock`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use handpie_toolchain::command::{Stream, Tool};
use xtask::workplace::Workplace;
use xtask::{ReportedFailure, flags, output_of, root};

use crate::HANDPIE;

/// `cargo xtask world`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let [subset, pin] = flags(args, ["--subset", "--pin"])?;
    ensure!(
        !(subset && pin),
        "`--pin` is about all packages; the subset is marked in packages.lock"
    );
    let workplace = Workplace::prepare()?;
    let folder = root().join("target/world");
    let libraries = judges(&workplace, &folder)?;
    // The subset stands by itself, so that neither forgets what the other has fetched.
    let files = match subset {
        true => folder.join("subset"),
        false => folder,
    };

    let fetch = script(&workplace, &libraries, "fetch.py").arg(&files);
    let fetch = match (subset, pin) {
        (true, _) => fetch.arg("--subset"),
        (_, true) => fetch.arg("--pin"),
        _ => fetch,
    };
    reported(&fetch)?;

    let handpie = match std::env::var_os(HANDPIE) {
        Some(handpie) => handpie.into(),
        None => workplace.build_handpie()?,
    };
    let compare = script(&workplace, &libraries, "compare.py")
        .arg(&handpie)
        .arg(&files);
    let compare = match subset {
        true => compare.arg("--subset"),
        false => {
            let date = output_of("date", &["+%F"])?;
            let results = root().join(format!("bench/results/{date}-world.md"));
            compare.arg("--results").arg(results)
        }
    };
    reported(&compare)
}

fn home() -> PathBuf {
    root().join("crates/corpus/world")
}

/// The folder with the judges' libraries, in the versions that `requirements.txt` names.
fn judges(workplace: &Workplace, folder: &Path) -> anyhow::Result<PathBuf> {
    let libraries = folder.join("python");
    let wanted = fs::read_to_string(home().join("requirements.txt"))?;
    let installed = libraries.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(libraries);
    }
    let install = workplace
        .tool("pip3")
        .args(["--quiet", "install", "--upgrade", "--target"])
        .arg(&libraries)
        .arg("--requirement")
        .arg(home().join("requirements.txt"))
        .hint("apt-get install python3-pip");
    install.run().context("install the judges")?;
    fs::write(installed, wanted)?;
    Ok(libraries)
}

fn script(workplace: &Workplace, libraries: &Path, name: &str) -> Tool {
    workplace
        .tool("python3")
        .args(["-B", "-u"])
        .arg(home().join(name))
        .env("PYTHONPATH", libraries)
        .stdout(Stream::Inherit)
        .stderr(Stream::Inherit)
}

/// Runs what reports by itself why it fails.
fn reported(tool: &Tool) -> anyhow::Result<()> {
    match tool.output()?.status.success() {
        true => Ok(()),
        false => Err(ReportedFailure.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_disagreements_as_its_tests_in_python_say() {
        let test = Tool::new("python3")
            .args(["-B", "-m", "unittest", "-q", "test_comparison"])
            .dir(home());
        match test.run() {
            Ok(_) => {}
            Err(handpie_toolchain::command::Error::NotFound { .. }) => {
                println!("SKIPPED: counting disagreements needs python3");
            }
            Err(error) => panic!("{error}"),
        }
    }
}
