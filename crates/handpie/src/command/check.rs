//! `handpie check FILE|DIR...`: the release checklist.

use std::path::PathBuf;

use rayon::prelude::*;

use crate::args::{FindingFormat, Format};
use crate::evidence::Log;
use crate::examine::examine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, Found};
use crate::objects;
use crate::policy::{PolicyArgs, Rulebook};
use crate::report::Reporter;
use crate::report::check::{Checked, Checklist, Unread};
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
  handpie check bin/svc                   one line; -v says every answer, with
                                          the evidence
  handpie check --profile portable dist/  everything below dist/, meant to run
                                          anywhere
  handpie check --print-policy            which rules are on here, and why
  handpie check --format json dist/ | jq '.result.files[] |
    select(any(.findings[]; .answer == \"fail\")) | .path'
  handpie check --format sarif dist/ > handpie.sarif  for code scanning
  handpie check --format junit dist/ > handpie.xml    for a CI server
  handpie check --format github dist/     annotations in GitHub Actions
  handpie check --evidence build.log bin/svc
                                          with how its C was compiled")]
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
    #[command(flatten)]
    pub(crate) format: FindingFormat,
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
    let found = {
        let _working = reporter.working("looking for binaries");
        files::find(&args.files)
    };
    let mut checklist = Checklist::begin(reporter, &rulebook)?;
    let working = reporter.working("checking");
    for found in found.chunks(AT_ONCE) {
        let results = found
            .par_iter()
            .filter_map(|found| check(found, &rulebook, log.as_ref()));
        let results: Vec<Result<Vec<Checked>, Unread>> = results.collect();
        working.aside(|| write(&mut checklist, &results))?;
    }
    drop(working);
    checklist.end(reporter)
}

fn write(
    checklist: &mut Checklist<'_>,
    results: &[Result<Vec<Checked>, Unread>],
) -> Result<(), Failure> {
    for result in results {
        match result {
            Ok(files) => files.iter().try_for_each(|file| checklist.file(file))?,
            Err(unread) => checklist.unread(unread)?,
        }
    }
    checklist.flush()
}

/// `None` for what was only met on the way and is no binary.
fn check(
    found: &Found,
    rulebook: &Rulebook,
    log: Option<&Log>,
) -> Option<Result<Vec<Checked>, Unread>> {
    let (path, name) = (found.path(), found.name());
    let ruling = rulebook.ruling(path);
    if found.is_archive() {
        return objects::check_archive(found, &ruling);
    }
    examine(
        found,
        rulebook,
        &ruling,
        log,
        |member, subject, findings| Checked::new(path.to_owned(), &name, member, subject, findings),
    )
}
