//! Whose versions and names an advisory uses.

/// Who numbers versions, and how OSV calls that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ecosystem {
    /// Modules of Go.
    Go,
    /// Crates of Rust.
    CratesIo,
}

impl Ecosystem {
    /// Every ecosystem that is known here.
    pub(crate) const ALL: [Self; 2] = [Self::Go, Self::CratesIo];

    /// How OSV calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Go => "Go",
            Self::CratesIo => "crates.io",
        }
    }

    /// The one that OSV calls so.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// What Go's database calls the standard library.
pub(crate) const STDLIB: &str = "stdlib";
/// What it calls the `go` command and what belongs to it.
pub(crate) const TOOLCHAIN: &str = "toolchain";
