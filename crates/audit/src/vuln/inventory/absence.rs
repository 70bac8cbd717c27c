//! Why there is no inventory of a binary: nothing in it tells what it holds, or more than can be true.

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
            Self::NothingRecorded => "of Rust programs, build with `cargo auditable build`",
            Self::Packed => "look at the program before it is packed: `upx -d FILE` unpacks",
            Self::TooManyModules(_) | Self::TooManyVersions(_) => {
                "no toolchain writes such a list; find out who made the file"
            }
            Self::Incomplete(_) => "",
        }
    }
}

impl fmt::Display for NoInventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingRecorded => f.write_str(
                "it is no Go program and has no list of crates, so nothing tells what is in it",
            ),
            Self::Incomplete(incomplete) => incomplete.fmt(f),
            Self::Packed => f.write_str("it was packed by UPX, so what is in it cannot be seen"),
            Self::TooManyModules(count) => write!(
                f,
                "it lists {count} modules or crates; expected at most {MAX_MODULES}"
            ),
            Self::TooManyVersions(count) => write!(
                f,
                "it lists one module or crate in {count} versions; expected at most {MAX_VERSIONS}"
            ),
        }
    }
}
