//! `handpie diff OLD NEW`: what a release lost or gained.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::slice;

use handpie_audit::diff::{Facts, diff};
use rayon::prelude::*;

use crate::args::ReportFormat;
use crate::examine::examine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, Found};
use crate::input;
use crate::policy::{PolicyArgs, Rulebook};
use crate::report::Reporter;
use crate::report::check::Unread;
use crate::report::diff::{Compared, DiffReport, Fate};

/// Compare two releases: what the new one lost or gained
///
/// Checks both with the same rules and compares their answers, kind, loader, needed libraries, Go
/// version, build settings, modules and sizes. Losses come first: an answer that got worse, a
/// loader or a library that was not needed before, a fixed address, a file that is not there any
/// more. A loss ends with exit status 1.
///
/// Two directories are compared file by file, by their paths below them. The policy that holds is
/// that of `handpie check`, and its paths are matched against the new files, for the old ones, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie diff svc-1.4 svc-1.5        what 1.5 lost, gained, changed
  handpie diff -v last-release/ dist/ every binary, the sizes of sections, too
  handpie diff --format json old new |
    jq '.result.files[].changes[] | select(.weight == \"loss\")'")]
pub(crate) struct Diff {
    /// The release before: a file or a directory
    old: PathBuf,
    /// The release after
    new: PathBuf,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) format: ReportFormat,
}

/// A file of both releases or of one, by its path below them.
#[derive(Default)]
struct Pair {
    old: Option<Found>,
    new: Option<Found>,
}

pub(crate) fn run(args: &Diff, reporter: &Reporter) -> Result<Exit, Failure> {
    refuse_odd_pairs(args)?;
    let rulebook = Rulebook::open(&args.policy)?;
    let working = reporter.working("comparing");
    let pairs: Vec<(PathBuf, Pair)> = pairs(args).into_iter().collect();
    let compared = pairs.par_iter();
    let compared = compared.flat_map_iter(|(path, pair)| compare(path, pair, args, &rulebook));
    let compared: Vec<Result<Compared, Unread>> = compared.collect();
    drop(working);
    let report = DiffReport::of(&args.old, &args.new, compared);
    reporter.print("diff", &report)?;
    Ok(report.exit())
}

fn refuse_odd_pairs(args: &Diff) -> Result<(), Failure> {
    let failure = |message: &str| Err(Failure::new(Exit::Usage, message));
    if input::is_stream(&args.old) && input::is_stream(&args.new) {
        return failure("standard input cannot be both releases");
    }
    let is_folder = |path: &Path| !input::is_stream(path) && path.is_dir();
    match (is_folder(&args.old), is_folder(&args.new)) {
        (true, false) | (false, true) => failure("a directory cannot be compared with a file"),
        _ => Ok(()),
    }
}

/// The files of both sides, side by side. Two files are a pair whatever they are called.
fn pairs(args: &Diff) -> BTreeMap<PathBuf, Pair> {
    let mut pairs: BTreeMap<PathBuf, Pair> = BTreeMap::new();
    let key = |found: &Found, folder: &Path| {
        let below = found.path().strip_prefix(folder);
        below.unwrap_or(Path::new("")).to_owned()
    };
    for found in files::find(slice::from_ref(&args.old)) {
        let pair = pairs.entry(key(&found, &args.old)).or_default();
        pair.old = Some(found);
    }
    for found in files::find(slice::from_ref(&args.new)) {
        let pair = pairs.entry(key(&found, &args.new)).or_default();
        pair.new = Some(found);
    }
    pairs
}

/// Facts of the binaries in a file, by the name of each where there are several.
type Members = BTreeMap<Option<String>, Facts>;

fn compare(
    path: &Path,
    pair: &Pair,
    args: &Diff,
    rulebook: &Rulebook,
) -> Vec<Result<Compared, Unread>> {
    // One place for both sides, or a rule for `bin/*` would hold for one of them.
    let place = match path.as_os_str().is_empty() {
        true => args.new.clone(),
        false => args.new.join(path),
    };
    let name = path.display().to_string();
    let sides = [&pair.old, &pair.new].map(|found| match found {
        Some(found) => facts(found, &place, rulebook),
        None => Ok(Members::new()),
    });
    let (old, new) = match sides {
        [Ok(old), Ok(new)] => (old, new),
        sides => return sides.into_iter().filter_map(Result::err).map(Err).collect(),
    };
    let mut members: Vec<&Option<String>> = old.keys().chain(new.keys()).collect();
    members.sort();
    members.dedup();
    let compared = members.into_iter().filter_map(|member| {
        let (fate, changes) = match (old.get(member), new.get(member)) {
            (Some(old), Some(new)) => (Fate::Kept, diff(old, new)),
            (Some(_), None) => (Fate::Removed, Vec::new()),
            (None, Some(_)) => (Fate::Added, Vec::new()),
            (None, None) => return None,
        };
        Some(Ok(Compared::new(&name, member.clone(), fate, changes)))
    });
    compared.collect()
}

fn facts(found: &Found, place: &Path, rulebook: &Rulebook) -> Result<Members, Unread> {
    let ruling = rulebook.ruling(place);
    let examined = examine(
        found,
        rulebook,
        &ruling,
        None,
        |member, subject, findings| (member, Facts::of(subject, &findings)),
    );
    let facts = examined.transpose()?;
    Ok(facts.into_iter().flatten().collect())
}
