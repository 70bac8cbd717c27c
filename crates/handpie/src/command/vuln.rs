//! `handpie vuln FILE|DIR...`: which known vulnerabilities are in programs.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use handpie_audit::vuln::{Inventory, Source, Tier};
use rayon::prelude::*;

use crate::advisories::{self, Advisories};
use crate::args::AdvisoryFormat;
use crate::command::facts;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::policy::{PolicyArgs, Rulebook};
use crate::report::Reporter;
use crate::report::check::Unread;
use crate::report::vuln::{Show, State, Vulnerabilities};
use crate::triage::{Provenance, Question, Seen, look};
use crate::vex::Vex;

/// Say which known vulnerabilities are in programs, and whether their code is linked
///
/// Every advisory about a version that is in a program is in one of three tiers: the module is in
/// the program; a package that the advisory names is linked; a symbol that it names is linked. That
/// is told by the names of functions that the runtime needs, so stripped programs get the same
/// answer. Go programs of every system and CPU; Rust programs with the list of crates that
/// cargo-auditable leaves, by crate.
///
/// The database is made by `handpie db update`. Advisories that are accepted for now stand in
/// `[[vuln]]` tables of handpie.toml; what somebody has found out about them stands in VEX documents.
///
/// Exit status: 1 when an advisory counts; 3 when a file cannot be read, or when nothing in a program
/// that was named has a version by which it could be matched.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie vuln bin/svc                     what to upgrade, and what for
  handpie vuln --show evidence bin/svc     the functions that are linked, where
                                           they are, what they were inlined into
  handpie vuln --show all dist/            every advisory, also where no package
                                           is linked
  handpie vuln --fail-on package --max-db-age 7 dist/
  handpie vuln --compat govulncheck -mode=binary -format json bin/svc
  handpie vuln --vex vex.json dist/        without what is not affected
  handpie vuln --format openvex dist/      a VEX document to start with
  handpie facts bin/svc > svc.json
  handpie vuln --facts svc.json            later, without the program
  handpie vuln --format json dist/ | jq -r '.result.files[] | .path as $p |
    .advisories[] | select(.fails) | \"\\($p) \\(.id)\"'")]
pub(crate) struct Vuln {
    /// Programs, or directories of them; - for standard input
    #[arg(value_name = "FILE", required_unless_present_any = ["facts", "compat"])]
    files: Vec<PathBuf>,
    /// What `handpie facts` kept of programs, in their place
    #[arg(long, value_name = "RECORD")]
    facts: Vec<PathBuf>,
    /// A database other than the user's: a file of `handpie db update`, a vulndb.zip, a folder or
    /// address of Go's database, a folder or ZIP of OSV advisories
    #[arg(long, value_name = "PATH")]
    db: Option<String>,
    /// Refuse a database that last changed more days ago
    #[arg(long, value_name = "DAYS")]
    max_db_age: Option<u32>,
    /// Accept govulncheck's arguments, print its output and end with its exit status; the arguments
    /// are all that follows, and nothing stands before this
    #[arg(long, value_name = "PROGRAM", value_parser = ["govulncheck"])]
    compat: Option<String>,
    /// From which tier on an advisory counts
    #[arg(long, value_enum, default_value_t = Threshold::Symbol, value_name = "TIER")]
    fail_on: Threshold,
    /// How much of it is printed as text; whether JSON and SARIF say where functions are
    #[arg(long, value_enum, default_value_t = Show::Counting, value_name = "WHAT")]
    show: Show,
    /// The policy with `[[vuln]]` tables, instead of the next `handpie.toml` upwards from here
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A VEX document, OpenVEX 0.2.0 or CycloneDX: advisories of which it says that a program is not
    /// affected, or has the fix, do not count
    #[arg(long, value_name = "FILE")]
    vex: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) format: AdvisoryFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Threshold {
    /// The module is in the program, in an affected version
    Module,
    /// A package that the advisory names is linked
    Package,
    /// A symbol that it names is linked
    Symbol,
}

impl From<Threshold> for Tier {
    fn from(threshold: Threshold) -> Self {
        match threshold {
            Threshold::Module => Self::Module,
            Threshold::Package => Self::Package,
            Threshold::Symbol => Self::Symbol,
        }
    }
}

/// So many files are looked at before what was found of them is written and forgotten.
const AT_ONCE: usize = 32;

pub(crate) fn run(args: &Vuln, reporter: &Reporter) -> Result<Exit, Failure> {
    if args.compat.is_some() {
        // In its place it never comes here; see `command/govulncheck.rs`.
        let failure = Failure::new(Exit::Usage, "`--compat` does not stand behind `vuln`");
        return Err(failure.hint("`handpie vuln --compat govulncheck -mode=binary FILE`"));
    }
    let rulebook = Rulebook::open(&PolicyArgs::of_file(args.policy.clone()))?;
    let vex = Vex::open(&args.vex)?;
    let advisories = Advisories::open(args.db.as_deref())?;
    let database = advisories.database()?;
    let sources: Vec<Source> = database.sources().collect();
    let age = advisories::age(&sources, rulebook.today);
    advisories::refuse_old(age, args.max_db_age)?;
    let question = Question {
        database: &database,
        vex: &vex,
        fail_on: args.fail_on.into(),
        places: reporter.verbose || args.show != Show::Counting,
    };
    let state = State {
        name: advisories.name.clone(),
        advisories: database.len(),
        sources,
        age,
        fail_on: question.fail_on,
        show: args.show,
    };
    let mut report = Vulnerabilities::begin(reporter, &rulebook, &vex, state)?;
    for path in &args.facts {
        of_facts(path, &question, &rulebook, &mut report)?;
    }
    of_files(&args.files, &question, &rulebook, reporter, &mut report)?;
    report.end(reporter)
}

fn of_files<'db>(
    files: &[PathBuf],
    question: &Question<'db>,
    rulebook: &Rulebook,
    reporter: &Reporter,
    report: &mut Vulnerabilities<'_>,
) -> Result<(), Failure> {
    let found = {
        let _working = reporter.working("looking for programs");
        files::find(files)
    };
    let working = reporter.working("looking into them");
    for found in found.chunks(AT_ONCE) {
        let seen = |found: &files::Found| look(found, question, &rulebook.ruling(found.path()));
        let seen: Vec<Seen<'db>> = match found {
            // Threads for one file would take longer to start than the file.
            [one] => vec![seen(one)],
            many => many.par_iter().map(seen).collect(),
        };
        working.aside(|| seen.iter().try_for_each(|seen| report.add(seen)))?;
    }
    Ok(())
}

fn of_facts(
    path: &Path,
    question: &Question<'_>,
    rulebook: &Rulebook,
    report: &mut Vulnerabilities<'_>,
) -> Result<(), Failure> {
    let kept = facts::read(path)?;
    // A record of many programs is to them what a directory is.
    let named = kept.len() == 1;
    for kept in kept {
        let place = PathBuf::from(&kept.path);
        let ruling = rulebook.ruling(&place);
        let provenance = Provenance {
            path: kept.path,
            member: kept.member,
            named,
            hash: None,
        };
        report.add(&match Inventory::kept(kept.facts) {
            Ok(inventory) => {
                Seen::Judged(vec![question.judge(provenance, &inventory, None, &ruling)])
            }
            Err(why) => Seen::Unread(Unread::without_inventory(place, provenance.path, why)),
        })?;
    }
    Ok(())
}
