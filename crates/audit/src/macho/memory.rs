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
use crate::subject::{Kind, Subject, System};

pub(super) const EXECUTABLE_STACK: Rule = Rule {
    code: "macho-executable-stack",
    wish: "a non-executable stack",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: executable_stack,
};

pub(super) const EXECUTABLE_HEAP: Rule = Rule {
    code: "macho-executable-heap",
    wish: "no memory that is both writable and executable",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: executable_heap,
};

fn executable_stack(subject: &Subject<'_>) -> Option<Judgement> {
    let macho = loaded(subject)?;
    let (at, shown) = flags(macho);
    if subject.kind != Kind::MachoExecutable {
        return Some(not_applicable(
            "decided by the program that loads the library",
        ));
    }
    Some(
        match macho.header().flags.contains(MH_ALLOW_STACK_EXECUTION) {
            true => fail("requests an executable stack")
                .at(at, shown)
                .hint("link without -Wl,-allow_stack_execute"),
            false => pass("does not request an executable stack").at(at, shown),
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
            fail(format!("segment `{name}` is both writable and executable"))
                .at(segment.command, shown)
                .hint(
                    "link without a -Wl,-segprot option that makes a segment both writable and \
                       executable",
                ),
        );
    }
    if subject.kind != Kind::MachoExecutable {
        return Some(not_applicable(
            "decided by the program that loads the library",
        ));
    }
    let header = macho.header();
    let (at, shown) = flags(macho);
    let intel = [CPU_TYPE_X86, CPU_TYPE_X86_64].contains(&header.cpu_type);
    if intel && header.flags.contains(MH_ALLOW_STACK_EXECUTION) {
        return Some(
            fail("on Intel CPUs the flag for an executable stack makes all memory executable")
                .at(at, shown)
                .hint("link without -Wl,-allow_stack_execute"),
        );
    }
    if header.is_64 || header.cpu_type == CPU_TYPE_ARM {
        let system = match subject.system {
            System::Unknown => System::MacOs,
            system => system,
        };
        let why = format!(
            "{system} never executes data of {} programs",
            header.architecture()
        );
        return Some(pass(why));
    }
    Some(match header.flags.contains(MH_NO_HEAP_EXECUTION) {
        true => pass("requests a non-executable heap").at(at, shown),
        false => fail("does not request a non-executable heap, which a 32-bit program has to do")
            .at(at, shown)
            .hint(
                "link for macOS 10.7 or newer without -Wl,-allow_heap_execute, or build for a \
                 64-bit CPU",
            ),
    })
}
