//! Why it is not sure that an advisory is about a version. Such an advisory is reported as any other,
//! with the reason: a doubt is neither an acquittal nor a proof.

use std::fmt;

use serde::{Serialize, Serializer};

/// Why it is not sure that an advisory is about a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionDoubt {
    /// Go's database knows ranges in versions that Go does not have (`custom_ranges`), so that it could
    /// only say "every version".
    CustomRanges,
    /// The advisory gives neither versions nor ranges.
    NoVersions,
    /// It gives ranges of commits and nothing else.
    OnlyCommits,
    /// It gives a range that breaks the OSV schema, or an upper bound that cannot be read.
    Malformed,
    /// It is about a part of an ecosystem (`Go:something`), and which part the module is from cannot
    /// be told.
    Qualified,
}

impl VersionDoubt {
    /// Every doubt; in a database, each is one more than its place here.
    pub(crate) const ALL: [Self; 5] = [
        Self::CustomRanges,
        Self::NoVersions,
        Self::OnlyCommits,
        Self::Malformed,
        Self::Qualified,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::CustomRanges => "custom-ranges",
            Self::NoVersions => "no-versions",
            Self::OnlyCommits => "only-commits",
            Self::Malformed => "malformed-range",
            Self::Qualified => "qualified-ecosystem",
        }
    }
}

impl fmt::Display for VersionDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CustomRanges => "its publisher could not express them in Go's versions",
            Self::NoVersions => "the advisory gives none",
            Self::OnlyCommits => "the advisory gives only commits",
            Self::Malformed => "the advisory has a range that breaks the OSV schema",
            Self::Qualified => "the advisory is about a part of the ecosystem",
        })
    }
}

impl Serialize for VersionDoubt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
