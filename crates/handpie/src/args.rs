//! What can be typed. Nothing here touches a file; `command/<name>.rs` says what each means.

use std::ffi::OsString;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::command;
use crate::report;

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
    /// When to use colours; NO_COLOR is respected
    #[arg(long, global = true, value_enum, default_value_t = clap::ColorChoice::Auto, value_name = "WHEN")]
    pub(crate) color: clap::ColorChoice,
    /// Print more details
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// Every format there is. Which of them a command has is said by one of the types below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Readable text
    Text,
    /// JSON, described in docs/json.md
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, for CI servers
    Junit,
    /// GitHub Actions annotations
    Github,
    /// OpenVEX 0.2.0
    #[value(name = "openvex")]
    OpenVex,
    /// CycloneDX 1.6 with an analysis of each vulnerability
    #[value(name = "cyclonedx")]
    CycloneDx,
}

const REPORTS: &[Format] = &[Format::Text, Format::Json];
const RECORDS: &[Format] = &[Format::Json];
const FINDINGS: &[Format] = &[
    Format::Text,
    Format::Json,
    Format::Sarif,
    Format::Junit,
    Format::Github,
];
const ADVISORIES: &[Format] = &[
    Format::Text,
    Format::Json,
    Format::Sarif,
    Format::OpenVex,
    Format::CycloneDx,
];

/// The formats of most commands.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ReportFormat {
    /// How the result is printed on standard output
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    #[arg(value_parser = one_of(REPORTS))]
    format: Format,
}

/// The format of a record, which only programs read.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RecordFormat {
    /// How the record is printed on standard output
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    #[arg(value_parser = one_of(RECORDS))]
    format: Format,
}

/// The formats of findings.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FindingFormat {
    /// How findings are printed on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    #[arg(value_parser = one_of(FINDINGS))]
    pub(crate) format: Format,
}

/// The formats of advisories.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AdvisoryFormat {
    /// How advisories are printed on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    #[arg(value_parser = one_of(ADVISORIES))]
    format: Format,
}

fn one_of(formats: &'static [Format]) -> impl TypedValueParser<Value = Format> {
    let names = formats.iter().filter_map(ValueEnum::to_possible_value);
    PossibleValuesParser::new(names).try_map(|name| Format::from_str(&name, false))
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Build(command::build::Build),
    Convert(command::convert::Convert),
    Link(command::link::Link),
    Cc(command::cc::Cc),
    #[command(name = "c++")]
    Cpp(command::cc::Cc),
    Ld(command::ld::Ld),
    Check(command::check::Check),
    Diff(command::diff::Diff),
    Vuln(command::vuln::Vuln),
    Facts(command::facts::FactsArgs),
    Db(command::db::Db),
    Prove(command::prove::Prove),
    Env(command::env::Env),
    Doctor(command::doctor::Doctor),
    Integrate(command::integrate::Integrate),
    Explain(command::explain::Explain),
    Completions(command::completions::Completions),
    Man(command::man::Man),
}

impl Command {
    /// How its result is to be printed.
    pub(crate) fn format(&self) -> Format {
        match self {
            Self::Build(args) => args.format.format,
            Self::Convert(args) => args.format.format,
            Self::Link(args) => args.format.format,
            Self::Check(args) => args.format.format,
            Self::Diff(args) => args.format.format,
            Self::Vuln(args) => args.format.format,
            Self::Facts(args) => args.format.format,
            Self::Db(args) => args.format.format,
            Self::Prove(args) => args.format.format,
            Self::Env(args) => args.format.format,
            Self::Doctor(args) => args.format.format,
            Self::Cc(_) | Self::Cpp(_) | Self::Ld(_) => Format::Text,
            Self::Integrate(_) | Self::Explain(_) | Self::Completions(_) | Self::Man(_) => {
                Format::Text
            }
        }
    }
}

/// Reads the command line: the program's name, and what follows it.
pub(crate) fn parse(words: &[OsString]) -> Result<Args, clap::Error> {
    Args::try_parse_from(words).map_err(|error| shown(&error, words))
}

/// The same mistake, made with words that can be shown: clap repeats them as they are.
fn shown(error: &clap::Error, words: &[OsString]) -> clap::Error {
    let words = words.iter().map(|word| report::shown(word));
    match Args::try_parse_from(words) {
        Err(shown) if shown.kind() == error.kind() => shown,
        _ if error.kind() == ErrorKind::InvalidUtf8 => {
            Args::command().error(error.kind(), "a word of the command line is not UTF-8")
        }
        _ => Args::command().error(error.kind(), "a word of the command line is not understood"),
    }
}

/// The help of a command.
pub(crate) fn help(name: &str) -> clap::builder::StyledStr {
    let mut args = Args::command();
    args.build();
    match args.find_subcommand_mut(name) {
        Some(command) => command.render_long_help(),
        None => args.render_long_help(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    /// Every command, with those below it.
    fn commands() -> Vec<clap::Command> {
        let mut args = Args::command();
        args.build();
        let mut commands = vec![args];
        let mut next = 0;
        while let Some(command) = commands.get(next) {
            let below: Vec<clap::Command> = command.get_subcommands().cloned().collect();
            commands.extend(below);
            next += 1;
        }
        commands
    }

    /// clap breaks longer lines in the middle, and what was to be copied is no command any more.
    #[test]
    fn examples_fit_into_80_columns() {
        for command in commands() {
            for text in [command.get_after_help(), command.get_after_long_help()] {
                let text = text.map(ToString::to_string).unwrap_or_default();
                let long = text.lines().find(|line| line.chars().count() > 80);
                // What is prose is broken as prose.
                let long = long.filter(|line| !line.starts_with("Exit status:"));
                assert_eq!(long, None, "of {}", command.get_name());
            }
        }
    }

    #[test]
    fn a_command_lists_its_own_formats() {
        let formats = |name: &str| -> Vec<String> {
            let commands = commands();
            let command = commands.iter().find(|it| it.get_name() == name).unwrap();
            let mut args = command.get_arguments();
            let format = args.find(|arg| arg.get_id() == "format");
            let values = format
                .map(clap::Arg::get_possible_values)
                .unwrap_or_default();
            values.iter().map(|it| it.get_name().to_owned()).collect()
        };
        assert_eq!(formats("convert"), ["text", "json"]);
        assert_eq!(formats("update"), ["text", "json"]);
        assert_eq!(formats("facts"), ["json"]);
        assert_eq!(
            formats("check"),
            ["text", "json", "sarif", "junit", "github"]
        );
        let advisories = ["text", "json", "sarif", "openvex", "cyclonedx"];
        assert_eq!(formats("vuln"), advisories);
        assert!(formats("explain").is_empty() && formats("handpie").is_empty());
    }

    #[test]
    fn mistakes_are_shown_with_escaped_words() {
        for wrong in ["x\n::error::y", "a\x1b[2J\u{202e}", "##[error]"] {
            let words = ["handpie", "check", "--format", wrong].map(OsString::from);
            let message = parse(&words).unwrap_err().render().to_string();
            assert!(message.contains(&report::shown(&words[3])), "{message:?}");
            assert!(!message.contains(wrong), "{message:?}");
        }
    }
}
