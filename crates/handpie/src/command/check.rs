//! `handpie check FILE|DIR...`: the release checklist.

use std::path::PathBuf;

use rayon::prelude::*;

use crate::binaries::{self, Visit};
use crate::evidence::Log;
use crate::examination::{self, Examination};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::{PolicyArgs, Rulebook};
use crate::report::Reporter;
use crate::report::check::Checklist;
use crate::report::policy::PolicyReport;

/// Check programs and libraries against the release checklist
///
/// Says what kind of file each is, and gives each rule one of five answers: pass, fail, warn, not
/// applicable, unknown. In directories, everything that is no binary is passed over in silence. Of
/// objects (.o) and archives of them (.a, .rlib) it says whether they can become a static-PIE.
///
/// Which rules count, and how much, is decided by the profile and by `handpie.toml`, which is looked
/// for in the working directory and above it, up to the repository's folder. `handpie check
/// --print-policy` shows what holds. A failing answer ends with exit status 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie check bin/svc                       one line; -v says every answer, with the evidence
  handpie check --profile portable dist/      everything below dist/, meant to run anywhere
  handpie check --print-policy                which rules are on here, and why
  handpie check --format json dist/ | jq '.result.files[] | select(any(.findings[]; .answer == \"fail\")) | .path'
  handpie check --format sarif dist/ > handpie.sarif       for code scanning
  handpie check --format junit dist/ > handpie.xml         for a CI server
  handpie check --evidence build.log bin/svc               with how its C was compiled
  handpie check --format github dist/                      annotations in GitHub Actions")]
pub(crate) struct Check {
    /// Programs, libraries, objects, archives of objects, or directories of them; - for standard input
    #[arg(value_name = "FILE", required_unless_present = "print_policy")]
    files: Vec<PathBuf>,
    /// Show the level of every rule and where it comes from, and check nothing
    #[arg(long, conflicts_with = "files")]
    print_policy: bool,
    /// What `handpie cc` and `handpie link` wrote down of the build, with HANDPIE_EVIDENCE=LOG in their
    /// environment
    #[arg(long, value_name = "LOG")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    policy: PolicyArgs,
}

impl Check {
    /// Whether findings come of it.
    pub(super) fn judges(&self) -> bool {
        !self.print_policy
    }
}

/// So many files are checked before what was found of them is written and forgotten. More than the
/// cores there are, so that one large file does not let the others wait.
const AT_ONCE: usize = 256;

pub(crate) fn run(args: &Check, reporter: &Reporter) -> Result<Exit, Failure> {
    let rulebook = Rulebook::open(&args.policy)?;
    if args.print_policy {
        reporter.print("check", &PolicyReport::of(&rulebook))?;
        return Ok(Exit::Done);
    }
    let log = args.evidence.as_deref().map(Log::read).transpose()?;
    let entries = {
        let _working = reporter.working("looking for binaries");
        binaries::find(&args.files)
    };
    let mut checklist = Checklist::begin(reporter, &rulebook)?;
    let working = reporter.working("checking");
    for entries in entries.chunks(AT_ONCE) {
        let visits = entries.par_iter();
        let visits = visits.map(|entry| examination::of_file(entry, &rulebook, log.as_ref()));
        let visits: Vec<Visit<Examination>> = visits.collect();
        working.aside(|| checklist.add(&visits))?;
    }
    drop(working);
    checklist.end(reporter)
}
