//! Many advisories in one file, made so that a question about a binary costs no more than reading it.
//!
//! ```text
//! magic, format, checksum       of all that follows up to the texts of the advisories
//! numbers                       tables of 32-bit numbers, each row as wide as its table says
//! strings                       what the numbers point at, each string once
//! texts                         the advisories as they were published, some dozens to a zlib stream
//! ```
//!
//! The table of modules is sorted, and leads to ranges of versions, to packages, and to symbols, each
//! with its hash: none of it has to be taken apart to be compared. All numbers are little-endian.
//! [`Database::open`] holds every number against the tables, so that what follows need not.

mod build;
mod groups;
mod layout;
mod read;
mod rows;
mod writer;

use std::fmt;

pub use build::{Builder, RecordError};
pub use read::Database;
pub use rows::{Advisory, Texts};
pub(super) use rows::{Affected, Import};

/// The first bytes. No text starts so, and a transfer that changes line ends breaks it.
pub const MAGIC: [u8; 8] = *b"\x8ahpvuln\n";

/// So many bytes at the start of a file tell how large its parts are.
pub const START: usize = layout::TABLES_FROM;

/// The version of the layout. Another one is not read: `handpie db update` makes the file anew.
const FORMAT: u32 = 2;

/// Where the advisories of one publisher came from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Source {
    /// The address or path, as it was given.
    pub from: String,
    /// When one of its advisories last changed, as RFC 3339 has it.
    pub modified: String,
    /// How many advisories came from it.
    pub advisories: u32,
    /// How many others it had, about neither Go nor crates.io.
    pub left_out: u32,
}

/// Why a file is not a database that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseError {
    /// It does not start as one.
    NotADatabase,
    /// Another version of handpie made it: the format it has.
    OtherFormat(u32),
    /// It is not what was written: the offset from which on it is wrong, and what was found.
    Damaged(u64, String),
}

impl DatabaseError {
    /// The code, whose page explains it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotADatabase => "vuln-db-unknown",
            Self::OtherFormat(_) => "vuln-db-format",
            Self::Damaged(..) => "vuln-db-damaged",
        }
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADatabase => f.write_str("not an advisory database"),
            Self::OtherFormat(format) => {
                write!(
                    f,
                    "advisory database has format version {format}; expected {FORMAT}"
                )
            }
            Self::Damaged(offset, found) => {
                write!(
                    f,
                    "advisory database is damaged: {found} (at offset {offset:#x})"
                )
            }
        }
    }
}

impl std::error::Error for DatabaseError {}

#[cfg(test)]
mod tests;
