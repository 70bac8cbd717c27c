//! `cargo xtask TASK`: says what a long task will do before anything else happens, then has cargo
//! build and run the program that does it.
//!
//! It depends on nothing, so it is compiled in a second: in a fresh clone the programs behind it take
//! many times that, and nobody should wait for the first line. That is also why it starts cargo by
//! itself, where everything else goes through `handpie_toolchain::command`. Each task compiles only
//! the program that it is in: the demo needs neither the measurements nor the corpus.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program for the terminal and it has no other output"
)]

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

struct Task {
    name: &'static str,
    args: &'static str,
    help: &'static str,
    program: Program,
    /// What is said first of a task that takes minutes.
    announcement: Option<&'static str>,
}

/// What does a task.
enum Program {
    /// The program of a package.
    Of(&'static str),
    /// The program of a package, which is told the name of the task.
    Named(&'static str),
    /// `xtask`, which is told the name of the task.
    Xtask,
    /// `xtask` with a handpie beside it, both of the profile `quick`, compiled in one go: what they
    /// have in common is compiled once.
    XtaskWithHandpie,
}

const TASKS: [Task; 7] = [
    Task {
        name: "demo",
        args: "",
        help: "set up what is missing, then build, convert, prove and ask a Go service",
        program: Program::XtaskWithHandpie,
        announcement: Some(
            "demo: compiles handpie, then builds a Go service with it, proves and runs it, and \
             explains each step.\nThe first time takes two to four minutes on two cores, nearly \
             all of it compiling; afterwards a few seconds.",
        ),
    },
    Task {
        name: "test",
        args: "",
        help: "set up what the tests need, then run all of them and every check",
        program: Program::Xtask,
        announcement: None,
    },
    Task {
        name: "setup",
        args: "[--all] [--system]",
        help: "get Go where there is none; --all: every Go that tests use; --system: apt packages",
        program: Program::Xtask,
        announcement: None,
    },
    Task {
        name: "stubs",
        args: "[--check]",
        help: "assemble the start-up stubs into Rust; --check: compare instead",
        program: Program::Xtask,
        announcement: None,
    },
    Task {
        name: "bench",
        args: "MEASUREMENT",
        help: "measure, into bench/results; `cargo xtask bench help` lists what",
        program: Program::Of("handpie-bench"),
        announcement: None,
    },
    Task {
        name: "corpus",
        args: "[--quick] [--judges]",
        help: "build binaries of which the truth is known; --quick: not for rare systems; --judges: ask \
               other checkers about them",
        program: Program::Named("handpie-corpus"),
        announcement: None,
    },
    Task {
        name: "world",
        args: "[--subset] [--pin]",
        help: "compare `handpie check` with independent judges on thousands of files from registries; \
               --subset: the few that CI fetches; --pin: what is served today",
        program: Program::Named("handpie-corpus"),
        announcement: None,
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
    if let Some(announcement) = task.announcement {
        println!("{announcement}");
        // Whoever reads through a pipe is to read it now.
        _ = io::stdout().flush();
    }
    match run(task, args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Comes back only if the task was not started: this process becomes the one that does it.
fn run(task: &Task, args: &[String]) -> io::Result<ExitCode> {
    let mut program = match task.program {
        Program::Of(package) => cargo(&["run", "--quiet", "--package", package, "--"]),
        Program::Named(package) => {
            cargo(&["run", "--quiet", "--package", package, "--", task.name])
        }
        Program::Xtask => cargo(&["run", "--quiet", "--package", "xtask", "--", task.name]),
        Program::XtaskWithHandpie => {
            // The linker that is part of handpie takes longer to compile than all the rest.
            let mut build = cargo(&["build", "--profile", "quick", "--no-default-features"]);
            let status = build
                .args(["--package", "xtask", "--package", "handpie"])
                .status()?;
            if !status.success() {
                return Ok(ExitCode::FAILURE);
            }
            let mut xtask = command(quick_folder()?.join("xtask"));
            xtask.arg(task.name);
            xtask
        }
    };
    Err(program.args(args).exec())
}

/// Where cargo puts programs of the profile `quick`: beside the folder that this one is in.
fn quick_folder() -> io::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here.parent().map(|folder| folder.with_file_name("quick"));
    folder.ok_or_else(|| io::Error::other("this program is in no folder of cargo"))
}

fn cargo(args: &[&str]) -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(args);
    cargo
}

#[expect(
    clippy::disallowed_methods,
    reason = "handpie_toolchain::command has dependencies, and compiling them takes a minute"
)]
fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask TASK\n\n");
    for Task {
        name, args, help, ..
    } in TASKS
    {
        _ = writeln!(text, "  {:28} {help}", format!("{name} {args}"));
    }
    text
}
