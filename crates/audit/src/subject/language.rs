//! What a binary was written in and whose libc is in it, from what compilers and linkers leave
//! behind. A stripped C program leaves nothing, so C is what remains.

use handpie_binary::elf::constants::{NT_GNU_ABI_TAG, SHF_EXECINSTR, SHT_PROGBITS};
use handpie_binary::elf::{Elf, Section};
use handpie_binary::go::{self, BuildInfo};
use handpie_binary::{Incomplete, Size, well_formed};
use memchr::memmem;

use super::{Language, Libc};
use crate::limits::MAX_READ_ONLY_DATA;

pub(super) fn of_elf(
    elf: &Elf<'_>,
    build_info: Option<&BuildInfo>,
) -> Result<Language, Incomplete> {
    let is_go = build_info.is_some()
        || elf.notes()?.iter().any(|note| note.name == b"Go")
        || elf
            .sections()
            .iter()
            .any(|section| section.name.ends_with(b".gopclntab"));
    if is_go {
        return Ok(match go::has_cgo(elf)? {
            true => Language::GoWithC,
            false => Language::Go,
        });
    }
    Ok(if !is_rust(elf)? {
        Language::C
    } else if has_c(elf)? {
        Language::RustWithC
    } else {
        Language::Rust
    })
}

/// rustc names itself in `.comment`; Debian removes that section. The paths of the standard
/// library's sources stand in the messages of its panics, and nobody removes those.
fn is_rust(elf: &Elf<'_>) -> Result<bool, Incomplete> {
    let has = |name: &str, text: &[u8]| match elf.section(name) {
        Some(section) => Ok(memmem::find(start(elf, section)?, text).is_some()),
        None => Ok(false),
    };
    if elf.section(".dep-v0").is_some() || has(".comment", b"rustc version")? {
        return Ok(true);
    }
    // What Debian builds names its sources in another way.
    Ok(may_be_rust(elf)? && (has(".rodata", b"/rustc/")? || has(".rodata", b"/usr/src/rustc-")?))
}

/// Rust's standard library unwinds stacks. Where libgcc is not linked in, it has to be asked for; so
/// the read-only data of most programs need not be read.
fn may_be_rust(elf: &Elf<'_>) -> Result<bool, Incomplete> {
    let needed = needed(elf)?;
    Ok(needed.is_empty()
        || needed
            .iter()
            .any(|name| name.starts_with("libgcc_s") || name.starts_with("libunwind")))
}

/// The libraries that the loader is asked for; none where that cannot be read.
fn needed(elf: &Elf<'_>) -> Result<Vec<String>, Incomplete> {
    let dynamic = well_formed(elf.dynamic())?.flatten();
    let needed = dynamic.map(|dynamic| well_formed(dynamic.needed(elf)));
    Ok(needed.transpose()?.flatten().unwrap_or_default())
}

/// Whether something that a C compiler made is in it as well: the standard library of Rust calls
/// none of these functions, nor those that check sizes.
fn has_c(elf: &Elf<'_>) -> Result<bool, Incomplete> {
    const CALLED_BY_C: [&[u8]; 12] = [
        b"__stack_chk_fail",
        b"__gxx_personality_v0",
        b"printf",
        b"fprintf",
        b"sprintf",
        b"snprintf",
        b"vsnprintf",
        b"strcpy",
        b"strcat",
        b"strncpy",
        b"fopen",
        b"fwrite",
    ];
    let symbols = well_formed(elf.dynamic_symbols())?.unwrap_or_default();
    Ok(symbols.iter().any(|symbol| {
        CALLED_BY_C.contains(&symbol.name)
            || (symbol.name.starts_with(b"__") && symbol.name.ends_with(b"printf_chk"))
    }))
}

/// The bytes of a section; of a very long one the start.
fn start<'data>(elf: &Elf<'data>, section: &Section<'_>) -> Result<&'data [u8], Incomplete> {
    let size = section.file_size().min(Size(MAX_READ_ONLY_DATA));
    match elf.file().slice(section.offset.0, size, "read-only data") {
        Ok(bytes) => bytes.data(),
        Err(_) => Ok(&[]),
    }
}

pub(super) fn libc_of_elf(elf: &Elf<'_>, language: Language) -> Result<Libc, Incomplete> {
    let interpreter = well_formed(elf.interpreter())?.flatten();
    let needed = needed(elf)?;
    let asks_for = |start: &str| needed.iter().any(|name| name.starts_with(start));
    if asks_for("libc.so.6") {
        return Ok(Libc::Glibc);
    }
    let musl_loader = |path: &[u8]| memmem::find(path, b"/ld-musl-").is_some();
    if interpreter.is_some_and(musl_loader) || asks_for("libc.musl-") {
        return Ok(Libc::Musl);
    }
    // Android's libc has the name that musl's has, and its loader another.
    let of_android = |path: &[u8]| path.starts_with(b"/system/bin/");
    let plain_name = needed.iter().any(|name| name == "libc.so");
    if plain_name && !interpreter.is_some_and(of_android) {
        return Ok(Libc::Musl);
    }
    if language == Language::Go {
        return Ok(Libc::None);
    }
    // glibc's start files carry this note; those of other libcs do not.
    if elf
        .notes()?
        .iter()
        .any(|note| note.name == b"GNU" && note.kind == NT_GNU_ABI_TAG.0)
    {
        return Ok(Libc::Glibc);
    }
    let sections = elf.sections().iter();
    let has_its_word = sections.map(|section| is_musls(elf, section));
    if any(has_its_word)? || has_musls_start(elf)? {
        return Ok(Libc::Musl);
    }
    Ok(Libc::Unknown)
}

/// Whether one is true; asks no further.
fn any(mut answers: impl Iterator<Item = Result<bool, Incomplete>>) -> Result<bool, Incomplete> {
    let decides = answers.find(|answer| !matches!(answer, Ok(false)));
    decides.unwrap_or(Ok(false))
}

/// musl's start-up code of static programs (src/env/__libc_start_main.c), for those that print no
/// error.
fn has_musls_start(elf: &Elf<'_>) -> Result<bool, Incomplete> {
    let symbols = well_formed(elf.symbols())?.unwrap_or_default();
    Ok(symbols
        .iter()
        .any(|symbol| symbol.name == b"__init_libc" && symbol.section != 0))
}

/// musl's word for error 0 (src/errno/__strerror.h); whatever names errors links it.
fn is_musls(elf: &Elf<'_>, section: &Section<'_>) -> Result<bool, Incomplete> {
    const NO_ERROR: &[u8] = b"No error information";
    Ok(section.kind == SHT_PROGBITS
        && section.name.starts_with(b".rodata")
        && !section.flags.contains(SHF_EXECINSTR)
        && memmem::find(start(elf, section)?, NO_ERROR).is_some())
}
