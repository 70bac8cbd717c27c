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

use std::ffi::OsString;

use crate::args::Command;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Reporter;

pub(crate) fn run(command: &Command, reporter: &Reporter) -> Result<Exit, Failure> {
    match command {
        Command::Build(args) => build::run(args, reporter),
        Command::Convert(args) => convert::run(args, reporter),
        Command::Link(args) => link::run(args, reporter),
        Command::Cc(args) => explain("cc", &args.words, reporter),
        Command::Cpp(args) => explain("c++", &args.words, reporter),
        Command::Ld(args) => explain("ld", &args.words, reporter),
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

/// A command with words of another program, which is run before ours are read; see `personality.rs`.
fn explain(name: &str, words: &[OsString], reporter: &Reporter) -> Result<Exit, Failure> {
    match words.first() {
        None => reporter.help(name),
        Some(word) if word == "--help" => reporter.help(name),
        Some(_) => {
            let message = format!("nothing stands between `handpie` and `{name}`");
            Err(Failure::new(Exit::Usage, message))
        }
    }
}
