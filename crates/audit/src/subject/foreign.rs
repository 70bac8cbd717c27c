//! The kinds of Mach-O and PE files, and the languages they were written in.

use handpie_binary::go::{self, BuildInfo};
use handpie_binary::macho::constants::{
    MH_BUNDLE, MH_CORE, MH_DSYM, MH_DYLIB, MH_DYLIB_STUB, MH_DYLINKER, MH_EXECUTE, MH_KEXT_BUNDLE,
    MH_OBJECT,
};
use handpie_binary::pe::constants::IMAGE_FILE_DLL;
use handpie_binary::{Binary, Error, Format, Image, Incomplete, MachO, Pe, well_formed};

use super::{Kind, Language};
use crate::limits::MAX_READ_ONLY_DATA;

pub(super) fn kind_of_macho(macho: &MachO<'_>) -> Result<Kind, Error> {
    Ok(match macho.header().kind {
        MH_OBJECT => Kind::RelocatableObject,
        MH_EXECUTE => Kind::MachoExecutable,
        MH_CORE => Kind::Core,
        MH_DYLIB | MH_DYLINKER | MH_DYLIB_STUB => Kind::MachoDynamicLibrary,
        MH_BUNDLE => Kind::MachoBundle,
        MH_KEXT_BUNDLE => Kind::MachoKernelExtension,
        MH_DSYM => Kind::DebugFile,
        _ => return Err(macho.unsupported_kind()),
    })
}

pub(super) fn kind_of_pe(pe: &Pe<'_>) -> Kind {
    match pe.header().characteristics.contains(IMAGE_FILE_DLL) {
        true => Kind::PeDynamicLinkLibrary,
        false => Kind::PeExecutable,
    }
}

/// Go's own facts tell Go. The paths of Rust's standard library stand in the messages of its
/// panics; which section they are in depends on the format. Of C in Rust, only the canary tells.
pub(super) fn languages(
    binary: &Binary<'_>,
    build_info: Option<&BuildInfo>,
) -> Result<Vec<Language>, Incomplete> {
    let image: &dyn Image<'_> = binary;
    let sections = image.sections();
    let named = |name: &[u8]| sections.iter().find(|section| section.name == name);
    // Some strip the build info, and only what the runtime needs is left. PE has no section for that,
    // so it is searched for; nothing strips a Mach-O file of its sections.
    let may_be_go = image.format() == Format::Pe || named(b"__gopclntab").is_some();
    if build_info.is_some() || (may_be_go && go::has_pclntab(image)?) {
        return Ok(match go::has_cgo(image)? {
            true => vec![Language::Go, Language::C],
            false => vec![Language::Go],
        });
    }
    let mut languages = Vec::new();
    if is_rust(image)? {
        languages.push(Language::Rust);
    }
    if sections
        .iter()
        .any(|section| section.name.starts_with(b"__swift5_"))
    {
        languages.push(Language::Swift);
    }
    if languages.is_empty() || calls_canary_failure(binary)? {
        languages.push(Language::C);
    }
    Ok(languages)
}

fn is_rust(image: &dyn Image<'_>) -> Result<bool, Incomplete> {
    let sections = image.sections();
    let named = |name: &[u8]| sections.iter().find(|section| section.name == name);
    let read_only = [b".rdata".as_slice(), b"__const", b"__cstring"];
    if named(b".dep-v0").is_some() {
        return Ok(true);
    }
    for section in read_only.into_iter().filter_map(named) {
        let found = section.start(MAX_READ_ONLY_DATA).find(b"/rustc/")?;
        if found.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Only compilers of C and its relatives call it. In PE files the start files of MinGW do, too.
fn calls_canary_failure(binary: &Binary<'_>) -> Result<bool, Incomplete> {
    let Binary::MachO(macho) = binary else {
        return Ok(false);
    };
    let symbols = well_formed(macho.undefined_symbols())?.unwrap_or_default();
    Ok(symbols
        .iter()
        .any(|symbol| symbol.name == b"___stack_chk_fail"))
}
