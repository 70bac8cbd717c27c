//! The database of advisories: where it is kept, and where it is made from. What a database is, and
//! how files are read into it, is in the crate `vuln`; the network is here.

mod mirror;
mod origin;

use std::fs;
use std::path::{Path, PathBuf};

use handpie_binary::counted;
use handpie_toolchain::cache;
use handpie_vuln::Builder;
use handpie_vuln::source::{DatabaseFile, EXPECTED, UnusableDatabase};

use crate::atomic_file;
use crate::exit::Exit;
use crate::failure::Failure;
pub(crate) use mirror::{Fetch, WHOLE_TIME};
pub(crate) use origin::{Origin, SOURCES};

pub(crate) const MISSING: &str = "vuln-db-missing";
pub(crate) const OLD: &str = "vuln-db-old";

/// Codes of what is wrong with a database.
#[cfg(test)]
pub(crate) const CODES: [&str; 6] = [
    MISSING,
    UnusableDatabase::CODE,
    OLD,
    "vuln-db-unknown",
    "vuln-db-format",
    "vuln-db-damaged",
];

/// The database that was named, or that of the user; without its texts where it is a file of ours.
pub(crate) fn open(named: Option<&str>, fetch: Fetch<'_>) -> Result<DatabaseFile, Failure> {
    match named.map(Origin::of) {
        Some(Origin::Path(path)) if DatabaseFile::is_at(&path) => {
            let name = path.display().to_string();
            let read = DatabaseFile::read_without_texts(&path);
            read.map_err(|cause| UnusableDatabase::new(&name).cause(cause).into())
        }
        Some(named) => collect(&[named], fetch),
        None => of_user(DatabaseFile::read_without_texts),
    }
}

/// The same, with the texts.
pub(crate) fn open_whole(named: Option<&str>) -> Result<DatabaseFile, Failure> {
    match named {
        Some(named) => collect(&[Origin::of(named)], Fetch::QUIET),
        None => of_user(DatabaseFile::read),
    }
}

fn of_user(
    read: impl FnOnce(&Path) -> std::io::Result<DatabaseFile>,
) -> Result<DatabaseFile, Failure> {
    let path = user_path()?;
    read(&path).map_err(|cause| {
        let name = path.display().to_string();
        if cause.kind() != std::io::ErrorKind::NotFound {
            return UnusableDatabase::new(&name).cause(cause).into();
        }
        let failure = Failure::new(Exit::Input, "there is no advisory database yet");
        let place = format!("looked for `{name}`");
        failure
            .code(MISSING)
            .cause(place)
            .hint(DatabaseFile::UPDATE)
    })
}

/// A new one of everything that comes from these places. One that is a database already is taken as it
/// is.
pub(crate) fn collect(origins: &[Origin], fetch: Fetch<'_>) -> Result<DatabaseFile, Failure> {
    let mut builder = Builder::default();
    let names = origins.iter().map(ToString::to_string);
    let name = names.collect::<Vec<_>>().join(", ");
    for origin in origins {
        let ready = origin.collect(&mut builder, fetch)?;
        if let Some(bytes) = ready.filter(|_| origins.len() == 1) {
            let made = DatabaseFile::new(name, bytes);
            made.database()?;
            return Ok(made);
        }
    }
    if builder.is_empty() {
        let mut unusable = UnusableDatabase::new(&name).cause("no advisory found");
        if builder.left_out() > 0 {
            let others = counted(builder.left_out(), "advisory");
            unusable = unusable.cause(format!("{others} about neither Go nor crates.io"));
        }
        return Err(unusable.hint(EXPECTED).into());
    }
    let bytes = builder.finish();
    let bytes = bytes.map_err(|cause| UnusableDatabase::new(&name).cause(cause))?;
    Ok(DatabaseFile::new(name, bytes))
}

/// Puts a database into the user's folder, in place of the old one.
pub(crate) fn keep(made: &DatabaseFile) -> Result<PathBuf, Failure> {
    let path = user_path()?;
    let failed = |cause: std::io::Error| {
        let message = format!("failed to write `{}`", path.display());
        Failure::new(Exit::Input, message)
            .code(atomic_file::OUTPUT_NOT_WRITTEN)
            .cause(cause)
            .hint("the previous database is unchanged")
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    atomic_file::write_data(&path, made.bytes()).map_err(failed)?;
    Ok(path)
}

/// Where the user's database is kept.
pub(crate) fn user_path() -> Result<PathBuf, Failure> {
    let folder = cache::user_data_folder().ok_or_else(|| {
        let failure = Failure::new(
            Exit::Input,
            "there is no directory for the advisory database",
        );
        failure
            .code(MISSING)
            .hint("set HOME or XDG_DATA_HOME, or pass a database with --db")
    })?;
    Ok(folder.join("advisories.db"))
}

/// Refuses a database that is older than the user allows.
pub(crate) fn refuse_old(age: Option<u32>, most: Option<u32>) -> Result<(), Failure> {
    let Some(most) = most else { return Ok(()) };
    let message = match age {
        Some(age) if age <= most => return Ok(()),
        Some(age) => format!(
            "the advisory database is {} old; --max-db-age allows {most}",
            counted(age, "day")
        ),
        None => format!(
            "the age of the advisory database is unknown; --max-db-age allows {}",
            counted(most, "day")
        ),
    };
    let failure = Failure::new(Exit::Input, message).code(OLD);
    Err(failure.hint("run `handpie db update`"))
}

impl From<UnusableDatabase> for Failure {
    fn from(unusable: UnusableDatabase) -> Self {
        let mut failure = Self::new(Exit::Input, &unusable).code(unusable.code);
        failure.causes = unusable.causes;
        failure.hints = unusable.hints;
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_database_is_refused_where_that_was_asked_for() {
        assert!(refuse_old(Some(30), None).is_ok());
        assert!(refuse_old(Some(30), Some(30)).is_ok());
        let failure = refuse_old(Some(31), Some(30)).unwrap_err();
        assert_eq!((failure.exit, failure.code), (Exit::Input, Some(OLD)));
        assert!(refuse_old(None, Some(30)).is_err());
    }
}
