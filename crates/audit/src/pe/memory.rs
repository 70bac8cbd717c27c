//! Whether writable memory is executable.

use handpie_binary::pe::constants::{
    IMAGE_DLLCHARACTERISTICS_NX_COMPAT, IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_WRITE,
};

use super::{is_uefi, with_dll_characteristics};
use crate::finding::{Judgement, fail, pass, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Kind, Language, Subject};

pub(super) const NX: Rule = Rule {
    code: "pe-nx",
    wish: "no memory that is both writable and executable",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: nx,
};

fn nx(subject: &Subject<'_>) -> Option<Judgement> {
    let pe = subject.pe()?;
    let mut sections = pe.sections().iter();
    let both = |flags: handpie_binary::pe::constants::SectionFlags| {
        flags.contains(IMAGE_SCN_MEM_WRITE) && flags.contains(IMAGE_SCN_MEM_EXECUTE)
    };
    if let Some(section) = sections.find(|section| both(section.characteristics)) {
        let name = String::from_utf8_lossy(section.name);
        let shown = format!(
            "`Characteristics` of section `{name}` is {:?}",
            section.characteristics
        );
        return Some(
            fail(format!("section `{name}` is both writable and executable"))
                .at(section.header, shown)
                .hint("link without /SECTION:NAME,EWR; with GNU ld, without -Wl,--omagic"),
        );
    }
    let header = pe.header();
    let judgement = if header
        .dll_characteristics
        .contains(IMAGE_DLLCHARACTERISTICS_NX_COMPAT)
    {
        pass("marked as compatible with non-executable data (NX)")
    } else {
        let judgement = if is_uefi(pe) {
            warn(
                "not marked as compatible with non-executable data (NX), which Secure Boot may \
                  require",
            )
        } else if header.is_64 {
            warn(
                "not marked as compatible with non-executable data (NX), which Windows enforces \
                  for all 64-bit programs",
            )
        } else if subject.kind == Kind::PeDynamicLinkLibrary {
            warn(
                "not marked as compatible with non-executable data (NX); decided by the program \
                  that loads the library",
            )
        } else {
            fail(
                "not marked as compatible with non-executable data (NX), so Windows may let data \
                  be executed",
            )
        };
        judgement.hint(match subject.language {
            Language::Go | Language::GoWithC => "build with a newer Go, which always sets the mark",
            _ => "link with /NXCOMPAT; with MinGW, -Wl,--nxcompat",
        })
    };
    Some(with_dll_characteristics(judgement, pe))
}
