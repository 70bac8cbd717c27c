//! The options of `convert`, `build` and `env` that harden a program beyond starting without a loader,
//! and how go hands them to the wrapped linker.

use std::ffi::OsStr;

use handpie_pie::{Aslr, CPUS, Options};

use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct Hardening {
    /// Who chooses the load address: the kernel, or the program itself, from 2^34 pages
    #[arg(long, value_name = "WHO", default_value = "kernel")]
    aslr: AddressSource,
    /// Seal code, read-only data and RELRO when the program starts (Linux 6.10 and newer)
    #[arg(long)]
    seal: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum AddressSource {
    /// The kernel, as for every static-PIE
    #[default]
    Kernel,
    /// The program, from the whole lower half of its address space
    Full,
}

impl Hardening {
    /// Programs with C in them are linked and not converted, and have no mover.
    pub(crate) fn refuse_for_cgo(self) -> Result<(), Failure> {
        if self == Self::default() {
            return Ok(());
        }
        let message = "`--aslr full` and `--seal` are not supported for programs with C code";
        Err(Failure::new(Exit::No, message)
            .code("cannot-move")
            .hint("build without these options; the kernel still chooses a random address"))
    }

    pub(crate) fn options(self) -> Options {
        Options {
            aslr: match self.aslr {
                AddressSource::Kernel => Aslr::Kernel,
                AddressSource::Full => Aslr::Full,
            },
            seal: self.seal,
        }
    }

    /// Fails for a CPU whose programs cannot have it, before anything is built.
    pub(crate) fn refuse_for(self, goarch: &str) -> Result<(), Failure> {
        if self == Self::default() || is_available(goarch) {
            return Ok(());
        }
        let message = format!("`--aslr full` and `--seal` are not supported for {goarch}");
        let failure = Failure::new(Exit::No, message).code("cannot-move");
        Err(failure.hint("build without --aslr full and --seal"))
    }

    /// The words behind `handpie toolexec` that ask for the same.
    pub(crate) fn words(self) -> Vec<&'static str> {
        let full = (self.aslr == AddressSource::Full).then_some(FULL);
        full.into_iter().chain(self.seal.then_some(SEAL)).collect()
    }

    /// Takes one argument of `handpie toolexec` or `handpie extld`, if it is one of these words.
    pub(crate) fn take(&mut self, word: &OsStr) -> bool {
        match word.to_str() {
            Some(FULL) => self.aslr = AddressSource::Full,
            Some(SEAL) => self.seal = true,
            _ => return false,
        }
        true
    }
}

/// Whether programs for a CPU can move and seal themselves. On 32-bit ones, 4 GiB are too small for an
/// address to be hard to guess, and the kernel does not seal.
pub(crate) fn is_available(goarch: &str) -> bool {
    let converted = CPUS
        .iter()
        .any(|cpu| cpu.name == goarch && cpu.has_options());
    // Linked, and not converted.
    converted || goarch == "riscv64"
}

const FULL: &str = "--aslr=full";
const SEAL: &str = "--seal";
