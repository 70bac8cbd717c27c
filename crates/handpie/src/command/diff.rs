//! `handpie diff OLD NEW`: what a release lost or gained.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::slice;

use handpie_audit::Table;
use handpie_audit::diff::{Facts, diff, without_hash};
use handpie_binary::Binary;
use rayon::prelude::*;

use crate::args::ReportFormat;
use crate::binaries::{self, Entry, Unread, Visit};
use crate::examination::examine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::policy::{PolicyArgs, Rulebook};
use crate::report::Reporter;
use crate::report::diff::{Comparison, DiffReport, Fate};
use crate::report::policy::note_unmatched;

/// Compare two releases and report what the new one lost or gained
///
/// Checks both with the same rules and compares answers, kind, loader, needed libraries, Go
/// version, build settings, modules and sizes. Losses come first: a worse answer, a loader or a
/// library that was not needed before, a fixed load address, a file that no longer exists. If there
/// is a loss, the exit status is 1. What a stripped file no longer tells is listed next, and is not
/// a loss.
///
/// Two directories are compared file by file, matched by relative path. The policy is that of
/// `handpie check`; its path patterns are matched against the path of the new file, for the old
/// file, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie diff svc-1.4 svc-1.5           what 1.5 lost, gained and changed
  handpie diff -v last-release/ dist/    every binary, including section sizes
  handpie diff --format json old new |
    jq '.result.files[].changes[] | select(.weight == \"loss\")'")]
pub(crate) struct Diff {
    /// The old release: a file or a directory
    old: PathBuf,
    /// The new release: a file or a directory
    new: PathBuf,
    #[command(flatten)]
    pub(crate) format: ReportFormat,
    #[command(flatten)]
    policy: PolicyArgs,
}

/// A file of both releases or of one.
#[derive(Default)]
struct Pair {
    old: Side,
    new: Side,
    /// What the old file was called, where that was otherwise.
    old_path: Option<PathBuf>,
}

/// What one release has of a file.
#[derive(Default)]
enum Side {
    File(Entry),
    /// It is not there.
    #[default]
    Absent,
    /// It may be there: a folder above it could not be listed.
    Hidden,
}

pub(crate) fn run(args: &Diff, reporter: &Reporter) -> Result<Exit, Failure> {
    refuse_odd_pairs(args)?;
    let rulebook = Rulebook::open(&args.policy)?;
    let working = reporter.working("comparing");
    let pairs: Vec<(PathBuf, Pair)> = pairs(args).into_iter().collect();
    let compared = pairs.par_iter();
    let compared = compared.flat_map_iter(|(path, pair)| compare(path, pair, args, &rulebook));
    let compared: Vec<Result<Comparison, Unread>> = compared.collect();
    drop(working);
    let report = DiffReport::of(&args.old, &args.new, compared);
    reporter.print("diff", &report)?;
    note_unmatched(reporter, &rulebook, &[Table::Paths, Table::Waivers]);
    Ok(report.exit())
}

fn refuse_odd_pairs(args: &Diff) -> Result<(), Failure> {
    let failure = |message: &str| Err(Failure::new(Exit::Usage, message));
    if input::is_stream(&args.old) && input::is_stream(&args.new) {
        return failure("standard input cannot be both the old and the new release");
    }
    let is_folder = |path: &Path| !input::is_stream(path) && path.is_dir();
    match (is_folder(&args.old), is_folder(&args.new)) {
        (true, false) | (false, true) => failure("a directory cannot be compared with a file"),
        _ => Ok(()),
    }
}

/// The files of both releases side by side, by their paths below them. Two files are a pair whatever
/// they are called.
fn pairs(args: &Diff) -> BTreeMap<PathBuf, Pair> {
    let mut old = files(&args.old);
    let mut new = files(&args.new);
    let paths: BTreeSet<PathBuf> = old.keys().chain(new.keys()).cloned().collect();
    let hidden = [&old, &new].map(|files| {
        let unread = files.iter().filter(|(_, entry)| entry.is_unread());
        unread.map(|(path, _)| path.clone()).collect::<Vec<_>>()
    });
    let side = |entry: Option<Entry>, hidden: &[PathBuf], path: &Path| match entry {
        Some(entry) => Side::File(entry),
        None if hidden.iter().any(|folder| path.starts_with(folder)) => Side::Hidden,
        None => Side::Absent,
    };
    let [hidden_old, hidden_new] = &hidden;
    let pairs = paths.into_iter().map(|path| {
        let (was, is) = match (old.remove(&path), new.remove(&path)) {
            // A file in whose place a link leads to another one is still there.
            (Some(was), Some(is)) if was.is_file() || is.is_file() => {
                (Some(was.followed()), Some(is.followed()))
            }
            sides => sides,
        };
        let pair = Pair {
            old: side(was, hidden_old, &path),
            new: side(is, hidden_new, &path),
            old_path: None,
        };
        (path, pair)
    });
    let mut pairs = pairs.collect();
    join_renamed(&mut pairs);
    pairs
}

/// Makes one pair of a file that is gone and a new one beside it, where only the hash in the name
/// differs that auditwheel, delvewheel or rustc put there.
fn join_renamed(pairs: &mut BTreeMap<PathBuf, Pair>) {
    let meant = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        Some(path.with_file_name(without_hash(name)))
    };
    let gone = pairs.iter().filter(|(_, pair)| {
        matches!((&pair.old, &pair.new), (Side::File(old), Side::Absent) if old.is_file())
    });
    let gone = gone.filter_map(|(path, _)| Some((meant(path)?, path.clone())));
    let mut gone: Vec<(PathBuf, PathBuf)> = gone.collect();
    let come = pairs.iter().filter(|(_, pair)| {
        matches!((&pair.old, &pair.new), (Side::Absent, Side::File(new)) if new.is_file())
    });
    let come: Vec<PathBuf> = come.map(|(path, _)| path.clone()).collect();
    for path in come {
        let own = meant(&path);
        let before = gone
            .iter()
            .position(|(meant, _)| Some(meant) == own.as_ref());
        let Some((_, old_path)) = before.map(|at| gone.remove(at)) else {
            continue;
        };
        let old = pairs.remove(&old_path).map(|pair| pair.old);
        if let (Some(old), Some(pair)) = (old, pairs.get_mut(&path)) {
            pair.old = old;
            pair.old_path = Some(old_path);
        }
    }
}

/// The files of a release, by their paths below it.
fn files(release: &PathBuf) -> BTreeMap<PathBuf, Entry> {
    let entries = binaries::find(slice::from_ref(release)).into_iter();
    let entries = entries.map(|entry| {
        let below = entry.path().strip_prefix(release);
        (below.unwrap_or(Path::new("")).to_owned(), entry)
    });
    entries.collect()
}

/// Facts of the binaries in a file, by what tells each from others that could be in it: of Mach-O files
/// the CPU, in a fat one and in a thin one.
type Members = BTreeMap<Option<String>, Facts>;

fn compare(
    path: &Path,
    pair: &Pair,
    args: &Diff,
    rulebook: &Rulebook,
) -> Vec<Result<Comparison, Unread>> {
    // One place for both sides, or a rule for `bin/*` would hold for one of them.
    let place = match path.as_os_str().is_empty() {
        true => args.new.clone(),
        false => args.new.join(path),
    };
    let name = path.display().to_string();
    let sides = [&pair.old, &pair.new].map(|side| match side {
        Side::File(entry) => facts(entry, &place, rulebook).map(Some),
        Side::Absent => Ok(Some(Members::new())),
        Side::Hidden => Ok(None),
    });
    let (old, new) = match sides {
        [Ok(Some(old)), Ok(Some(new))] => (old, new),
        // That a folder could not be listed is said once, for the folder.
        sides => return sides.into_iter().filter_map(Result::err).map(Err).collect(),
    };
    let compared = matched(old, new).into_iter().filter_map(|(member, sides)| {
        let (fate, changes) = match sides {
            (Some(old), Some(new)) => (Fate::Kept, diff(&old, &new)),
            (Some(_), None) => (Fate::Removed, Vec::new()),
            (None, Some(_)) => (Fate::Added, Vec::new()),
            (None, None) => return None,
        };
        let old_path = pair
            .old_path
            .as_ref()
            .map(|path| path.display().to_string());
        Some(Ok(Comparison::new(&name, old_path, member, fate, changes)))
    });
    compared.collect()
}

/// What the old and the new file have of a member.
type Sides = (Option<Facts>, Option<Facts>);

/// The members of two files side by side. Where each file has one, they are a pair whatever they are
/// called, and need no name.
fn matched(mut old: Members, mut new: Members) -> Vec<(Option<String>, Sides)> {
    if old.len() <= 1 && new.len() <= 1 {
        let sides = (old.pop_first(), new.pop_first());
        let (old, new) = (sides.0.map(|it| it.1), sides.1.map(|it| it.1));
        return vec![(None, (old, new))];
    }
    let names: BTreeSet<Option<String>> = old.keys().chain(new.keys()).cloned().collect();
    let pairs = names.into_iter().map(|name| {
        let sides = (old.remove(&name), new.remove(&name));
        (name, sides)
    });
    pairs.collect()
}

fn facts(entry: &Entry, place: &Path, rulebook: &Rulebook) -> Result<Members, Unread> {
    let ruling = rulebook.ruling(place);
    let visit = examine(
        entry,
        rulebook,
        &ruling,
        None,
        |member, subject, findings| {
            let name = match &subject.binary {
                Binary::MachO(macho) => Some(macho.header().architecture().to_owned()),
                Binary::Elf(_) | Binary::Pe(_) => member,
            };
            Ok((name, Facts::of(subject, &findings)?))
        },
    );
    if !matches!(visit, Visit::PassedOver) {
        rulebook.met(&ruling);
    }
    match visit {
        Visit::Seen(members) => Ok(distinct(members)),
        Visit::PassedOver => Ok(Members::new()),
        Visit::Unread(unread) => Err(unread),
    }
}

/// Several members for one CPU, which no tool writes, are told apart by their number.
fn distinct(members: Vec<(Option<String>, Facts)>) -> Members {
    let mut distinct = Members::new();
    for ((name, facts), number) in members.into_iter().zip(1_usize..) {
        let name = match distinct.contains_key(&name) {
            true => Some(format!("{}, number {number}", name.unwrap_or_default())),
            false => name,
        };
        distinct.insert(name, facts);
    }
    distinct
}
