//! Runs every test and every check, and counts what was not tested.
//!
//! A test that lacks a tool says `SKIPPED: <what> needs <tool>` on stderr and ends; with
//! `HANDPIE_REQUIRE=all` it panics instead. This file counts the lines. So that they can be counted,
//! the tests run with `--show-output`; what passing tests say besides is not passed on.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::ExitStatus;
use std::sync::mpsc;

use anyhow::{Context, bail};
use handpie_toolchain::command::{Stream, Tool};
use xtask::system_tools::{find_in_path, is_excused, is_in_path, missing_tools};
use xtask::workplace::{Workplace, cargo};
use xtask::{ReportedFailure, flags, root};

use crate::stubs;

/// `cargo xtask test`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    flags(args, [])?;
    let strict = std::env::var_os("HANDPIE_REQUIRE").is_some_and(|value| value == "all");
    let mut absent = 0;
    for tool in missing_tools() {
        println!(
            "`{}` is not here, so this is not tested: {}",
            tool.command, tool.purpose
        );
        absent += 1;
    }
    if strict && absent > 0 {
        bail!("HANDPIE_REQUIRE=all, and {absent} tools are missing; see `cargo xtask setup`");
    }
    let workplace = Workplace::prepare()?;

    // Quick ones first; all of them even if one fails, so that one run shows everything.
    let mut failed = Vec::new();
    let mut step = |name: &'static str, tool: Tool| {
        println!("\n== {name}");
        let outcome = tool.stdout(Stream::Inherit).stderr(Stream::Inherit).run();
        if let Err(error) = outcome {
            println!("{error}");
            failed.push(name);
        }
    };
    let cargo = |args: &str| workplace.tool(cargo()).args(args.split(' '));
    step("formatted", cargo("fmt --all -- --check"));
    step(
        "no warning",
        cargo("clippy --workspace --all-targets --quiet -- -D warnings"),
    );
    step(
        "documentation",
        cargo("doc --workspace --no-deps --quiet").env("RUSTDOCFLAGS", "-D warnings"),
    );
    let mut skips = Vec::new();
    if is_in_path(stubs::ASSEMBLER) {
        let xtask = workplace.tool(std::env::current_exe()?);
        step(
            "start-up stubs are what their sources say",
            xtask.args(["stubs", "--check"]),
        );
    } else {
        skips.push("SKIPPED: comparing the start-up stubs with their sources needs clang-19");
    }
    if let Some(deny) = find_in_path("cargo-deny") {
        // Not the advisories: whether a crate has one changes without a change of ours.
        let check = ["check", "bans", "licenses", "sources"];
        step("dependencies", workplace.tool(deny).args(check));
    } else {
        skips.push("SKIPPED: judging dependencies needs cargo-deny");
    }
    for example in ["hello", "service"] {
        let go = |args: &str| {
            let folder = root().join("examples").join(example);
            workplace.tool("go").args(args.split(' ')).dir(folder)
        };
        step("example in Go: vet", go("vet ./..."));
        step("example in Go: test", go("test ./..."));
    }

    println!("\n== tests");
    let tests = cargo("test --workspace --no-fail-fast -- --show-output");
    let (status, mut tally) = run_tests(&tests)?;
    for skip in skips {
        tally.skips.insert(skip.to_owned(), 1);
    }
    if !status.success() {
        failed.push("tests");
    }

    println!("\n== summary");
    for (line, times) in &tally.skips {
        println!(
            "{line}{}",
            if *times > 1 {
                format!(" ({times} times)")
            } else {
                String::new()
            }
        );
    }
    let skips: usize = tally.skips.values().sum();
    if skips > 0 {
        println!(
            "{skips} skipped for want of a tool; HANDPIE_REQUIRE=all excuses only tools without a Debian package"
        );
        if strict && tally.skips.keys().any(|skip| !is_excused(skip)) {
            failed.push("a test skipped although HANDPIE_REQUIRE=all");
        }
    }
    for name in &failed {
        println!("failed: {name}");
    }
    let word = if failed.is_empty() { "ok" } else { "FAILED" };
    let Tally {
        passed,
        failed: failures,
        ignored,
        ..
    } = tally;
    println!("test result: {word}. {passed} passed; {failures} failed; {ignored} ignored");
    if failed.is_empty() {
        return Ok(());
    }
    // The summary has said it; the last line stays the result.
    Err(ReportedFailure.into())
}

/// What a run of cargo's tests came to.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
    /// Each different `SKIPPED:` line, and how often it was said.
    skips: BTreeMap<String, usize>,
    /// Between the heading over the output of passing tests and the result.
    in_output_of_passed: bool,
}

impl Tally {
    /// Takes a line of output into account; says whether it is for the reader too.
    fn count(&mut self, line: &str) -> bool {
        if let Some(at) = line.find("SKIPPED: ") {
            *self.skips.entry(line[at..].to_owned()).or_default() += 1;
            return false;
        }
        if line == "successes:" {
            self.in_output_of_passed = true;
        }
        if line == "failures:" || line.starts_with("test result: ") {
            self.in_output_of_passed = false;
        }
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += number_before(result, " passed");
            self.failed += number_before(result, " failed");
            self.ignored += number_before(result, " ignored");
        }
        !self.in_output_of_passed
    }
}

/// The 12 of `ok. 12 passed; 0 failed` before ` passed`.
fn number_before(text: &str, word: &str) -> usize {
    let before = text.split(word).next().unwrap_or_default();
    let digits = before.rsplit(' ').next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

/// Runs cargo's tests, shows their output as it comes, and counts.
fn run_tests(tests: &Tool) -> anyhow::Result<(ExitStatus, Tally)> {
    let mut child = tests.spawn()?;
    let (sender, lines) = mpsc::channel();
    let streams: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|stream| Box::new(stream) as _),
        child.stderr.take().map(|stream| Box::new(stream) as _),
    ];
    for stream in streams.into_iter().flatten() {
        let sender = sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                // Nobody listens any more only when we are about to end.
                _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
    }
    drop(sender);
    let mut tally = Tally::default();
    for line in lines {
        if tally.count(&line) {
            println!("{line}");
        }
    }
    let status = child.wait().context("wait for cargo test")?;
    Ok((status, tally))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_results_and_skips_and_hides_what_passing_tests_say() {
        let output = "\
running 2 tests
test a ... ok
test b ... ok

successes:

---- a stdout ----
SKIPPED: a needs gdb
chatter

successes:
    a
    b

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
SKIPPED: a needs gdb
test result: FAILED. 10 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out";
        let mut tally = Tally::default();
        let shown: Vec<&str> = output.lines().filter(|line| tally.count(line)).collect();
        assert_eq!((tally.passed, tally.failed, tally.ignored), (12, 3, 1));
        assert_eq!(tally.skips.get("SKIPPED: a needs gdb"), Some(&2));
        assert!(!shown.contains(&"chatter"), "{shown:?}");
        assert_eq!(shown.len(), 6, "{shown:?}");
    }
}
