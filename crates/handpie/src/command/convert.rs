//! `handpie convert`: one file in, one file out.

use std::path::PathBuf;

use handpie_pie::{Error, Outcome, Pieces};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::hardening::Hardening;
use crate::input::{self, Input};
use crate::pipeline;
use crate::replace::{self, Replacement};
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
  handpie convert svc -o svc.static      write the result to another file
  handpie convert --in-place svc         replace the file; it is unchanged on failure
  handpie convert --dry-run svc          print the planned changes")]
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
}

pub(crate) fn run(args: &Convert, reporter: &Reporter) -> Result<Exit, Failure> {
    let target = if args.in_place {
        Some(args.file.clone())
    } else {
        args.output.clone()
    };
    if args.in_place && input::is_stream(&args.file) {
        let failure = Failure::new(Exit::Usage, "standard input cannot be replaced");
        return Err(failure.hint("use -o OUT"));
    }
    let mut input = Input::open(&args.file)?;
    if let (Some(output), false) = (&args.output, args.dry_run) {
        replace::refuse_same_file(&input, output)?;
    }
    let (answer, result) =
        match input.look(|file| handpie_pie::convert_with(file, args.hardening.options()))? {
            Ok(Outcome::Converted(conversion)) => {
                let answer = Answer::converted(&conversion.plan, !args.dry_run);
                (answer, Some(conversion.pieces))
            }
            Ok(Outcome::AlreadyStaticPie { by_us }) => {
                // With -o, a pipeline gets its file whatever the input was.
                let copy = args.output.is_some().then(|| Pieces::copy(input.size()));
                (Answer::AlreadyStaticPie { by_handpie: by_us }, copy)
            }
            Err(Error::Refused(refusals)) => (Answer::refused(&refusals), None),
            Err(error) => return Err(pipeline::unconverted(&input.name, error)),
        };
    let exit = match answer {
        Answer::Refused { .. } => Exit::No,
        _ => Exit::Done,
    };
    if let (Some(pieces), Some(target), false) = (&result, &target, args.dry_run) {
        let keep = if args.in_place {
            Replacement::InPlace
        } else {
            Replacement::NewFile
        };
        replace::write(&input, target, pieces, keep)?;
        if input::is_stream(target) {
            // Standard output is taken by the program itself.
            return Ok(exit);
        }
    }
    let report = ConvertReport {
        file: input.name.clone(),
        output: target.map(|path| path.display().to_string()),
        answer,
    };
    reporter.print("convert", &report)?;
    Ok(exit)
}
