//! Inputs that are forged: one lie each, and what is said about it.

use std::fs;

use crate::judge::{refused, run, unreadable};
use handpie_pie::{Options, Outcome, convert};
use handpie_testkit::forge::program::*;

pub(crate) struct Case {
    pub(crate) bytes: Vec<u8>,
    name: &'static str,
    expected: Expected,
}

enum Expected {
    Refused(Vec<(&'static str, &'static [&'static str])>),
    Unreadable(&'static str, &'static [&'static str]),
}

/// A file that is refused with one code.
fn refuse(
    name: &'static str,
    code: &'static str,
    words: &'static [&'static str],
    change: impl FnOnce(&mut Program),
) -> Case {
    refuse_all(name, vec![(code, words)], change)
}

fn refuse_all(
    name: &'static str,
    codes: Vec<(&'static str, &'static [&'static str])>,
    change: impl FnOnce(&mut Program),
) -> Case {
    let mut forge = Program::of_c();
    change(&mut forge);
    Case {
        bytes: forge.bytes(),
        name,
        expected: Expected::Refused(codes),
    }
}

/// A file that cannot be read.
fn fail(
    name: &'static str,
    code: &'static str,
    words: &'static [&'static str],
    change: impl FnOnce(&mut Program),
) -> Case {
    let mut forge = Program::of_c();
    change(&mut forge);
    fail_bytes(name, code, words, &forge.bytes())
}

fn fail_bytes(
    name: &'static str,
    code: &'static str,
    words: &'static [&'static str],
    bytes: &[u8],
) -> Case {
    Case {
        bytes: bytes.to_vec(),
        name,
        expected: Expected::Unreadable(code, words),
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = no_elf();
    cases.extend(broken());
    cases.extend(no_program());
    cases.extend(other_machines());
    cases.extend(loader_work());
    cases.extend(relocations());
    cases.extend(layouts());
    cases
}

fn no_elf() -> Vec<Case> {
    let not_elf = |name, words, bytes| fail_bytes(name, "not-elf", words, bytes);
    vec![
        fail_bytes("empty", "empty-file", &["the file is empty"], b""),
        not_elf("text", &["a file of unknown type"], b"hello, world\n"),
        not_elf("script", &["but a script"], b"#!/bin/sh\nexec app\n"),
        not_elf(
            "macho",
            &["Mach-O", "macOS"],
            b"\xcf\xfa\xed\xfe\x07\0\0\x01",
        ),
        not_elf("fat-macho", &["Mach-O"], b"\xca\xfe\xba\xbe\0\0\0\x02"),
        not_elf("pe", &["PE file", "Windows"], b"MZ\x90\0\x03\0\0\0"),
        not_elf("archive", &["archive of object files"], b"!<arch>\n"),
        not_elf("gzip", &["gzip"], b"\x1f\x8b\x08\0\0\0\0\0"),
        not_elf("zip", &["ZIP"], b"PK\x03\x04\x14\0"),
        not_elf("wasm", &["WebAssembly"], b"\0asm\x01\0\0\0"),
        not_elf("one-byte", &["a file of unknown type"], b"\x7f"),
        fail_bytes("magic-alone", "truncated", &["`e_ident`"], b"\x7fELF"),
    ]
}

fn broken() -> Vec<Case> {
    vec![
        fail(
            "cut-header",
            "truncated",
            &["the ELF header", "0x28"],
            |f| f.size = 40,
        ),
        fail("cut-table", "truncated", &["program header table"], |f| {
            f.size = 0x90
        }),
        fail("cut-data", "truncated", &["PT_LOAD", "0x1700"], |f| {
            f.size = 0x1700
        }),
        fail(
            "sections-past-end",
            "truncated",
            &["section header 0"],
            |f| {
                f.section_headers = 0x17f0;
            },
        ),
        fail(
            "class",
            "malformed",
            &["`EI_CLASS` is 3", "expected 1"],
            |f| f.class = 3,
        ),
        fail(
            "data",
            "malformed",
            &["`EI_DATA` is 0", "expected 1"],
            |f| {
                f.patches.push((5, b"\0"));
            },
        ),
        fail("version", "malformed", &["`EI_VERSION` is 9"], |f| {
            f.version = 9
        }),
        fail(
            "entry-size",
            "malformed",
            &["`e_phentsize` is 0x39", "0x38"],
            |f| {
                f.header_size = Some(57);
            },
        ),
        fail("wraps", "malformed", &["PT_TLS", "wraps around"], |f| {
            let mut segment = Segment::readable(PT_TLS, DATA, 8);
            segment.address = u64::MAX - 7;
            segment.memory_size = 0x1000;
            f.segments.push(segment);
        }),
        fail("dynamic-without-end", "malformed", &["no `DT_NULL`"], |f| {
            f.capacity = 3
        }),
        fail(
            "library-without-name",
            "malformed",
            &["DT_NEEDED", "0x5000"],
            |f| {
                f.tags.push((1, 0x5000));
            },
        ),
        fail(
            "ragged-relocations",
            "malformed",
            &["DT_RELASZ", "0x18"],
            |f| {
                f.relocations.clear();
                f.tags.extend([(7, 0x600), (8, 25)]);
            },
        ),
        fail(
            "relocations-elsewhere",
            "malformed",
            &["DT_RELA", "outside the file data of every segment"],
            |f| {
                f.relocations.clear();
                f.tags.extend([(7, 0x60_0000), (8, 24)]);
            },
        ),
        fail("type", "unsupported-elf", &["`e_type` is 0xfe00"], |f| {
            f.kind = 0xfe00
        }),
        fail("no-type", "unsupported-elf", &["`e_type` is 0x0"], |f| {
            f.kind = 0
        }),
        fail(
            "many-headers",
            "too-large",
            &["`e_phnum` is 2000", "1170"],
            |f| {
                f.header_count = Some(2000);
            },
        ),
    ]
}

fn no_program() -> Vec<Case> {
    vec![
        refuse("core", "core-file", &["core dump"], |f| f.kind = 4),
        refuse("object", "relocatable-object", &["not been linked"], |f| {
            f.kind = 1
        }),
        refuse("library", "shared-object", &["shared library"], |f| {
            f.interpreter = None;
            f.tags = vec![(DT_SONAME, 1)];
        }),
        refuse("upx", "upx-packed", &["packed with UPX"], |f| {
            // Where UPX puts its `l_info`: right behind the program headers.
            f.patches.push((0x1a0, b"\0\0\0\0UPX!\x0e\x0d"));
        }),
        refuse(
            "fixed",
            "position-dependent",
            &["linked to run at a fixed address"],
            |f| f.kind = 2,
        ),
    ]
}

fn other_machines() -> Vec<Case> {
    vec![
        refuse("riscv", "unsupported-cpu", &["EM_RISCV"], |f| {
            f.machine = 243
        }),
        refuse("386", "unsupported-cpu", &["EM_386"], |f| {
            f.class = 1;
            f.machine = 3;
        }),
        refuse(
            "x32",
            "wrong-class",
            &["32-bit", "amd64", "`ELFCLASS64`"],
            |f| f.class = 1,
        ),
        refuse(
            "arm64-big",
            "wrong-endianness",
            &["Big-endian", "arm64"],
            |f| {
                f.data = 2;
                f.machine = 183;
            },
        ),
        refuse(
            "amd64-big",
            "wrong-endianness",
            &["Big-endian", "amd64"],
            |f| f.data = 2,
        ),
        refuse("freebsd", "foreign-system", &["`EI_OSABI` is 9"], |f| {
            f.os_abi = 9
        }),
        refuse("android", "foreign-system", &["linker64", "Android"], |f| {
            f.interpreter = Some("/system/bin/linker64");
        }),
    ]
}

fn loader_work() -> Vec<Case> {
    let go = |settings| move |f: &mut Program| *f = Program::of_go(settings);
    vec![
        refuse(
            "libraries",
            "needs-libraries",
            &["`libm.so.6`, `libz.so.1`"],
            |f| {
                f.needed = vec!["libm.so.6", "libz.so.1"];
            },
        ),
        refuse(
            "libraries-without-loader",
            "needs-libraries",
            &["`libz.so.1`"],
            |f| {
                // Marked as a program, without a loader: it looks like a finished static-PIE.
                f.interpreter = None;
                f.needed = vec!["libz.so.1"];
            },
        ),
        refuse_all(
            "cgo",
            vec![
                ("needs-libraries", &["`libc.so.6`"]),
                ("cgo", &["CGO_ENABLED=1"]),
            ],
            |f| {
                go("build\tCGO_ENABLED=1\n")(f);
                f.needed = vec!["libc.so.6"];
            },
        ),
        refuse(
            "external",
            "external-linking",
            &["`PT_GNU_EH_FRAME`"],
            |f| {
                go("build\tCGO_ENABLED=0\n")(f);
                f.segments
                    .push(Segment::readable(PT_GNU_EH_FRAME, 0x700, 8));
            },
        ),
        refuse(
            "threads",
            "needs-thread-local-storage",
            &["0x10 bytes", "`PT_TLS`"],
            |f| {
                f.segments.push(Segment::readable(PT_TLS, DATA, 16));
            },
        ),
        refuse(
            "constructors",
            "needs-initializers",
            &["DT_INIT", "DT_INIT_ARRAY"],
            |f| {
                f.tags.push((DT_INIT, CODE));
                f.tags.extend([(DT_INIT_ARRAY, DATA), (DT_INIT_ARRAYSZ, 8)]);
            },
        ),
        refuse(
            "go-without-relocations",
            "no-relocations",
            &["it crashes"],
            |f| {
                go("build\tCGO_ENABLED=0\n")(f);
                f.interpreter = None;
                f.relocations.clear();
            },
        ),
        refuse(
            "no-relocations",
            "no-relocations",
            &["the file does not show"],
            |f| {
                f.relocations.clear();
            },
        ),
    ]
}

fn relocations() -> Vec<Case> {
    vec![
        refuse(
            "textrel",
            "text-relocations",
            &["R_X86_64_RELATIVE", "0x908"],
            |f| {
                f.relocations.push(Relocation::relative(CODE + 8));
                f.tags.push((DT_TEXTREL, 0));
            },
        ),
        refuse(
            "textrel-announced",
            "text-relocations",
            &["`DT_TEXTREL`"],
            |f| {
                f.tags.push((DT_TEXTREL, 0));
            },
        ),
        refuse(
            "symbols",
            "non-relative-relocation",
            &[
                "`R_X86_64_GLOB_DAT` of `absent` for address 0x1210 (at offset 0x630)",
                "`R_X86_64_64` of symbol 9",
                "type 99 for address 0x1220 (at offset 0x660); and 1 more",
            ],
            |f| {
                let places = [DATA + 16, DATA + 24, DATA + 32, DATA + 40];
                let symbols = [(R_X86_64_GLOB_DAT, 1), (R_X86_64_64, 9), (99, 0), (99, 0)];
                for (target, (kind, symbol)) in places.into_iter().zip(symbols) {
                    f.relocations.push(Relocation {
                        target,
                        kind,
                        symbol,
                        addend: 0,
                    });
                }
            },
        ),
        refuse("rel-table", "non-relative-relocation", &["`DT_REL`"], |f| {
            f.tags.extend([(17, 0x600), (18, 16)]);
        }),
        refuse(
            "twice",
            "unpackable-relocation",
            &["overlapping", "0x1200"],
            |f| {
                f.relocations.push(Relocation::relative(DATA));
            },
        ),
        refuse(
            "straddling",
            "unpackable-relocation",
            &["overlapping"],
            |f| {
                f.relocations.push(Relocation::relative(DATA + 12));
            },
        ),
        refuse(
            "odd",
            "unpackable-relocation",
            &["unaligned addresses", "0x1221"],
            |f| {
                f.relocations.push(Relocation::relative(DATA + 0x21));
            },
        ),
        refuse("past-end", "unpackable-relocation", &["0x17fc"], |f| {
            f.relocations.push(Relocation::relative(0x17fc));
        }),
        refuse(
            "in-dynamic",
            "unpackable-relocation",
            &["dynamic section"],
            |f| {
                f.relocations.push(Relocation::relative(0x1008));
            },
        ),
    ]
}

fn layouts() -> Vec<Case> {
    vec![
        refuse(
            "alignment",
            "segment-layout",
            &["0x1800", "not a power of two"],
            |f| {
                f.loads[1].align = 0x1800;
            },
        ),
        refuse("incongruent", "segment-layout", &["differ modulo"], |f| {
            f.segments.push(Segment {
                address: 0x3010,
                ..Segment::readable(PT_LOAD, 0x1800, 0)
            });
        }),
        refuse(
            "overlap",
            "segment-layout",
            &["starts before program header 0"],
            |f| {
                f.loads[0].file_size = 0x1100;
                f.loads[0].memory_size = 0x1100;
            },
        ),
        refuse(
            "more-in-file",
            "segment-layout",
            &["0x800 bytes in the file"],
            |f| {
                f.loads[1].memory_size = 0x700;
            },
        ),
        refuse(
            "entry",
            "segment-layout",
            &["entry point 0x1200 does not lie inside code"],
            |f| {
                f.entry = DATA;
            },
        ),
        refuse(
            "relro",
            "relro-layout",
            &["not lie inside a writable segment"],
            |f| {
                f.segments
                    .push(Segment::readable(PT_GNU_RELRO, 0x400, 0x100));
            },
        ),
        refuse(
            "relro-inside-page",
            "relro-layout",
            &["0x1100", "stays writable"],
            |f| {
                f.segments
                    .push(Segment::readable(PT_GNU_RELRO, 0x1100, 0x100));
            },
        ),
        refuse(
            "full",
            "no-room-for-stub",
            &["executable bytes", "largest gap"],
            |f| {
                f.loads[0].file_size = 0x1000;
                f.loads[0].memory_size = 0x1000;
            },
        ),
        refuse(
            "full-dynamic",
            "no-room-in-dynamic",
            &["space for 6 entries"],
            |f| {
                f.tags.clear();
                f.capacity = 7;
            },
        ),
    ]
}

#[test]
fn the_forged_program_itself_is_converted() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input");
    for forge in [Program::of_c(), Program::of_go("build\tCGO_ENABLED=0\n")] {
        fs::write(&input, forge.bytes()).unwrap();
        let ran = run(["convert".as_ref(), input.as_os_str(), "--dry-run".as_ref()]);
        assert_eq!(ran.status, 0, "{ran:?}");
    }
}

/// RELA says what to store, RELR adds to what is stored.
#[test]
fn the_addend_goes_where_the_linker_left_zero() {
    let input = Program::of_c().bytes();
    let Ok(Outcome::Converted(conversion)) = convert(&input, Options::default()) else {
        panic!("the honest program is converted");
    };
    let word = |bytes: &[u8]| {
        let start = usize::try_from(DATA).unwrap();
        u64::from_le_bytes(bytes[start..start + 8].try_into().unwrap())
    };
    let output = conversion.pieces.to_bytes(&input);
    assert_eq!(output.len(), input.len(), "nothing slid");
    assert_eq!((word(&input), word(&output)), (0, CODE));
}

#[test]
fn each_lie_is_seen_through() {
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join(case.name);
        fs::write(&input, &case.bytes).unwrap();
        match case.expected {
            Expected::Refused(codes) => refused(&input, &codes),
            Expected::Unreadable(code, words) => unreadable(&input, code, words),
        }
    }
}

#[test]
fn all_reasons_are_given_at_once_and_each_once() {
    let mut forge = Program::of_go("build\tCGO_ENABLED=1\n");
    forge.kind = 2;
    forge.machine = 8;
    forge.os_abi = 6;
    forge.needed = vec!["libc.so.6", "libm.so.6"];
    forge.tags.extend([(DT_INIT, CODE), (13, CODE)]);
    forge
        .segments
        .push(Segment::readable(PT_GNU_EH_FRAME, 0x700, 8));
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("everything");
    fs::write(&input, forge.bytes()).unwrap();
    refused(
        &input,
        &[
            ("position-dependent", &[]),
            ("unsupported-cpu", &["EM_MIPS"]),
            ("foreign-system", &[]),
            ("needs-libraries", &["`libc.so.6`, `libm.so.6`"]),
            ("cgo", &[]),
            ("external-linking", &[]),
            ("needs-initializers", &["`DT_INIT`", "`DT_FINI`"]),
        ],
    );
}
