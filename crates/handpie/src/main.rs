//! handpie makes, proves and looks after static-PIE release binaries.
//!
//! This crate is the program: words, formats and exit codes. What it does is in the libraries; how
//! they are joined is in `conversion.rs` and `linking.rs`.

mod args;
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
mod evidence;
mod advisories;
mod vex;
mod paths;
mod policy;
mod nearest;
mod today;
mod atomic_file;
mod pages;
mod failure;
mod hardening;
mod cpu;
mod report;
mod exit;

use std::process::ExitCode;

use clap::Parser;
use handpie_toolchain::link::embedded;

fn main() -> ExitCode {
    // Go starts us for each package that it compiles; that path must not pay for the rest.
    if let Some(code) = command::toolexec::run_if_asked(std::env::args_os()) {
        return code;
    }
    // Go's linker starts us for some CPUs; it expects the manners of a C compiler.
    if let Some(code) = command::extld::run_if_asked(std::env::args_os()) {
        return code;
    }
    // Compilers start us as their linker, and `link` starts the linker that is built in.
    if let Some(code) = command::ld::run_if_asked(std::env::args_os()) {
        return code;
    }
    if let Some(code) = command::cc::run_if_asked(std::env::args_os()) {
        return code;
    }
    // Pipelines start us in the place of govulncheck.
    if let Some(code) = command::govulncheck::run_if_asked(std::env::args_os()) {
        return code;
    }
    if let Some(code) = embedded::run_if_asked(std::env::args_os()) {
        return code;
    }
    let args = args::Args::parse();
    let reporter = report::Reporter::new(&args.output);
    let exit = match command::run(&args.command, &reporter) {
        Ok(exit) => exit,
        Err(failure) => reporter.failure(&failure),
    };
    exit.into()
}
