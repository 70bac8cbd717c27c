//! Whether memory that the program writes can be run.

use handpie_binary::pe::constants::{
    IMAGE_DLLCHARACTERISTICS_NX_COMPAT, IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_WRITE,
};

use super::{is_uefi, with_dll_characteristics};
use crate::finding::{Judgement, fail, pass, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Kind, Language, Subject};

pub(super) const NX: Rule = Rule {
    code: "pe-nx",
    wish: "no memory that can be both written and run",
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
            fail(format!("the section `{name}` can be both written and run"))
                .at(section.header, shown)
                .hint("link without /SECTION:NAME,EWR; with GNU ld, without -Wl,--omagic"),
        );
    }
    let header = pe.header();
    let judgement = if header
        .dll_characteristics
        .contains(IMAGE_DLLCHARACTERISTICS_NX_COMPAT)
    {
        pass("it says that it never runs data")
    } else {
        let judgement = if is_uefi(pe) {
            warn("it does not say that it never runs data, which Secure Boot may ask for")
        } else if header.is_64 {
            warn("it does not say that it never runs data; Windows lets no 64-bit program do so")
        } else if subject.kind == Kind::PeDynamicLinkLibrary {
            warn("it does not say that it never runs data; the program that loads it decides")
        } else {
            fail("it does not say that it never runs data, and so Windows may let it")
        };
        judgement.hint(match subject.language {
            Language::Go | Language::GoWithC => "build it with a newer Go, which always says so",
            _ => "link with /NXCOMPAT; with MinGW, -Wl,--nxcompat",
        })
    };
    Some(with_dll_characteristics(judgement, pe))
}
