//! Why a file cannot be read: what was read, and the file offset of the byte that is wrong.

use std::fmt;

use crate::partial::Incomplete;
use crate::quantity::Offset;

/// A file that cannot be read as an executable. One word wide, because it travels in every result.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    message: String,
    offset: Option<Offset>,
    context: Vec<String>,
}

/// What sort of trouble an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The file has no bytes.
    Empty,
    /// The file is something else than ELF, and nothing else is read.
    NotElf,
    /// The file is of no format that is read here.
    NotBinary,
    /// The file ends before something that a header announces.
    Truncated,
    /// A field has a value that the specification does not allow, or two fields contradict.
    Malformed,
    /// The ELF file is valid as far as can be seen, but uses something that is not read here.
    Unsupported,
    /// The same of a Mach-O or PE file.
    UnsupportedBinary,
    /// A count or size is above our cap.
    TooLarge,
    /// More of the file has to be read before anything can be said: see [`Incomplete`]. It never gets
    /// out of [`crate::Partial::look`].
    Incomplete,
}

impl ErrorKind {
    /// Every kind that says something of a file, in the order of this page.
    pub const ALL: [Self; 8] = [
        Self::Empty,
        Self::NotElf,
        Self::NotBinary,
        Self::Truncated,
        Self::Malformed,
        Self::Unsupported,
        Self::UnsupportedBinary,
        Self::TooLarge,
    ];

    /// The stable name, which is also the name of the page in `docs/findings/`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty-file",
            Self::NotElf => "not-elf",
            Self::NotBinary => "not-a-binary",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported-elf",
            Self::UnsupportedBinary => "unsupported-binary",
            Self::TooLarge => "too-large",
            Self::Incomplete => "incomplete",
        }
    }
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            offset: None,
            context: Vec::new(),
        }))
    }

    #[cold]
    pub(crate) fn at(kind: ErrorKind, offset: Offset, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            offset: Some(offset),
            context: Vec::new(),
        }))
    }

    /// Adds what was being read when this went wrong; the outermost is printed first.
    #[cold]
    pub(crate) fn within(mut self, what: impl Into<String>) -> Self {
        self.0.context.insert(0, what.into());
        self
    }

    /// What sort of trouble it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The file offset of the wrong byte, where one byte can be named.
    pub fn offset(&self) -> Option<Offset> {
        self.0.offset
    }
}

/// What could be read; `None` for what is malformed, but not for what has not been read yet.
///
/// # Errors
/// [`Incomplete`] for that.
pub fn well_formed<T>(read: Result<T, Error>) -> Result<Option<T>, Incomplete> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::Incomplete => Err(Incomplete(())),
        Err(_) => Ok(None),
    }
}

impl From<Incomplete> for Error {
    fn from(incomplete: Incomplete) -> Self {
        Self::new(ErrorKind::Incomplete, incomplete.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for context in &self.0.context {
            write!(f, "{context}: ")?;
        }
        f.write_str(&self.0.message)?;
        match self.0.offset {
            Some(offset) => write!(f, " (at offset {offset})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.0.kind.code())
    }
}

impl std::error::Error for Error {}
