//! Whether a program runs at a random address.

use crate::finding::{Judgement, fail, not_applicable, pass};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Kind, Language, Subject};
use handpie_binary::Offset;

/// Where `e_type` stands.
const E_TYPE: Offset = Offset(0x10);

pub(super) const PIE: Rule = Rule {
    code: "pie",
    wish: "a random load address",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: pie,
};

fn pie(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    let kind = subject.kind;
    let what = format!("`e_type` is {:?}", elf.header().kind);
    Some(match kind {
        Kind::DynamicPie | Kind::LoaderOnlyPie | Kind::StaticPie => {
            pass(format!("{kind}")).at(E_TYPE, what)
        }
        Kind::StaticExecutable | Kind::DynamicExecutable => {
            let hint = match subject.language {
                Language::Go => {
                    "build with `handpie build`, or with -buildmode=pie and `handpie convert`"
                }
                Language::GoWithC => "build with -buildmode=pie",
                Language::Rust | Language::RustWithC => "build without -C relocation-model=static",
                _ => "compile with -fPIE and link with -static-pie or -pie",
            };
            fail("linked to run at a fixed address")
                .at(E_TYPE, what)
                .hint(hint)
        }
        Kind::SharedObject => not_applicable("a shared object is always position-independent"),
        _ => return None,
    })
}
