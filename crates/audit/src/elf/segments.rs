//! Memory protection: no memory is both writable and executable.

use handpie_binary::counted;
use handpie_binary::elf::constants::{
    DF_TEXTREL, DT_FLAGS, DT_TEXTREL, DynamicFlags, EM_68K, EM_386, EM_ARM, EM_MIPS, EM_PPC,
    EM_S390, EM_SPARC, EM_SPARCV9, EM_X86_64, Machine, PF_W, PF_X, PT_GNU_STACK, SHF_ALLOC,
    SHF_EXECINSTR, SHT_NOTE,
};
use handpie_binary::elf::{Class, Elf, Section, Segment};

use super::objects::is_kernel_module;
use crate::finding::{Judgement, fail, not_applicable, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Kind, Libc, Subject, System};

pub(super) const EXECUTABLE_STACK: Rule = Rule {
    code: "executable-stack",
    wish: "a non-executable stack",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: executable_stack,
};

pub(super) const WRITABLE_CODE: Rule = Rule {
    code: "writable-code",
    wish: "no memory that is both writable and executable",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: writable_code,
};

pub(super) const TEXT_RELOCATIONS: Rule = Rule {
    code: "text-relocations",
    wish: "code that needs no relocation at load time",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: text_relocations,
};

pub(super) const SEPARATE_CODE: Rule = Rule {
    code: "separate-code",
    wish: "data in non-executable segments",
    severity: Severity::Low,
    levels: Levels::all(Level::Warn),
    judge: separate_code,
};

/// Where glibc takes the stack for executable unless the file says otherwise
/// (`DEFAULT_STACK_PERMS` in sysdeps/*/stackinfo.h), and on the 32-bit ones the kernel too.
const EXECUTABLE_BY_DEFAULT: [Machine; 9] = [
    EM_386, EM_X86_64, EM_ARM, EM_PPC, EM_S390, EM_MIPS, EM_SPARC, EM_SPARCV9, EM_68K,
];

fn executable_stack(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if subject.kind == Kind::RelocatableObject {
        return Some(match is_kernel_module(elf) {
            true => not_applicable("a kernel module runs on the kernel's stacks"),
            false => stack_of_object(elf),
        });
    }
    if !subject.kind.is_loaded() {
        return None;
    }
    if let Some(why) = never_executable(subject.system) {
        return Some(not_applicable(why));
    }
    let stack = elf.segments().iter().find(|s| s.kind == PT_GNU_STACK);
    let hint = "link with -Wl,-z,noexecstack, and assemble with -Wa,--noexecstack";
    Some(match stack {
        Some(stack) if stack.has(PF_X) => fail("requests an executable stack")
            .at(stack.header, header(stack))
            .hint(hint),
        Some(stack) => pass("requests a non-executable stack").at(stack.header, header(stack)),
        None if subject.libc == Libc::Musl && elf.header().class == Class::Elf64 => {
            warn("has no `PT_GNU_STACK`; musl never makes the stack executable").hint(hint)
        }
        None if subject.system == System::Solaris => unknown(
            "has no `PT_GNU_STACK`; whether Solaris makes the stack executable depends on its settings",
        ),
        None if EXECUTABLE_BY_DEFAULT.contains(&elf.header().machine) => {
            fail("has no `PT_GNU_STACK`, which means an executable stack on this CPU").hint(hint)
        }
        None => warn("has no `PT_GNU_STACK`; on this CPU the stack is not executable by default")
            .hint(hint),
    })
}

/// Why the stack is not executable whatever the file says, if so.
fn never_executable(system: System) -> Option<&'static str> {
    match system {
        // sys/kern/kern_pax.c and uvm: `PT_GNU_STACK` is not looked at.
        System::NetBsd => Some("NetBSD never makes the stack executable, whatever a file requests"),
        System::OpenBsd => {
            Some("OpenBSD never makes the stack executable, whatever a file requests")
        }
        System::Haiku => Some("Haiku does not look at what a file requests"),
        _ => None,
    }
}

/// An object says it with a section; one object without makes linkers give the whole program an
/// executable stack.
fn stack_of_object(elf: &Elf<'_>) -> Judgement {
    let hint = "add `.section .note.GNU-stack,\"\",@progbits` to the assembly";
    match elf.section(".note.GNU-stack") {
        Some(section) if section.flags.contains(SHF_EXECINSTR) => {
            fail("requests an executable stack")
                .at(section.header, named(section))
                .hint(hint)
        }
        Some(section) => pass("requests a non-executable stack").at(section.header, named(section)),
        None if EXECUTABLE_BY_DEFAULT.contains(&elf.header().machine) => fail(
            "has no `.note.GNU-stack`, so GNU ld makes the program's stack \
                  executable",
        )
        .hint(hint),
        None => warn(
            "has no `.note.GNU-stack`; on this CPU the stack is not executable by \
                      default",
        )
        .hint(hint),
    }
}

fn writable_code(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    let both: Vec<&Segment> = elf
        .loads()
        .filter(|load| load.has(PF_W) && load.has(PF_X))
        .collect();
    let Some(first) = both.first() else {
        return Some(pass("no segment is both writable and executable"));
    };
    let judgement = fail(format!(
        "a segment of {} is both writable and executable",
        counted(first.memory_size.0, "byte")
    ))
    .hint(
        "link without -N and without a linker script that puts code and writable data into \
               one segment; -Wl,--fatal-warnings makes the linker refuse",
    );
    Some(both.iter().fold(judgement, |judgement, load| {
        judgement.at(load.header, header(load))
    }))
}

fn text_relocations(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    let dynamic = elf.dynamic().ok().flatten();
    let entries = dynamic.map(|dynamic| dynamic.entries).unwrap_or_default();
    let marked = entries.iter().find(|entry| {
        entry.tag == DT_TEXTREL
            || (entry.tag == DT_FLAGS
                && u32::try_from(entry.value)
                    .is_ok_and(|flags| DynamicFlags(flags.into()).contains(DF_TEXTREL)))
    });
    Some(match marked {
        Some(entry) => fail("code has relocations, so the loader has to make it writable")
            .at(entry.offset, format!("`{:?}`", entry.tag))
            .hint(
                "compile every object with -fPIE or -fPIC; -Wl,-z,text makes the linker name \
                 those that are not",
            ),
        None => pass("code has no relocations"),
    })
}

/// Read-only data in an executable segment is more to build an exploit from. Headers and notes are
/// a few hundred bytes; Go's linker puts them there.
fn separate_code(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    if elf.sections().is_empty() {
        let code_only = elf
            .loads()
            .filter(|load| load.has(PF_X))
            .all(|load| load.offset.0 != 0);
        return Some(match code_only {
            true => pass("code has a segment of its own"),
            false => unknown(
                "has no section headers, so data cannot be told \
                                              apart from code",
            ),
        });
    }
    let data = |section: &&Section<'_>| {
        section.flags.contains(SHF_ALLOC)
            && !section.flags.contains(SHF_EXECINSTR)
            && section.kind != SHT_NOTE
            && section.name != b".interp"
            && section.file_size().0 > 0
            && elf
                .loads()
                .any(|load| load.has(PF_X) && load.contains(section.address, section.size))
    };
    let data: Vec<&Section<'_>> = elf.sections().iter().filter(data).collect();
    if data.is_empty() {
        return Some(pass("executable segments contain code only"));
    }
    let total = data
        .iter()
        .fold(0u64, |sum, section| sum.saturating_add(section.size.0));
    let judgement = fail(format!(
        "{} of data in executable segments",
        counted(total, "byte")
    ))
    .hint("link with -Wl,-z,separate-code");
    Some(data.iter().take(4).fold(judgement, |judgement, section| {
        judgement.at(section.offset, named(section))
    }))
}

pub(super) fn named(section: &Section<'_>) -> String {
    format!("section `{}`", section.name())
}

fn header(segment: &Segment) -> String {
    let flag = |bit, letter| if segment.has(bit) { letter } else { "" };
    let flags = [
        flag(handpie_binary::elf::constants::PF_R, "R"),
        flag(PF_W, "W"),
        flag(PF_X, "E"),
    ];
    format!(
        "program header {} (`{:?}`, {})",
        segment.index,
        segment.kind,
        flags.concat()
    )
}
