//! Rust's own: the list of crates that cargo-auditable leaves in a program, and what a panic does.

use super::segments::named;
use super::symbols;
use crate::finding::{Judgement, fail, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const AUDITABLE: Rule = Rule {
    code: "rust-auditable",
    wish: "the list of its crates in it, so that advisories can be matched",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: auditable,
};

pub(super) const PANIC: Rule = Rule {
    code: "rust-panic",
    wish: "panics that end the program at once",
    severity: Severity::Low,
    // Servers that answer the next request after a panic need the opposite; so a policy asks for it.
    levels: Levels::all(Level::Off),
    judge: panic,
};

fn auditable(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.language.is_rust() || !subject.kind.is_loaded() {
        return None;
    }
    Some(match elf.section(".dep-v0") {
        Some(section) if section.file_size().0 > 0 => {
            pass("it has one").at(section.offset, named(section))
        }
        Some(section) => fail("its list is empty").at(section.header, named(section)),
        None => fail("it has none").hint("build with `cargo auditable build`"),
    })
}

/// Only what unwinds raises exceptions; the standard library's landing pads are there in any case.
fn panic(subject: &Subject<'_>) -> Option<Judgement> {
    const RAISE: &[u8] = b"_Unwind_RaiseException";
    let elf = subject.elf()?;
    if !subject.language.is_rust() || !subject.kind.is_loaded() {
        return None;
    }
    let raises = symbols::all(elf).iter().any(|symbol| symbol.name == RAISE);
    let told = subject.kind.needs_loader() || !elf.symbols().unwrap_or_default().is_empty();
    Some(match (raises, told) {
        (true, _) => warn("a panic unwinds")
            .with(format!("symbol `{}`", String::from_utf8_lossy(RAISE)))
            .hint("set panic = \"abort\" in the profile"),
        (false, true) => pass("a panic aborts"),
        (false, false) => unknown("it is static and stripped"),
    })
}
