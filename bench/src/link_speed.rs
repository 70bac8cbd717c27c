//! `cargo xtask bench link-speed`: `handpie link` beside the linkers themselves on the same objects, and
//! what `handpie cc` costs a compilation, written to `bench/results`. Nothing here gates a test.
//!
//! The linkers get the very command that `handpie link` gives them, without what it adds for RELRO.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use handpie_toolchain::command::Tool;
use serde_json::Value;
use xtask::workplace::{Workplace, cargo};
use xtask::{flags, output_of, root};

use crate::timing::median;
use crate::{results, samples};

/// How often each is run, after one run that is not counted.
const ROUNDS: usize = 21;
/// As `handpie link --linker` calls them.
const LINKERS: [&str; 4] = ["embedded", "mold", "ld.lld-19", "bfd"];
const TARGET: &str = "x86_64-unknown-linux-musl";
/// A large Rust program.
const RUST: (&str, &str) = ("ripgrep", "15.2.0");

/// `cargo xtask bench link-speed`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    flags(args, [])?;
    let workplace = Workplace::prepare()?;
    let handpie = workplace.build_handpie()?;
    let folder = root().join("target/bench/link-speed");
    fs::create_dir_all(&folder)?;
    let mut text = format!(
        "# Speed of `handpie link` and `handpie cc`\n\n\
         Made by `cargo xtask bench link-speed` on {}, {}, {} CPUs. Release build at {}. Medians of {ROUNDS} \
         rounds of the whole process, in milliseconds; in a round each runs once, in turn with the \
         others; a ratio is the median of the ratios of the same round. The load of the machine was \
         {} at the start.\n\n\
         The linkers alone do what `handpie link` has them do, with the same words; what handpie adds \
         is finding libc, the survey of all relocations, the start-up code for RELRO, and a look at \
         the result.\n",
        output_of("date", &["+%F"])?,
        output_of("uname", &["-srm"])?,
        std::thread::available_parallelism()?,
        output_of("git", &["describe", "--always", "--dirty"])?,
        output_of("cut", &["-d", " ", "-f1-3", "/proc/loadavg"])?,
    );
    let sqlite = sqlite_words(&workplace, &handpie)?;
    text += &link("sqlite, one object of 2 MB", &handpie, &folder, &sqlite)?;
    let rust = rust_words(&handpie, &folder)?;
    let title = format!("{} {}, unoptimised, with debug information", RUST.0, RUST.1);
    text += &link(&title, &handpie, &folder, &rust)?;
    text += &compile(&handpie, &folder)?;
    results::write("link-speed", &text)
}

fn sqlite_words(workplace: &Workplace, handpie: &Path) -> anyhow::Result<Vec<String>> {
    let folder = samples::sqlite(workplace)?;
    let mut words = Vec::new();
    for name in ["main", "sqlite3-binding"] {
        let object = folder.join(name).with_extension("o");
        let compile = Tool::new(handpie)
            .args(["cc", "-O2", "-g", "-c", "-o"])
            .arg(&object);
        compile.arg(folder.join(name).with_extension("c")).run()?;
        words.push(object.display().to_string());
    }
    Ok(words)
}

/// What rustc gives its linker for a program, whose objects are kept.
fn rust_words(handpie: &Path, folder: &Path) -> anyhow::Result<Vec<String>> {
    let source = samples::rust_program(RUST.0, RUST.1)?;
    let linker = folder.join("handpie-ld");
    _ = fs::remove_file(&linker);
    std::os::unix::fs::symlink(handpie, &linker)?;
    let build = Tool::new(cargo())
        .args(["rustc", "--target", TARGET, "--bin", "rg", "--target-dir"])
        .arg(folder.join("target"))
        .args(["--", "-C", "save-temps", "--print", "link-args"])
        .env(
            format!(
                "CARGO_TARGET_{}_LINKER",
                TARGET.to_uppercase().replace('-', "_")
            ),
            &linker,
        )
        .dir(&source);
    // Only a build that links says with what.
    _ = fs::remove_file(folder.join("target").join(TARGET).join("debug/rg"));
    Tool::new("touch").arg(source.join("build.rs")).run()?;
    let said = build.run()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = said.lines().find(|line| line.contains("handpie-ld"));
    let line = line.context("rustc did not say how it links")?;
    let words = line.split('"').skip(1).step_by(2).map(str::to_owned);
    let words = words
        .skip_while(|word| !word.ends_with("handpie-ld"))
        .skip(1);
    Ok(words.chain(["--libc=given".to_owned()]).collect())
}

/// A command that is measured.
struct Runner {
    name: String,
    tool: Tool,
    times: Vec<f64>,
}

fn link(title: &str, handpie: &Path, folder: &Path, words: &[String]) -> anyhow::Result<String> {
    let (options, words): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| word.starts_with("--libc"));
    let words = without_output(&words);
    let mut runners = Vec::new();
    for linker in LINKERS {
        let output = folder.join(format!("ours-{linker}"));
        let ours = Tool::new(handpie).args(["link", "--format", "json", "--linker", linker]);
        let ours = ours.args(&options).arg("-o").arg(&output).args(&words);
        let report = ours.run().with_context(|| linker.to_owned())?;
        let report: Value = serde_json::from_slice(&report.stdout)?;
        let command = report["result"]["command"].as_str().context("no command")?;
        let name = report["result"]["linker"]
            .as_str()
            .unwrap_or(linker)
            .to_owned();
        runners.push(Runner {
            name: format!("handpie link, {name}"),
            tool: ours,
            times: Vec::new(),
        });
        runners.push(Runner {
            name: format!("{name} alone"),
            tool: alone(command, &folder.join(format!("alone-{linker}")))?,
            times: Vec::new(),
        });
    }
    measure(&mut runners)?;
    let wild = runners
        .get(1)
        .map(|one| one.times.clone())
        .unwrap_or_default();
    let ours = runners
        .first()
        .map(|one| one.times.clone())
        .unwrap_or_default();
    let mut text = format!(
        "\n## {title}\n\n| | ms | least | to libwild alone | to handpie link |\n|---|---|---|---|---|\n"
    );
    for one in &runners {
        writeln!(
            text,
            "| {} | {:.1} | {:.1} | {:.2} | {:.2} |",
            one.name,
            median(one.times.clone()),
            one.times.iter().copied().fold(f64::INFINITY, f64::min),
            ratio(&one.times, &wild),
            ratio(&one.times, &ours),
        )?;
    }
    Ok(text)
}

fn without_output<'a>(words: &[&'a String]) -> Vec<&'a String> {
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-o" => _ = words.next(),
            _ => kept.push(*word),
        }
    }
    kept
}

/// The linker's own command, with another output and without the start-up code, which is gone.
fn alone(command: &str, output: &Path) -> anyhow::Result<Tool> {
    ensure!(!command.contains('\''), "a path with a space: {command}");
    let mut words: Vec<String> = command.split(' ').map(str::to_owned).collect();
    words.retain(|word| !word.ends_with("handpie-startup.o"));
    let place = words
        .iter()
        .position(|word| word == "-o")
        .context("no -o")?;
    words[place + 1] = output.display().to_string();
    let (program, rest) = words.split_first().context("no command")?;
    Ok(Tool::new(program).args(rest))
}

fn compile(handpie: &Path, folder: &Path) -> anyhow::Result<String> {
    let source = folder.join("empty.c");
    fs::write(&source, "int nothing;\n")?;
    let object: PathBuf = folder.join("empty.o");
    let ours = Tool::new(handpie).arg("cc");
    let words = ["-O2".into(), "-c".into(), source, "-o".into(), object];
    let shown = ours.clone().arg("--show").args(&words).run()?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let (program, rest) = shown.trim().split_once(' ').context("no command")?;
    let mut runners = [
        Runner {
            name: "handpie cc".to_owned(),
            tool: ours.args(&words),
            times: Vec::new(),
        },
        Runner {
            name: "gcc with the same words".to_owned(),
            tool: Tool::new(program).args(rest.split(' ')),
            times: Vec::new(),
        },
    ];
    for _ in 0..4 {
        measure(&mut runners)?;
    }
    let [ours, plain] = &runners;
    let differences = ours.times.iter().zip(&plain.times).map(|(a, b)| a - b);
    Ok(format!(
        "\n## A compilation of nothing\n\n| handpie cc | gcc with the same words | difference |\n\
         |---|---|---|\n| {:.2} | {:.2} | {:.2} |\n",
        median(ours.times.clone()),
        median(plain.times.clone()),
        median(differences.collect()),
    ))
}

fn measure(runners: &mut [Runner]) -> anyhow::Result<()> {
    for one in runners.iter() {
        one.tool.run().with_context(|| one.name.clone())?;
    }
    for _ in 0..ROUNDS {
        for one in runners.iter_mut() {
            let start = Instant::now();
            one.tool.output()?;
            one.times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    Ok(())
}

fn ratio(times: &[f64], others: &[f64]) -> f64 {
    let ratios = times.iter().zip(others).map(|(one, other)| one / other);
    median(ratios.collect())
}
