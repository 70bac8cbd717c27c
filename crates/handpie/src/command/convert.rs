//! `handpie convert`: one file in, one file out.

use std::path::PathBuf;

use handpie_pie::Outcome;

use crate::args::ReportFormat;
use crate::atomic_file;
use crate::conversion::{self, Target};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hardening::Hardening;
use crate::input::{self, Input};
use crate::report::Reporter;
use crate::report::convert::{Answer, ConvertReport};

/// Convert a PIE that needs a dynamic loader into a static-PIE
///
/// FILE is a position-independent executable that needs the dynamic loader but no shared library,
/// such as `go build -buildmode=pie` writes for pure Go. The result starts without a loader: it
/// relocates itself, makes its RELRO pages read-only, and continues with the program. Addresses,
/// symbols, debug information, notes and build IDs are unchanged; the file becomes smaller.
///
/// If a file cannot be converted, all reasons are listed; `handpie explain CODE` describes each.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie convert svc -o svc.static   write the result to another file
  handpie convert --in-place svc      replace the file, or leave it as it is
  handpie convert --dry-run svc       print the planned changes")]
pub(crate) struct Convert {
    /// The program; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the result to this file; - for standard output
    #[arg(short, long, value_name = "OUT", conflicts_with = "in_place")]
    #[arg(required_unless_present_any = ["in_place", "dry_run"])]
    output: Option<PathBuf>,
    /// Replace FILE with the result
    #[arg(long)]
    in_place: bool,
    #[command(flatten)]
    hardening: Hardening,
    /// Print the planned changes without writing anything
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub(crate) format: ReportFormat,
}

pub(crate) fn run(args: &Convert, reporter: &Reporter) -> Result<Exit, Failure> {
    if args.in_place && input::is_stream(&args.file) {
        let failure = Failure::new(Exit::Usage, "standard input cannot be replaced");
        return Err(failure.hint("use -o OUT"));
    }
    let output = match args.in_place {
        true => Some(&args.file),
        false => args.output.as_ref(),
    };
    let target = match output {
        Some(_) if args.dry_run => Target::Nowhere,
        Some(_) if args.in_place => Target::Input,
        Some(output) => Target::File(output),
        None => Target::Nowhere,
    };
    let mut input = Input::open(&args.file)?;
    if let Target::File(output) = target {
        atomic_file::refuse_same_file(&input, output)?;
    }
    let outcome = conversion::convert(&mut input, target, args.hardening.options())?;
    let is_refused = matches!(outcome, Outcome::Refused(_));
    if let Target::File(output) = target
        && input::is_stream(output)
        && !is_refused
    {
        // Standard output is taken by the program itself.
        return Ok(Exit::Done);
    }
    let report = ConvertReport {
        file: input.name.clone(),
        output: output.map(|path| path.display().to_string()),
        answer: Answer::of(&outcome, !args.dry_run),
    };
    reporter.print("convert", &report)?;
    Ok(match is_refused {
        true => Exit::No,
        false => Exit::Done,
    })
}
