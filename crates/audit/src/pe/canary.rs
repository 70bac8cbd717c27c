//! Whether functions check a canary before they return. Microsoft's compiler keeps its value at an
//! address that the load configuration names (/GS). GCC and clang for MinGW call a function from a
//! library when the canary is dead. Its name is there unless the file was stripped; what it prints is
//! there even then, unless the library is one of its own.

use handpie_binary::Image;
use handpie_binary::pe::constants::{IMAGE_GUARD_SECURITY_COOKIE_UNUSED, IMAGE_SCN_MEM_WRITE};
use handpie_binary::pe::{LoadConfig, Pe};

use super::unguarded;
use crate::finding::{Judgement, fail, not_applicable, pass, unknown};
use crate::limits::MAX_READ_ONLY_DATA;
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Language, Subject};

pub(super) const CANARY: Rule = Rule {
    code: "pe-canary",
    wish: "stack canaries in C functions (/GS)",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: canary,
};

/// What C calls `__stack_chk_fail`, in 64-bit and 32-bit files.
const FAILED: [&[u8]; 2] = [b"__stack_chk_fail", b"___stack_chk_fail"];
/// GCC's library with that function, as far as it is not linked in.
const LIBRARY: &[u8] = b"libssp-0.dll";

/// What that function prints.
const MESSAGE: &[u8] = b"*** stack smashing detected ***";

fn canary(subject: &Subject<'_>) -> Option<Judgement> {
    let pe = subject.pe()?;
    if let Some(why) = unguarded(pe) {
        return Some(not_applicable(why));
    }
    if subject.language == Language::Go {
        return Some(not_applicable("Go checks the bounds of every access"));
    }
    let config = match pe.load_config() {
        Ok(config) => config,
        Err(error) => return Some(unknown(error.to_string())),
    };
    if let Some(judgement) = config.and_then(|config| cookie(pe, &config)) {
        return Some(judgement);
    }
    const WHICH: &str = "some functions check a stack canary; the file does not show which";
    let libraries = pe.imported_libraries().ok()?;
    if libraries
        .iter()
        .any(|name| name.eq_ignore_ascii_case(LIBRARY))
    {
        return Some(pass(WHICH).with("imports from `libssp-0.dll`"));
    }
    let symbols = match pe.symbols() {
        Ok(symbols) => symbols,
        Err(error) => return Some(unknown(error.to_string())),
    };
    if symbols.iter().any(|symbol| FAILED.contains(&symbol.name)) {
        return Some(pass(WHICH).with("symbol `__stack_chk_fail`"));
    }
    let constants = subject.binary.section(".rdata");
    let constants = constants.map(|section| section.start(MAX_READ_ONLY_DATA));
    if let Some(place) = constants.and_then(|data| data.find(MESSAGE).ok()?) {
        return Some(pass(WHICH).at(place, "the message of `__stack_chk_fail`"));
    }
    Some(
        match (subject.language, symbols.is_empty()) {
            (Language::Rust, _) => not_applicable(
                "Rust checks the bounds of every access, and stable rustc has no \
                                stack canaries",
            ),
            (_, true) => unknown(
                "has no security cookie, and no symbols that would show other \
                                  stack canaries",
            ),
            (_, false) => unknown(
                "no function checks a stack canary: either none needs one, or the \
                         compiler was told not to add any",
            ),
        }
        .hint("compile with /GS; with MinGW, -fstack-protector-strong"),
    )
}

/// What the load configuration says of the cookie; `None` when it says nothing.
fn cookie(pe: &Pe<'_>, config: &LoadConfig) -> Option<Judgement> {
    let address = config.security_cookie?;
    let shown = format!("load configuration: `SecurityCookie` {address}");
    let unused = config
        .guard_flags
        .is_some_and(|flags| flags.contains(IMAGE_GUARD_SECURITY_COOKIE_UNUSED));
    let section = pe.section_at(address);
    let there = section.is_some_and(|s| s.characteristics.contains(IMAGE_SCN_MEM_WRITE));
    let judgement = if unused {
        fail("has a security cookie, but is marked as not using it").hint("compile with /GS")
    } else if !there {
        fail("the security cookie does not lie in a writable section").hint("compile with /GS")
    } else {
        pass("has a security cookie; the file does not show which functions check it")
    };
    Some(judgement.at(config.offset, shown))
}
