//! Control-flow protection: marks for the CPU's checks of branches and returns, and the compiler's
//! own checks.

use handpie_binary::elf::constants::{EM_386, EM_AARCH64, EM_X86_64};

use super::properties::{self, AARCH64_FEATURES, X86_FEATURES};
use super::symbols;
use crate::finding::{Judgement, fail, not_applicable, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Language, Subject, System};

pub(super) const CET: Rule = Rule {
    code: "cet",
    wish: "code marked for indirect branch tracking and shadow stacks",
    severity: Severity::Low,
    // Most distributions' start files are not marked, so hardly any program can be.
    levels: Levels::all(Level::Warn),
    judge: cet,
};

pub(super) const BRANCH_PROTECTION: Rule = Rule {
    code: "branch-protection",
    wish: "code marked for branch targets and pointer authentication",
    severity: Severity::Low,
    levels: Levels::all(Level::Warn),
    judge: branch_protection,
};

pub(super) const CFI: Rule = Rule {
    code: "cfi",
    wish: "indirect calls restricted to functions of the expected type",
    severity: Severity::Low,
    levels: Levels::all(Level::Warn),
    judge: cfi,
};

/// `GNU_PROPERTY_X86_FEATURE_1_IBT` and `_SHSTK`.
const X86: [(u32, &str); 2] = [(1, "IBT"), (2, "SHSTK")];
/// `GNU_PROPERTY_AARCH64_FEATURE_1_BTI` and `_PAC`.
const AARCH64: [(u32, &str); 2] = [(1, "BTI"), (2, "PAC")];

fn cet(subject: &Subject<'_>) -> Option<Judgement> {
    let machine = subject.elf()?.header().machine;
    if machine != EM_X86_64 && machine != EM_386 {
        return None;
    }
    let hint = "compile every object with -fcf-protection=full, including the C start-up files; \
                -Wl,-z,ibt,-z,shstk sets the marks without the protection";
    marks(subject, X86_FEATURES, X86, hint)
}

fn branch_protection(subject: &Subject<'_>) -> Option<Judgement> {
    if subject.elf()?.header().machine != EM_AARCH64 {
        return None;
    }
    let hint = "compile every object with -mbranch-protection=standard, including the C start-up \
                files";
    marks(subject, AARCH64_FEATURES, AARCH64, hint)
}

fn marks(
    subject: &Subject<'_>,
    property: u32,
    known: [(u32, &'static str); 2],
    hint: &'static str,
) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    // OpenBSD demands the mark for branches of all programs, and its linker sets it.
    if !matches!(
        subject.system,
        System::Linux | System::Unknown | System::Android | System::OpenBsd
    ) {
        let why = format!("no loader of {} looks at these marks", subject.system);
        return Some(not_applicable(why));
    }
    let unmarked = format!(
        "not marked for {}",
        known.map(|(_, name)| name).join(" or ")
    );
    let Some((bits, offset)) = properties::features(elf, property) else {
        return Some(match unsupported(subject.language) {
            Some(why) => not_applicable(why),
            None => fail(unmarked).hint(hint),
        });
    };
    let named = |set: bool| {
        let chosen = known.iter().filter(|(bit, _)| (bits & bit != 0) == set);
        let names: Vec<&str> = chosen.map(|(_, name)| *name).collect();
        names.join(" and ")
    };
    let judgement = match (named(true), named(false)) {
        (_, absent) if absent.is_empty() => pass(format!("marked for {}", named(true))),
        (present, _) if present.is_empty() => fail(unmarked).hint(hint),
        (present, absent) => warn(format!("marked for {present}, but not for {absent}")).hint(hint),
    };
    let evidence = format!("note `NT_GNU_PROPERTY_TYPE_0`, property {property:#x} is {bits:#x}");
    Some(judgement.at(offset, evidence))
}

/// Why a compiler sets no marks, if so. Distributions build Rust's standard library with them, and
/// then they count.
fn unsupported(language: Language) -> Option<&'static str> {
    match language {
        Language::Go | Language::GoWithC => {
            Some("Go's compiler does not support control-flow protection marks")
        }
        Language::Rust | Language::RustWithC => {
            Some("stable Rust does not support control-flow protection marks")
        }
        _ => None,
    }
}

/// Within one module, clang resolves its checks at link time and leaves no name behind. So their
/// absence shows nothing.
fn cfi(subject: &Subject<'_>) -> Option<Judgement> {
    const LEFT_BEHIND: [&[u8]; 3] = [b"__cfi_check", b"__cfi_slowpath", b"__cfi_slowpath_diag"];
    const ENDS: [&[u8]; 2] = [b".cfi", b".cfi_jt"];
    /// As `__typeid_..._global_addr`.
    const OF_TYPES: &[u8] = b"__typeid_";
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    if subject.language.is_go() {
        return Some(not_applicable(
            "Go's indirect calls go through read-only tables",
        ));
    }
    let found = subject.symbols(elf).ok()?.all().find(|symbol| {
        LEFT_BEHIND.contains(&symbol.name)
            || symbol.name.starts_with(OF_TYPES)
            || ENDS.iter().any(|end| symbol.name.ends_with(end))
    });
    Some(match found {
        Some(symbol) => pass(
            "clang's control-flow integrity (CFI) checks indirect \
                  calls",
        )
        .with(format!("symbol `{}`", symbols::name(symbol))),
        None => unknown("no trace of clang's control-flow integrity (CFI), which may leave none"),
    })
}
