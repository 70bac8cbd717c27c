//! What people and CI do with this repository, as one program that needs only cargo.
//!
//! Nothing is configured outside it: `.ci/run` calls it, and so does everyone at a keyboard.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program for the terminal and it has no other output"
)]

mod setup;
mod go_module;
mod govulncheck_cases;
mod old_go;
mod sarif_schema;
mod start_up;
mod demo;
mod test;
mod stubs;
mod bench;
mod check_speed;
mod survey_speed;
mod samples;
mod link_speed;
mod cost;
mod vuln_differential;
mod boot;
mod real_programs;
mod relro_objects;
mod go_suites;
mod corpus;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

struct Task {
    name: &'static str,
    args: &'static str,
    help: &'static str,
    run: fn(&[String]) -> anyhow::Result<()>,
}

const TASKS: &[Task] = &[
    Task {
        name: "demo",
        args: "",
        help: "set up what is missing, then build, convert, prove and ask a Go service",
        run: demo::run,
    },
    Task {
        name: "test",
        args: "",
        help: "set up what the tests need, then run all of them and every check",
        run: test::run,
    },
    Task {
        name: "setup",
        args: "[--all] [--system]",
        help: "get Go where there is none; --all: every Go that tests use; --system: apt packages",
        run: setup::run,
    },
    Task {
        name: "stubs",
        args: "[--check]",
        help: "assemble the start-up stubs into Rust; --check: compare instead",
        run: stubs::run,
    },
    Task {
        name: "bench",
        args: "",
        help: "measure size and speed side by side, into bench/results",
        run: bench::run,
    },
    Task {
        name: "check-speed",
        args: "",
        help: "measure `handpie check` beside checksec.rs, into bench/results",
        run: check_speed::run,
    },
    Task {
        name: "survey-speed",
        args: "",
        help: "measure the survey of objects and archives, into bench/results",
        run: survey_speed::run,
    },
    Task {
        name: "link-speed",
        args: "",
        help: "measure `handpie link` and `handpie cc` beside linkers and gcc, into bench/results",
        run: link_speed::run,
    },
    Task {
        name: "cost",
        args: "[--rust]",
        help: "measure static-PIE beside other kinds of programs (of Rust), into bench/results",
        run: cost::run,
    },
    Task {
        name: "vuln-differential",
        args: "[VULNDB.ZIP] [HANDPIE]",
        help: "`handpie vuln` beside govulncheck, on many binaries, into bench/results",
        run: vuln_differential::run,
    },
    Task {
        name: "start-up",
        args: "",
        help: "measure what starting costs, linked and loaded in every way, into bench/results",
        run: start_up::run,
    },
    Task {
        name: "boot",
        args: "",
        help: "start converted programs of other CPUs under real kernels, in emulated machines",
        run: boot::run,
    },
    Task {
        name: "real-programs",
        args: "",
        help: "build, start, ask and prove large programs from the module proxy",
        run: real_programs::run,
    },
    Task {
        name: "go-suites",
        args: "[--short] [--cpu GOARCH] [--packages A,B]",
        help: "Go's own tests, plain and converted; the comparison goes into bench/results",
        run: go_suites::run,
    },
    Task {
        name: "corpus",
        args: "[--quick] [--judges]",
        help: "build binaries of which the truth is known; --quick: not for rare systems; --judges: ask \
               other checkers about them",
        run: corpus::run,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, args)) = args.split_first() else {
        eprint!("{}", usage());
        return ExitCode::from(2);
    };
    if ["help", "-h", "--help"].contains(&name.as_str()) {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        eprint!("error: no task `{name}`\n\n{}", usage());
        return ExitCode::from(2);
    };
    match (task.run)(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Said>() => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask TASK\n\n");
    for Task {
        name, args, help, ..
    } in TASKS
    {
        _ = writeln!(text, "  {:38} {help}", format!("{name} {args}"));
    }
    text
}

/// A failure that the task has already reported.
#[derive(Debug)]
struct Said;

impl std::error::Error for Said {}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed, as said above")
    }
}

/// The folder of the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Flags that a task knows; anything else is an error.
fn flags<const N: usize>(args: &[String], known: [&str; N]) -> anyhow::Result<[bool; N]> {
    if let Some(unknown) = args.iter().find(|arg| !known.contains(&arg.as_str())) {
        anyhow::bail!("unexpected argument `{unknown}`\n\n{}", usage());
    }
    Ok(known.map(|flag| args.iter().any(|arg| arg == flag)))
}
