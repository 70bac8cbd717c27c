//! What handpie costs, beside its peers, and what becomes of programs that nobody here wrote:
//! `cargo xtask bench help` lists the measurements.
//!
//! Each writes a file of `bench/results`, whose head line says by which command, of which commit and
//! where it was made. None of them gates a test.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program for the terminal and it has no other output"
)]

mod size_and_speed;
mod check_speed;
mod survey_speed;
mod link_speed;
mod cost;
mod start_up;
mod vuln_differential;
mod osv_differential;
mod boot;
mod real_programs;
mod go_suites;

mod results;
mod timing;
mod readelf;
mod samples;

use std::fmt::Write as _;
use std::process::ExitCode;

struct Measurement {
    name: &'static str,
    args: &'static str,
    help: &'static str,
    run: fn(&[String]) -> anyhow::Result<()>,
}

const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        name: "size-and-speed",
        args: "",
        help: "programs and conversions beside what Go and cp make of them",
        run: size_and_speed::run,
    },
    Measurement {
        name: "check-speed",
        args: "",
        help: "`handpie check` beside checksec.rs",
        run: check_speed::run,
    },
    Measurement {
        name: "survey-speed",
        args: "",
        help: "the survey of objects and archives",
        run: survey_speed::run,
    },
    Measurement {
        name: "link-speed",
        args: "",
        help: "`handpie link` and `handpie cc` beside linkers and gcc",
        run: link_speed::run,
    },
    Measurement {
        name: "cost",
        args: "[--rust]",
        help: "static-PIE beside other kinds of programs (of Rust)",
        run: cost::run,
    },
    Measurement {
        name: "start-up",
        args: "",
        help: "what starting costs, linked and loaded in every way",
        run: start_up::run,
    },
    Measurement {
        name: "vuln-differential",
        args: "[VULNDB.ZIP] [HANDPIE]",
        help: "`handpie vuln` beside govulncheck, on many binaries",
        run: vuln_differential::run,
    },
    Measurement {
        name: "osv-differential",
        args: "[HANDPIE]",
        help: "`handpie vuln` beside the reference evaluation of the OSV schema",
        run: osv_differential::run,
    },
    Measurement {
        name: "boot",
        args: "",
        help: "converted programs of other CPUs under real kernels, in emulated machines",
        run: boot::run,
    },
    Measurement {
        name: "real-programs",
        args: "",
        help: "large programs from the module proxy: built, started, asked and proven",
        run: real_programs::run,
    },
    Measurement {
        name: "go-suites",
        args: "[--short] [--cpu GOARCH] [--packages A,B]",
        help: "Go's own tests, plain and converted",
        run: go_suites::run,
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
    let Some(measurement) = MEASUREMENTS.iter().find(|one| one.name == name) else {
        eprint!("error: no measurement `{name}`\n\n{}", usage());
        return ExitCode::from(2);
    };
    xtask::exit_code((measurement.run)(args))
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask bench MEASUREMENT\n\n");
    for Measurement {
        name, args, help, ..
    } in MEASUREMENTS
    {
        _ = writeln!(text, "  {:38} {help}", format!("{name} {args}"));
    }
    text
}
