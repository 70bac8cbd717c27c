//! Where advisories come from, told by how the place was written and what is there.

use std::fmt;
use std::path::PathBuf;

use handpie_vuln::Builder;
use handpie_vuln::source;
use percent_encoding::percent_decode_str;

use super::mirror::{self, Fetch};
use crate::failure::Failure;

/// What is asked when nobody names a place: Go's database, and RustSec's as OSV exports it.
pub(crate) const SOURCES: [&str; 2] = [
    "https://vuln.go.dev",
    "https://osv-vulnerabilities.storage.googleapis.com/crates.io/all.zip",
];

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
    pub(super) fn collect(
        &self,
        builder: &mut Builder,
        fetch: Fetch<'_>,
    ) -> Result<Option<Vec<u8>>, Failure> {
        builder.begin(&self.to_string());
        match self {
            Self::Web(address) => mirror::collect(address, builder, fetch).map(|()| None),
            Self::Path(path) => source::collect(path, builder).map_err(Failure::from),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(address) => f.write_str(address),
            Self::Path(path) => path.display().fmt(f),
        }
    }
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
