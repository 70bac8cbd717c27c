//! What stands in a row of the tables: an advisory, what it says about a module, a package of that.

use super::layout::{ADVISORIES, IMPORTS, INTERVALS, LIST, SYMBOLS};
use super::read::{Database, Row, size};
use crate::range::{Bound, Interval};
use crate::version_doubt::VersionDoubt;

/// An advisory, without its text.
#[derive(Clone, Copy, Debug)]
pub struct Advisory<'db> {
    pub(super) database: &'db Database<'db>,
    pub(super) row: Row<'db>,
}

/// What an advisory says about a module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Affected<'db> {
    pub(super) database: &'db Database<'db>,
    pub(super) row: Row<'db>,
}

/// A package that an advisory is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Import<'db> {
    pub(super) database: &'db Database<'db>,
    pub(super) row: Row<'db>,
}

impl<'db> Advisory<'db> {
    /// Its name in its database.
    pub fn id(&self) -> &'db str {
        self.database.string(self.row, 0)
    }

    /// When it last changed.
    pub fn modified(&self) -> &'db str {
        self.database.string(self.row, 2)
    }

    /// The same in other databases.
    pub fn aliases(&self) -> impl Iterator<Item = &'db str> {
        list(self.database.string(self.row, 4))
    }

    /// What it is about, in a line.
    pub fn summary(&self) -> &'db str {
        self.database.string(self.row, 6)
    }

    /// The page about it.
    pub fn url(&self) -> &'db str {
        self.database.string(self.row, 8)
    }

    /// A vector of CVSS; empty where there is none, as in Go's database.
    pub fn severity(&self) -> &'db str {
        self.database.string(self.row, 10)
    }

    /// What it is when it is not a vulnerability: `unmaintained`, `unsound`, `notice`.
    pub fn informational(&self) -> Option<&'db str> {
        Some(self.database.string(self.row, 12)).filter(|text| !text.is_empty())
    }

    /// Whether people of the database have looked at it.
    pub fn is_reviewed(&self) -> bool {
        self.row.at(16) != 0
    }

    /// When it was published, as RFC 3339 has it; empty when it does not say.
    pub(crate) fn published(&self) -> &'db str {
        self.database.string(self.row, 14)
    }

    /// The number of the first advisory about the same vulnerability: itself where it is the only one.
    pub(crate) fn group(&self) -> u32 {
        self.row.at(20)
    }

    /// The text as it was published: JSON of OSV. `None` when the database is damaged there, or was
    /// opened without texts.
    pub fn text(&self) -> Option<Vec<u8>> {
        Texts::default().of(self).map(<[u8]>::to_vec)
    }
}

/// Texts of many advisories. Neighbours stand in one stream, which is unpacked once for all of them.
#[derive(Debug, Default)]
pub struct Texts {
    /// The stream that was asked last, by its number.
    last: Option<(usize, Vec<u8>)>,
}

impl Texts {
    /// The text of an advisory; see [`Advisory::text`].
    pub fn of(&mut self, advisory: &Advisory<'_>) -> Option<&[u8]> {
        let row = advisory.row;
        let stream = size(row.at(17));
        if self.last.as_ref().is_none_or(|(last, _)| *last != stream) {
            self.last = Some((stream, advisory.database.text(stream)?));
        }
        let (_, text) = self.last.as_ref()?;
        let start = size(row.at(18));
        text.get(start..start.checked_add(size(row.at(19)))?)
    }
}

impl<'db> Affected<'db> {
    /// The advisory, and its number.
    pub(crate) fn advisory(self) -> (u32, Advisory<'db>) {
        let (database, index) = (self.database, self.row.at(0));
        let row = database.row(ADVISORIES, size(index)).unwrap_or(Row(&[]));
        (index, Advisory { database, row })
    }

    /// The versions that are affected.
    pub(crate) fn intervals(&self) -> impl Iterator<Item = Interval<'db>> {
        let database = self.database;
        let rows = database.some_rows(INTERVALS, self.row.at(1), self.row.at(2));
        rows.map(|row| Interval {
            introduced: database.string(row, 0),
            end: database.string(row, 2),
            bound: choice(&Bound::ALL, row.at(4)).unwrap_or(Bound::Fixed),
            doubt: row
                .at(5)
                .checked_sub(1)
                .and_then(|it| choice(&VersionDoubt::ALL, it)),
        })
    }

    /// The packages; none when the advisory does not say which.
    pub(crate) fn imports(&self) -> impl Iterator<Item = Import<'db>> {
        let database = self.database;
        let rows = database.some_rows(IMPORTS, self.row.at(3), self.row.at(4));
        rows.map(|row| Import { database, row })
    }

    /// The systems on which it is affected, as Rust calls them; none when it is on all.
    pub(crate) fn systems(&self) -> impl Iterator<Item = &'db str> {
        list(self.database.string(self.row, 5))
    }

    /// The CPUs on which it is affected, as Rust calls them; none when it is on all.
    pub(crate) fn cpus(&self) -> impl Iterator<Item = &'db str> {
        list(self.database.string(self.row, 7))
    }
}

impl<'db> Import<'db> {
    /// The import path; of a crate, the versions that have the functions, as Cargo writes
    /// requirements, one behind the other with `|` between, and nothing where all have them.
    pub(crate) fn path(&self) -> &'db str {
        self.database.string(self.row, 0)
    }

    /// Its symbols, each with the hash of path and name; none when it is all of the package.
    pub(crate) fn symbols(&self) -> impl Iterator<Item = (u64, &'db str)> {
        let database = self.database;
        let rows = database.some_rows(SYMBOLS, self.row.at(2), self.row.at(3));
        rows.map(|row| {
            let hash = u64::from(row.at(1)).wrapping_shl(32) | u64::from(row.at(0));
            (hash, database.string(row, 2))
        })
    }

    /// Whether it is affected on this system and CPU, as far as those are known.
    pub(crate) fn is_for(&self, os: &str, cpu: &str) -> bool {
        let fits = |column: usize, wanted: &str| {
            let mut listed = list(self.database.string(self.row, column)).peekable();
            wanted.is_empty() || listed.peek().is_none() || listed.any(|it| it == wanted)
        };
        fits(4, os) && fits(6, cpu)
    }
}

/// One of several, by its place.
fn choice<T: Copy>(all: &[T], place: u32) -> Option<T> {
    all.get(size(place)).copied()
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(LIST).filter(|item| !item.is_empty())
}
