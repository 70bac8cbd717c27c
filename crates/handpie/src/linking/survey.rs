//! Whether the inputs can become a static-PIE at all: asked before any linker is, because linkers
//! stop at the first reason, and some make a program that crashes.
//!
//! What is fit by itself is fit in every link: that other objects are there only excuses what an
//! object does. So each file is asked by itself first, of objects no more is read than that takes, and
//! of an archive the answer is kept until it changes. Most links end here. Only if something is unfit
//! by itself, all files are read and looked at as the linker would.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use handpie_binary::elf::constants::Machine;
use handpie_binary::identify::{FileKind, identify};
use handpie_binary::{Bytes, Size};
use handpie_pie::objects::{self, Libc as StartUp, Offender, Survey};
use handpie_toolchain::cache;
use handpie_toolchain::link::{Inputs, Libc, Sysroot};
use rayon::prelude::*;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Input;
use crate::objects::{Archive, Reading, package};

/// What was not written to for so long has the time of its last writing.
const SETTLED: Duration = Duration::from_secs(10);
/// How many packages are named: asking for one takes a tenth of a second.
const MAX_PACKAGES: usize = 5;

/// Refuses inputs that no linker can make a static-PIE of, with every reason.
pub(super) fn refuse(inputs: &Inputs, sysroot: Option<&Sysroot>) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    let paths: Vec<&Path> = inputs.files().filter(|path| seen.insert(*path)).collect();
    let libc = start_up(inputs, sysroot);
    if are_fit_by_themselves(&paths, libc) {
        return Ok(());
    }
    let read = |path: &&Path| {
        let name = path.display().to_string();
        let archive = Archive::read(path, &name);
        archive.map_err(|reading| unreadable(&name, reading))
    };
    let files: Vec<Archive> = paths.par_iter().map(read).collect::<Result<_, _>>()?;
    let whole = inputs.are_whole();
    let named = files.iter().zip(&paths).map(|(file, path)| {
        let input = file.input(&path.display().to_string());
        match whole {
            true => input.whole(),
            false => input,
        }
    });
    let named: Vec<objects::Input<'_>> = named.collect();
    let survey = objects::survey(&named, libc);
    match survey.is_clean() {
        true => Ok(()),
        false => Err(refusal(&survey)),
    }
}

/// Whether nothing stands against any file, and all are for one CPU.
fn are_fit_by_themselves(paths: &[&Path], libc: StartUp) -> bool {
    let machines = paths.par_iter().map(|path| machine_of_fit(path, libc));
    let machines: Option<Vec<Option<Machine>>> = machines.collect();
    let Some(machines) = machines else {
        return false;
    };
    let mut machines = machines.into_iter().flatten();
    let first = machines.next();
    machines.all(|other| Some(other) == first)
}

/// The CPU of a file that is fit by itself, if it has any objects; `None` of one that is not, or that
/// cannot be read, or that names other files.
fn machine_of_fit(path: &Path, libc: StartUp) -> Option<Option<Machine>> {
    let mut input = Input::open(path).ok()?;
    let name = path.display().to_string();
    let is_archive = |bytes: Bytes<'_>| {
        let magic = bytes.slice(0, Size(8), "the magic").ok()?;
        Some(identify(magic.data().ok()?) == FileKind::Archive)
    };
    if !input.look(is_archive).ok()?? {
        let survey = input
            .look(|bytes| objects::survey_apart(&objects::Input::new(name.as_str(), bytes), libc));
        return machine_if_clean(&survey.ok()?);
    }
    let kept = kept_answer(&input, libc);
    let said = kept
        .as_deref()
        .and_then(|kept| fs::read_to_string(kept).ok());
    if let Some(said) = said {
        let number = said.trim().parse().ok();
        return Some(number.map(Machine));
    }
    let archive = Archive::read(path, &name).ok()?;
    if !archive.is_complete() {
        return None;
    }
    let machine = machine_if_clean(&objects::survey_apart(&archive.input(&name), libc))?;
    if let Some(kept) = kept {
        // Without it, the archive is looked at again.
        _ = kept.parent().map(fs::create_dir_all);
        let number = machine.map_or(String::new(), |machine| machine.0.to_string());
        _ = fs::write(kept, number);
    }
    Some(machine)
}

/// Where the answer about an archive is kept: another file when the archive changes. None of one that
/// was just written, and may be written again before the clock of the file system has moved.
fn kept_answer(archive: &Input, libc: StartUp) -> Option<PathBuf> {
    let (path, metadata) = archive.file()?;
    let age = metadata.modified().ok()?.elapsed().ok()?;
    let state = cache::state_of(metadata);
    let path = std::path::absolute(path).ok()?;
    let key = (path, state, libc == StartUp::Musl);
    (age > SETTLED).then(|| cache::user_file("survey", &key))?
}

fn machine_if_clean(survey: &Survey) -> Option<Option<Machine>> {
    survey.is_clean().then_some(survey.machine)
}

/// Whose start-up code the program gets. Rust's musl targets bring musl's.
fn start_up(inputs: &Inputs, sysroot: Option<&Sysroot>) -> StartUp {
    let is_musl = match sysroot {
        Some(sysroot) => sysroot.libc == Libc::Musl,
        None => inputs.files().any(|path| {
            let path = path.to_string_lossy();
            path.contains("-linux-musl") && path.ends_with("rcrt1.o")
        }),
    };
    match is_musl {
        true => StartUp::Musl,
        false => StartUp::Other,
    }
}

fn unreadable(name: &str, reading: Reading) -> Failure {
    match reading {
        Reading::Failed(failure) => failure,
        Reading::Damaged(error) => Failure::new(Exit::Input, format!("failed to read `{name}`"))
            .code(error.kind().code())
            .cause(error),
    }
}

fn refusal(survey: &Survey) -> Failure {
    let message = "these objects cannot be linked into a static-PIE";
    let mut failure = Failure::new(Exit::No, message);
    let mut hints: Vec<String> = Vec::new();
    for offender in &survey.offenders {
        failure = failure.cause(offender);
        let hint = offender.hint();
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    let listed = survey
        .offenders
        .iter()
        .map(|one| one.more.saturating_add(1));
    let listed = listed.fold(0, u64::saturating_add);
    if survey.offences > listed {
        failure = failure.cause(format!("{} more of these", survey.offences - listed));
    }
    for package in packages(&survey.offenders) {
        hints.push(package);
    }
    if let [one, rest @ ..] = survey.offenders.as_slice()
        && rest.iter().all(|other| other.code == one.code)
    {
        failure = failure.code(one.code.name());
    }
    hints.into_iter().fold(failure, Failure::hint)
}

/// Which packages the files came with: those are not the user's to rebuild.
fn packages(offenders: &[Offender]) -> Vec<String> {
    let files: BTreeSet<&str> = offenders.iter().map(|one| one.file.as_str()).collect();
    let known = files.into_iter().take(MAX_PACKAGES).filter_map(|file| {
        let package = package(Path::new(file))?;
        Some(format!(
            "`{file}` belongs to the Debian package `{package}`"
        ))
    });
    known.collect()
}
