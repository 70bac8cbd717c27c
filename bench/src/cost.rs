//! `cargo xtask bench cost`: what a static-PIE costs, beside every other kind of program of the same source;
//! with `--rust`, what becomes of programs of crates.io. Written to `bench/results`; nothing here gates
//! a test.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use handpie_toolchain::command::Tool;
use xtask::workplace::{Workplace, cargo};
use xtask::{flags, output_of, root};

use crate::readelf::kind;
use crate::start_up::page_faults;
use crate::timing::median;
use crate::{results, samples};

/// How often each program is started.
const ROUNDS: usize = 200;
const MUSL: &str = "x86_64-unknown-linux-musl";
const GNU: &str = "x86_64-unknown-linux-gnu";

/// Programs of crates.io: the crate, its version, the program, and what it is asked to do.
const RUST: [(&str, &str, &str, &[&str]); 2] = [
    (
        "ripgrep",
        "15.2.0",
        "rg",
        &["--sort=path", "-c", "fn ", "crates"],
    ),
    (
        "fd-find",
        "10.5.0",
        "fd",
        &["--threads=1", ".rs$", "crates"],
    ),
];

/// `cargo xtask bench cost`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let [rust] = flags(args, ["--rust"])?;
    let workplace = Workplace::prepare()?;
    let handpie = workplace.build_handpie()?;
    let folder = root().join("target/bench/cost");
    fs::create_dir_all(&folder)?;
    let mut text = format!(
        "# What a static-PIE costs\n\n\
         Made by `cargo xtask bench cost{}` on {}, gcc {}, {}, {}. Each program is started {ROUNDS} times, in turn \
         with the others of its table; from spawning the process to its end, in milliseconds. The \
         ratio is the median of the ratios to the first row in the same round. Page faults are those \
         of a whole run, from `perf stat`. Programs are stripped of debug information, not of symbols. \
         Every file was written in one go, and is in memory.\n",
        if rust { " --rust" } else { "" },
        output_of("date", &["+%F"])?,
        output_of("gcc", &["-dumpfullversion"])?,
        output_of("go", &["version"])?,
        output_of("uname", &["-srm"])?,
    );
    match rust {
        true => text += &rust_tables(&handpie, &folder)?,
        false => text += &other_tables(&workplace, &handpie, &folder)?,
    }
    results::write(if rust { "rust-programs" } else { "cost" }, &text)
}

fn other_tables(workplace: &Workplace, handpie: &Path, folder: &Path) -> anyhow::Result<String> {
    let hello = folder.join("hello.c");
    fs::write(
        &hello,
        "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n",
    )?;
    let sqlite = samples::sqlite(workplace)?;
    let sqlite = ["main.c", "sqlite3-binding.c"].map(|name| sqlite.join(name));
    let empty = folder.join("empty.go");
    fs::write(&empty, "package empty\n")?;
    let arguments = ["-l", &empty.display().to_string()];
    let mut text = table(
        "hello in C",
        c_programs(handpie, folder, "hello", &[hello])?,
        &[],
    )?;
    text += &table(
        "cmd/gofmt",
        go_programs(workplace, handpie, folder)?,
        &arguments,
    )?;
    text += &table(
        "sqlite",
        c_programs(handpie, folder, "sqlite", &sqlite)?,
        &[],
    )?;
    Ok(text)
}

fn rust_tables(handpie: &Path, folder: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    for (name, version, program, work) in RUST {
        let made = rust_programs(handpie, folder, name, version, program)?;
        let title = format!("{name} {version}");
        text += &table(&title, made.clone(), &["--version"])?;
        text += &same_output(&made, &samples::rust_program(name, version)?, work)?;
    }
    Ok(text)
}

/// A program: how it was made, and where it is.
type Made = (String, PathBuf);

fn c_programs(
    handpie: &Path,
    folder: &Path,
    name: &str,
    sources: &[PathBuf],
) -> anyhow::Result<Vec<Made>> {
    const LIBC: [&str; 2] = ["-lpthread", "-lm"];
    let ways: [(&str, &Path, &[&str]); 6] = [
        (
            "gcc -static -no-pie, glibc",
            Path::new("gcc"),
            &["-static", "-no-pie"],
        ),
        (
            "musl-gcc -static -no-pie",
            Path::new("musl-gcc"),
            &["-static", "-no-pie"],
        ),
        ("handpie cc, musl", handpie, &["cc"]),
        (
            "handpie cc --libc glibc",
            handpie,
            &["cc", "--libc", "glibc"],
        ),
        ("gcc -pie", Path::new("gcc"), &["-pie", "-fPIE"]),
        (
            "handpie cc --profile host",
            handpie,
            &["cc", "--profile", "host"],
        ),
    ];
    let mut made = Vec::new();
    for (at, (way, program, words)) in ways.into_iter().enumerate() {
        let output = folder.join(format!("{name}-{at}"));
        let tool = Tool::new(program).args(words).arg("-O2").args(sources);
        tool.arg("-o")
            .arg(&output)
            .args(LIBC)
            .run()
            .with_context(|| way.to_owned())?;
        made.push((way.to_owned(), output));
    }
    Ok(made)
}

fn go_programs(workplace: &Workplace, handpie: &Path, folder: &Path) -> anyhow::Result<Vec<Made>> {
    let mut made = Vec::new();
    for (way, flags) in [
        ("go build", &["-ldflags=-w"][..]),
        (
            "go build -buildmode=pie",
            &["-ldflags=-w", "-buildmode=pie"],
        ),
    ] {
        let output = folder.join(format!("gofmt-{}", made.len()));
        let build = workplace
            .tool("go")
            .args(["build", "-trimpath", "-o"])
            .arg(&output);
        let build = build.args(flags).arg("cmd/gofmt").env("CGO_ENABLED", "0");
        build.dir(root().join("examples/hello")).run()?;
        made.push((way.to_owned(), output));
    }
    let output = folder.join("gofmt-handpie");
    let build = workplace
        .tool(handpie)
        .args(["build", "--no-stamp", "-o"])
        .arg(&output);
    build
        .arg("cmd/gofmt")
        .dir(root().join("examples/hello"))
        .run()?;
    made.insert(1, ("handpie build".to_owned(), output));
    Ok(made)
}

fn rust_programs(
    handpie: &Path,
    folder: &Path,
    name: &str,
    version: &str,
    program: &str,
) -> anyhow::Result<Vec<Made>> {
    let source = samples::rust_program(name, version)?;
    let mut made = Vec::new();
    for (way, target, flags) in [
        (
            "musl, -C relocation-model=static",
            MUSL,
            "-C relocation-model=static",
        ),
        ("musl, as rustc links it", MUSL, ""),
        ("gnu, as rustc links it", GNU, ""),
    ] {
        let place = folder.join(format!("{name}-{}", made.len()));
        let build = Tool::new(cargo()).args(["build", "--release", "--target", target]);
        let build = build.arg("--target-dir").arg(&place).dir(&source);
        // The cc crate asks for a compiler of this name, where a crate has C in it.
        let build = build.env("CC_x86_64_unknown_linux_musl", "musl-gcc");
        build
            .env("RUSTFLAGS", flags)
            .run()
            .with_context(|| way.to_owned())?;
        made.push((
            way.to_owned(),
            place.join(target).join("release").join(program),
        ));
    }
    let place = folder.join(format!("{name}-handpie"));
    let build = Tool::new(handpie).arg("build").dir(&source);
    build.env("CARGO_TARGET_DIR", &place).run()?;
    let built = place.join(MUSL).join("release").join(program);
    made.insert(1, ("handpie build".to_owned(), built));
    Ok(made)
}

/// Size, kind, start and page faults of programs that do the same.
fn table(title: &str, made: Vec<Made>, arguments: &[&str]) -> anyhow::Result<String> {
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); made.len()];
    for (way, file) in &made {
        Tool::new("strip").arg("--strip-debug").arg(file).run()?;
        samples::rewrite(file)?;
        Tool::new(file)
            .args(arguments)
            .run()
            .with_context(|| way.clone())?;
    }
    for _ in 0..ROUNDS {
        for ((_, file), times) in made.iter().zip(&mut times) {
            let tool = Tool::new(file).args(arguments);
            let start = Instant::now();
            tool.run()?;
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let mut text = format!(
        "\n## {title}\n\n| how | what `readelf` sees | bytes | ms | ratio | page faults |\n\
         |---|---|---|---|---|---|\n"
    );
    let first = times.first().cloned().unwrap_or_default();
    for ((way, file), times) in made.iter().zip(times) {
        let ratios = times.iter().zip(&first).map(|(one, other)| one / other);
        let faults = page_faults(file, arguments)?;
        writeln!(
            text,
            "| {way} | {} | {} | {:.2} | {:.3} | {} |",
            kind(file)?,
            fs::metadata(file)?.len(),
            median(times.clone()),
            median(ratios.collect()),
            faults.map_or("?".to_owned(), |faults| faults.to_string()),
        )?;
    }
    println!("measured {title}");
    Ok(text)
}

/// That all of them say the same of the same work.
fn same_output(made: &[Made], source: &Path, work: &[&str]) -> anyhow::Result<String> {
    let folder = match source.join("crates").is_dir() {
        true => source.to_owned(),
        false => root(),
    };
    let mut said = Vec::new();
    for (_, file) in made {
        said.push(Tool::new(file).args(work).dir(&folder).run()?.stdout);
    }
    let first = said.first().context("no program")?;
    ensure!(!first.is_empty(), "`{}` finds nothing", work.join(" "));
    ensure!(
        said.iter().all(|one| one == first),
        "they say different things"
    );
    Ok(format!(
        "\n`{}` prints the same {} bytes with all of them.\n",
        work.join(" "),
        first.len()
    ))
}
