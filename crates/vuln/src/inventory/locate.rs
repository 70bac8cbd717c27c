//! What is cheap to tell of a binary: whether it may be Go at all, for which system it is, whether it
//! was packed.

use handpie_binary::go::{Pclntab, build_version, stamps};
use handpie_binary::{Binary, Image, Incomplete, Size, well_formed};

/// The first bytes, among which UPX leaves its mark.
const HEAD: u64 = 1024;

/// Whether it is worth searching for what Go leaves. In ELF and Mach-O files both parts have a
/// section of their own; only where the section headers are gone, and in PE files, which have none
/// for it, all of the data has to be searched.
pub(super) fn may_be_go(binary: &Binary<'_>) -> bool {
    let sections = match binary {
        Binary::Pe(_) => return true,
        Binary::Elf(_) | Binary::MachO(_) => binary.sections(),
    };
    let is_gos = |name: &[u8]| {
        name.ends_with(b"go.buildinfo")
            || name.ends_with(b"go_buildinfo")
            || name.ends_with(b"gopclntab")
    };
    sections.is_empty() || sections.iter().any(|section| is_gos(section.name))
}

/// The system, as Go calls it, as far as the format tells.
pub(super) fn system(binary: &Binary<'_>) -> &'static str {
    match binary {
        Binary::Elf(_) => "",
        Binary::MachO(_) => "darwin",
        Binary::Pe(_) => "windows",
    }
}

/// The version of Go, where there is no build info: by a symbol, or by the variable itself.
pub(super) fn stamped_version(
    binary: &Binary<'_>,
    functions: Option<&Pclntab<'_>>,
) -> Result<Option<String>, Incomplete> {
    let symbols = well_formed(binary.symbols())?.unwrap_or_default();
    let stamps = stamps(binary, &symbols)?;
    let mut stamps = stamps.iter();
    match stamps.find(|it| it.variable == b"runtime.buildVersion") {
        Some(stamp) => Ok(Some(String::from_utf8_lossy(stamp.value).into_owned())),
        None => match functions {
            Some(functions) => build_version(binary, functions.pointer_size()),
            None => Ok(None),
        },
    }
}

/// Whether UPX has packed it.
pub(super) fn is_packed(binary: &Binary<'_>) -> Result<bool, Incomplete> {
    let file = binary.file();
    let size = file.size().min(Size(HEAD));
    match file.slice(0, size, "the start") {
        Ok(head) => Ok(memchr::memmem::find(head.data()?, b"UPX!").is_some()),
        Err(_) => Ok(false),
    }
}
