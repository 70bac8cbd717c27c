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
mod canary;
mod fortify;
mod stack_clash;
mod compiler_flags;
mod control_flow;
mod sanitizers;
mod contents;
mod rust;

pub(crate) use compiler_flags::{FORTIFY, WISHES, of_log};
pub use objects::Objects;
pub(crate) use objects::POSITION_INDEPENDENT_CODE;
pub(crate) use symbols::Symbols;

use crate::rule::Rule;

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
