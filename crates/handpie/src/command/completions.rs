//! `handpie completions SHELL`: completions from the declaration of the command line.

use clap::CommandFactory;

use crate::args::Args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Reporter;

/// Print shell completions
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie completions bash > /etc/bash_completion.d/handpie
  handpie completions fish > ~/.config/fish/completions/handpie.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(crate) fn run(args: &Completions, reporter: &Reporter) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "handpie", &mut text);
    reporter.script(&String::from_utf8_lossy(&text))
}
