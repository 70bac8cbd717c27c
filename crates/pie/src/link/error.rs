//! Why an object is not linked. Each reason has a code, and a page of that name in
//! `docs/findings/`.

use std::fmt;

use handpie_binary::Incomplete;

use crate::codes::codes;

/// Why there is no program.
#[derive(Debug)]
pub enum Error {
    /// The object cannot be read.
    Unreadable(handpie_binary::Error),
    /// The object can be read and not be linked.
    Unlinkable(Reason),
}

/// What stands against linking an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Which reason.
    pub code: Code,
    /// What was found, and where.
    pub message: String,
}

codes! {
    "The reasons.";
    /// The file is not a relocatable object of a CPU that is linked for.
    Unsupported = "object-unsupported",
        "only objects that Go's linker writes for 386, arm and riscv64 are supported; build with \
         `handpie build`";
    /// A section cannot be placed, or says things that contradict.
    Layout = "object-layout",
        "the object is damaged, or its Go version is not supported; please report this";
    /// The program would be larger than its CPU can address from one place.
    TooLarge = "object-too-large",
        "the program is too large for this CPU; embed less data, or split the program";
    /// There is no `main` to start at.
    NoMain = "object-no-main",
        "only objects that Go's linker writes are supported, which define `main`";
    /// A symbol is used and not there.
    UndefinedSymbol = "object-undefined-symbol",
        "find the package that uses the symbol (cgo or //go:cgo_import_dynamic) and build without \
         that package";
    /// A relocation is of a kind that Go does not use on this CPU.
    UnknownRelocation = "object-unknown-relocation",
        "the Go version is newer than this version of handpie, or the object was not written by \
         Go; please report this";
    /// A relocation stands where none can be, or lacks its partner.
    MisplacedRelocation = "object-misplaced-relocation",
        "the object is damaged; build again, and please report this if it persists";
    /// What a relocation refers to is too far away for the instruction.
    OutOfRange = "object-relocation-out-of-range",
        "the program is too large for this CPU's instructions; please report this";
    /// Code or read-only data would have to be written to.
    TextRelocation = "object-text-relocation",
        "compile every package with -shared, including assembly, as `handpie build` does";
}

impl Reason {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// An [`Error`] with a code.
pub(super) fn unlinkable<T>(code: Code, message: impl Into<String>) -> Result<T, Error> {
    Err(Error::Unlinkable(Reason::new(code, message)))
}

impl From<Incomplete> for Error {
    fn from(incomplete: Incomplete) -> Self {
        handpie_binary::Error::from(incomplete).into()
    }
}

impl From<handpie_binary::Error> for Error {
    fn from(error: handpie_binary::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Self::Unlinkable(reason)
    }
}

impl Error {
    /// The stable name of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(error) => error.kind().code(),
            Self::Unlinkable(reason) => reason.code.name(),
        }
    }

    /// What to do next, where there is more to say than the message does.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable(_) => None,
            Self::Unlinkable(reason) => Some(reason.code.hint()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "{error}"),
            Self::Unlinkable(reason) => write!(f, "{}: {}", reason.code.name(), reason.message),
        }
    }
}

impl std::error::Error for Error {}
