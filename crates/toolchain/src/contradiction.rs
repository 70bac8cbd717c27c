//! What a user asks of `go build` that cannot become a static-PIE.
//!
//! Every contradiction has a code with a page, all are found before anything is built, and all
//! are shown at once.

use std::fmt;

/// One wish that cannot be granted together with a static-PIE without a C toolchain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// Which one.
    pub code: Code,
    /// What was asked for, and where.
    pub what: String,
    /// The next step, if one is known.
    pub hint: Option<String>,
}

impl Contradiction {
    pub(crate) fn new(code: Code, what: impl Into<String>, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        Contradiction {
            code,
            what: what.into(),
            hint: (!hint.is_empty()).then_some(hint),
        }
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.what)
    }
}

/// The kinds of contradictions, and of packages that need C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// `-race`.
    BuildRace,
    /// `-msan` or `-asan`.
    BuildSanitizer,
    /// Another `-buildmode`, or `-linkshared`.
    BuildMode,
    /// `-ldflags=-linkmode=external`.
    BuildExternalLinking,
    /// `-ldflags=-d`.
    BuildNoRelocations,
    /// `CGO_ENABLED=1`.
    BuildCgoEnabled,
    /// Another program in `-toolexec`.
    BuildForeignToolexec,
    /// `-compiler=gccgo`.
    BuildGccgo,
    /// Two different `-o`.
    BuildOutputTwice,
    /// Several programs and no folder for them.
    BuildNoOutput,
    /// No program among the packages.
    BuildNoProgram,
    /// A flag whose quotes go cannot read, or that we cannot write.
    BuildQuoting,
    /// A CPU level that go does not have.
    BuildCpuLevel,
    /// GOOS is not linux.
    BuildSystem,
    /// GOARCH is none of ours.
    BuildCpu,
    /// Go is too old.
    BuildGoTooOld,
    /// A package has no Go files without cgo.
    NeedsCgo,
    /// A package is something else without cgo.
    CgoStandIn,
    /// The program loads plugins.
    UsesPlugin,
}

impl Code {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Code; 19] = [
        Code::BuildSystem,
        Code::BuildCpu,
        Code::BuildCpuLevel,
        Code::BuildGoTooOld,
        Code::BuildGccgo,
        Code::BuildMode,
        Code::BuildRace,
        Code::BuildSanitizer,
        Code::BuildCgoEnabled,
        Code::BuildExternalLinking,
        Code::BuildNoRelocations,
        Code::BuildForeignToolexec,
        Code::BuildOutputTwice,
        Code::BuildQuoting,
        Code::BuildNoProgram,
        Code::BuildNoOutput,
        Code::NeedsCgo,
        Code::CgoStandIn,
        Code::UsesPlugin,
    ];

    /// As it is printed, and as `handpie explain` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Code::BuildRace => "build-race",
            Code::BuildSanitizer => "build-sanitizer",
            Code::BuildMode => "build-mode",
            Code::BuildExternalLinking => "build-external-linking",
            Code::BuildNoRelocations => "build-no-relocations",
            Code::BuildCgoEnabled => "build-cgo-enabled",
            Code::BuildForeignToolexec => "build-foreign-toolexec",
            Code::BuildGccgo => "build-gccgo",
            Code::BuildOutputTwice => "build-output-twice",
            Code::BuildNoOutput => "build-no-output",
            Code::BuildNoProgram => "build-no-program",
            Code::BuildQuoting => "build-quoting",
            Code::BuildCpuLevel => "build-cpu-level",
            Code::BuildSystem => "build-system",
            Code::BuildCpu => "build-cpu",
            Code::BuildGoTooOld => "build-go-too-old",
            Code::NeedsCgo => "needs-cgo",
            Code::CgoStandIn => "cgo-stand-in",
            Code::UsesPlugin => "uses-plugin",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        let kebab = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(names.iter().all(|name| kebab(name)));
    }
}
