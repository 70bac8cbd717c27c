//! Whether a program runs at a random address.

use handpie_binary::macho::constants::{CPU_TYPE_ARM64, MH_DYLDLINK, MH_PIE};

use super::{flags, loaded};
use crate::finding::{Judgement, fail, not_applicable, pass};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Kind, Language, Subject};

pub(super) const PIE: Rule = Rule {
    code: "macho-pie",
    wish: "a random load address",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: pie,
};

fn pie(subject: &Subject<'_>) -> Option<Judgement> {
    let macho = loaded(subject)?;
    let (at, shown) = flags(macho);
    let header = macho.header();
    if subject.kind != Kind::MachoExecutable {
        return Some(not_applicable("a library is always loaded anywhere"));
    }
    if header.flags.contains(MH_PIE) {
        return Some(pass("the kernel loads it at a random address").at(at, shown));
    }
    // `parse_machfile` in XNU's bsd/kern/mach_loader.c.
    let refused = header.cpu_type == CPU_TYPE_ARM64 && header.flags.contains(MH_DYLDLINK);
    let why = match refused {
        true => "it is linked to run at one fixed address, and macOS starts no such arm64 program",
        false => "it is linked to run at one fixed address",
    };
    let hint = match subject.language {
        Language::Go | Language::GoWithC => "build it with -buildmode=pie, Go's default on macOS",
        Language::Rust | Language::RustWithC => {
            "build it with -C relocation-model=pic, the default on macOS"
        }
        Language::C => "link it without -Wl,-no_pie",
    };
    Some(fail(why).at(at, shown).hint(hint))
}
