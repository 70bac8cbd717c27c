//! Each promise is broken once, and every command that makes programs sees it.

use std::collections::BTreeSet;

use super::*;
use crate::command::build;
use crate::command::doctor::attempts;
use crate::linking;
use handpie_testkit::forge::program::{
    DF_1_PIE, DT_FLAGS_1, DT_TEXTREL, PT_GNU_RELRO, Program, Segment,
};

const READ_WRITE: u32 = 6;
const READ_WRITE_EXECUTE: u32 = 7;
const PT_NOTE: u32 = 4;
const PT_GNU_STACK: u32 = 0x6474_e551;
const R_X86_64_GLOB_DAT: u64 = 6;
/// A part of the forged data that nothing else stands in.
const FREE: usize = 0x1600;

/// A program that keeps every promise.
fn sound() -> Program {
    Program {
        interpreter: None,
        tags: vec![(DT_FLAGS_1, DF_1_PIE)],
        segments: vec![
            Segment::new(PT_GNU_RELRO, READ_WRITE, 0x1000, 0x200),
            Segment::new(PT_GNU_STACK, READ_WRITE, 0, 0),
        ],
        ..Program::of_c()
    }
}

/// A program that breaks the promises of these codes: mostly one, which some break with another.
struct Broken {
    codes: &'static [&'static str],
    bytes: Vec<u8>,
}

fn broken(codes: &'static [&'static str], forge: &Program) -> Broken {
    Broken {
        codes,
        bytes: forge.bytes(),
    }
}

fn each_promise_broken() -> Vec<Broken> {
    let library = Program {
        tags: Vec::new(),
        ..sound()
    };
    let for_one_address = Program { kind: 2, ..sound() };
    let with_loader = Program {
        interpreter: Some("/lib64/ld-linux-x86-64.so.2"),
        ..sound()
    };
    let with_library = Program {
        needed: vec!["libm.so.6"],
        ..sound()
    };
    let mut executable_stack = sound();
    executable_stack.segments[1].flags = READ_WRITE_EXECUTE;
    let mut writable_code = sound();
    writable_code.loads[1].flags = READ_WRITE_EXECUTE;
    let mut text_relocations = sound();
    text_relocations.tags.push((DT_TEXTREL, 0));
    let mut no_relro = sound();
    no_relro.segments.remove(0);
    let mut symbolic = sound();
    symbolic.relocations[0].kind = R_X86_64_GLOB_DAT;
    vec![
        broken(&[NOT_AS_PROMISED], &library),
        broken(&[NOT_AS_PROMISED, "pie"], &for_one_address),
        broken(&[NOT_AS_PROMISED, "no-loader"], &with_loader),
        broken(&["needed-libraries"], &with_library),
        broken(&["executable-stack"], &executable_stack),
        broken(&["writable-code"], &writable_code),
        broken(&["text-relocations"], &text_relocations),
        broken(&["relro"], &no_relro),
        Broken {
            codes: &[RELRO_APPLIED],
            bytes: with_musl(sound().bytes()),
        },
        broken(&[START_RELOCATIONS], &symbolic),
        Broken {
            codes: &[TLS_ALIGNMENT],
            bytes: with_glibc(thread_locals(0x1208, 0x80)),
        },
    ]
}

/// A program with a block of thread-local variables, and a note to tell its libc by.
fn thread_locals(start: u64, align: u64) -> Program {
    let mut forge = sound();
    let mut block = Segment::readable(handpie_testkit::forge::program::PT_TLS, start, 8);
    block.align = align;
    forge.segments.push(block);
    forge
        .segments
        .push(Segment::readable(PT_NOTE, FREE as u64, 32));
    forge
}

/// The note of glibc's start files, `NT_GNU_ABI_TAG`.
fn with_glibc(forge: Program) -> Vec<u8> {
    let mut bytes = forge.bytes();
    for (place, number) in [(0, 4), (4, 16), (8, 1)] {
        bytes[FREE + place] = number;
    }
    bytes[FREE + 12..FREE + 16].copy_from_slice(b"GNU\0");
    bytes
}

/// Section headers, and musl's word for error 0 in the read-only data.
fn with_musl(mut bytes: Vec<u8>) -> Vec<u8> {
    const NAMES: &[u8] = b"\0.rodata\0.shstrtab\0";
    const TEXT: &[u8] = b"No error information";
    let (names, text) = (FREE + 0x100, FREE + 0x140);
    // `sh_name`, `sh_type`, `sh_offset`, `sh_size`.
    let sections = [(1, 1, text, TEXT.len()), (9, 3, names, NAMES.len())];
    for (index, (name, kind, offset, size)) in (1..).zip(sections) {
        let header = FREE + index * 64;
        for (field, value) in [(0, name), (4, kind), (24, offset), (32, size)] {
            let value = u32::try_from(value).unwrap().to_le_bytes();
            bytes[header + field..header + field + 4].copy_from_slice(&value);
        }
    }
    bytes[names..names + NAMES.len()].copy_from_slice(NAMES);
    bytes[text..text + TEXT.len()].copy_from_slice(TEXT);
    // `e_shoff`, `e_shnum`, `e_shstrndx`.
    bytes[0x28..0x30].copy_from_slice(&(FREE as u64).to_le_bytes());
    bytes[0x3c] = 3;
    bytes[0x3e] = 2;
    bytes
}

/// A file with these bytes, for as long as it is held.
fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

fn codes(bytes: &[u8], extent: Extent) -> Vec<&'static str> {
    let inspection = inspect(file(bytes).path(), extent).unwrap();
    inspection
        .breaches
        .iter()
        .map(|breach| breach.code)
        .collect()
}

/// What a command makes of a program: nothing when it keeps every promise.
type Caller = fn(&Path) -> Option<String>;

fn callers() -> [(&'static str, Caller); 4] {
    [
        ("link, ld, cc", |path| {
            of_failure(linking::keeps_promises(path, path, Extent::Whole).err()?)
        }),
        ("build of Go, with and without C", |path| {
            of_failure(build::keeps_promises(path).err()?)
        }),
        ("build of a cargo project or a command", |path| {
            let reasons = build::other::made(path).unwrap().reasons;
            (!reasons.is_empty()).then(|| reasons.join("\n"))
        }),
        ("doctor --try", attempts::broken_promises),
    ]
}

fn of_failure(failure: Failure) -> Option<String> {
    assert_eq!(failure.exit, Exit::No);
    assert_eq!(failure.code, Some(NOT_AS_PROMISED));
    Some(failure.causes.join("\n"))
}

#[test]
fn each_promise_is_seen_to_be_broken() {
    assert!(codes(&sound().bytes(), Extent::Whole).is_empty());
    let mut seen = BTreeSet::new();
    for broken in each_promise_broken() {
        assert_eq!(codes(&broken.bytes, Extent::Whole), broken.codes);
        seen.extend(broken.codes);
    }
    let all = RULES
        .iter()
        .chain(&[NOT_AS_PROMISED, START_RELOCATIONS, TLS_ALIGNMENT]);
    assert_eq!(seen, all.collect());
    let known: BTreeSet<&str> = handpie_audit::rules().map(|rule| rule.code).collect();
    assert!(RULES.iter().all(|code| known.contains(code)));
}

#[test]
fn every_command_that_makes_programs_sees_each_broken_promise() {
    for (name, broken_in) in callers() {
        let sound = file(&sound().bytes());
        assert_eq!(broken_in(sound.path()), None, "{name}");
        for broken in each_promise_broken() {
            let said = broken_in(file(&broken.bytes).path());
            let said = said.unwrap_or_else(|| panic!("{name} sees nothing: {:?}", broken.codes));
            for code in broken.codes {
                let part = match *code {
                    NOT_AS_PROMISED => "the file is a ".to_owned(),
                    code => format!("{code}: "),
                };
                assert!(said.contains(&part), "{name}, {code}: {said}");
            }
        }
    }
}

#[test]
fn what_is_no_program_keeps_no_promise() {
    assert_eq!(codes(b"#!/bin/sh\n", Extent::Whole), [NOT_AS_PROMISED]);
}

#[test]
fn start_files_of_others_may_leave_relro_writable_and_nothing_else() {
    for broken in each_promise_broken() {
        let expected = broken.codes.iter().filter(|code| **code != RELRO_APPLIED);
        let found = codes(&broken.bytes, Extent::OwnStartFiles);
        assert!(found.iter().eq(expected), "{found:?}");
    }
}

/// musl allows for a block that starts anywhere; nobody allows for an alignment that is none.
#[test]
fn thread_locals_are_where_the_start_up_code_of_their_libc_looks() {
    let codes = |bytes: &[u8]| codes(bytes, Extent::Whole);
    assert!(codes(&with_glibc(thread_locals(0x1200, 0x80))).is_empty());
    assert_eq!(
        codes(&with_glibc(thread_locals(0x1208, 0x80))),
        [TLS_ALIGNMENT]
    );
    assert!(codes(&thread_locals(0x1208, 0x80).bytes()).is_empty());
    assert_eq!(codes(&thread_locals(0x1200, 0x30).bytes()), [TLS_ALIGNMENT]);
}
