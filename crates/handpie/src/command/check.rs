//! `handpie check FILE|DIR...`: the release checklist.

use std::path::PathBuf;

use rayon::prelude::*;

use crate::args::{FindingFormat, Format};
use crate::binaries::{self, Visit};
use crate::compilation_log::Log;
use crate::examination::{self, Examination};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::{PolicyArgs, Rulebook};
use crate::report::Reporter;
use crate::report::check::Checklist;
use crate::report::policy::PolicyReport;

/// Check programs and libraries against the release checklist
///
/// Reports the kind of each file and answers each rule with pass, fail, warn, not applicable or
/// unknown. In directories, files that are not binaries are skipped. For objects (.o) and archives
/// (.a, .rlib), checks whether they can be linked into a static-PIE.
///
/// The profile and `handpie.toml` decide which rules apply and at which level. handpie looks for
/// `handpie.toml` in the working directory and its parents, up to the root of the repository.
/// `handpie check --print-policy` prints the policy in effect. If a rule fails, the exit status is
/// 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie check bin/svc                     one line per file
  handpie check -v bin/svc                  every answer, with its evidence
  handpie check --profile portable dist/    programs that are to run anywhere
  handpie check --print-policy              the rules in effect here, and why
  handpie check --format json dist/ | jq -r '.result.files[] |
    select(any(.findings[]; .answer == \"fail\")) | .path'
  handpie check --format sarif dist/ > handpie.sarif    for code scanning
  handpie check --format junit dist/ > handpie.xml      for a CI server
  handpie check --format github dist/       GitHub Actions annotations
  handpie check --evidence build.log bin/svc
                                            including how C code was compiled")]
pub(crate) struct Check {
    /// Programs, libraries, objects, archives, or directories to search for them; - for standard
    /// input
    #[arg(value_name = "FILE", required_unless_present = "print_policy")]
    files: Vec<PathBuf>,
    /// Print the level of every rule and its origin, without checking any file
    #[arg(long, conflicts_with = "files")]
    print_policy: bool,
    /// The build log that `handpie cc` and `handpie link` write when HANDPIE_EVIDENCE=LOG is set
    #[arg(long, value_name = "LOG")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FindingFormat,
    #[command(flatten)]
    policy: PolicyArgs,
}

/// So many files are checked before what was found of them is written and forgotten. More than the
/// cores there are, so that one large file does not let the others wait.
const AT_ONCE: usize = 256;

pub(crate) fn run(args: &Check, reporter: &Reporter) -> Result<Exit, Failure> {
    let rulebook = Rulebook::open(&args.policy)?;
    if args.print_policy {
        if !matches!(reporter.format, Format::Text | Format::Json) {
            let failure = Failure::new(Exit::Usage, "a policy has no findings to print");
            return Err(failure.hint("`--print-policy` knows `--format text` and `json`"));
        }
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
