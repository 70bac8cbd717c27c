//! `handpie link`: objects and archives become a static-PIE.

use std::ffi::OsString;
use std::time::Duration;

use clap::ValueEnum;
use handpie_toolchain::link::sysroot::Wants;
use handpie_toolchain::link::{self, Words};
use handpie_toolchain::response;

use crate::args::ReportFormat;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::linking::{self, Job};
use crate::report::Reporter;
use crate::report::link::LinkReport;

/// Link objects and archives as a static-PIE
///
/// Takes the words of `ld` and of a compiler that links: objects (.o), archives (.a), -o, -L, -l,
/// -Wl,… and @FILE. Finds a musl (Rust's musl target, musl-dev, zig), says first of all what cannot
/// be a static-PIE, links with the linker that is built in, has RELRO made read-only at start, which
/// musl does not, and looks at the result before it puts it where you want it. Nothing is left behind
/// when something fails.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie link -o app main.o libfoo.a          with musl and the linker that is
                                               built in
  handpie link --libc glibc -o app main.o -lm  with the machine's glibc
  handpie link --linker mold -o app main.o     with another linker: mold, lld,
                                               bfd, or a path
  clang --ld-path=$(command -v handpie-ld) …   as the linker of a compiler, by a
                                               link to handpie called handpie-ld")]
pub(crate) struct Link {
    /// The linker: embedded (libwild), mold, lld, bfd, or the path of one
    #[arg(long, value_name = "LINKER", default_value = "embedded")]
    linker: OsString,
    /// The libc; `given` when the words name all of it, start files too
    #[arg(long, value_enum, default_value_t)]
    libc: LibcChoice,
    /// Runs anywhere: a static-PIE. This is what is made in any case
    #[arg(long)]
    portable: bool,
    /// Stop the linker after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_TIME_LIMIT)]
    time_limit: u64,
    /// Objects, archives and flags of a linker
    #[arg(
        value_name = "WORDS",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true
    )]
    words: Vec<OsString>,
    #[command(flatten)]
    pub(crate) format: ReportFormat,
}

/// In seconds: the largest programs take a minute.
pub(crate) const DEFAULT_TIME_LIMIT: u64 = 600;

/// Which libc is linked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LibcChoice {
    /// Found on this machine
    #[default]
    Musl,
    /// The machine's own; NSS, iconv and dlopen want its shared libraries at run time
    Glibc,
    /// The one that the words bring
    Given,
}

impl LibcChoice {
    /// What is looked for.
    pub(crate) fn libc(self) -> Option<link::Libc> {
        match self {
            Self::Musl => Some(link::Libc::Musl),
            Self::Glibc => Some(link::Libc::Glibc),
            Self::Given => None,
        }
    }
}

pub(crate) fn run(args: &Link, reporter: &Reporter) -> Result<Exit, Failure> {
    let _working = reporter.working("linking");
    let words = parse(args.words.clone())?;
    let job = Job {
        words,
        libc: args.libc.libc(),
        target: None,
        linker: args.linker.clone(),
        wants: Wants::default(),
        time_limit: Duration::from_secs(args.time_limit),
    };
    let program = linking::link(&job)?;
    if args.libc == LibcChoice::Glibc {
        reporter.note(
            "note: glibc still loads shared libraries at run time for names of users and hosts \
             (NSS), iconv and dlopen",
        );
    }
    reporter.print("link", &LinkReport::of(&program))?;
    Ok(Exit::Done)
}

/// The words, with those of response files.
pub(crate) fn parse(words: Vec<OsString>) -> Result<Words, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::new(Exit::Usage, error);
    let words = response::expanded(words).map_err(|error| Failure::new(Exit::Input, error))?;
    Words::parse(&words).map_err(|error| usage(&error))
}
