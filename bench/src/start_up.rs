//! `cargo xtask bench start-up`: what it costs to start, for programs with few and many relocations, linked
//! and loaded in every way, side by side in one run; written to `bench/results`.
//!
//! A round starts each variant once, one after the other; medians and ratios are over the rounds, so
//! that a slow moment of the machine hits all of them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use handpie_toolchain::command::Tool;
use xtask::system_tools::is_in_path;
use xtask::workplace::Workplace;
use xtask::{flags, output_of, root};

use crate::timing::median;
use crate::{results, samples};

/// How often each variant is started.
const ROUNDS: usize = 200;
const MUSL: &str = "/lib/ld-musl-x86_64.so.1";

/// A program: its name, how many words of its own it has relocated, and its arguments.
const PROGRAMS: [(&str, Source, &[&str]); 4] = [
    ("hello", Source::Table(0), &[]),
    ("60 thousand", Source::Table(54_000), &[]),
    ("500 thousand", Source::Table(494_000), &[]),
    ("cmd/go version", Source::Package("cmd/go"), &["version"]),
];

#[derive(Clone, Copy)]
enum Source {
    /// A program that is nothing but a table of so many addresses.
    Table(usize),
    Package(&'static str),
}

type Variant = (
    &'static str,
    &'static [&'static str],
    Option<&'static [&'static str]>,
);

/// A way to link and load, the flags of go for it, and how it is converted afterwards.
const VARIANTS: [Variant; 7] = [
    ("plain executable", &["-buildmode=exe", "-ldflags=-w"], None),
    (
        "PIE, glibc's loader",
        &["-buildmode=pie", "-ldflags=-w"],
        None,
    ),
    (
        "PIE, musl's loader",
        &["-buildmode=pie", "-ldflags=-w -I /lib/ld-musl-x86_64.so.1"],
        None,
    ),
    (
        "external -static-pie",
        &[
            "-buildmode=pie",
            "-ldflags=-w -linkmode=external -extldflags=-static-pie",
        ],
        None,
    ),
    ("handpie", &["-buildmode=pie", "-ldflags=-w"], Some(&[])),
    (
        "handpie --aslr full",
        &["-buildmode=pie", "-ldflags=-w"],
        Some(&["--aslr", "full"]),
    ),
    (
        "handpie --aslr full --seal",
        &["-buildmode=pie", "-ldflags=-w"],
        Some(&["--aslr", "full", "--seal"]),
    ),
];

/// `cargo xtask bench start-up`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    flags(args, [])?;
    let workplace = Workplace::prepare()?;
    let handpie = workplace.build_handpie()?;
    let folder = root().join("target/bench/start-up");
    fs::create_dir_all(&folder)?;
    let mut text = format!(
        "# The cost of starting\n\n\
         Made by `cargo xtask bench start-up` on {}, {}, {}. Each variant is started {ROUNDS} times, in \
         turn with the others; from spawning the process to its end, in milliseconds. The ratio is \
         the median of the ratios to the plain executable of the same round. Page faults are those \
         of the whole run, from `perf stat`. Every file was written in one go, and is in memory.\n",
        output_of("date", &["+%F"])?,
        output_of("go", &["version"])?,
        output_of("uname", &["-srm"])?,
    );
    for (name, source, arguments) in PROGRAMS {
        writeln!(
            text,
            "\n## {name}\n\n| variant | bytes | median | least | to executable | page faults |\n\
             |---|---|---|---|---|---|"
        )?;
        let mut started = Vec::new();
        for (variant, flags, options) in VARIANTS {
            let file = folder.join(variant.replace([' ', '\'', ','], "-"));
            let made = make(&workplace, &handpie, source, flags, options, &file);
            match made {
                Ok(()) => started.push(Started::new(variant, &file, arguments)?),
                Err(error) => println!("left out: {variant} of {name}: {error:#}"),
            }
        }
        for _ in 0..ROUNDS {
            for one in &mut started {
                one.once()?;
            }
        }
        let plain = started
            .first()
            .map(|one| one.times.clone())
            .unwrap_or_default();
        for one in &started {
            text += &one.row(&plain)?;
        }
        println!("measured {name}");
    }
    results::write("start-up", &text)
}

struct Started {
    variant: &'static str,
    file: PathBuf,
    tool: Tool,
    arguments: &'static [&'static str],
    times: Vec<f64>,
}

impl Started {
    fn new(
        variant: &'static str,
        file: &Path,
        arguments: &'static [&'static str],
    ) -> anyhow::Result<Self> {
        let goroot = output_of("go", &["env", "GOROOT"])?;
        let tool = Tool::new(file).args(arguments).env("GOROOT", goroot);
        tool.run()?;
        Ok(Self {
            variant,
            file: file.to_owned(),
            tool,
            arguments,
            times: Vec::new(),
        })
    }

    fn once(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        self.tool.run()?;
        self.times.push(start.elapsed().as_secs_f64() * 1000.0);
        Ok(())
    }

    fn row(&self, plain: &[f64]) -> anyhow::Result<String> {
        let ratios = self
            .times
            .iter()
            .zip(plain)
            .map(|(ours, plain)| ours / plain);
        let least = self.times.iter().copied().fold(f64::INFINITY, f64::min);
        let faults = match page_faults(&self.file, self.arguments)? {
            Some(faults) => faults.to_string(),
            None => "?".to_owned(),
        };
        Ok(format!(
            "| {} | {} | {:.2} | {least:.2} | {:.3} | {faults} |\n",
            self.variant,
            fs::metadata(&self.file)?.len(),
            median(self.times.clone()),
            median(ratios.collect()),
        ))
    }
}

fn make(
    workplace: &Workplace,
    handpie: &Path,
    source: Source,
    flags: &[&str],
    options: Option<&[&str]>,
    output: &Path,
) -> anyhow::Result<()> {
    if flags.iter().any(|flag| flag.contains(MUSL)) && !Path::new(MUSL).exists() {
        anyhow::bail!("it needs {MUSL}");
    }
    let external = flags.iter().any(|flag| flag.contains("external"));
    if external && !is_in_path("gcc") {
        anyhow::bail!("it needs gcc");
    }
    let package = match source {
        Source::Package(package) => package.to_owned(),
        Source::Table(count) => table(count, output)?,
    };
    workplace
        .tool("go")
        .args(["build", "-trimpath", "-o"])
        .arg(output)
        .args(flags)
        .arg(package)
        .env("CGO_ENABLED", if external { "1" } else { "0" })
        .dir(root().join("examples/hello"))
        .run()?;
    if let Some(options) = options {
        let convert = Tool::new(handpie).args(["convert", "--in-place"]);
        convert.args(options).arg(output).run()?;
    }
    samples::rewrite(output)?;
    Ok(())
}

/// Writes the program and returns its file.
fn table(count: usize, output: &Path) -> anyhow::Result<String> {
    let folder = output.parent().context("no folder")?;
    let file = folder.join(format!("table{count}.go"));
    let mut source = String::from("package main\n\nvar target [16]int\n\nvar table = [...]*int{\n");
    for index in 0..count.max(1) {
        writeln!(source, "&target[{}],", index % 16)?;
    }
    source += "}\n\nfunc main() {\n\tif table[len(table)-1] != &target[(len(table)-1)%16] {\n\
               \t\tpanic(\"not relocated\")\n\t}\n}\n";
    fs::write(&file, source)?;
    Ok(file.display().to_string())
}

/// Page faults of a whole run; `None` without `perf`.
pub(crate) fn page_faults(file: &Path, arguments: &[&str]) -> anyhow::Result<Option<u64>> {
    if !is_in_path("perf") {
        return Ok(None);
    }
    let perf = Tool::new("perf").args(["stat", "-x,", "-r", "5", "-e", "page-faults"]);
    let goroot = output_of("go", &["env", "GOROOT"])?;
    let said = perf
        .arg(file)
        .args(arguments)
        .env("GOROOT", goroot)
        .output()?;
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    let line = said.lines().find(|line| line.contains("page-faults"));
    let number = line.and_then(|line| line.split(',').next()?.parse::<f64>().ok());
    Ok(number.map(|number| number.round() as u64))
}
