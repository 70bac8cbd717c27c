//! `handpie link`: links objects and archives as a static-PIE.

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
/// Accepts the arguments of `ld` and of a compiler that links: objects (.o), archives (.a), -o, -L,
/// -l, -Wl,… and @FILE. Finds a musl (Rust's musl target, musl-dev, zig), reports all objects that
/// cannot be part of a static-PIE, links with the embedded linker, adds start-up code that applies
/// RELRO, which musl lacks, and verifies the result before writing the output. On failure, no
/// output is left behind.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie link -o app main.o libfoo.a          with musl and the embedded
                                               linker
  handpie link --libc glibc -o app main.o -lm  with this machine's glibc
  handpie link --linker mold -o app main.o     with another linker: mold, lld,
                                               bfd, or a path
  clang --ld-path=$(command -v handpie-ld) …   as the linker of a compiler, by a
                                               link to handpie called handpie-ld")]
pub(crate) struct Link {
    /// The linker: embedded (libwild), mold, lld, bfd, or a path
    #[arg(long, value_name = "LINKER", default_value = "embedded")]
    linker: OsString,
    /// The libc; `given` if the arguments include the libc and its start-up files
    #[arg(long, value_enum, default_value_t)]
    libc: LibcChoice,
    /// Stop the linker after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_TIME_LIMIT)]
    time_limit: u64,
    /// Objects, archives and linker flags
    #[arg(
        value_name = "ARGS",
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
    /// musl, found on this machine
    #[default]
    Musl,
    /// This machine's glibc; NSS, iconv and dlopen need its shared libraries at run time
    Glibc,
    /// The libc that the arguments name
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
            "note: glibc still loads shared libraries at run time for user and host lookups \
             (NSS), iconv and dlopen",
        );
    }
    reporter.print("link", &LinkReport::of(&program))?;
    Ok(Exit::Done)
}

/// The arguments, with those of response files.
pub(crate) fn parse(words: Vec<OsString>) -> Result<Words, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::new(Exit::Usage, error);
    let words = response::expanded(words).map_err(|error| Failure::new(Exit::Input, error))?;
    Words::parse(&words).map_err(|error| usage(&error))
}
