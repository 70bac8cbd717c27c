//! Sets this repository up, shows what it makes and tests it: `cargo xtask help` lists the tasks.
//!
//! Nothing is configured outside it: `.ci/run` calls it, and so does everyone at a keyboard. It is
//! compiled and started by `launcher`, which also knows what each task is there for.

#![expect(
    clippy::print_stdout,
    reason = "this is a program for the terminal and it has no other output"
)]

mod demo;
mod test;
mod setup;
mod go_module;
mod govulncheck_cases;
mod old_go;
mod sarif_schema;
mod stubs;
mod relro_objects;

use std::process::ExitCode;

use anyhow::bail;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    xtask::exit_code(run(&args))
}

fn run(args: &[String]) -> anyhow::Result<()> {
    let (name, args) = match args.split_first() {
        Some((name, args)) => (name.as_str(), args),
        None => ("", args),
    };
    match name {
        "demo" => demo::run(args),
        "test" => test::run(args),
        "setup" => setup::run(args),
        "stubs" => stubs::run(args),
        _ => bail!("no task `{name}`; `cargo xtask help` lists them"),
    }
}
