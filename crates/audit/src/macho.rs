//! The rules for Mach-O files, in report order: load address, memory protection, code signature,
//! library search paths, compiler options.

mod canary;
mod encryption;
mod memory;
mod position;
mod search;
mod signature;

use handpie_binary::macho::Header;
use handpie_binary::{MachO, Offset};

use crate::rule::Rule;
use crate::subject::Subject;

pub(crate) const RULES: &[Rule] = &[
    position::PIE,
    memory::EXECUTABLE_STACK,
    memory::EXECUTABLE_HEAP,
    signature::SIGNATURE,
    signature::HARDENED_RUNTIME,
    encryption::ENCRYPTION,
    search::RPATH,
    canary::CANARY,
];

/// The file, if it is one that ends up in memory: objects, core files and debug symbols do not.
fn loaded<'a, 'data>(subject: &'a Subject<'data>) -> Option<&'a MachO<'data>> {
    subject.macho().filter(|_| subject.kind.is_loaded())
}

/// Where `flags` of the header stands, and what they are.
fn flags(macho: &MachO<'_>) -> (Offset, String) {
    let at = macho.file().base().0.saturating_add(Header::FLAGS_AT);
    let flags = format!("`flags` is {:?}", macho.header().flags);
    (Offset(at), flags)
}
