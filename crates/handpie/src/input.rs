//! Reads a file that a user names, without waiting for a pipe or filling memory.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use handpie_binary::MAX_FILE_SIZE;

use crate::exit::Exit;
use crate::failure::Failure;

/// Codes of what is wrong with a file before its bytes are looked at.
#[cfg(test)]
pub(crate) const CODES: [&str; 4] = [
    NOT_A_REGULAR_FILE,
    UNREADABLE_FILE,
    crate::replace::OUTPUT_IS_INPUT,
    crate::replace::OUTPUT_NOT_WRITTEN,
];
const NOT_A_REGULAR_FILE: &str = "not-a-regular-file";
const UNREADABLE_FILE: &str = "unreadable-file";

/// A file in memory.
#[derive(Debug)]
pub(crate) struct Input {
    /// How the user called it.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    /// `None` for standard input.
    pub(crate) metadata: Option<Metadata>,
}

/// Whether a path means standard input or output.
pub(crate) fn is_stream(path: &Path) -> bool {
    path == Path::new("-")
}

impl Input {
    /// Reads the file at `path`, or standard input for `-`.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        if is_stream(path) {
            let bytes = read_all("standard input", io::stdin().lock(), 0)?;
            return Ok(Self {
                name: "standard input".into(),
                path: path.to_owned(),
                bytes,
                metadata: None,
            });
        }
        let name = path.display().to_string();
        // Opening a FIFO would wait for a writer; not waiting is harmless for anything else.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
            // A socket cannot be opened at all; that it is one says more than the error.
            .map_err(|cause| match fs::metadata(path) {
                Ok(metadata) if !metadata.is_file() => not_regular(&name, &metadata),
                _ => unreadable(&name, &cause),
            })?;
        let metadata = file.metadata().map_err(|cause| unreadable(&name, &cause))?;
        if !metadata.is_file() {
            return Err(not_regular(&name, &metadata));
        }
        Ok(Self {
            bytes: read_all(&name, file, metadata.len())?,
            name,
            path: path.to_owned(),
            metadata: Some(metadata),
        })
    }

    /// The path for a file on disk.
    pub(crate) fn file(&self) -> Option<(&Path, &Metadata)> {
        Some((&self.path, self.metadata.as_ref()?))
    }
}

fn read_all(name: &str, source: impl Read, expected: u64) -> Result<Vec<u8>, Failure> {
    let too_large = || {
        let message = format!("`{name}` is larger than {} GiB", MAX_FILE_SIZE >> 30);
        Failure::new(Exit::Input, message)
            .code("too-large")
            .hint("programs are never that large; is it an image or an archive?")
    };
    if expected > MAX_FILE_SIZE {
        return Err(too_large());
    }
    // One byte more than expected, so that the end is seen without growing.
    let capacity = usize::try_from(expected.saturating_add(1)).unwrap_or(0);
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(capacity)
        .map_err(|cause| unreadable(name, &io::Error::other(cause)))?;
    // The file may grow while it is read, and standard input may never end.
    source
        .take(MAX_FILE_SIZE.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|cause| unreadable(name, &cause))?;
    if bytes.len() as u64 > MAX_FILE_SIZE {
        return Err(too_large());
    }
    Ok(bytes)
}

fn not_regular(name: &str, metadata: &Metadata) -> Failure {
    Failure::new(Exit::Input, format!("`{name}` is {}", describe(metadata)))
        .code(NOT_A_REGULAR_FILE)
        .hint("give the path of a program; - reads standard input")
}

fn unreadable(name: &str, cause: &io::Error) -> Failure {
    Failure::new(Exit::Input, format!("failed to read `{name}`"))
        .code(UNREADABLE_FILE)
        .cause(cause)
}

/// What sits at a path that is no regular file, in words that fit after "it is".
pub(crate) fn describe(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
