//! Reads a file that a user names, as far as it is looked at, without waiting for a pipe.

use std::cell::RefCell;
use std::fmt::Display;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use handpie_binary::{Bytes, Incomplete, MAX_FILE_SIZE, Offset, Partial, Room, Size};

use crate::exit::Exit;
use crate::failure::Failure;

/// Codes of what is wrong with a file before its bytes are looked at.
#[cfg(test)]
pub(crate) const CODES: [&str; 5] = [
    NOT_A_REGULAR_FILE,
    crate::binaries::EMPTY_FOLDER,
    UNREADABLE_FILE,
    crate::atomic_file::OUTPUT_IS_INPUT,
    crate::atomic_file::OUTPUT_NOT_WRITTEN,
];
const NOT_A_REGULAR_FILE: &str = "not-a-regular-file";
pub(crate) const UNREADABLE_FILE: &str = "unreadable-file";

/// What is read at once, in bytes.
const BLOCK: NonZeroUsize = NonZeroUsize::new(64 << 10).unwrap();

thread_local! {
    /// Where the last file of this thread was.
    static ROOM: RefCell<Room> = RefCell::default();
}

/// A file to be looked at.
#[derive(Debug)]
pub(crate) struct Input {
    /// How the user called it.
    pub(crate) name: String,
    path: PathBuf,
    content: Partial,
    /// `None` for standard input.
    file: Option<(File, Metadata)>,
}

impl Drop for Input {
    fn drop(&mut self) {
        let content = std::mem::replace(&mut self.content, Partial::whole(Vec::new()));
        ROOM.set(content.into_room());
    }
}

/// No [`Incomplete`] gets out of [`Input::look`], so this is never printed.
impl From<Incomplete> for Failure {
    fn from(incomplete: Incomplete) -> Self {
        Self::new(Exit::Bug, "failed to read a file").cause(incomplete)
    }
}

/// Whether a path means standard input or output.
pub(crate) fn is_stream(path: &Path) -> bool {
    path == Path::new("-")
}

impl Input {
    /// Opens the file at `path`, or reads standard input for `-`.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if is_stream(path) {
            let name = "standard input";
            return Ok(Self {
                name: name.into(),
                path: path.to_owned(),
                content: Partial::whole(read_all(name, io::stdin().lock())?),
                file: None,
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
        if metadata.len() > MAX_FILE_SIZE {
            return Err(too_large(&name));
        }
        let content = Partial::in_room(ROOM.take(), Size(metadata.len()), BLOCK)
            .map_err(|error| unreadable(&name, &io::Error::other(error)))?;
        Ok(Self {
            name,
            path: path.to_owned(),
            content,
            file: Some((file, metadata)),
        })
    }

    /// What `look` finds in the file; see [`Partial::look`].
    pub(crate) fn look<T>(&mut self, look: impl Fn(Bytes<'_>) -> T) -> Result<T, Failure> {
        let Self { content, file, .. } = self;
        let read = |start, room: &mut [u8]| match file {
            Some((file, _)) => file.read_exact_at(room, start),
            None => Ok(()),
        };
        let found = content.look(read, look);
        found.map_err(|cause| unreadable(&self.name, &cause))
    }

    /// The file's `st_mode`; `None` for standard input.
    pub(crate) fn mode(&self) -> Option<u32> {
        let (_, metadata) = self.file.as_ref()?;
        Some(metadata.mode())
    }

    /// The size of the file.
    pub(crate) fn size(&self) -> Size {
        self.content.size()
    }

    /// The path for a file on disk.
    pub(crate) fn file(&self) -> Option<(&Path, &Metadata)> {
        let (_, metadata) = self.file.as_ref()?;
        Some((&self.path, metadata))
    }

    /// Copies a part to `sink`; between two files, the kernel does it.
    pub(crate) fn copy_to(
        &self,
        sink: &mut impl Write,
        start: Offset,
        size: Size,
    ) -> io::Result<()> {
        let copied = match &self.file {
            Some((file, _)) => {
                let mut file = file;
                file.seek(SeekFrom::Start(start.0))?;
                io::copy(&mut file.take(size.0), sink)?
            }
            None => {
                let whole = self.content.data().map_err(io::Error::other)?;
                let part = Bytes::from(whole).slice(start.0, size, "a part");
                let part = part.and_then(|part| Ok(part.data()?));
                io::copy(&mut part.map_err(io::Error::other)?, sink)?
            }
        };
        if copied == size.0 {
            Ok(())
        } else {
            Err(self.changed())
        }
    }

    /// Fails when somebody has written to the file since it was opened: what was looked at may
    /// then be another file than the one that was copied.
    pub(crate) fn refuse_changed(&self) -> io::Result<()> {
        let Some((file, then)) = &self.file else {
            return Ok(());
        };
        let now = file.metadata()?;
        if (now.len(), now.modified()?) == (then.len(), then.modified()?) {
            Ok(())
        } else {
            Err(self.changed())
        }
    }

    fn changed(&self) -> io::Error {
        io::Error::other(format!("`{}` changed while being read", self.name))
    }
}

fn read_all(name: &str, source: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    // Standard input may never end.
    source
        .take(MAX_FILE_SIZE.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|cause| unreadable(&name, &cause))?;
    if bytes.len() as u64 > MAX_FILE_SIZE {
        return Err(too_large(name));
    }
    Ok(bytes)
}

/// As many bytes as tell what kind of file it is; none of a file that is not a regular one.
pub(crate) fn first_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = vec![0; 16];
    let count = file.read_at(&mut bytes, 0)?;
    bytes.truncate(count);
    Ok(bytes)
}

fn too_large(name: &str) -> Failure {
    let message = format!("`{name}` is larger than {} GiB", MAX_FILE_SIZE >> 30);
    Failure::new(Exit::Input, message)
        .code("too-large")
        .hint("no program is that large; is the file a disk image or an archive?")
}

fn not_regular(name: &str, metadata: &Metadata) -> Failure {
    Failure::new(Exit::Input, format!("`{name}` is {}", describe(metadata)))
        .code(NOT_A_REGULAR_FILE)
        .hint("pass the path of a program, or - for standard input")
}

pub(crate) fn unreadable(name: &dyn Display, cause: &io::Error) -> Failure {
    Failure::new(Exit::Input, format!("failed to read `{name}`"))
        .code(UNREADABLE_FILE)
        .cause(cause)
}

/// What sits at a path that is not a regular file, in words that fit after "it is".
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

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> (tempfile::NamedTempFile, Input) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[7; 200_000]).unwrap();
        let input = Input::open(file.path()).unwrap();
        (file, input)
    }

    #[test]
    fn a_file_that_is_written_to_meanwhile_is_noticed() {
        let (mut file, input) = input();
        input.refuse_changed().unwrap();
        file.write_all(&[8]).unwrap();
        let error = input.refuse_changed().unwrap_err();
        assert!(error.to_string().contains("changed while being read"));
    }

    #[test]
    fn a_file_that_is_cut_meanwhile_is_noticed() {
        let (file, mut input) = input();
        file.as_file().set_len(100_000).unwrap();
        let error = input.copy_to(&mut Vec::new(), Offset(0), Size(200_000));
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("changed while being read")
        );
        let looked = input.look(|bytes| bytes.data().map(<[u8]>::len));
        assert!(looked.is_err(), "the rest is not there to be read");
    }
}
