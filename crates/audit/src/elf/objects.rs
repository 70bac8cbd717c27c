//! Whether what a linker gets can become a static-PIE. What each relocation of an object means is not
//! known here; whoever knows it gives what was found.

use handpie_binary::Elf;

use crate::finding::{Evidence, Judgement, fail, not_applicable, pass};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Kind, Subject};

/// The linker of the kernel, in the kernel, reads these (include/linux/module.h).
const OF_KERNEL_MODULES: [&str; 2] = [".modinfo", ".gnu.linkonce.this_module"];

pub(crate) const POSITION_INDEPENDENT_CODE: Rule = Rule {
    code: "position-independent-code",
    wish: "objects that can be linked into a static-PIE",
    severity: Severity::Medium,
    levels: Levels::all(Level::Fail),
    judge,
};

/// What was found in an object, or in those of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// How many objects were judged.
    pub judged: usize,
    /// How many places stand against a static-PIE.
    pub offences: u64,
    /// The places, or the first of them.
    pub evidence: Vec<Evidence>,
    /// What to do about them.
    pub hint: &'static str,
}

impl Objects {
    pub(crate) fn judgement(&self) -> Judgement {
        let judgement = match (self.offences, self.judged) {
            (0, 0) => return not_applicable("contains no ELF object"),
            (0, _) => return pass("every absolute address can be relocated at start-up"),
            (1, _) => fail("1 relocation cannot be part of a static-PIE"),
            (count, _) => fail(format!(
                "{count} relocations cannot be part of a static-PIE"
            )),
        };
        Judgement {
            evidence: self.evidence.clone(),
            ..judgement.hint(self.hint)
        }
    }
}

fn judge(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    let objects = subject.objects.as_ref()?;
    if subject.kind != Kind::RelocatableObject {
        return None;
    }
    Some(match is_kernel_module(elf) {
        true => not_applicable("a kernel module is linked by the kernel"),
        false => objects.judgement(),
    })
}

/// Whether the kernel links it.
pub(super) fn is_kernel_module(elf: &Elf<'_>) -> bool {
    OF_KERNEL_MODULES
        .iter()
        .all(|name| elf.section(name).is_some())
}
