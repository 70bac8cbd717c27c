//! `ld`, as compilers start it: when this program is called `ld`, `ld.handpie` or `handpie-ld`.
//!
//! What is not a program (`-shared`, `-r`, `--version`) goes to the machine's own linker, so that a
//! whole build can be pointed here. `handpie cc` says in the environment which libc and which linker
//! to take.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use clap::ValueEnum;
use handpie_toolchain::command::{Stream, Tool};
use handpie_toolchain::link::sysroot::{Target, Wants};
use handpie_toolchain::link::{Kind, Words};

use super::link::{self, LibcChoice};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::linking::{self, Job};
use crate::report;

/// The names under which this program is a linker.
pub(crate) const NAMES: [&str; 3] = ["ld", "ld.handpie", "handpie-ld"];
/// The libc: `musl`, `glibc` or `given`.
pub(crate) const LIBC: &str = "HANDPIE_LIBC";
/// The linker: as for `handpie link --linker`.
pub(crate) const LINKER: &str = "HANDPIE_LINKER";
/// `1` when C++ is linked.
pub(crate) const CPP: &str = "HANDPIE_CPP";
/// The CPU, in gcc's or Go's words.
pub(crate) const TARGET: &str = "HANDPIE_TARGET";

/// Link as a static-PIE, with the arguments of `ld`
///
/// Accepts the arguments that a compiler passes to its linker. Requests for anything but a program
/// (-shared, -r, --version) are passed to the machine's own ld. A link to handpie named ld,
/// ld.handpie or handpie-ld does the same.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true, help_template = super::cc::TEMPLATE)]
#[command(override_usage = "handpie ld [LD ARGUMENTS]...")]
#[command(after_help = HELP)]
pub(crate) struct Ld {
    #[arg(
        value_name = "ARGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(super) words: Vec<OsString>,
}

const HELP: &str = "\
In the environment, as `handpie cc` sets it:
  HANDPIE_LIBC=musl|glibc|given    the libc; given, the default: the one that
                                   the arguments name
  HANDPIE_LINKER=LINKER            embedded, mold, lld, bfd, or a path
  HANDPIE_TARGET=CPU               arm64, riscv64, ...

The help of the machine's own ld: handpie ld -- --help

Examples:
  ln -s $(command -v handpie) ~/bin/handpie-ld
  clang --ld-path=$HOME/bin/handpie-ld -static-pie -o app main.c";

/// Links, called by one of our [`NAMES`].
pub(crate) fn run(words: &[OsString]) -> ExitCode {
    match link_or_pass_on(words) {
        Ok(code) => code,
        Err(failure) => {
            report::toolexec::failure(&failure);
            failure.exit.into()
        }
    }
}

/// Links, called as `handpie ld`.
pub(crate) fn run_command(words: &[OsString]) -> ExitCode {
    match words.split_first() {
        Some((first, rest)) if first == "--" => run(rest),
        _ => run(words),
    }
}

fn link_or_pass_on(words: &[OsString]) -> Result<ExitCode, Failure> {
    let parsed = link::parse(words.to_vec())?;
    if parsed.kind != Kind::Program || !is_link(&parsed) {
        return other_linker(words);
    }
    let libc = env::var(LIBC).unwrap_or_else(|_| "given".to_owned());
    let libc = LibcChoice::from_str(&libc, false).map_err(|_| {
        Failure::new(Exit::Usage, format!("{LIBC} is set to `{libc}`"))
            .hint("use musl, glibc or given")
    })?;
    linking::link(&Job {
        words: parsed,
        libc: libc.libc(),
        target: env::var(TARGET).ok().and_then(|name| Target::named(&name)),
        linker: env::var_os(LINKER).unwrap_or_else(|| "embedded".into()),
        wants: Wants {
            cpp: env::var_os(CPP).is_some_and(|value| value == "1"),
            ..Wants::default()
        },
        time_limit: Duration::from_secs(link::DEFAULT_TIME_LIMIT),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn is_link(words: &Words) -> bool {
    !words.items.is_empty()
}

/// The machine's own linker, in our place.
fn other_linker(words: &[OsString]) -> Result<ExitCode, Failure> {
    let own = env::current_exe()
        .ok()
        .and_then(|path| path.canonicalize().ok());
    let path = env::var_os("PATH").unwrap_or_default();
    let is_other = |path: &PathBuf| path.is_file() && path.canonicalize().ok() != own;
    let found = env::split_paths(&path)
        .map(|folder| folder.join("ld"))
        .find(is_other);
    let found = found.ok_or_else(|| {
        Failure::new(
            Exit::Tool,
            "no other `ld` in PATH, which is needed for output that is not a program",
        )
        .hint("apt install binutils")
    })?;
    let tool = Tool::new(found).args(words).stdin(Stream::Inherit);
    replace(&tool.stdout(Stream::Inherit).stderr(Stream::Inherit))
}

/// Becomes that program.
pub(crate) fn replace(tool: &Tool) -> Result<ExitCode, Failure> {
    let status = tool
        .replace()
        .map_err(|error| Failure::of_tool(Exit::Tool, error))?;
    Ok(exit_code(status))
}

/// The status of a program as ours.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) => ExitCode::from(code),
        None => ExitCode::FAILURE,
    }
}
