//! What a binary was written in and whose libc is in it, from what compilers and linkers leave
//! behind. A stripped C program leaves nothing, so C is what remains.

use handpie_binary::elf::constants::{NT_GNU_ABI_TAG, SHF_EXECINSTR, SHT_PROGBITS};
use handpie_binary::elf::{Elf, Section};
use handpie_binary::go::{self, BuildInfo};
use memchr::memmem;

use super::{Language, Libc};

pub(super) fn of_elf(elf: &Elf<'_>, build_info: Option<&BuildInfo>) -> Language {
    let is_go = build_info.is_some()
        || elf.notes().any(|note| note.name == b"Go")
        || elf
            .sections()
            .iter()
            .any(|section| section.name.ends_with(b".gopclntab"));
    if is_go {
        return match go::has_cgo(elf) {
            true => Language::GoWithC,
            false => Language::Go,
        };
    }
    match is_rust(elf) {
        true => Language::Rust,
        false => Language::C,
    }
}

/// rustc names itself in `.comment`; Debian removes that section. The paths of the standard
/// library's sources stand in the messages of its panics, and nobody removes those.
fn is_rust(elf: &Elf<'_>) -> bool {
    let has = |name: &str, text: &[u8]| {
        let section = elf.section(name);
        let data = section.and_then(|section| elf.section_data(section).ok());
        data.is_some_and(|data| memmem::find(data.data(), text).is_some())
    };
    elf.section(".dep-v0").is_some()
        || has(".comment", b"rustc version")
        || has(".rodata", b"/rustc/")
}

pub(super) fn libc_of_elf(elf: &Elf<'_>, language: Language) -> Libc {
    let interpreter = elf.interpreter().ok().flatten();
    let dynamic = elf.dynamic().ok().flatten();
    let needed = dynamic.and_then(|dynamic| dynamic.needed(elf).ok());
    let needed = needed.unwrap_or_default();
    let asks_for = |start: &str| needed.iter().any(|name| name.starts_with(start));
    if asks_for("libc.so.6") {
        return Libc::Glibc;
    }
    let musl_loader = |path: &[u8]| memmem::find(path, b"/ld-musl-").is_some();
    if interpreter.is_some_and(musl_loader) || asks_for("libc.musl-") || asks_for("libc.so") {
        return Libc::Musl;
    }
    if language == Language::Go {
        return Libc::None;
    }
    // glibc's start files carry this note; those of other libcs do not.
    if elf
        .notes()
        .any(|note| note.name == b"GNU" && note.kind == NT_GNU_ABI_TAG.0)
    {
        return Libc::Glibc;
    }
    if elf.sections().iter().any(|section| is_musls(elf, section)) {
        return Libc::Musl;
    }
    Libc::Unknown
}

/// musl's word for error 0 (src/errno/__strerror.h); whatever prints links it.
fn is_musls(elf: &Elf<'_>, section: &Section<'_>) -> bool {
    const NO_ERROR: &[u8] = b"No error information";
    section.kind == SHT_PROGBITS
        && section.name.starts_with(b".rodata")
        && !section.flags.contains(SHF_EXECINSTR)
        && elf
            .section_data(section)
            .is_ok_and(|data| memmem::find(data.data(), NO_ERROR).is_some())
}
