//! What can be typed. Nothing here touches a file; `command/<name>.rs` says what each means.

use clap::{Parser, Subcommand, ValueEnum};

use crate::command;

/// Builds, verifies and monitors static-PIE release binaries.
///
/// A static-PIE is a single file that needs neither a dynamic loader nor shared libraries, and that
/// the kernel loads at a random address. handpie builds one from any pure-Go program without a C
/// compiler, and proves the result by running it in an empty root directory.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, subcommand_required = true)]
#[command(
    after_help = "Exit status: 0 success; 1 the answer is no; 2 usage error; 3 failed to read \
                  input or write output; 4 a program that handpie started failed; 101 bug in \
                  handpie."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// What every command understands.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Output {
    /// Output format of results on standard output
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// When to use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t = clap::ColorChoice::Auto, value_name = "WHEN")]
    pub(crate) color: clap::ColorChoice,
    /// Print more details
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Readable text
    Text,
    /// JSON, described in docs/json.md
    Json,
    /// `check` and `vuln` only: SARIF 2.1.0, for code scanning
    Sarif,
    /// `check` only: JUnit XML, for CI servers
    Junit,
    /// `check` only: GitHub Actions annotations
    Github,
    /// `vuln` only: OpenVEX 0.2.0
    #[value(name = "openvex")]
    OpenVex,
    /// `vuln` only: CycloneDX 1.6 with an analysis of each vulnerability
    #[value(name = "cyclonedx")]
    CycloneDx,
}

impl Format {
    /// How it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::OpenVex => "openvex",
            Self::CycloneDx => "cyclonedx",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Build(command::build::Build),
    Convert(command::convert::Convert),
    Link(command::link::Link),
    Check(command::check::Check),
    Diff(command::diff::Diff),
    Vuln(command::vuln::Vuln),
    Facts(command::facts::Keep),
    Db(command::db::Db),
    Prove(command::prove::Prove),
    Env(command::env::Env),
    Doctor(command::doctor::Doctor),
    Integrate(command::integrate::Integrate),
    Explain(command::explain::Explain),
    Completions(command::completions::Completions),
    Man(command::man::Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
