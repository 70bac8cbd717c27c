//! `handpie convert`: one file in, one file out.

use std::path::PathBuf;

use handpie_pie::{Error, Outcome, Pieces};

use crate::args::ReportFormat;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hardening::Hardening;
use crate::input::{self, Input};
use crate::pipeline;
use crate::replace::{self, Replacement};
use crate::report::Reporter;
use crate::report::convert::{Answer, ConvertReport};

/// Turn a PIE that needs a dynamic loader into a static-PIE
///
/// FILE is a position-independent executable that needs the dynamic loader but no shared library,
/// which is what `go build -buildmode=pie` makes of pure Go. The result starts by itself: it
/// relocates itself, makes its RELRO pages read-only, and goes on with the program. Addresses,
/// symbols, debug information, notes and build ids stay as they are; the file gets smaller.
///
/// A file that cannot be converted is refused with every reason; `handpie explain CODE` says more.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie convert svc -o svc.static   write the result to another file
  handpie convert --in-place svc      replace the file, or leave it as it is
  handpie convert --dry-run svc       say what would be done")]
pub(crate) struct Convert {
    /// The program; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to write the result; - for standard output
    #[arg(short, long, value_name = "OUT", conflicts_with = "in_place")]
    #[arg(required_unless_present_any = ["in_place", "dry_run"])]
    output: Option<PathBuf>,
    /// Replace FILE by the result
    #[arg(long)]
    in_place: bool,
    #[command(flatten)]
    hardening: Hardening,
    /// Say what would be done and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub(crate) format: ReportFormat,
}

pub(crate) fn run(args: &Convert, reporter: &Reporter) -> Result<Exit, Failure> {
    let target = if args.in_place {
        Some(args.file.clone())
    } else {
        args.output.clone()
    };
    if args.in_place && input::is_stream(&args.file) {
        let failure = Failure::new(Exit::Usage, "standard input cannot be replaced");
        return Err(failure.hint("give -o OUT"));
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
