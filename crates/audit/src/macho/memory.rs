//! Whether memory that the program writes can be run.
//!
//! XNU decides by the CPU first: only 32-bit Intel programs can run their data at all
//! (`override_nx` in osfmk/vm/vm_map.c). One header flag takes that from them, another one gives
//! it to programs on Intel in any width (`load_machfile` in bsd/kern/mach_loader.c).

use handpie_binary::macho::constants::{
    CPU_TYPE_ARM, CPU_TYPE_X86, CPU_TYPE_X86_64, MH_ALLOW_STACK_EXECUTION, MH_NO_HEAP_EXECUTION,
    VM_PROT_EXECUTE, VM_PROT_WRITE,
};

use super::{flags, loaded};
use crate::finding::{Judgement, fail, not_applicable, pass};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Kind, Subject};

pub(super) const EXECUTABLE_STACK: Rule = Rule {
    code: "macho-executable-stack",
    wish: "a stack that cannot be run",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: executable_stack,
};

pub(super) const EXECUTABLE_HEAP: Rule = Rule {
    code: "macho-executable-heap",
    wish: "no memory that can be both written and run",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: executable_heap,
};

fn executable_stack(subject: &Subject<'_>) -> Option<Judgement> {
    let macho = loaded(subject)?;
    let (at, shown) = flags(macho);
    if subject.kind != Kind::MachoExecutable {
        return Some(not_applicable("the program that loads it decides"));
    }
    Some(
        match macho.header().flags.contains(MH_ALLOW_STACK_EXECUTION) {
            true => fail("it asks for a stack that can be run")
                .at(at, shown)
                .hint("link it without -Wl,-allow_stack_execute"),
            false => pass("nothing asks for a stack that can be run").at(at, shown),
        },
    )
}

fn executable_heap(subject: &Subject<'_>) -> Option<Judgement> {
    let macho = loaded(subject)?;
    let both = VM_PROT_WRITE.0 | VM_PROT_EXECUTE.0;
    let mut segments = macho.segments().iter();
    if let Some(segment) = segments.find(|segment| segment.protection.0 & both == both) {
        let name = String::from_utf8_lossy(segment.name);
        let shown = format!("`initprot` of segment `{name}` is {:?}", segment.protection);
        return Some(
            fail(format!("the segment `{name}` can be both written and run"))
                .at(segment.command, shown)
                .hint("link it without a -Wl,-segprot that gives a segment both w and x"),
        );
    }
    if subject.kind != Kind::MachoExecutable {
        return Some(not_applicable("the program that loads it decides"));
    }
    let header = macho.header();
    let (at, shown) = flags(macho);
    let intel = [CPU_TYPE_X86, CPU_TYPE_X86_64].contains(&header.cpu_type);
    if intel && header.flags.contains(MH_ALLOW_STACK_EXECUTION) {
        return Some(
            fail("the flag that makes the stack run does so for all memory on Intel")
                .at(at, shown)
                .hint("link it without -Wl,-allow_stack_execute"),
        );
    }
    if header.is_64 || header.cpu_type == CPU_TYPE_ARM {
        let why = format!(
            "macOS never runs data of {} programs",
            header.architecture()
        );
        return Some(pass(why));
    }
    Some(match header.flags.contains(MH_NO_HEAP_EXECUTION) {
        true => pass("it asks for a heap that cannot be run").at(at, shown),
        false => fail("a 32-bit program's heap can be run unless it asks for the opposite")
            .at(at, shown)
            .hint(
                "link it for macOS 10.7 or newer without -Wl,-allow_heap_execute, or for 64 bits",
            ),
    })
}
