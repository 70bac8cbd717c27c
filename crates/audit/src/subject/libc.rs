//! Whose libc is in a binary, or is asked for.

use std::fmt;

use handpie_binary::elf::constants::{NT_GNU_ABI_TAG, SHF_EXECINSTR, SHT_PROGBITS};
use handpie_binary::elf::{Elf, Section};
use handpie_binary::{Incomplete, well_formed};
use memchr::memmem;
use serde::Serialize;

use super::language::has;
use super::{Language, System};
use crate::elf::Symbols;
use crate::limits::MAX_READ_ONLY_DATA;

/// Whose libc a binary was linked with, or asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Libc {
    /// GNU.
    Glibc,
    /// musl.
    Musl,
    /// Android's.
    Bionic,
    /// uClibc and uClibc-ng.
    Uclibc,
    /// klibc.
    Klibc,
    /// dietlibc.
    Dietlibc,
    /// That of another system than Linux, which has one only.
    System,
    /// None.
    None,
    /// Not to be told from the file.
    Unknown,
}

impl Libc {
    /// Whether its headers replace calls by those that check sizes; `None` when that is not known.
    /// NetBSD has it in <ssp/ssp.h>, FreeBSD since 14.2.
    pub(crate) fn has_fortify(self, system: System) -> Option<bool> {
        match (self, system) {
            (Self::Glibc | Self::Bionic, _) => Some(true),
            (Self::Musl | Self::Uclibc | Self::Klibc | Self::Dietlibc | Self::None, _) => {
                Some(false)
            }
            (_, System::FreeBsd | System::NetBsd) => Some(true),
            (_, System::OpenBsd | System::DragonFly | System::Solaris | System::Haiku) => {
                Some(false)
            }
            (Self::System | Self::Unknown, _) => None,
        }
    }
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
            Self::Bionic => "Android's libc",
            Self::Uclibc => "uClibc",
            Self::Klibc => "klibc",
            Self::Dietlibc => "dietlibc",
            Self::System => "the system's libc",
            Self::None => "no libc",
            Self::Unknown => "an unknown libc",
        })
    }
}

pub(super) fn of_elf(
    elf: &Elf<'_>,
    system: System,
    language: Language,
    needed: &[String],
    symbols: &Symbols<'_>,
) -> Result<Libc, Incomplete> {
    match system {
        System::Android => return Ok(Libc::Bionic),
        System::Linux | System::Hurd | System::Unknown => {}
        _ => return Ok(Libc::System),
    }
    let interpreter = well_formed(elf.interpreter())?.flatten();
    if let Some(libc) = of_loader(interpreter.unwrap_or_default()).or_else(|| of_libraries(needed))
    {
        return Ok(libc);
    }
    // musl's and Android's libc have the same name. Only Android's has versions.
    if needed.iter().any(|name| name == "libc.so") {
        return Ok(match has_versions_of_bionic(elf)? {
            true => Libc::Bionic,
            false => Libc::Musl,
        });
    }
    if language == Language::Go {
        return Ok(Libc::None);
    }
    of_static(elf, symbols)
}

/// Versions of symbols are named in `.dynstr`: `LIBC`, `LIBC_N` and so on (bionic's libc.map.txt).
fn has_versions_of_bionic(elf: &Elf<'_>) -> Result<bool, Incomplete> {
    Ok(has(elf, ".dynstr", b"\0LIBC\0")? || has(elf, ".dynstr", b"\0LIBC_")?)
}

fn of_loader(path: &[u8]) -> Option<Libc> {
    let has = |part: &[u8]| memmem::find(path, part).is_some();
    if has(b"/ld-musl-") {
        Some(Libc::Musl)
    } else if has(b"/ld-uClibc") || has(b"/ld64-uClibc") {
        Some(Libc::Uclibc)
    } else if has(b"/klibc-") {
        Some(Libc::Klibc)
    } else {
        None
    }
}

fn of_libraries(needed: &[String]) -> Option<Libc> {
    let starts = |start: &str| needed.iter().any(|name| name.starts_with(start));
    // Alpha and IA-64 count glibc from 6.1, Hurd from 0.3.
    if starts("libc.so.6") || starts("libc.so.0.") {
        Some(Libc::Glibc)
    } else if starts("libc.musl-") {
        Some(Libc::Musl)
    } else if needed
        .iter()
        .any(|name| name == "libc.so.0" || name == "libc.so.1")
    {
        Some(Libc::Uclibc)
    } else {
        None
    }
}

/// Of a program that has its libc in it.
fn of_static(elf: &Elf<'_>, symbols: &Symbols<'_>) -> Result<Libc, Incomplete> {
    let defines = |name: &[u8]| {
        let mut symbols = symbols.table.iter();
        symbols.any(|symbol| symbol.section != 0 && symbol.name == name)
    };
    // Linked into every program that dietlibc's `libc.a` is linked into.
    if defines(b"__you_tried_to_link_a_dietlibc_binary_against_glibc") {
        return Ok(Libc::Dietlibc);
    }
    if defines(b"__uClibc_main") {
        return Ok(Libc::Uclibc);
    }
    // glibc's start files carry this note; those of other libcs do not.
    let notes = elf.notes()?;
    let mut notes = notes.iter();
    if notes.any(|note| note.name == b"GNU" && note.kind == NT_GNU_ABI_TAG.0) {
        return Ok(Libc::Glibc);
    }
    // Start-up code of static programs (src/env/__libc_start_main.c), for those that print no error.
    if defines(b"__init_libc") {
        return Ok(Libc::Musl);
    }
    let sections = elf.sections().iter();
    let has_its_word = sections.map(|section| is_musls(elf, section));
    Ok(match any(has_its_word)? {
        true => Libc::Musl,
        false => Libc::Unknown,
    })
}

/// Whether one is true; asks no further.
fn any(mut answers: impl Iterator<Item = Result<bool, Incomplete>>) -> Result<bool, Incomplete> {
    let decides = answers.find(|answer| !matches!(answer, Ok(false)));
    decides.unwrap_or(Ok(false))
}

/// musl's word for error 0 (src/errno/__strerror.h); whatever names errors links it.
fn is_musls(elf: &Elf<'_>, section: &Section<'_>) -> Result<bool, Incomplete> {
    const NO_ERROR: &[u8] = b"No error information";
    Ok(section.kind == SHT_PROGBITS
        && section.name.starts_with(b".rodata")
        && !section.flags.contains(SHF_EXECINSTR)
        && elf
            .section_start(section, MAX_READ_ONLY_DATA)
            .contains(NO_ERROR)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loader_or_a_library_tells_the_libc() {
        assert_eq!(of_loader(b"/lib/ld-musl-armhf.so.1"), Some(Libc::Musl));
        assert_eq!(of_loader(b"/lib/ld64-uClibc.so.1"), Some(Libc::Uclibc));
        assert_eq!(of_loader(b"/lib/klibc-3Zc.so"), Some(Libc::Klibc));
        assert_eq!(of_loader(b"/lib64/ld-linux-x86-64.so.2"), None);
        let of = |name: &str| of_libraries(&[name.to_owned()]);
        assert_eq!(of("libc.so.6"), Some(Libc::Glibc));
        assert_eq!(of("libc.so.6.1"), Some(Libc::Glibc));
        assert_eq!(of("libc.so.0"), Some(Libc::Uclibc));
        assert_eq!(of("libc.musl-x86_64.so.1"), Some(Libc::Musl));
        assert_eq!(of("libm.so.6"), None);
    }
}
