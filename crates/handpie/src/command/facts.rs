//! `handpie facts FILE|DIR...`: what is worth keeping of programs, to answer for them later.

use std::fs;
use std::path::{Path, PathBuf};

use handpie_audit::vuln::Facts;
use serde::{Deserialize, Serialize};

use crate::args::RecordFormat;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::input;
use crate::report::Reporter;
use crate::report::check::Unread;
use crate::report::facts::FactsReport;
use crate::triage;

/// Record a program's modules and symbols for later scans
///
/// Prints, as JSON, what is in each program: modules with versions, build settings, packages, and
/// every symbol as a number. `handpie vuln --facts` answers from it, so a new advisory needs no
/// program to be fetched and read again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie facts dist/ > release-1.5.json
  handpie vuln --facts release-1.5.json")]
pub(crate) struct Keep {
    /// Programs, or directories of them; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) format: RecordFormat,
}

pub(crate) const UNKNOWN: &str = "vuln-facts-unknown";

/// The largest record that is read, in bytes. A large program takes half a megabyte.
const MAX_SIZE: u64 = 256 << 20;

/// What was kept of a program.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) path: String,
    pub(crate) member: Option<String>,
    #[serde(flatten)]
    pub(crate) facts: Facts,
}

pub(crate) fn run(args: &Keep, reporter: &Reporter) -> Result<Exit, Failure> {
    let found = files::find(&args.files);
    let mut kept = Vec::new();
    let mut unread: Vec<Unread> = Vec::new();
    let working = reporter.working("looking into programs");
    for found in &found {
        match triage::facts(found) {
            Some(Ok(members)) => kept.extend(members.into_iter().map(|(member, facts)| Kept {
                path: found.name(),
                member,
                facts,
            })),
            Some(Err(failed)) => unread.push(failed),
            None => {}
        }
    }
    drop(working);
    let exit = match unread.is_empty() {
        true => Exit::Done,
        false => Exit::Input,
    };
    reporter.document(
        "facts",
        &FactsReport {
            files: kept,
            unread,
        },
    )?;
    Ok(exit)
}

/// Reads what was kept.
pub(crate) fn read(path: &Path) -> Result<Vec<Kept>, Failure> {
    #[derive(Deserialize)]
    struct Document {
        result: Content,
    }
    #[derive(Deserialize)]
    struct Content {
        files: Vec<Kept>,
    }
    let name = path.display();
    let failed = |cause: &std::io::Error| input::unreadable(&name, cause);
    let size = fs::metadata(path).map_err(|cause| failed(&cause))?.len();
    if size > MAX_SIZE {
        let message = format!("`{name}` has {size} bytes; records have at most {MAX_SIZE}");
        return Err(Failure::new(Exit::Input, message).code("too-large"));
    }
    let text = fs::read(path).map_err(|cause| failed(&cause))?;
    let document: Document = serde_json::from_slice(&text).map_err(|cause| {
        let failure = Failure::new(Exit::Input, format!("`{name}` is no record of programs"));
        let failure = failure.code(UNKNOWN).cause(cause);
        failure.hint("expected what `handpie facts FILE` prints")
    })?;
    Ok(document.result.files)
}
