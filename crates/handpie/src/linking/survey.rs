//! Whether the inputs can become a static-PIE at all: asked before any linker is, because linkers
//! stop at the first reason, and some make a program that crashes.

use std::collections::BTreeSet;
use std::path::Path;

use handpie_pie::objects::{self, Libc as StartUp, Offender, Survey};
use handpie_toolchain::link::{Inputs, Libc, Sysroot};
use rayon::prelude::*;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::objects::{Archive, Reading, package};

/// How many packages are named: asking for one takes a tenth of a second.
const MAX_PACKAGES: usize = 5;

/// Refuses inputs that no linker can make a static-PIE of, with every reason.
pub(super) fn refuse(inputs: &Inputs, sysroot: Option<&Sysroot>) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    let paths: Vec<&Path> = inputs.files().filter(|path| seen.insert(*path)).collect();
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
    let survey = objects::survey(&named, start_up(inputs, sysroot));
    match survey.is_clean() {
        true => Ok(()),
        false => Err(refusal(&survey)),
    }
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
    let message = "these objects cannot become a static-PIE";
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
        failure = failure.cause(format!("{} more", survey.offences - listed));
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
        Some(format!("`{file}` is of the Debian package `{package}`"))
    });
    known.collect()
}
