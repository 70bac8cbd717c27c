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
        return Some(not_applicable("a library is always position-independent"));
    }
    if header.flags.contains(MH_PIE) {
        return Some(
            pass("position-independent: the kernel chooses a random load address").at(at, shown),
        );
    }
    // `parse_machfile` in XNU's bsd/kern/mach_loader.c.
    let refused = header.cpu_type == CPU_TYPE_ARM64 && header.flags.contains(MH_DYLDLINK);
    let why = match refused {
        true if !subject.system.is_mac() => {
            "linked to run at a fixed address; Apple's devices start no such arm64 program"
        }
        true => "linked to run at a fixed address; macOS refuses to start such arm64 programs",
        false => "linked to run at a fixed address",
    };
    let hint = match subject.language {
        Language::Go | Language::GoWithC => {
            "build with -buildmode=pie, which is Go's default on \
                                             macOS"
        }
        Language::Rust | Language::RustWithC => {
            "build with -C relocation-model=pic, which is the default on macOS"
        }
        _ => "link without -Wl,-no_pie",
    };
    Some(fail(why).at(at, shown).hint(hint))
}
