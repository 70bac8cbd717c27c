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
    /// A Go of a vendor, who may have fixed it without changing the version; the release that it is
    /// taken for.
    VendorGo(String, String),
    /// The version of Go is not written, or names no release.
    UnknownGo(Option<String>),
    /// A version that is none: the module, what it says, and the version that it is taken for.
    NearestVersion(String, String, String),
    /// The version of a module was given by the user.
    GivenVersion(String, String),
    /// So many packages of no module that advisories are about, or that has a version.
    UnownedPackages(usize),
    /// The table of functions cannot be read, so nothing can be ruled out by it.
    NoFunctions,
    /// So many crates came from elsewhere than crates.io.
    ForeignCrates(usize),
    /// Nothing has a version that can be held against a database.
    NothingMatched,
}

impl Caveat {
    /// Every code.
    pub const CODES: [&str; 15] = [
        "vuln-no-build-info",
        "vuln-no-module-list",
        "vuln-main-devel",
        "vuln-main-pseudo",
        "vuln-main-dirty",
        "vuln-local-replacement",
        "vuln-unknown-version",
        "vuln-development-go",
        "vuln-vendor-go",
        "vuln-nearest-version",
        "vuln-given-version",
        "vuln-linked-packages",
        "vuln-no-functions",
        "vuln-foreign-crates",
        "vuln-nothing-matched",
    ];

    /// Whether a list of modules is missing.
    pub fn is_missing_list(&self) -> bool {
        matches!(self, Self::NoBuildInfo | Self::NoModuleList)
    }

    /// Whether a part of the program, or all of it, cannot be matched because of it.
    pub fn is_gap(&self) -> bool {
        self.is_missing_list() || matches!(self, Self::UnknownGo(_) | Self::NothingMatched)
    }

    /// The code, which is also the name of its page.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoBuildInfo => "vuln-no-build-info",
            Self::NoModuleList => "vuln-no-module-list",
            Self::MainDevel => "vuln-main-devel",
            Self::MainPseudo(_) => "vuln-main-pseudo",
            Self::MainDirty(_) => "vuln-main-dirty",
            Self::LocalReplacement(_) => "vuln-local-replacement",
            Self::UnknownVersion(..) | Self::UnknownGo(_) => "vuln-unknown-version",
            Self::NearestVersion(..) => "vuln-nearest-version",
            Self::GivenVersion(..) => "vuln-given-version",
            Self::UnownedPackages(_) => "vuln-linked-packages",
            Self::DevelopmentGo(_) => "vuln-development-go",
            Self::VendorGo(..) => "vuln-vendor-go",
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
                "has no build info, so the versions of its modules are unknown; `--versions` takes \
                 a file with them",
            ),
            Self::NoModuleList => f.write_str(
                "build info lists no modules, so their versions are unknown; `--versions` takes a \
                 file with them",
            ),
            Self::MainDevel => {
                f.write_str("the main module has no version, so every advisory about it may apply")
            }
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
                "{module} was replaced by a local directory, so it has no version, and every \
                 advisory about it may apply"
            ),
            Self::UnknownVersion(module, version) if version == "(devel)" => write!(
                f,
                "{module} was built from a directory, so it has no version, and every advisory \
                 about it may apply"
            ),
            Self::UnknownVersion(module, version) => write!(
                f,
                "`{version}` is not a valid version of {module}, so every advisory about it may \
                 apply"
            ),
            Self::UnknownGo(None) => f.write_str(
                "the version of Go is not recorded, so every advisory about the standard library \
                 may apply",
            ),
            Self::UnknownGo(Some(version)) => write!(
                f,
                "`{version}` names no release of Go, so every advisory about the standard library \
                 may apply"
            ),
            Self::NearestVersion(module, version, nearest) => write!(
                f,
                "`{version}` is not a valid version of {module}; it is treated as {nearest}"
            ),
            Self::GivenVersion(module, version) => write!(
                f,
                "the version of {module} is not in the program; {version} is what --versions gives"
            ),
            Self::UnownedPackages(1) => {
                f.write_str("1 linked package belongs to a module without a version")
            }
            Self::UnownedPackages(count) => {
                write!(
                    f,
                    "{count} linked packages belong to modules without a version"
                )
            }
            Self::DevelopmentGo(version) => write!(
                f,
                "Go `{version}` is a development version, which is treated as older than the \
                 release it precedes"
            ),
            Self::VendorGo(version, release) => write!(
                f,
                "Go `{version}` comes from a vendor, who may have fixed vulnerabilities without \
                 changing the version; it is treated as {release}"
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
