//! Detectors, counters and tests that belong into no release.
//!
//! Settings say it, and so do functions: those that are linked with a detector only. Go's runtime
//! has functions that are named after the detectors in every program; those are not taken for one.

use super::program::Mark;
use super::{Go, written};
use crate::finding::{Judgement, fail, pass, unknown};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const INSTRUMENTED: Rule = Rule {
    code: "go-instrumented",
    wish: "no race detector, sanitizer, coverage counters or tests",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: instrumented,
};

/// A setting, the function that shows the same, and what it is in words.
const KINDS: [(&str, Mark, &str); 4] = [
    ("-race", Mark::Race, "the race detector"),
    ("-msan", Mark::Msan, "the memory sanitizer"),
    ("-asan", Mark::Asan, "the address sanitizer"),
    ("-cover", Mark::Cover, "coverage counters"),
];

fn instrumented(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    let mut evidence = Vec::new();
    let mut found = Vec::new();
    for (key, mark, name) in KINDS {
        let setting = go.setting(key).filter(|setting| setting.value != "false");
        let function = go.mark(mark);
        evidence.extend(setting.map(|setting| (setting.offset, written(setting))));
        evidence.extend(function.map(|it| (it.offset, format!("function {}", it.name))));
        if setting.is_some() || function.is_some() {
            found.push(name);
        }
    }
    if let Some(test) = go.mark(Mark::TestMain) {
        evidence.push((test.offset, format!("function {}", test.name)));
        found.push("tests");
    }
    if !found.is_empty() {
        let judgement = fail(format!("contains {}", found.join(", ")));
        let hint = "build with `go build`, and without -race, -msan, -asan and -cover, including \
                    in GOFLAGS";
        let judgement = evidence
            .into_iter()
            .fold(judgement, |judgement, (offset, what)| {
                judgement.at(offset, what)
            });
        return Some(judgement.hint(hint));
    }
    if go.functions().is_none() {
        return Some(match go.has_settings() {
            true => pass("no build setting enables instrumentation"),
            false => unknown("has neither build settings nor a function table (.gopclntab)"),
        });
    }
    // Much that is published imports package testing for its own helpers. Since Go 1.13 that adds no
    // flags and runs nothing, so it is said and not held against the program.
    Some(match go.mark(Mark::Testing) {
        Some(function) => pass("not instrumented; package testing is linked in as a dependency")
            .at(function.offset, format!("function {}", function.name)),
        None => pass("neither build settings nor functions show instrumentation"),
    })
}
