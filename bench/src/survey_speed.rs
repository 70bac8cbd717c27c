//! `cargo xtask bench survey-speed`: how long it takes to tell whether objects can become a static-PIE, on
//! libraries that are on every machine with Rust, written to `bench/results`. Nothing here gates a
//! test.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use handpie_toolchain::command::{Stream, Tool};
use xtask::workplace::{Workplace, cargo};
use xtask::{flags, output_of, root};

use crate::results;

/// How often `handpie check` runs, after one run that is not counted.
const RUNS: usize = 11;

/// `cargo xtask bench survey-speed`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    flags(args, [])?;
    let workplace = Workplace::prepare()?;
    let handpie = workplace.build_handpie()?;
    let files = libraries()?;
    let cpus = std::thread::available_parallelism()?;
    let mut text = format!(
        "# Speed of the survey of objects\n\n\
         Made by `cargo xtask bench survey-speed` on {}, {}, {}, {cpus} CPUs. Release build at {}. Times \
         are medians, in milliseconds. The load of the machine was {} at the start.\n\n\
         The files are those of Rust's standard library for x86_64-unknown-linux-gnu and -musl, \
         musl's libc.a, and those of dependencies that cargo has built for handpie's tests. They \
         were in memory; \"by themselves\" judges every object alone, \"as one link\" resolves the \
         symbols of all as a linker does.\n\n\
         | what | size | objects | relocations | offences | ms |\n|---|---|---|---|---|---|\n",
        output_of("date", &["+%F"])?,
        output_of("rustc", &["--version"])?,
        output_of("uname", &["-srm"])?,
        output_of("git", &["describe", "--always", "--dirty"])?,
        output_of("cut", &["-d", " ", "-f1-3", "/proc/loadavg"])?,
    );
    let measured = workplace
        .tool(cargo())
        .args(["test", "--release", "--package", "handpie-pie"])
        .args(["--test", "survey_speed", "--", "--nocapture"])
        .env("HANDPIE_SURVEY", env::join_paths(&files)?)
        .run()
        .context("failed to measure the survey")?;
    let measured = String::from_utf8_lossy(&measured.stdout).into_owned();
    for line in measured
        .lines()
        .filter_map(|line| line.split_once("SURVEY "))
    {
        writeln!(text, "{}", line.1)?;
    }
    let took = check(&handpie, &files)?;
    writeln!(
        text,
        "\n`handpie check` on the same {} files, the whole process with reading them and writing the \
         report: {took:.0} ms (median of {RUNS}).",
        files.len()
    )?;
    results::write("survey-speed", &text)
}

/// The median time of `handpie check`, in milliseconds.
fn check(handpie: &Path, files: &[PathBuf]) -> anyhow::Result<f64> {
    let check = Tool::new(handpie)
        .arg("check")
        .args(files)
        .stdout(Stream::Null);
    check.output()?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        check.output()?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(RUNS / 2).copied().unwrap_or_default())
}

fn libraries() -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for target in ["x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl"] {
        let folder = output_of("rustc", &["--print", "target-libdir", "--target", target])?;
        folders.push(PathBuf::from(folder));
    }
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    // Those of the release build hold bitcode.
    folders.push(target.join("debug/deps"));
    let mut files = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "rlib")
            {
                files.push(path);
            }
        }
        files.extend(Some(folder.join("self-contained/libc.a")).filter(|path| path.is_file()));
    }
    files.sort();
    Ok(files)
}
