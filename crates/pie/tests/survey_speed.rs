//! How long a survey takes. `cargo xtask bench survey-speed` runs this in a release build on real libraries,
//! whose paths `HANDPIE_SURVEY` has; alone, it holds that a large object takes no time to speak of.

#![allow(
    clippy::print_stdout,
    reason = "what was measured is for bench to read"
)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use handpie_pie::objects::{Input, Libc, Survey, survey, survey_apart};
use handpie_testkit::forge::object::{DATA, EM_X86_64, Object, Relocation, TEXT};

const RUNS: usize = 21;

/// Many times what it takes on a slow machine, without optimisation.
const SLOW: Duration = Duration::from_secs(5);

#[test]
fn four_hundred_thousand_relocations_take_no_time_to_speak_of() {
    let mut object = Object::plain(EM_X86_64);
    let relocation = |section: usize, kind| Relocation {
        offset: 8,
        kind,
        symbol: if section == TEXT { 1 } else { 2 },
        addend: 0,
    };
    // Distances in code, words in data.
    for (section, kind) in [(TEXT, 2), (DATA, 1)] {
        let many = vec![relocation(section, kind); 200_000];
        object.sections[section].relocations = many;
    }
    let bytes = object.build();
    let (found, took) = timed(|| survey_apart(&Input::new("large.o", &bytes), Libc::Musl));
    assert!(found.is_clean());
    assert_eq!(found.relocations, 400_000);
    report("forged object, by itself", &found, took, bytes.len());
    assert!(took < SLOW, "{took:?}");
}

#[test]
fn real_libraries_are_measured_when_they_are_given() {
    let Some(paths) = env::var_os("HANDPIE_SURVEY") else {
        return;
    };
    let paths: Vec<PathBuf> = env::split_paths(&paths).collect();
    let files: Vec<(String, Vec<u8>)> = paths.iter().map(|path| read(path)).collect();
    let size = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let inputs: Vec<Input<'_>> = files
        .iter()
        .map(|(name, bytes)| Input::new(name, bytes))
        .collect();
    let apart = || {
        let mut all = Survey::default();
        for found in inputs.iter().map(|input| survey_apart(input, Libc::Other)) {
            all.objects += found.objects;
            all.relocations += found.relocations;
            all.offences += found.offences;
        }
        all
    };
    let (found, took) = timed(apart);
    report(
        &format!("{} files, by themselves", files.len()),
        &found,
        took,
        size,
    );
    let whole: Vec<Input<'_>> = inputs.iter().cloned().map(Input::whole).collect();
    let (found, took) = timed(|| survey(&whole, Libc::Other));
    report(
        &format!("{} files, as one link", files.len()),
        &found,
        took,
        size,
    );
}

fn read(path: &Path) -> (String, Vec<u8>) {
    (
        path.display().to_string(),
        fs::read(path).expect("a library"),
    )
}

/// The median of some runs.
fn timed(mut run: impl FnMut() -> Survey) -> (Survey, Duration) {
    let mut found = run();
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        found = run();
        times.push(start.elapsed());
    }
    times.sort_unstable();
    (found, times[RUNS / 2])
}

fn report(what: &str, found: &Survey, took: Duration, size: usize) {
    println!(
        "SURVEY | {what} | {:.1} MB | {} | {} | {} | {:.1} |",
        size as f64 / 1e6,
        found.objects,
        found.relocations,
        found.offences,
        took.as_secs_f64() * 1e3
    );
}
