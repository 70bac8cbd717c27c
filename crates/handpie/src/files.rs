//! The files that a command line names: those named themselves, and those in directories named.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use handpie_binary::identify::{FileKind, identify};
use walkdir::WalkDir;

use crate::failure::Failure;
use crate::input::{self, Input};

/// A file to look at.
#[derive(Debug)]
pub(crate) struct Found {
    path: PathBuf,
    /// Whether the user named it, and not a directory that it is in.
    named: bool,
    /// What it is by its first bytes, once they have been read.
    kind: OnceLock<FileKind>,
}

impl Found {
    /// How reports call it.
    pub(crate) fn name(&self) -> String {
        match input::is_stream(&self.path) {
            true => "standard input".to_owned(),
            false => self.path.display().to_string(),
        }
    }

    /// The path, as it was named or found.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the user named it, and not a directory that it is in.
    pub(crate) fn was_named(&self) -> bool {
        self.named
    }

    /// Whether it is an archive of objects.
    pub(crate) fn is_archive(&self) -> bool {
        !input::is_stream(&self.path) && self.kind() == FileKind::Archive
    }

    /// The file, opened; `None` for one that nobody named and that is not a binary.
    pub(crate) fn open(&self) -> Result<Option<Input>, Failure> {
        if self.named {
            return Input::open(&self.path).map(Some);
        }
        match self.kind() {
            FileKind::Elf | FileKind::MachO | FileKind::Pe => Input::open(&self.path).map(Some),
            _ => Ok(None),
        }
    }

    /// What it is by its first bytes; nothing is known of links that lead nowhere, and of files that
    /// went away meanwhile.
    fn kind(&self) -> FileKind {
        *self.kind.get_or_init(|| {
            // Reading from a FIFO that somebody names would wait for a writer.
            let bytes = match !self.named || self.path.is_file() {
                true => input::first_bytes(&self.path).ok(),
                false => None,
            };
            bytes.map_or(FileKind::Unknown, |bytes| identify(&bytes))
        })
    }
}

/// All files, in the order of the command line and then of their names. Links in directories are
/// not followed: what they lead to is met under its own name, or belongs to somebody else.
pub(crate) fn find(paths: &[PathBuf]) -> Vec<Found> {
    let mut found = Vec::new();
    for path in paths {
        if !input::is_stream(path) && Path::is_dir(path) {
            let walk = WalkDir::new(path).sort_by_file_name().into_iter();
            let files = walk.flatten().filter(|entry| entry.file_type().is_file());
            found.extend(files.map(|entry| Found {
                path: entry.into_path(),
                named: false,
                kind: OnceLock::new(),
            }));
        } else {
            found.push(Found {
                path: path.clone(),
                named: true,
                kind: OnceLock::new(),
            });
        }
    }
    found
}
