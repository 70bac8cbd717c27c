//! One file per command: its arguments, and what it does with them.

pub(crate) mod build;
pub(crate) mod convert;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod vuln;
pub(crate) mod govulncheck;
pub(crate) mod facts;
pub(crate) mod db;
pub(crate) mod prove;
pub(crate) mod env;
pub(crate) mod doctor;
pub(crate) mod toolexec;
pub(crate) mod extld;
pub(crate) mod link;
pub(crate) mod ld;
pub(crate) mod cc;
pub(crate) mod integrate;
pub(crate) mod explain;
pub(crate) mod completions;
pub(crate) mod man;

use crate::args::{Command, Format};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Reporter;

pub(crate) fn run(command: &Command, reporter: &Reporter) -> Result<Exit, Failure> {
    refuse_foreign_format(command, reporter.format)?;
    match command {
        Command::Build(args) => build::run(args, reporter),
        Command::Convert(args) => convert::run(args, reporter),
        Command::Link(args) => link::run(args, reporter),
        Command::Check(args) => check::run(args, reporter),
        Command::Diff(args) => diff::run(args, reporter),
        Command::Vuln(args) => vuln::run(args, reporter),
        Command::Facts(args) => facts::run(args, reporter),
        Command::Db(args) => db::run(args, reporter),
        Command::Prove(args) => prove::run(args, reporter),
        Command::Env(args) => env::run(args, reporter),
        Command::Doctor(args) => doctor::run(args, reporter),
        Command::Integrate(args) => integrate::run(args, reporter),
        Command::Explain(args) => explain::run(args, reporter),
        Command::Completions(args) => completions::run(args, reporter),
        Command::Man(args) => man::run(args, reporter),
    }
}

/// Findings have formats of their own, which cannot hold what other commands say.
fn refuse_foreign_format(command: &Command, format: Format) -> Result<(), Failure> {
    let is_judged_by_check = matches!(command, Command::Check(check) if check.judges());
    let is_triaged = matches!(command, Command::Vuln(_));
    let knows_it = match format {
        Format::Text | Format::Json => true,
        Format::Sarif => is_judged_by_check || is_triaged,
        Format::Junit | Format::Github => is_judged_by_check,
        Format::OpenVex | Format::CycloneDx => is_triaged,
    };
    if knows_it {
        return Ok(());
    }
    let whose = match format {
        Format::OpenVex | Format::CycloneDx => "supported by `handpie vuln`",
        Format::Sarif => "supported by `handpie check` and `handpie vuln`",
        _ => "supported by `handpie check`",
    };
    let message = format!("`--format {}` is {whose} only", format.name());
    Err(Failure::new(Exit::Usage, message).hint("all other commands support `text` and `json`"))
}
