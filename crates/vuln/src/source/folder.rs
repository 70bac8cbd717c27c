//! Advisories in a folder: Go's database as its servers lay it out (`ID/*.json` beside `index/`),
//! GitHub's (`advisories/github-reviewed/2024/01/GHSA-…/GHSA-….json`), or any other tree of one file
//! each. ZIPs in it are read as well.
//!
//! Symbolic links are followed, to files and folders: Kubernetes mounts each file as a link into a
//! hidden folder beside it, and package managers build trees of links. A folder is read once, by
//! whichever way it is reached first, so links in a circle end. What cannot be read is an error.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{EXPECTED, UnusableDatabase, zip};
use crate::database::Builder;

/// The largest file of a database, in bytes; what is larger is not an advisory.
const MAX_SIZE: u64 = 8 << 20;
/// How deep advisories may lie: GitHub's are five folders down.
const MAX_DEPTH: usize = 32;
/// Files and folders of a database. GitHub has 300,000 advisories, each in a folder of its own.
const MAX_ENTRIES: usize = 1 << 21;

/// What the name of a packed file ends with.
pub(super) const PACKED: &str = ".gz";
/// Why a packed advisory is not read.
pub(super) const IS_PACKED: &str = "packed with gzip, and not there unpacked";

/// What a file of a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// An advisory.
    Advisory,
    /// When the database last changed.
    State,
    /// An advisory that is packed with gzip, as servers keep them beside the others.
    Packed,
}

/// What a file is, by its path in the database; `None` for what is not needed: indexes are made anew.
pub(super) fn kind(path: &str) -> Option<Entry> {
    let mut folders: Vec<&str> = path.split('/').collect();
    let name = folders.pop().unwrap_or_default();
    let is_index = folders.last() == Some(&"index");
    if is_index && name == "db.json" {
        return Some(Entry::State);
    }
    let unpacked = name.strip_suffix(PACKED).unwrap_or(name);
    let is_part_of_index = is_index && ["db", "modules", "vulns"].contains(&stem(unpacked));
    let is_hidden = is_hidden(name) || folders.into_iter().any(is_hidden);
    if !unpacked.ends_with(".json") || is_part_of_index || is_hidden {
        return None;
    }
    Some(match unpacked == name {
        true => Entry::Advisory,
        false => Entry::Packed,
    })
}

fn stem(name: &str) -> &str {
    name.strip_suffix(".json").unwrap_or(name)
}

/// Hidden files are those of version control and of systems.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
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
    let mut walk = Walk {
        name: folder.display().to_string(),
        builder,
        known: HashSet::new(),
        entries: 0,
        any: false,
    };
    walk.folder(folder, "", 0)?;
    if !walk.any {
        let unusable = UnusableDatabase::new(&walk.name).cause("no advisory found");
        return Err(unusable.hint(EXPECTED));
    }
    Ok(())
}

/// On the way through a folder.
struct Walk<'b> {
    /// How people read the folder's name.
    name: String,
    builder: &'b mut Builder,
    /// The folders that were read, by their real paths.
    known: HashSet<PathBuf>,
    entries: usize,
    any: bool,
}

impl Walk<'_> {
    /// Reads a folder, whose path in the database is `inside`, empty or with a slash at its end.
    fn folder(&mut self, path: &Path, inside: &str, depth: usize) -> Result<(), UnusableDatabase> {
        let wrong = |cause: &dyn std::fmt::Display| wrong(&self.name, path, cause);
        let real = fs::canonicalize(path).map_err(|cause| wrong(&cause))?;
        if depth > MAX_DEPTH {
            return Err(wrong(&format!("more than {MAX_DEPTH} directories deep")));
        }
        if !self.known.insert(real) {
            return Ok(());
        }
        let listed = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut listed = listed.map_err(|cause| wrong(&cause))?;
        listed.sort_by_key(fs::DirEntry::file_name);
        for entry in listed {
            self.entries = self.entries.saturating_add(1);
            if self.entries > MAX_ENTRIES {
                let cause = format!("more than {MAX_ENTRIES} files and directories");
                return Err(UnusableDatabase::new(&self.name).cause(cause));
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            if !is_hidden(&name) {
                self.entry(&entry.path(), &format!("{inside}{name}"), depth)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, inside: &str, depth: usize) -> Result<(), UnusableDatabase> {
        let kind = kind(inside);
        let is_zip = inside.ends_with(".zip");
        // What has no extension may be meant to be a folder.
        let is_needed = kind.is_some() || is_zip || path.extension().is_none();
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(cause) if is_needed => {
                return Err(wrong(&self.name, path, &unfollowed(path, cause)));
            }
            Err(_) => return Ok(()),
        };
        if metadata.is_dir() {
            return self.folder(path, &format!("{inside}/"), depth.saturating_add(1));
        }
        if kind.is_none() && !is_zip {
            return Ok(());
        }
        let read = self.file(path, kind, &metadata);
        read.map_err(|cause| wrong(&self.name, path, &cause))
    }

    /// Reads an advisory, the state of the database or, of no kind, a ZIP.
    fn file(
        &mut self,
        path: &Path,
        kind: Option<Entry>,
        metadata: &Metadata,
    ) -> Result<(), Box<dyn std::error::Error>> {
        // Opening a named pipe would wait for who writes to it.
        if !metadata.is_file() {
            return Err("neither a file nor a directory".into());
        }
        match kind {
            Some(Entry::Advisory) => {
                self.builder.add(&read(File::open(path)?)?)?;
                self.any = true;
            }
            Some(Entry::Packed) if path.with_extension("").is_file() => {}
            Some(Entry::Packed) => return Err(IS_PACKED.into()),
            Some(Entry::State) => add_state(&read(File::open(path)?)?, self.builder)?,
            None => {
                let name = path.display().to_string();
                zip::collect(&name, File::open(path)?, self.builder).map_err(|unusable| {
                    let causes = unusable.causes.join(": ");
                    format!("ZIP archive: {causes}")
                })?;
                self.any = true;
            }
        }
        Ok(())
    }
}

/// A link that leads nowhere is said to be one.
fn unfollowed(path: &Path, cause: io::Error) -> String {
    match fs::read_link(path) {
        Ok(target) => format!("symbolic link to `{}`: {cause}", target.display()),
        Err(_) => cause.to_string(),
    }
}

fn wrong(name: &str, path: &Path, cause: &dyn std::fmt::Display) -> UnusableDatabase {
    let unusable = UnusableDatabase::new(name).cause(format!("`{}`", path.display()));
    unusable.cause(cause).hint(EXPECTED)
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
            "advisories/github-reviewed/2024/01/GHSA-a/GHSA-a.json",
            "index.json",
            "index/A-1.json",
        ] {
            assert_eq!(kind(path), Some(Entry::Advisory), "{path}");
        }
        assert_eq!(kind("index/db.json"), Some(Entry::State));
        assert_eq!(kind("v1/index/db.json"), Some(Entry::State));
        assert_eq!(kind("ID/X.json.gz"), Some(Entry::Packed));
        for path in [
            "index/modules.json",
            "index/vulns.json",
            "v1/index/vulns.json",
            "index/vulns.json.gz",
            "README.md",
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
