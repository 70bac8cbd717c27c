//! The rules for ELF files, in the order of reports: what it is, what it needs, how its memory is
//! protected, what the compiler was asked for, what was left in it.

mod position;
mod objects;
mod loader;
mod segments;
mod relro;
mod search_path;
mod properties;
mod producers;
mod symbols;
mod functions;
mod code;
mod uses;
mod canary;
mod fortify;
mod stack_clash;
mod compiler_flags;
mod control_flow;
mod sanitizers;
mod contents;
mod rust;

pub(crate) use canary::is_canary_failure;
pub(crate) use compiler_flags::{FORTIFY, WISHES, of_log};
pub use objects::Objects;
pub(crate) use objects::POSITION_INDEPENDENT_CODE;
pub(crate) use symbols::Symbols;

use crate::finding::{Judgement, not_applicable};
use crate::rule::Rule;
use crate::subject::{Kind, Subject};

pub(crate) const RULES: &[Rule] = &[
    position::PIE,
    POSITION_INDEPENDENT_CODE,
    loader::NO_LOADER,
    loader::NEEDED_LIBRARIES,
    loader::SETUID,
    segments::EXECUTABLE_STACK,
    segments::WRITABLE_CODE,
    segments::TEXT_RELOCATIONS,
    segments::SEPARATE_CODE,
    relro::RELRO,
    relro::RELRO_APPLIED,
    relro::BIND_NOW,
    search_path::SEARCH_PATH,
    canary::STACK_CANARY,
    fortify::FORTIFY,
    stack_clash::STACK_CLASH,
    compiler_flags::COMPILER_FLAGS,
    control_flow::CET,
    control_flow::BRANCH_PROTECTION,
    control_flow::CFI,
    sanitizers::SANITIZERS,
    contents::SYMBOLS,
    contents::DEBUG_INFO,
    contents::BUILD_ID,
    rust::AUDITABLE,
    rust::PANIC,
];

/// What a rule says of a file that no operating system loads, or of an object that no linker for one
/// links.
pub(crate) fn of_unloaded(rule: &Rule, subject: &Subject<'_>, why: &str) -> Option<Judgement> {
    /// What is asked of objects, too.
    const OF_OBJECTS: [&str; 3] = [
        POSITION_INDEPENDENT_CODE.code,
        segments::EXECUTABLE_STACK.code,
        canary::STACK_CANARY.code,
    ];
    /// What is asked of some programs only.
    const OF_SOME: [&str; 7] = [
        POSITION_INDEPENDENT_CODE.code,
        loader::SETUID.code,
        compiler_flags::COMPILER_FLAGS.code,
        control_flow::CET.code,
        control_flow::BRANCH_PROTECTION.code,
        rust::AUDITABLE.code,
        rust::PANIC.code,
    ];
    let is_asked = match subject.kind {
        Kind::RelocatableObject => OF_OBJECTS.contains(&rule.code),
        Kind::BareMetalProgram | Kind::Container => {
            let of_elf = RULES.iter().any(|one| one.code == rule.code);
            of_elf && !OF_SOME.contains(&rule.code)
        }
        _ => false,
    };
    is_asked.then(|| not_applicable(format!("not for an operating system: {why}")))
}
