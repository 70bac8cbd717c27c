//! Why there is no proof at all; a claim that does not hold is a value, not an error.

use std::path::PathBuf;

use nix::errno::Errno;

/// What kept us from running the program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("`{}`: {cause}", .path.display())]
    Read {
        /// The file that was asked for.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// The file is a folder, a device or a pipe.
    #[error("`{}` is not a regular file", .path.display())]
    NotAFile {
        /// The file that was asked for.
        path: PathBuf,
    },
    /// The file is not an ELF file, or a broken one.
    #[error("`{}`: {cause}", .path.display())]
    Binary {
        /// The file that was asked for.
        path: PathBuf,
        /// What is wrong, and where.
        cause: handpie_binary::Error,
    },
    /// The file is an object, a core file or something else that no kernel starts.
    #[error("`{}` is not a program: `e_type` is {kind}, expected ET_EXEC (2) or ET_DYN (3)", .path.display())]
    NotAProgram {
        /// The file that was asked for.
        path: PathBuf,
        /// `e_type`.
        kind: u16,
    },
    /// The program is for a CPU that this machine has not.
    #[error(
        "`{}` is built for {program}, but this machine is {machine}; `handpie prove` has to run \
         the program",
        .path.display()
    )]
    ForeignCpu {
        /// The file that was asked for.
        path: PathBuf,
        /// The CPU the program is for.
        program: String,
        /// The CPU of this machine.
        machine: &'static str,
    },
    /// An argument or a variable has a NUL in it.
    #[error(
        "argument or variable {text:?} contains a NUL byte, which cannot be passed to a \
             program"
    )]
    Nul {
        /// The argument or variable.
        text: String,
    },
    /// The machine refused something that every run needs.
    #[error("{what}: {cause}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// The process that starts the program for us has gone or does not answer.
    #[error("the process that confines the program {0}")]
    Helper(&'static str),
}

impl Error {
    /// The codes that only this crate has.
    pub const CODES: [&str; 4] = [
        "argument-with-nul",
        "cannot-confine",
        "foreign-cpu",
        "not-a-program",
    ];

    /// The stable name, which is also the name of the page in `docs/findings/`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "unreadable-file",
            Self::NotAFile { .. } => "not-a-regular-file",
            Self::Binary { cause, .. } => cause.kind().code(),
            Self::NotAProgram { .. } => "not-a-program",
            Self::ForeignCpu { .. } => "foreign-cpu",
            Self::Nul { .. } => "argument-with-nul",
            Self::System { .. } | Self::Helper(_) => "cannot-confine",
        }
    }

    pub(crate) fn system(what: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::System {
            what,
            cause: errno.into(),
        }
    }
}
