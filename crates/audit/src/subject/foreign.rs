//! The kinds of Mach-O and PE files, and the languages they were written in.

use handpie_binary::go::{self, BuildInfo};
use handpie_binary::macho::constants::{
    MH_BUNDLE, MH_CORE, MH_DSYM, MH_DYLIB, MH_DYLIB_STUB, MH_DYLINKER, MH_EXECUTE, MH_KEXT_BUNDLE,
    MH_OBJECT,
};
use handpie_binary::pe::constants::IMAGE_FILE_DLL;
use handpie_binary::{Error, Format, Image, Incomplete, MachO, Pe};

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
/// panics; which section they are in depends on the format.
pub(super) fn language(
    image: &dyn Image<'_>,
    build_info: Option<&BuildInfo>,
) -> Result<Language, Incomplete> {
    let sections = image.sections();
    let named = |name: &[u8]| sections.iter().find(|section| section.name == name);
    // Some strip the build info, and only what the runtime needs is left. PE has no section for that,
    // so it is searched for; nothing strips a Mach-O file of its sections.
    let may_be_go = image.format() == Format::Pe || named(b"__gopclntab").is_some();
    if build_info.is_some() || (may_be_go && go::has_pclntab(image)?) {
        return Ok(match go::has_cgo(image)? {
            true => Language::GoWithC,
            false => Language::Go,
        });
    }
    let read_only = [b".rdata".as_slice(), b"__const", b"__cstring"];
    if named(b".dep-v0").is_some() {
        return Ok(Language::Rust);
    }
    for section in read_only.into_iter().filter_map(named) {
        let found = section.start(MAX_READ_ONLY_DATA).find(b"/rustc/")?;
        if found.is_some() {
            return Ok(Language::Rust);
        }
    }
    Ok(Language::C)
}
