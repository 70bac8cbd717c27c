//! `handpie facts FILE|DIR...`: records modules and symbols of programs for later scans.

use std::fs;
use std::path::{Path, PathBuf};

use handpie_vuln::limits::MAX_FACTS_SIZE;
use handpie_vuln::{Inventory, ProgramFacts};
use serde::Deserialize;

use crate::args::RecordFormat;
use crate::binaries::{self, Entry, Unread, Visit, visit};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::report::Reporter;
use crate::report::facts::FactsReport;

/// Record a program's modules and symbols for later scans
///
/// Prints, as JSON, the contents of each program: modules with versions, build settings, packages,
/// and a hash of every symbol. `handpie vuln --facts` scans the record, so a new advisory does not
/// require fetching and reading the programs again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie facts dist/ > release-1.5.json
  handpie vuln --facts release-1.5.json")]
pub(crate) struct FactsArgs {
    /// Programs, or directories to search for programs; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) format: RecordFormat,
}

pub(crate) const UNKNOWN: &str = "vuln-facts-unknown";

pub(crate) fn run(args: &FactsArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let entries = binaries::find(&args.files);
    let mut kept = Vec::new();
    let mut unread: Vec<Unread> = Vec::new();
    let working = reporter.working("reading programs");
    for entry in &entries {
        match recorded(entry) {
            Visit::Seen(members) => kept.extend(members),
            Visit::Unread(one) => unread.push(one),
            Visit::PassedOver => {}
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

/// What every binary in a file holds, worth keeping.
fn recorded(entry: &Entry) -> Visit<ProgramFacts> {
    visit(entry, false, |member| {
        let inventory = Inventory::of(&member.binary)?;
        Ok(ProgramFacts {
            path: entry.name(),
            member: member.name,
            facts: inventory.facts()?,
        })
    })
}

/// Reads what was kept.
pub(crate) fn read(path: &Path) -> Result<Vec<ProgramFacts>, Failure> {
    #[derive(Deserialize)]
    struct Document {
        result: Content,
    }
    #[derive(Deserialize)]
    struct Content {
        files: Vec<ProgramFacts>,
    }
    let name = path.display();
    let failed = |cause: &std::io::Error| input::unreadable(&name, cause);
    let size = fs::metadata(path).map_err(|cause| failed(&cause))?.len();
    if size > MAX_FACTS_SIZE {
        let message = format!("`{name}` has {size} bytes; records have at most {MAX_FACTS_SIZE}");
        return Err(Failure::new(Exit::Input, message).code("too-large"));
    }
    let text = fs::read(path).map_err(|cause| failed(&cause))?;
    let document: Document = serde_json::from_slice(&text).map_err(|cause| {
        let message = format!("`{name}` is not a record of `handpie facts`");
        let failure = Failure::new(Exit::Input, message);
        let failure = failure.code(UNKNOWN).cause(cause);
        failure.hint("expected the output of `handpie facts FILE`")
    })?;
    Ok(document.result.files)
}
