//! `handpie man DIR`: man pages from the declaration of the command line.

use std::path::PathBuf;

use clap::CommandFactory;

use crate::args::Args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Reporter;

/// Write man pages for handpie and each command
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie man ~/.local/share/man/man1
  man -l ~/.local/share/man/man1/handpie-convert.1")]
pub(crate) struct Man {
    /// The directory to write the man pages to
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(crate) fn run(args: &Man, reporter: &Reporter) -> Result<Exit, Failure> {
    let failed = |cause: std::io::Error| {
        let message = format!("failed to write man pages to `{}`", args.folder.display());
        Failure::new(Exit::Input, message).cause(cause)
    };
    std::fs::create_dir_all(&args.folder).map_err(failed)?;
    clap_mangen::generate_to(Args::command(), &args.folder).map_err(failed)?;
    reporter.lines([format!("wrote man pages to {}", args.folder.display())])
}
