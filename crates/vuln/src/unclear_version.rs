//! What is not clear about the version in a program. Such a version is matched all the same, with the
//! reason: what cannot be ruled out counts.

/// Why the version in a program does not tell for sure whether it is affected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnclearVersion {
    /// It is not known.
    Unknown,
    /// It is none, and this one is the nearest.
    Nearest(String),
    /// It names a commit of this day, with no release before it, and the advisory is older: the
    /// commit may have the fix, and may be newer than the version that has it.
    Commit(String),
}

impl UnclearVersion {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Nearest(_) => "nearest",
            Self::Commit(_) => "commit",
        }
    }
}
