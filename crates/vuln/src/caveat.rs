//! Caveats: what limits the answer about a binary. Each has a code, whose page says what to do.

use handpie_binary::counted;
use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// Something that was not to be known, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caveat {
    /// The Go toolchain's record is not there.
    NoBuildInfo,
    /// The record names no modules: built in GOPATH mode, as Debian does.
    NoModuleList,
    /// The main module was built from a directory: `(devel)`, or no version at all.
    MainDevel,
    /// The main module was built from a commit; such a version may be lower than a release that the
    /// commit follows.
    MainPseudo(String),
    /// The main module had changes that were not committed.
    MainDirty(String),
    /// The source of a module was taken from a directory.
    LocalReplacement(String),
    /// A version that is none: the module, and what it says.
    UnknownVersion(String, String),
    /// A Go that was built from source, between releases.
    DevelopmentGo(String),
    /// A Go of a vendor, who may have fixed it without changing the version.
    VendorGo(String),
    /// The table of functions cannot be read, so nothing can be ruled out by it.
    NoFunctions,
    /// So many crates came from elsewhere than crates.io.
    ForeignCrates(usize),
    /// Nothing has a version that can be held against a database.
    NothingMatched,
}

impl Caveat {
    /// Every code.
    pub const CODES: [&str; 12] = [
        "vuln-no-build-info",
        "vuln-no-module-list",
        "vuln-main-devel",
        "vuln-main-pseudo",
        "vuln-main-dirty",
        "vuln-local-replacement",
        "vuln-unknown-version",
        "vuln-development-go",
        "vuln-vendor-go",
        "vuln-no-functions",
        "vuln-foreign-crates",
        "vuln-nothing-matched",
    ];

    /// The code, which is also the name of its page.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoBuildInfo => "vuln-no-build-info",
            Self::NoModuleList => "vuln-no-module-list",
            Self::MainDevel => "vuln-main-devel",
            Self::MainPseudo(_) => "vuln-main-pseudo",
            Self::MainDirty(_) => "vuln-main-dirty",
            Self::LocalReplacement(_) => "vuln-local-replacement",
            Self::UnknownVersion(..) => "vuln-unknown-version",
            Self::DevelopmentGo(_) => "vuln-development-go",
            Self::VendorGo(_) => "vuln-vendor-go",
            Self::NoFunctions => "vuln-no-functions",
            Self::ForeignCrates(_) => "vuln-foreign-crates",
            Self::NothingMatched => "vuln-nothing-matched",
        }
    }
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBuildInfo => f.write_str(
                "has no build info, so its modules are unknown; only the standard library is \
                 matched, if the Go version can be found",
            ),
            Self::NoModuleList => {
                f.write_str("build info lists no modules, so only the standard library is matched")
            }
            Self::MainDevel => f.write_str(
                "the main module has no version, so advisories about it are not matched",
            ),
            Self::MainPseudo(version) => write!(
                f,
                "the main module was built from a commit ({version}), which may include fixes \
                 that its version number does not show"
            ),
            Self::MainDirty(version) => write!(
                f,
                "the main module ({version}) was built with uncommitted changes"
            ),
            Self::LocalReplacement(module) => write!(
                f,
                "{module} was replaced by a local directory, so it has no version and is not \
                 matched"
            ),
            Self::UnknownVersion(module, version) => {
                write!(f, "`{version}` is not a valid version of {module}")
            }
            Self::DevelopmentGo(version) => write!(
                f,
                "Go `{version}` is a development version, which is treated as older than the \
                 release it precedes"
            ),
            Self::VendorGo(version) => write!(
                f,
                "Go `{version}` comes from a vendor, who may have fixed vulnerabilities without \
                 changing the version"
            ),
            Self::NoFunctions => f.write_str(
                "the function table cannot be read, so no vulnerable function can be ruled out",
            ),
            Self::ForeignCrates(count) => write!(
                f,
                "{} from sources other than crates.io cannot be matched",
                counted(*count, "crate")
            ),
            Self::NothingMatched => f.write_str(
                "no module or crate has a version that can be matched, so finding no advisory \
                 means nothing",
            ),
        }
    }
}

impl Serialize for Caveat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Caveat", 2)?;
        fields.serialize_field("code", self.code())?;
        fields.serialize_field("message", &self.to_string())?;
        fields.end()
    }
}
