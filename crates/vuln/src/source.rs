//! Where advisories are read from: a file or folder on disk, or bytes that somebody has fetched. What
//! fetches them is not here.

mod file;
mod folder;
mod zip;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::database::{Builder, DatabaseError};
use crate::limits::MAX_DATABASE_SIZE;
pub use file::{DatabaseFile, age};
pub use folder::add_state;
pub use zip::collect as collect_zip;

/// What a source may hold, for hints.
pub const EXPECTED: &str = "expected a vulndb.zip, a directory of a Go vulnerability database \
    (ID/*.json), a directory or ZIP of OSV advisories (*.json), or a file that `handpie db update` \
    wrote";

/// Why a database of advisories cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the advisory database `{name}`")]
pub struct UnusableDatabase {
    /// How people read its name.
    pub name: String,
    /// The code, which is also the name of its page.
    pub code: &'static str,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
}

impl UnusableDatabase {
    /// The code of a database that cannot be used for a reason that has none of its own.
    pub const CODE: &str = "vuln-db-unusable";

    /// The database that people call `name` cannot be used.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            code: Self::CODE,
            causes: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Says why.
    #[must_use]
    pub fn cause(mut self, cause: impl std::fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl std::fmt::Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }

    /// Says which code has the page about it.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// A file that is not a database, or not one that can be read.
    fn of(name: &str, error: &DatabaseError) -> Self {
        let unusable = Self::new(name).code(error.code()).cause(error);
        match error {
            DatabaseError::NotADatabase => unusable.hint(EXPECTED),
            DatabaseError::OtherFormat(_) | DatabaseError::Damaged(..) => {
                unusable.hint(DatabaseFile::UPDATE)
            }
        }
    }
}

/// Adds every advisory in the file or folder at `path`. A file that is a database already is returned
/// as it is.
///
/// # Errors
/// When it cannot be read, or holds something else.
pub fn collect(path: &Path, builder: &mut Builder) -> Result<Option<Vec<u8>>, UnusableDatabase> {
    match path.is_dir() {
        true => folder::collect(path, builder).map(|()| None),
        false => collect_file(path, builder),
    }
}

fn collect_file(path: &Path, builder: &mut Builder) -> Result<Option<Vec<u8>>, UnusableDatabase> {
    let name = path.display().to_string();
    let failed = |cause: std::io::Error| UnusableDatabase::new(&name).cause(cause);
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        let unusable = UnusableDatabase::new(&name).cause("neither a file nor a directory");
        return Err(unusable.hint(EXPECTED));
    }
    if metadata.len() > MAX_DATABASE_SIZE {
        let cause = format!(
            "the file has {} bytes; expected at most {MAX_DATABASE_SIZE}",
            metadata.len()
        );
        return Err(UnusableDatabase::new(&name).cause(cause));
    }
    let mut head = Vec::new();
    (&file).take(16).read_to_end(&mut head).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    if file::is_database(&head) {
        let mut bytes = Vec::new();
        file.take(MAX_DATABASE_SIZE)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        return Ok(Some(bytes));
    }
    if head.starts_with(b"PK") {
        return zip::collect(&name, file, builder).map(|()| None);
    }
    let unusable = UnusableDatabase::new(&name);
    let unusable = unusable.cause("neither a ZIP archive nor an advisory database of handpie");
    Err(unusable.code("vuln-db-unknown").hint(EXPECTED))
}
