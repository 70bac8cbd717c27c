//! Where advisories come from, told by how the place was written and what is there.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use handpie_audit::vuln::Builder;
use percent_encoding::percent_decode_str;

use super::{folder, is_compiled, mirror, shown, unusable, zip};
use crate::failure::Failure;

/// What is asked when nobody names a place: Go's database, and RustSec's as OSV exports it.
pub(crate) const SOURCES: [&str; 2] = [
    "https://vuln.go.dev",
    "https://osv-vulnerabilities.storage.googleapis.com/crates.io/all.zip",
];

/// What a place may hold, for hints.
pub(super) const EXPECTED: &str = "expected a vulndb.zip, a directory of a Go vulnerability \
                                   database (ID/*.json), a directory or ZIP of OSV advisories \
                                   (*.json), or a file that `handpie db update` wrote";

/// The largest file that is taken for a database, in bytes. Go's ZIP has 3 MB, that of all crates 20.
pub(super) const MAX_SIZE: u64 = 512 << 20;

/// A place that holds advisories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A server: a mirror of Go's database, or a ZIP.
    Web(String),
    /// A file or folder.
    Path(PathBuf),
}

impl Origin {
    /// What was written: `http://`, `https://` and `file://` say what they are, all else is a path.
    pub(crate) fn of(written: &str) -> Self {
        if written.starts_with("http://") || written.starts_with("https://") {
            return Self::Web(written.trim_end_matches('/').to_owned());
        }
        match written.strip_prefix("file://") {
            Some(path) => Self::Path(PathBuf::from(
                percent_decode_str(path).decode_utf8_lossy().into_owned(),
            )),
            None => Self::Path(PathBuf::from(written)),
        }
    }

    /// Adds all advisories that are there; gives back a file that is a database already.
    pub(super) fn collect(&self, builder: &mut Builder) -> Result<Option<Vec<u8>>, Failure> {
        builder.begin(&self.to_string());
        match self {
            Self::Web(address) => mirror::collect(address, builder).map(|()| None),
            Self::Path(path) if path.is_dir() => folder::collect(path, builder).map(|()| None),
            Self::Path(path) => of_file(path, builder),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(address) => f.write_str(address),
            Self::Path(path) => f.write_str(&shown(path)),
        }
    }
}

fn of_file(path: &Path, builder: &mut Builder) -> Result<Option<Vec<u8>>, Failure> {
    let name = shown(path);
    let failed = |cause: std::io::Error| unusable(&name).cause(cause);
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        let failure = unusable(&name).cause("neither a file nor a directory");
        return Err(failure.hint(EXPECTED));
    }
    if metadata.len() > MAX_SIZE {
        let cause = format!(
            "the file has {} bytes; expected at most {MAX_SIZE}",
            metadata.len()
        );
        return Err(unusable(&name).cause(cause));
    }
    let mut head = Vec::new();
    (&file).take(16).read_to_end(&mut head).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    if is_compiled(&head) {
        let mut bytes = Vec::new();
        file.take(MAX_SIZE)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        return Ok(Some(bytes));
    }
    if head.starts_with(b"PK") {
        return zip::collect(&name, file, builder).map(|()| None);
    }
    let failure = unusable(&name).cause(
        "neither a ZIP archive nor an advisory database of \
                                         handpie",
    );
    Err(failure.code("vuln-db-unknown").hint(EXPECTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_by_how_it_is_written() {
        let path = |text: &str| Origin::Path(PathBuf::from(text));
        assert_eq!(Origin::of("vulndb.zip"), path("vulndb.zip"));
        assert_eq!(Origin::of("file:///a%20b/c"), path("/a b/c"));
        assert_eq!(
            Origin::of("https://x/y/"),
            Origin::Web("https://x/y".into())
        );
        assert_eq!(Origin::of("http:/x"), path("http:/x"));
    }
}
