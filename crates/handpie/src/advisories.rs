//! The database of advisories: where it is kept, how it is read, how old it is. What it means is in
//! the crate `audit`.

mod collect;
mod folder;
mod mirror;
mod zip;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use handpie_audit::Date;
use handpie_audit::vuln::{Builder, Database, DatabaseError, START, Source};
use handpie_toolchain::cache;

use crate::atomic_file;
use crate::exit::Exit;
use crate::failure::Failure;
pub(crate) use collect::{Origin, SOURCES};

pub(crate) const MISSING: &str = "vuln-db-missing";
pub(crate) const UNUSABLE: &str = "vuln-db-unusable";
pub(crate) const OLD: &str = "vuln-db-old";

/// Codes of what is wrong with a database.
#[cfg(test)]
pub(crate) const CODES: [&str; 6] = [
    MISSING,
    UNUSABLE,
    OLD,
    "vuln-db-unknown",
    "vuln-db-format",
    "vuln-db-damaged",
];

/// The command that helps when there is no database, or not the right one.
const UPDATE: &str = "`handpie db update` makes it; `--from PATH` makes it without network";

/// A database, as a file in memory.
#[derive(Debug)]
pub(crate) struct Advisories {
    /// Where it came from, for people.
    pub(crate) name: String,
    /// How large it is where it is kept, in bytes.
    pub(crate) size: u64,
    file: Vec<u8>,
}

impl Advisories {
    /// The database that was named, or that of the user; without its texts where it is a file of ours.
    pub(crate) fn open(named: Option<&str>) -> Result<Self, Failure> {
        match named.map(Origin::of) {
            Some(Origin::Path(path)) if is_compiled_at(&path) => {
                let name = shown(&path);
                let read = read_without_texts(&path).map_err(|cause| unusable(&name).cause(cause));
                read.map(|(file, size)| Self { name, size, file })
            }
            Some(named) => Self::collect(&[named]),
            None => Self::of_user(read_without_texts),
        }
    }

    /// The same, with the texts.
    pub(crate) fn open_whole(named: Option<&str>) -> Result<Self, Failure> {
        match named {
            Some(named) => Self::collect(&[Origin::of(named)]),
            None => Self::of_user(|path| {
                let file = fs::read(path)?;
                let size = file.len() as u64;
                Ok((file, size))
            }),
        }
    }

    fn of_user(
        read: impl FnOnce(&Path) -> std::io::Result<(Vec<u8>, u64)>,
    ) -> Result<Self, Failure> {
        let path = user_path()?;
        let name = shown(&path);
        match read(&path) {
            Ok((file, size)) => Ok(Self { name, size, file }),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                let failure = Failure::new(Exit::Input, "there is no database of advisories yet");
                let place = format!("looked for `{name}`");
                Err(failure.code(MISSING).cause(place).hint(UPDATE))
            }
            Err(cause) => Err(unusable(&name).cause(cause)),
        }
    }

    /// A new one of everything that comes from these places. One that is a database already is taken
    /// as it is.
    pub(crate) fn collect(origins: &[Origin]) -> Result<Self, Failure> {
        let mut builder = Builder::default();
        let name = |origin: &Origin| origin.to_string();
        let name = origins.iter().map(name).collect::<Vec<_>>().join(", ");
        for origin in origins {
            let ready = origin.collect(&mut builder)?;
            if let Some(file) = ready.filter(|_| origins.len() == 1) {
                let made = Self::whole(name, file);
                made.database()?;
                return Ok(made);
            }
        }
        if builder.is_empty() {
            let failure = unusable(&name).cause("there is not one advisory in it");
            return Err(failure.hint(collect::EXPECTED));
        }
        Ok(Self::whole(name, builder.finish()))
    }

    fn whole(name: String, file: Vec<u8>) -> Self {
        Self {
            name,
            size: file.len() as u64,
            file,
        }
    }

    /// The database itself.
    pub(crate) fn database(&self) -> Result<Database<'_>, Failure> {
        Database::open(&self.file).map_err(|error| {
            let failure = unusable(&self.name).code(error.code()).cause(&error);
            match error {
                DatabaseError::NotADatabase => failure.hint(collect::EXPECTED),
                _ => failure.hint(UPDATE),
            }
        })
    }

    /// Puts it into the user's folder, in place of the old one.
    pub(crate) fn keep(&self) -> Result<PathBuf, Failure> {
        let path = user_path()?;
        let failed = |cause: std::io::Error| {
            let message = format!("failed to write `{}`", path.display());
            Failure::new(Exit::Input, message)
                .code(atomic_file::OUTPUT_NOT_WRITTEN)
                .cause(cause)
                .hint("the database that was there is as it was")
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        atomic_file::write_data(&path, &self.file).map_err(failed)?;
        Ok(path)
    }
}

/// A database but for the texts of its advisories, which are nearly half of it and of which nearly
/// no command asks; and how large it is with them.
fn read_without_texts(path: &Path) -> std::io::Result<(Vec<u8>, u64)> {
    let file = fs::File::open(path)?;
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
    Ok((bytes, file.metadata()?.len()))
}

/// Where the user's database is kept.
pub(crate) fn user_path() -> Result<PathBuf, Failure> {
    let folder = cache::user_data_folder().ok_or_else(|| {
        let failure = Failure::new(
            Exit::Input,
            "there is no folder for a database of advisories",
        );
        failure
            .code(MISSING)
            .hint("set HOME or XDG_DATA_HOME, or name a database with --db")
    })?;
    Ok(folder.join("advisories.db"))
}

/// How many days ago the oldest of the sources last changed; `None` when one does not say.
pub(crate) fn age(sources: &[Source], today: Date) -> Option<u32> {
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

/// Refuses a database that is older than the user allows.
pub(crate) fn refuse_old(age: Option<u32>, most: Option<u32>) -> Result<(), Failure> {
    let Some(most) = most else { return Ok(()) };
    let message = match age {
        Some(age) if age <= most => return Ok(()),
        Some(age) => format!("the database is {age} days old; --max-db-age allows {most}"),
        None => format!("the database does not say how old it is; --max-db-age allows {most} days"),
    };
    let failure = Failure::new(Exit::Input, message).code(OLD);
    Err(failure.hint("`handpie db update` brings it up to date"))
}

fn unusable(name: &str) -> Failure {
    let message = format!("failed to read the database of advisories `{name}`");
    Failure::new(Exit::Input, message).code(UNUSABLE)
}

/// Whether `path` starts as a database does.
fn is_compiled(head: &[u8]) -> bool {
    head.starts_with(&handpie_audit::vuln::MAGIC)
}

/// Whether the file at `path` starts as a database does.
fn is_compiled_at(path: &Path) -> bool {
    let mut head = [0; handpie_audit::vuln::MAGIC.len()];
    // Opening a named pipe would wait for who writes to it.
    let is_file = fs::metadata(path).is_ok_and(|it| it.is_file());
    let mut read = || fs::File::open(path)?.read_exact(&mut head);
    is_file && read().is_ok() && is_compiled(&head)
}

/// A path that names a place in the file system, whatever way it was written.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(modified: &str) -> Source {
        Source {
            from: String::new(),
            modified: modified.to_owned(),
            advisories: 1,
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

    #[test]
    fn an_old_database_is_refused_where_that_was_asked_for() {
        assert!(refuse_old(Some(30), None).is_ok());
        assert!(refuse_old(Some(30), Some(30)).is_ok());
        let failure = refuse_old(Some(31), Some(30)).unwrap_err();
        assert_eq!((failure.exit, failure.code), (Exit::Input, Some(OLD)));
        assert!(refuse_old(None, Some(30)).is_err());
    }
}
