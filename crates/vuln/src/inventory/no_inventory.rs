//! Why a binary has no inventory: it lists no components, or implausibly many.

use std::fmt;

use handpie_binary::Incomplete;

use crate::limits::{MAX_MODULES, MAX_VERSIONS};

/// Why there is no inventory of a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoInventory {
    /// It is no Go program and carries no list of crates.
    NothingRecorded,
    /// It is compressed, and nothing of it can be seen.
    Packed,
    /// It lists so many modules or crates that no toolchain wrote that list.
    TooManyModules(usize),
    /// It lists one module or crate in so many versions.
    TooManyVersions(usize),
    /// More of the file has to be read to know. It never gets out of a look at a file.
    Incomplete(Incomplete),
}

impl From<Incomplete> for NoInventory {
    fn from(incomplete: Incomplete) -> Self {
        Self::Incomplete(incomplete)
    }
}

impl NoInventory {
    /// Every code.
    pub const CODES: [&str; 3] = [
        "vuln-nothing-recorded",
        "vuln-packed",
        "vuln-too-many-modules",
    ];

    /// Whether there is a list, and it was refused. That has to be said even of a file that nobody
    /// named: a forged list must not make a program pass unseen.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::TooManyModules(_) | Self::TooManyVersions(_))
    }

    /// The code, which is also the name of its page.
    pub fn code(self) -> &'static str {
        match self {
            Self::NothingRecorded => "vuln-nothing-recorded",
            Self::Packed => "vuln-packed",
            Self::TooManyModules(_) | Self::TooManyVersions(_) => "vuln-too-many-modules",
            Self::Incomplete(_) => "incomplete",
        }
    }

    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::NothingRecorded => "build Rust programs with `cargo auditable build`",
            Self::Packed => "scan the program before it is packed, or unpack it with `upx -d FILE`",
            Self::TooManyModules(_) | Self::TooManyVersions(_) => {
                "no toolchain writes such a list; find out where the file comes from"
            }
            Self::Incomplete(_) => "",
        }
    }
}

impl fmt::Display for NoInventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingRecorded => f.write_str(
                "not a Go program, and has no list of crates, so its components are unknown",
            ),
            Self::Incomplete(incomplete) => incomplete.fmt(f),
            Self::Packed => f.write_str("packed with UPX, so its components are unknown"),
            Self::TooManyModules(count) => write!(
                f,
                "lists {count} modules or crates; expected at most {MAX_MODULES}"
            ),
            Self::TooManyVersions(count) => write!(
                f,
                "lists {count} versions of one module or crate; expected at most {MAX_VERSIONS}"
            ),
        }
    }
}
