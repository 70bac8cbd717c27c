//! The Go toolchain: whether its version is still supported, and whether its runtime randomises the
//! heap.

use handpie_binary::Offset;

use super::Go;
use super::program::Mark;
use super::releases::{Releases, Support, releases};
use crate::date::Date;
use crate::finding::{Judgement, fail, not_applicable, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;
use handpie_binary::go::Version;

pub(super) const TOOLCHAIN: Rule = Rule {
    code: "go-toolchain",
    wish: "a supported Go version with the latest fixes",
    severity: Severity::High,
    levels: Levels {
        plain: Level::Fail,
        portable: Level::Fail,
        host: Level::Fail,
        // Distributions fix the Go of a stable release for years, without changing its version.
        distro: Level::Warn,
    },
    judge: toolchain,
};

pub(super) const HEAP_BASE: Rule = Rule {
    code: "go-heap-base",
    wish: "a heap at a random address",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: heap_base,
};

const NEWEST: &str = "build with the newest patch release of a supported Go version: \
                      GOTOOLCHAIN=go1.N.P go build, or `toolchain go1.N.P` in go.mod";

fn toolchain(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    let Some((text, offset)) = go.version_text() else {
        return Some(unknown("the Go version is not recorded"));
    };
    let list = releases();
    let judgement = match Version::parse(&text) {
        None => unknown(format!("`{text}` is not a Go version")),
        Some(version) => judge_version(&version, &text, list, go.today),
    };
    let judgement = judgement.at(offset, text);
    Some(judgement.with(format!("Go releases as of {}", list.known_on)))
}

fn judge_version(version: &Version, text: &str, list: &Releases, today: Option<Date>) -> Judgement {
    if version.development {
        return warn(format!("{text} is a development version of Go"))
            .hint("build with a release of Go");
    }
    let Some(minor) = version.minor else {
        return unknown(format!("{text} does not name a Go release"));
    };
    let support = list.support(minor, today);
    if let Some(prerelease) = &version.prerelease {
        return match support {
            Support::Newer => warn(format!("Go 1.{minor}{prerelease} is a pre-release")),
            _ => fail(format!(
                "Go 1.{minor}{prerelease} is a pre-release of Go 1.{minor}, which has been \
                 released since"
            )),
        }
        .hint(NEWEST);
    }
    match support {
        Support::Newer => pass(format!(
            "Go 1.{minor} is newer than this version of handpie knows"
        )),
        Support::Doubtful(_) => unknown(format!(
            "Go 1.{minor} was supported on {}; this version of handpie is too old to know whether \
             that is still so",
            list.known_on
        )),
        Support::Ended(_, end) if !version.vendor.is_empty() => warn(format!(
            "Go 1.{minor} has been out of support since {end}; the vendor (`{}`) may still \
             support it",
            version.vendor
        ))
        .hint(NEWEST),
        Support::Ended(_, end) => {
            fail(format!("Go 1.{minor} has been out of support since {end}")).hint(NEWEST)
        }
        Support::Supported(line) if version.patch < line.newest_patch => warn(format!(
            "Go 1.{minor}.{} has fixes that 1.{minor}.{} lacks",
            line.newest_patch, version.patch
        ))
        .hint(NEWEST),
        Support::Supported(_) => pass(format!(
            "Go 1.{minor} is supported, and no patch release newer than 1.{minor}.{} is known",
            version.patch
        )),
    }
}

/// The first line whose runtime puts the heap anywhere (internal/buildcfg/exp.go,
/// `RandomizedHeapBase64` in the baseline; runtime/malloc.go, `randomizeHeapBase`).
const RANDOM_HEAP_SINCE: u32 = 26;
const RANDOM_HEAP_OFF: &str = "norandomizedheapbase64";
const FIXED_HEAP: &str = "build with Go 1.26 or newer, and without \
                          GOEXPERIMENT=norandomizedheapbase64";

fn heap_base(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    if go.pointer_size() == Some(4) {
        return Some(not_applicable(
            "in a 32-bit program the heap lies next to the program, so it is random when the \
             program is a PIE",
        ));
    }
    let Some((text, offset)) = go.version_text() else {
        return Some(unknown("the Go version is not recorded"));
    };
    let version = Version::parse(&text);
    let Some((version, minor)) = version.and_then(|it| it.minor.map(|minor| (it, minor))) else {
        return Some(unknown("the recorded Go version does not name a release").at(offset, text));
    };
    Some(heap_base_of(&go, &version, minor, offset).at(offset, text))
}

fn heap_base_of(go: &Go<'_, '_>, version: &Version, minor: u32, at: Offset) -> Judgement {
    if minor < RANDOM_HEAP_SINCE {
        return fail("before Go 1.26 the heap starts at a fixed address, even in a PIE")
            .hint(FIXED_HEAP);
    }
    if version.has_experiment(RANDOM_HEAP_OFF) {
        return fail("GOEXPERIMENT disables the random heap address")
            .at(at, format!("X:{RANDOM_HEAP_OFF}"))
            .hint(FIXED_HEAP);
    }
    // The version has it, too, unless a vendor's toolchain made it the default.
    let experiments = go.setting("GOEXPERIMENT");
    let off = |names: &str| {
        names
            .split(',')
            .any(|it| it == RANDOM_HEAP_OFF || it == "none")
    };
    if let Some(setting) = experiments.filter(|setting| off(&setting.value)) {
        let what = format!("GOEXPERIMENT={}", setting.value);
        return fail("GOEXPERIMENT disables the random heap address")
            .at(setting.offset, what)
            .hint(FIXED_HEAP);
    }
    let instrumented = [Mark::Race, Mark::Msan, Mark::Asan];
    if let Some(function) = instrumented.iter().find_map(|mark| go.mark(*mark)) {
        return fail("with -race, -msan and -asan the runtime keeps the heap at a fixed address")
            .at(function.offset, format!("function {}", function.name))
            .hint("build without -race, -msan and -asan");
    }
    if version.development {
        return unknown("built with a development version of Go");
    }
    pass("since Go 1.26 the runtime chooses a random heap address")
}
