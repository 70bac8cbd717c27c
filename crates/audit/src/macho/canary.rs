//! Whether functions check a canary before they return. What such a function calls when the canary
//! is dead comes from the system's library, so that its name is there even when the file was
//! stripped.

use handpie_binary::macho::constants::LC_SYMTAB;

use super::loaded;
use crate::finding::{Judgement, not_applicable, pass, unknown};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Language, Subject};

pub(super) const CANARY: Rule = Rule {
    code: "macho-canary",
    wish: "canaries on the stack of C functions",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: canary,
};

/// What C calls `__stack_chk_fail`.
const FAILED: &[u8] = b"___stack_chk_fail";

fn canary(subject: &Subject<'_>) -> Option<Judgement> {
    let macho = loaded(subject)?;
    if subject.language == Language::Go {
        return Some(not_applicable("Go checks every access instead"));
    }
    if macho.command(LC_SYMTAB).is_none() {
        return Some(unknown("it has no symbol table"));
    }
    let symbols = match macho.undefined_symbols() {
        Ok(symbols) => symbols,
        Err(error) => return Some(unknown(error.to_string())),
    };
    if let Some(symbol) = symbols.iter().find(|symbol| symbol.name == FAILED) {
        let why = "there are functions that check one; which, the file does not tell";
        return Some(pass(why).at(symbol.entry, "the symbol `___stack_chk_fail`"));
    }
    Some(match subject.language {
        Language::Rust => not_applicable("Rust checks every access instead, and rustc makes none"),
        Language::GoWithC => unknown(NONE).hint("set CGO_CFLAGS=-fstack-protector-strong"),
        _ => unknown(NONE).hint("compile with -fstack-protector-strong"),
    })
}

/// Absent from a program that was compiled without, and from one that has nothing to protect.
const NONE: &str = "no function checks one: compiled without, or nothing in it needs one";
