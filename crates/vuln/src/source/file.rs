//! A database as a file in memory, and how old it is.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use handpie_audit::Date;

use super::UnusableDatabase;
use crate::database::{Database, MAGIC, START, Source};

/// A database, as a file in memory.
#[derive(Debug)]
pub struct DatabaseFile {
    /// Where it came from, for people.
    pub name: String,
    /// How large it is where it is kept, in bytes.
    pub size: u64,
    bytes: Vec<u8>,
}

impl DatabaseFile {
    /// What makes a database where there is none, or not the right one.
    pub const UPDATE: &str = "`handpie db update` makes it; `--from PATH` makes it without network";

    /// The whole of a database.
    pub fn new(name: String, bytes: Vec<u8>) -> Self {
        Self {
            name,
            size: bytes.len() as u64,
            bytes,
        }
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Those of the system.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::new(path.display().to_string(), fs::read(path)?))
    }

    /// The same without the texts of the advisories, which are nearly half of it and of which nearly
    /// nobody asks.
    ///
    /// # Errors
    /// Those of the system.
    pub fn read_without_texts(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut bytes = Vec::new();
        (&file).take(START as u64).read_to_end(&mut bytes)?;
        match Database::size_without_texts(&bytes) {
            Some(size) => {
                let rest = size.saturating_sub(bytes.len() as u64);
                // A number that was forged must not take memory that the file does not fill.
                let room = rest.min(file.metadata()?.len());
                bytes.reserve_exact(usize::try_from(room).unwrap_or(0));
                (&file).take(rest).read_to_end(&mut bytes)?;
            }
            // What it is will be said when it is opened.
            None => _ = (&file).read_to_end(&mut bytes)?,
        }
        Ok(Self {
            name: path.display().to_string(),
            size: file.metadata()?.len(),
            bytes,
        })
    }

    /// Whether the file at `path` starts as a database does.
    pub fn is_at(path: &Path) -> bool {
        let mut head = [0; MAGIC.len()];
        // Opening a named pipe would wait for who writes to it.
        let is_file = fs::metadata(path).is_ok_and(|it| it.is_file());
        let mut read = || File::open(path)?.read_exact(&mut head);
        is_file && read().is_ok() && is_database(&head)
    }

    /// The database itself.
    ///
    /// # Errors
    /// When it is not one, or damaged.
    pub fn database(&self) -> Result<Database<'_>, UnusableDatabase> {
        Database::open(&self.bytes).map_err(|error| UnusableDatabase::of(&self.name, &error))
    }

    /// The bytes, to be kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Whether a file that starts so is a database.
pub(super) fn is_database(head: &[u8]) -> bool {
    head.starts_with(&MAGIC)
}

/// How many days before `today` the oldest of the sources last changed; `None` when one does not say.
pub fn age(sources: &[Source], today: Date) -> Option<u32> {
    let today = civil(today)?;
    let ages = sources.iter().map(|source| {
        let day: jiff::civil::Date = source.modified.get(..10)?.parse().ok()?;
        let days = today.since(day).ok()?.get_days();
        // A database of tomorrow is a clock that is wrong, here or there.
        Some(u32::try_from(days).unwrap_or(0))
    });
    ages.collect::<Option<Vec<u32>>>()?.into_iter().max()
}

fn civil(date: Date) -> Option<jiff::civil::Date> {
    let (year, month) = (
        i16::try_from(date.year).ok()?,
        i8::try_from(date.month).ok()?,
    );
    jiff::civil::Date::new(year, month, i8::try_from(date.day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(modified: &str) -> Source {
        Source {
            from: String::new(),
            modified: modified.to_owned(),
            advisories: 1,
            left_out: 0,
        }
    }

    const TODAY: Date = Date {
        year: 2026,
        month: 3,
        day: 1,
    };

    #[test]
    fn the_age_is_that_of_the_oldest_source() {
        let sources = [
            source("2026-02-27T23:00:00Z"),
            source("2026-01-30T00:00:00Z"),
        ];
        assert_eq!(age(&sources, TODAY), Some(30));
        assert_eq!(age(&sources[..1], TODAY), Some(2));
        assert_eq!(age(&[source("2026-03-02T00:00:00Z")], TODAY), Some(0));
        assert_eq!(age(&[source("2026-03-01"), source("")], TODAY), None);
    }
}
