//! Whether functions check a canary before they return. What such a function calls when the canary
//! is dead comes from the system's library, so that its name is there even when the file was
//! stripped.

use handpie_binary::macho::constants::{CPU_TYPE_ARM64, CPU_TYPE_X86_64, LC_SYMTAB};
use handpie_binary::{Image, MachO};

use super::loaded;
use crate::finding::{Judgement, fail, not_applicable, pass, unknown};
use crate::frames;
use crate::limits::MAX_CODE;
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Language, Subject};

pub(super) const CANARY: Rule = Rule {
    code: "macho-canary",
    wish: "stack canaries in C functions",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: canary,
};

/// What C calls `__stack_chk_fail`.
const FAILED: &[u8] = b"___stack_chk_fail";

fn canary(subject: &Subject<'_>) -> Option<Judgement> {
    let macho = loaded(subject)?;
    // What is written in Swift seldom is alone: the same file may hold Objective-C.
    let may_be_c = subject.languages.contains(&Language::C) || subject.language == Language::Swift;
    if let Some(why) = subject.language.without_checks_of_c()
        && !may_be_c
    {
        return Some(not_applicable(why));
    }
    if macho.command(LC_SYMTAB).is_none() {
        return Some(unknown("has no symbol table"));
    }
    let symbols = match macho.undefined_symbols() {
        Ok(symbols) => symbols,
        Err(error) => return Some(unknown(error.to_string())),
    };
    if let Some(symbol) = symbols.iter().find(|symbol| symbol.name == FAILED) {
        let why = "some functions check a stack canary; the file does not show which";
        return Some(pass(why).at(symbol.entry, "symbol `___stack_chk_fail`"));
    }
    let hint = match subject.language {
        Language::GoWithC => "build with CGO_CFLAGS=-fstack-protector-strong",
        _ => "compile with -fstack-protector-strong",
    };
    Some(match subject.language {
        Language::C if gives_a_local_away(macho) => fail(UNPROTECTED).hint(hint),
        _ => unknown(NONE).hint(hint),
    })
}

/// All code of `__text` is the program's own, and Apple's ABI has each function point `%rbp` at its
/// frame. Swift protects its arrays in another way.
fn gives_a_local_away(macho: &MachO<'_>) -> bool {
    let cpu = match macho.header().cpu_type {
        CPU_TYPE_X86_64 => frames::Cpu::X86_64,
        CPU_TYPE_ARM64 => frames::Cpu::Arm64,
        _ => return false,
    };
    let sections = Image::sections(macho);
    let is_swift = sections
        .iter()
        .any(|section| section.name.starts_with(b"__swift5_"));
    let text = sections.iter().find(|section| section.name == b"__text");
    let text = text.map(|section| section.start(MAX_CODE));
    let text = text.and_then(|text| text.data().ok());
    !is_swift && text.is_some_and(|text| frames::one_gives_a_local_away(cpu, text))
}

const UNPROTECTED: &str = "no function checks a stack canary, although the address of a local \
                           variable escapes from some";
/// Absent from a program that was compiled without, and from one that has nothing to protect.
const NONE: &str = "no function checks a stack canary: either none needs one, or the compiler was \
                    told not to add any";
