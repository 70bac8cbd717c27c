//! handpie makes, proves and looks after static-PIE release binaries.
//!
//! This crate is the program: words, formats and exit codes. What it does is in the libraries; how
//! they are joined is in `conversion.rs` and `linking.rs`.

mod args;
mod personality;
mod command;
mod conversion;
mod linking;
mod promise;
mod go_failure;
mod build_notes;
mod input;
mod binaries;
mod examination;
mod objects;
mod compilation_log;
mod advisories;
mod vex;
mod versions;
mod paths;
mod policy;
mod nearest;
mod today;
mod atomic_file;
mod pages;
mod failure;
mod hardening;
mod report;
mod exit;

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = personality::run(&words) {
        return code;
    }
    let args = match args::parse(&words) {
        Ok(args) => args,
        Err(error) => return report::usage(&error),
    };
    let reporter = report::Reporter::new(&args.output, args.command.format());
    let exit = match command::run(&args.command, &reporter) {
        Ok(exit) => exit,
        Err(failure) => reporter.failure(&failure),
    };
    exit.into()
}
