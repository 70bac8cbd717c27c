//! Advisories in a folder: Go's database as its servers lay it out (`ID/*.json` beside `index/`), or
//! one file each.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use walkdir::WalkDir;

use super::{EXPECTED, UnusableDatabase};
use crate::database::Builder;

/// The largest file of a database, in bytes; what is larger is not an advisory.
const MAX_SIZE: u64 = 8 << 20;
/// How deep advisories may lie: RustSec's are in `crates/`.
const MAX_DEPTH: usize = 3;

/// What a file of a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// An advisory.
    Advisory,
    /// When the database last changed.
    State,
}

/// What a file is, by its path in the database; `None` for what is not needed: indexes are made anew.
pub(super) fn kind(path: &str) -> Option<Entry> {
    if path == "index/db.json" {
        return Some(Entry::State);
    }
    let is_index = path.starts_with("index/");
    // Hidden files are those of version control and of systems.
    let is_hidden = path.split('/').any(|part| part.starts_with('.'));
    (path.ends_with(".json") && !is_index && !is_hidden).then_some(Entry::Advisory)
}

/// The whole of a file, unless it is larger than any advisory.
pub(super) fn read(file: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_SIZE.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIZE {
        let message = format!("the file is larger than {} MiB", MAX_SIZE >> 20);
        return Err(io::Error::other(message));
    }
    Ok(bytes)
}

/// Takes note of when the database last changed: what `index/db.json` says.
///
/// # Errors
/// When it says something else.
pub fn add_state(json: &[u8], builder: &mut Builder) -> Result<(), serde_json::Error> {
    #[derive(Deserialize)]
    struct State {
        modified: String,
    }
    let state: State = serde_json::from_slice(json)?;
    builder.modified(&state.modified);
    Ok(())
}

/// Adds every advisory in the folder.
pub(super) fn collect(folder: &Path, builder: &mut Builder) -> Result<(), UnusableDatabase> {
    let name = folder.display().to_string();
    let mut any = false;
    let walk = WalkDir::new(folder)
        .max_depth(MAX_DEPTH)
        .sort_by_file_name();
    for entry in walk {
        let entry = entry.map_err(|cause| UnusableDatabase::new(&name).cause(cause))?;
        let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let kind = kind(&inside.display().to_string()).filter(|_| entry.file_type().is_file());
        let wrong = |cause: &dyn std::fmt::Display| {
            let unusable =
                UnusableDatabase::new(&name).cause(format!("`{}`", entry.path().display()));
            unusable.cause(cause).hint(EXPECTED)
        };
        let json = || read(File::open(entry.path())?);
        match kind {
            Some(Entry::Advisory) => {
                let json = json().map_err(|cause| wrong(&cause))?;
                builder.add(&json).map_err(|cause| wrong(&cause))?;
                any = true;
            }
            Some(Entry::State) => {
                let json = json().map_err(|cause| wrong(&cause))?;
                add_state(&json, builder).map_err(|cause| wrong(&cause))?;
            }
            None => {}
        }
    }
    if !any {
        let unusable = UnusableDatabase::new(&name).cause("no advisory found");
        return Err(unusable.hint(EXPECTED));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_paths() {
        for path in [
            "ID/GO-2024-2687.json",
            "GO-2024-2687.json",
            "crates/RUSTSEC-2020-0001.json",
        ] {
            assert_eq!(kind(path), Some(Entry::Advisory), "{path}");
        }
        assert_eq!(kind("index/db.json"), Some(Entry::State));
        for path in [
            "index/modules.json",
            "index/vulns.json",
            "README.md",
            "ID/X.json.gz",
            ".a/b.json",
        ] {
            assert_eq!(kind(path), None, "{path}");
        }
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read_to_its_end() {
        let error = read(io::repeat(b' ')).unwrap_err();
        assert!(error.to_string().contains("larger than 8 MiB"), "{error}");
    }
}
