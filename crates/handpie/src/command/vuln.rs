//! `handpie vuln FILE|DIR...`: reports known vulnerabilities in programs.

use std::path::PathBuf;

use clap::ValueEnum;
use handpie_vuln::{Inventory, Origin, ProgramFacts, Question, Source, Tier, Triage, Versions};
use rayon::prelude::*;

use crate::advisories::{self, Fetch, WHOLE_TIME};
use crate::args::AdvisoryFormat;
use crate::binaries::{self, Entry, Unread, Visit, visit};
use crate::command::facts;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::{PolicyArgs, Rulebook};
use crate::report::Reporter;
use crate::report::vuln::{Show, State, Vulnerabilities};
use crate::{versions, vex};

/// Report known vulnerabilities in programs, and whether the vulnerable code is linked
///
/// Every advisory that matches a module version is assigned one of three tiers: the module is in
/// the program; a package that the advisory names is linked; a symbol that the advisory names is
/// linked. Packages and symbols are found in the function table that Go's runtime needs, so
/// stripped programs give the same result. Supports Go programs for every system and CPU, and Rust
/// programs built with cargo-auditable, which are matched by crate.
///
/// What cannot be ruled out counts: every advisory about a crate, because no table of a Rust program
/// tells what is linked of it; every advisory about a module whose version is unknown, as far as its
/// code is linked.
///
/// `handpie db update` creates the advisory database. Advisories can be accepted for a limited time
/// in `[[vuln]]` tables of handpie.toml; VEX documents state which advisories do not affect a
/// program.
///
/// Exit status: 1 if an advisory counts; 3 if a file cannot be read, or if a named program could not be
/// matched in full: it has no list of modules (and `--versions` does not give their versions), no known
/// version of Go, or no version at all.
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
  handpie vuln --versions go.sum bin/svc   a program without a list of modules
  handpie vuln --format openvex dist/      a VEX document to start with
  handpie facts bin/svc > svc.json
  handpie vuln --facts svc.json            later, without the program
  handpie vuln --format json dist/ | jq -r '.result.files[] | .path as $p |
    .advisories[] | select(.fails) | \"\\($p) \\(.id)\"'")]
pub(crate) struct Vuln {
    /// Programs, or directories to search for programs; - for standard input
    #[arg(value_name = "FILE", required_unless_present_any = ["facts", "compat"])]
    files: Vec<PathBuf>,
    /// Scan a record that `handpie facts` wrote, instead of programs
    #[arg(long, value_name = "RECORD")]
    facts: Vec<PathBuf>,
    /// A database other than the user's: a file of `handpie db update`, a vulndb.zip, a directory
    /// or URL of a Go vulnerability database, a directory or ZIP of OSV advisories
    #[arg(long, value_name = "PATH")]
    db: Option<String>,
    /// Refuse a database whose last change is older than this many days
    #[arg(long, value_name = "DAYS")]
    max_db_age: Option<u32>,
    /// Accept govulncheck's arguments and print its output, with its exit status; must be the first
    /// argument, and all others are govulncheck's
    #[arg(long, value_name = "PROGRAM", value_parser = ["govulncheck"])]
    compat: Option<String>,
    /// The lowest tier at which an advisory counts
    #[arg(long, value_enum, default_value_t = Threshold::Symbol, value_name = "TIER")]
    fail_on: Threshold,
    /// How much to print as text, and whether JSON and SARIF include the addresses of functions
    #[arg(long, value_enum, default_value_t = Show::Counting, value_name = "WHAT")]
    show: Show,
    /// The policy with `[[vuln]]` tables, instead of the nearest `handpie.toml` in this directory
    /// or above
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A VEX document, OpenVEX 0.2.0 or CycloneDX: advisories that the document states as not
    /// affected or fixed do not count
    #[arg(long, value_name = "FILE")]
    vex: Vec<PathBuf>,
    /// Versions of modules that a program does not record: lines of `MODULE VERSION`, as `go list -m
    /// all` prints them, or a go.mod, go.sum or vendor/modules.txt
    #[arg(long, value_name = "FILE")]
    versions: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) format: AdvisoryFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Threshold {
    /// The module is in the program, in an affected version
    Module,
    /// A package that the advisory names is linked
    Package,
    /// A symbol that the advisory names is linked, or it cannot be told whether one is
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
        let failure = Failure::new(
            Exit::Usage,
            "`--compat` has to be the first argument of \
                                                 `vuln`",
        );
        return Err(failure.hint("`handpie vuln --compat govulncheck -mode=binary FILE`"));
    }
    let rulebook = Rulebook::open(&PolicyArgs::of_file(args.policy.clone()))?;
    let vex = vex::open(&args.vex)?;
    let versions = versions::open(&args.versions)?;
    let working = reporter.working("reading advisories");
    let fetch = Fetch::shown(&working, WHOLE_TIME.as_secs());
    let file = advisories::open(args.db.as_deref(), fetch)?;
    drop(working);
    let database = file.database()?;
    let sources: Vec<Source> = database.sources().collect();
    let age = handpie_vuln::source::age(&sources, rulebook.today);
    advisories::refuse_old(age, args.max_db_age)?;
    let question = Question {
        database: &database,
        vex: &vex,
        fail_on: args.fail_on.into(),
        locations: reporter.verbose || args.show != Show::Counting,
    };
    let state = State {
        name: file.name.clone(),
        advisories: database.len(),
        sources,
        age,
        fail_on: question.fail_on,
        show: args.show,
    };
    // Before anything is written, so that a record that cannot be read leaves no half of a document.
    let records: Vec<Vec<ProgramFacts>> = args
        .facts
        .iter()
        .map(|path| facts::read(path))
        .collect::<Result<_, _>>()?;
    let mut report = Vulnerabilities::begin(reporter, &rulebook, &vex, state)?;
    for record in records {
        of_facts(record, &question, &versions, &rulebook, &mut report)?;
    }
    of_files(
        &args.files,
        &question,
        &versions,
        &rulebook,
        reporter,
        &mut report,
    )?;
    report.end(reporter)
}

fn of_files<'db>(
    files: &[PathBuf],
    question: &Question<'db>,
    versions: &Versions,
    rulebook: &Rulebook,
    reporter: &Reporter,
    report: &mut Vulnerabilities<'_, 'db>,
) -> Result<(), Failure> {
    let entries = {
        let _working = reporter.working("looking for programs");
        binaries::find(files)
    };
    let working = reporter.working("scanning programs");
    for entries in entries.chunks(AT_ONCE) {
        let triage = |entry: &Entry| triage(entry, question, versions, rulebook);
        let visits: Vec<Visit<Triage<'db>>> = match entries {
            // Threads for one file would take longer to start than the file.
            [one] => vec![triage(one)],
            many => many.par_iter().map(triage).collect(),
        };
        working.aside(|| visits.iter().try_for_each(|visit| report.add(visit)))?;
    }
    Ok(())
}

/// What is known about every program in a file.
fn triage<'db>(
    entry: &Entry,
    question: &Question<'db>,
    versions: &Versions,
    rulebook: &Rulebook,
) -> Visit<Triage<'db>> {
    let ruling = rulebook.ruling(entry.path());
    let visit = visit(entry, question.vex.names_hashes(), |member| {
        let mut inventory = Inventory::of(&member.binary)?;
        inventory.supply(question.database, versions)?;
        let origin = Origin {
            path: entry.name(),
            member: member.name,
            named: entry.was_named(),
            hash: member.hash,
        };
        Ok(question.triage(origin, &inventory, Some(&member.binary), &ruling)?)
    });
    if !matches!(visit, Visit::PassedOver) {
        rulebook.met(&ruling);
    }
    visit
}

fn of_facts<'db>(
    kept: Vec<ProgramFacts>,
    question: &Question<'db>,
    versions: &Versions,
    rulebook: &Rulebook,
    report: &mut Vulnerabilities<'_, 'db>,
) -> Result<(), Failure> {
    // A record of many programs is to them what a directory is.
    let named = kept.len() == 1;
    for kept in kept {
        let place = PathBuf::from(&kept.path);
        let ruling = rulebook.ruling(&place);
        rulebook.met(&ruling);
        let origin = Origin {
            path: kept.path,
            member: kept.member,
            named,
            hash: None,
        };
        let inventory = Inventory::kept(kept.facts).and_then(|mut inventory| {
            inventory.supply(question.database, versions)?;
            Ok(inventory)
        });
        report.add(&match inventory {
            Ok(inventory) => Visit::Seen(vec![question.triage(origin, &inventory, None, &ruling)?]),
            Err(why) => Visit::Unread(Unread::without_inventory(place, origin.path, why)),
        })?;
    }
    Ok(())
}
