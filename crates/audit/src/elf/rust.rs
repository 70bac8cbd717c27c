//! Rules for Rust: the list of crates that cargo-auditable embeds, and whether a panic aborts.

use memchr::memmem;

use super::segments::named;
use super::symbols;
use crate::finding::{Judgement, fail, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const AUDITABLE: Rule = Rule {
    code: "rust-auditable",
    wish: "an embedded list of crates, so that advisories can be matched",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: auditable,
};

pub(super) const PANIC: Rule = Rule {
    code: "rust-panic",
    wish: "panics that abort the program",
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
            pass("has a list of crates").at(section.offset, named(section))
        }
        Some(section) => fail("the list of crates is empty").at(section.header, named(section)),
        None => fail("has no list of crates").hint("build with `cargo auditable build`"),
    })
}

/// The crate that does what a panic does is named in its functions. Where libgcc is a library, what is
/// asked of it tells as well: only what unwinds raises exceptions.
fn panic(subject: &Subject<'_>) -> Option<Judgement> {
    const RAISE: &[u8] = b"_Unwind_RaiseException";
    let elf = subject.elf()?;
    if !subject.language.is_rust() || !subject.kind.is_loaded() {
        return None;
    }
    let names = subject.symbols(elf).ok()?;
    let has = |part: &[u8]| {
        names
            .all()
            .find(|symbol| memmem::find(symbol.name, part).is_some())
    };
    let raises = names
        .all()
        .find(|symbol| symbol.name == RAISE && symbol.section == 0);
    let asks = subject.kind.needs_loader();
    Some(if let Some(symbol) = has(b"panic_unwind").or(raises) {
        warn("a panic unwinds")
            .with(format!("symbol `{}`", symbols::name(symbol)))
            .hint("set panic = \"abort\" in the Cargo profile")
    } else if has(b"panic_abort").is_some() || asks {
        pass("a panic aborts")
    } else {
        unknown("the program is static, and no symbol shows whether a panic unwinds or aborts")
    })
}
