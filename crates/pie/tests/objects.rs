//! The survey of objects and archives, on forged ones of x86-64. Real ones, and what linkers make of
//! the same objects, are in `crates/handpie/tests/objects`.

use std::time::{Duration, Instant};

use handpie_binary::{Bytes, Elf};
use handpie_pie::objects::{
    Code, Input, Libc, Offender, Survey, survey, survey_apart, thin_members,
};
use handpie_testkit::forge::archive::{ar, thin};
use handpie_testkit::forge::object::{
    DATA, DEBUG, EM_ARM, EM_X86_64, Object, RELRO, RODATA, Relocation, Section, Symbol, TBSS, TEXT,
};

const R_X86_64_64: u32 = 1;
const R_X86_64_PC32: u32 = 2;
const R_X86_64_32: u32 = 10;
const R_X86_64_32S: u32 = 11;
const R_X86_64_16: u32 = 12;
const R_X86_64_8: u32 = 14;
const NARROW: [u32; 4] = [R_X86_64_8, R_X86_64_16, R_X86_64_32, R_X86_64_32S];

const GLOBAL: u8 = 0x10;
const WEAK: u8 = 0x20;
const FUNCTION: u8 = 2;
const IFUNC: u8 = 10;
const UNDEFINED: u16 = 0;
const ABSOLUTE: u16 = 0xfff1;
const COMMON: u16 = 0xfff2;
const SHT_GROUP: u32 = 17;

/// An object with nothing but sections.
fn empty() -> Object {
    let mut object = Object::plain(EM_X86_64);
    object.symbols.truncate(1);
    object
}

/// The same with a symbol, whose number is returned, too.
fn with(mut object: Object, name: &'static str, info: u8, section: u16) -> (Object, u32) {
    object.symbols.push(Symbol {
        name,
        info,
        section,
        value: 0,
    });
    let last = object.symbols.len() as u32 - 1;
    (object, last)
}

/// An object that defines one function and has one relocation of a symbol.
fn using(kind: u32, section: usize, name: &'static str, info: u8, place: u16) -> Vec<u8> {
    let (object, symbol) = with(empty(), name, info, place);
    relocated(object, section, kind, symbol).build()
}

fn relocated(mut object: Object, section: usize, kind: u32, symbol: u32) -> Object {
    let relocation = Relocation {
        offset: 8,
        kind,
        symbol,
        addend: 0,
    };
    object.sections[section].relocations.push(relocation);
    object
}

/// An object that defines `name` in its code, and calls `needs`.
fn part(name: &'static str, needs: &[&'static str]) -> Object {
    let (mut object, _) = with(empty(), name, GLOBAL | FUNCTION, TEXT as u16);
    for needed in needs {
        let (next, symbol) = with(object, needed, GLOBAL, UNDEFINED);
        object = relocated(next, TEXT, R_X86_64_PC32, symbol);
    }
    object
}

/// The same, with code that holds an address.
fn bad_part(name: &'static str, needs: &[&'static str]) -> Object {
    relocated(part(name, needs), TEXT, R_X86_64_32, 1)
}

fn link(files: &[(&str, &[u8])]) -> Survey {
    let inputs: Vec<Input<'_>> = files
        .iter()
        .map(|(name, bytes)| Input::new(*name, *bytes))
        .collect();
    survey(&inputs, Libc::Musl)
}

fn alone(object: &[u8]) -> Survey {
    link(&[("part.o", object)])
}

fn codes(survey: &Survey) -> Vec<Code> {
    survey
        .offenders
        .iter()
        .map(|offender| offender.code)
        .collect()
}

fn only(survey: &Survey) -> &Offender {
    assert_eq!(survey.offenders.len(), 1, "{:#?}", survey.offenders);
    &survey.offenders[0]
}

#[test]
fn a_word_with_an_address_is_fine_where_it_can_be_written_and_nowhere_else() {
    for (section, code) in [
        (TEXT, Some(Code::TextRelocation)),
        (RODATA, Some(Code::TextRelocation)),
        (RELRO, None),
        (DATA, None),
        (TBSS, None),
        (DEBUG, None),
    ] {
        let object = using(R_X86_64_64, section, "f", GLOBAL | FUNCTION, TEXT as u16);
        let found = alone(&object);
        assert_eq!(
            codes(&found),
            code.into_iter().collect::<Vec<_>>(),
            "{section}"
        );
        assert_eq!(found.is_clean(), code.is_none());
    }
}

#[test]
fn part_of_an_address_is_wrong_in_every_section_that_is_loaded() {
    for kind in NARROW {
        for section in [TEXT, RODATA, RELRO, DATA] {
            let object = using(kind, section, "f", GLOBAL | FUNCTION, TEXT as u16);
            assert_eq!(
                codes(&alone(&object)),
                [Code::NarrowAddress],
                "{kind} {section}"
            );
        }
        let object = using(kind, DEBUG, "f", GLOBAL | FUNCTION, TEXT as u16);
        assert!(alone(&object).is_clean(), "debug information is not loaded");
    }
}

#[test]
fn a_distance_is_fine_everywhere() {
    for section in [TEXT, RODATA, RELRO, DATA] {
        let object = using(R_X86_64_PC32, section, "f", GLOBAL, UNDEFINED);
        let found = alone(&object);
        assert!(found.is_clean());
        assert_eq!((found.objects, found.relocations), (1, 1));
    }
}

#[test]
fn an_unknown_relocation_is_refused_whatever_it_is_of() {
    for kind in [8, 37, 200, 0xffff_ffff] {
        for place in [TEXT as u16, ABSOLUTE] {
            let object = using(kind, DATA, "f", GLOBAL, place);
            assert_eq!(codes(&alone(&object)), [Code::UnknownRelocation], "{kind}");
        }
    }
}

#[test]
fn a_number_is_no_address() {
    for info in [0, GLOBAL] {
        let object = using(R_X86_64_32, TEXT, "number", info, ABSOLUTE);
        assert!(alone(&object).is_clean());
    }
    let none = relocated(empty(), TEXT, R_X86_64_32, 0).build();
    assert!(alone(&none).is_clean(), "no symbol at all");
    // Another object may have the number.
    let user = using(R_X86_64_32, TEXT, "number", GLOBAL, UNDEFINED);
    assert_eq!(codes(&alone(&user)), [Code::NarrowAddress]);
    let (numbers, _) = with(empty(), "number", GLOBAL, ABSOLUTE);
    assert!(link(&[("user.o", &user), ("numbers.o", &numbers.build())]).is_clean());
    let place = part("number", &[]).build();
    let found = link(&[("user.o", &user), ("place.o", &place)]);
    assert_eq!(codes(&found), [Code::NarrowAddress]);
}

#[test]
fn a_weak_symbol_is_0_only_where_nobody_defines_it() {
    let user = using(R_X86_64_32, TEXT, "hook", WEAK, UNDEFINED);
    assert!(alone(&user).is_clean());
    let apart = survey_apart(&Input::new("user.o", &user), Libc::Other);
    assert_eq!(
        codes(&apart),
        [Code::NarrowAddress],
        "nothing is known of the link"
    );
    let hook = part("hook", &[]).build();
    let found = link(&[("user.o", &user), ("hook.o", &hook)]);
    assert_eq!(codes(&found), [Code::NarrowAddress]);
    // A weak reference takes no member of an archive.
    let archive = ar(&[("hook.o", &hook)]);
    assert!(link(&[("user.o", &user), ("lib.a", &archive)]).is_clean());
    let caller = part("main", &["hook"]).build();
    let found = link(&[("user.o", &user), ("main.o", &caller), ("lib.a", &archive)]);
    assert_eq!(codes(&found), [Code::NarrowAddress]);
    // Linkers define some.
    for name in ["__ehdr_start", "__start_hooks", "_end"] {
        let user = using(R_X86_64_32, TEXT, name, WEAK, UNDEFINED);
        assert_eq!(codes(&alone(&user)), [Code::NarrowAddress], "{name}");
    }
}

#[test]
fn members_that_nothing_needs_are_left_out() {
    let main = part("main", &["a"]).build();
    let archive = ar(&[
        ("unneeded.o", &bad_part("unneeded", &[]).build()),
        ("a.o", &part("a", &["b"]).build()),
        ("b.o", &bad_part("b", &["c", "b"]).build()),
    ]);
    let other = ar(&[
        ("b.o", &bad_part("b", &[]).build()),
        ("c.o", &part("c", &["a"]).build()),
    ]);
    let found = link(&[
        ("main.o", &main),
        ("lib/one.a", &archive),
        ("lib/two.a", &other),
    ]);
    let offender = only(&found);
    assert_eq!(offender.file, "lib/one.a");
    assert_eq!(offender.member.as_deref(), Some("b.o"));
    assert_eq!((found.objects, found.left_out), (4, 2));
    assert_eq!(
        offender.to_string(),
        "lib/one.a(b.o): pic-narrow-address: `R_X86_64_32` at 0x8 of section `.text`, symbol `b`"
    );
    assert_eq!(
        offender.hint(),
        "rebuild `one.a` with -fPIE or -fPIC (Rust: -C relocation-model=pic, Go: -buildmode=pie)"
    );
}

#[test]
fn the_default_version_of_a_symbol_is_found_under_its_plain_name() {
    let main = part("main", &["f"]).build();
    let archive = ar(&[("f.o", &bad_part("f@@V1", &[]).build())]);
    let found = link(&[("main.o", &main), ("lib.a", &archive)]);
    assert_eq!(codes(&found), [Code::NarrowAddress]);
}

#[test]
fn archives_may_stand_in_any_order() {
    let main = part("main", &["a"]).build();
    let needed = ar(&[("b.o", &bad_part("b", &[]).build())]);
    let needing = ar(&[("a.o", &part("a", &["b"]).build())]);
    for files in [
        [("b.a", &needed[..]), ("a.a", &needing), ("main.o", &main)],
        [("main.o", &main[..]), ("a.a", &needing), ("b.a", &needed)],
    ] {
        assert_eq!(only(&link(&files)).file, "b.a");
    }
}

#[test]
fn a_whole_archive_is_judged_whole() {
    let main = part("main", &[]).build();
    let archive = ar(&[("bad.o", &bad_part("bad", &[]).build())]);
    assert!(link(&[("main.o", &main), ("lib.a", &archive)]).is_clean());
    let inputs = [
        Input::new("main.o", &main),
        Input::new("lib.a", &archive).whole(),
    ];
    assert_eq!(codes(&survey(&inputs, Libc::Musl)), [Code::NarrowAddress]);
    let found = link(&[("lib.a", &archive)]);
    assert_eq!(
        codes(&found),
        [Code::NarrowAddress],
        "nothing says what is needed"
    );
}

#[test]
fn a_common_symbol_takes_a_member_that_defines_it() {
    let (main, _) = with(part("main", &[]), "table", GLOBAL, COMMON);
    let archive = ar(&[("table.o", &bad_part("table", &[]).build())]);
    let found = link(&[("main.o", &main.build()), ("lib.a", &archive)]);
    assert_eq!(codes(&found), [Code::NarrowAddress]);
}

/// An object with a section of a group that many objects have.
fn grouped(name: &'static str, kind: u32) -> Object {
    let (mut object, symbol) = with(empty(), name, WEAK | FUNCTION, TEXT as u16);
    object = relocated(object, TEXT, kind, symbol);
    object.sections.push(Section {
        name: ".group",
        kind: SHT_GROUP,
        flags: 0,
        align: 4,
        data: [1u32, TEXT as u32]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect(),
        zeros: 0,
        info: symbol,
        relocations: Vec::new(),
    });
    object
}

#[test]
fn of_a_group_the_first_copy_counts() {
    let good = grouped("inline", R_X86_64_PC32).build();
    let bad = grouped("inline", R_X86_64_32).build();
    assert!(link(&[("good.o", &good), ("bad.o", &bad)]).is_clean());
    let found = link(&[("bad.o", &bad), ("good.o", &good), ("again.o", &bad)]);
    assert_eq!(only(&found).file, "bad.o");
    let other = grouped("other", R_X86_64_32).build();
    let found = link(&[("good.o", &good), ("other.o", &other)]);
    assert_eq!(only(&found).file, "other.o");
    // By itself, any copy may be the one that is kept.
    let archive = ar(&[("good.o", &good), ("bad.o", &bad)]);
    let apart = survey_apart(&Input::new("lib.a", &archive), Libc::Other);
    assert_eq!(codes(&apart), [Code::NarrowAddress]);
    // A group that is not COMDAT is no copy of anything.
    let mut own = grouped("inline", R_X86_64_32);
    own.sections.last_mut().unwrap().data[0] = 0;
    let found = link(&[("good.o", &good), ("own.o", &own.build())]);
    assert_eq!(only(&found).file, "own.o");
}

#[test]
fn an_ifunc_is_refused_with_musl_only() {
    let (object, _) = with(empty(), "memcpy", GLOBAL | IFUNC, TEXT as u16);
    let object = object.build();
    let found = alone(&object);
    assert_eq!(only(&found).code, Code::Ifunc);
    assert!(only(&found).message().contains("`memcpy` is an ifunc"));
    assert!(survey(&[Input::new("a.o", &object)], Libc::Other).is_clean());
    let (user, _) = with(empty(), "memcpy", GLOBAL | IFUNC, UNDEFINED);
    assert!(
        alone(&user.build()).is_clean(),
        "using one is not having one"
    );
}

#[test]
fn what_has_no_machine_code_yet_is_refused() {
    for bitcode in [
        &b"BC\xc0\xde rest of it"[..],
        b"\xde\xc0\x17\x0b\0\0\0\0 wrapped",
    ] {
        assert_eq!(codes(&alone(bitcode)), [Code::Lto]);
        let archive = ar(&[("code.o", bitcode)]);
        let main = part("main", &[]).build();
        let found = link(&[("main.o", &main), ("lib.a", &archive)]);
        assert_eq!(codes(&found), [Code::Lto], "what it defines is not known");
    }
    let mut slim = empty();
    slim.sections[DEBUG].name = ".gnu.lto_.symtab";
    assert!(alone(&slim.build()).is_clean(), "a fat one has code, too");
    let (slim, _) = with(slim, "__gnu_lto_slim", GLOBAL, COMMON);
    assert_eq!(codes(&alone(&slim.build())), [Code::Lto]);
}

#[test]
fn fat_lto_objects_are_judged_by_their_machine_code() {
    let mut fat = bad_part("f", &[]);
    fat.sections[DEBUG].name = ".gnu.lto_.symtab";
    assert_eq!(codes(&alone(&fat.build())), [Code::NarrowAddress]);
}

#[test]
fn cpus_are_not_mixed_and_have_to_be_known() {
    let main = part("main", &["f"]).build();
    let arm = Object::of(EM_ARM).build();
    let found = link(&[("main.o", &main), ("arm.o", &arm)]);
    assert_eq!(codes(&found), [Code::MixedCpus]);
    assert!(
        only(&found)
            .message()
            .contains("EM_ARM, 32-bit, little-endian")
    );
    let mut mips = part("f", &[]);
    mips.machine = 8;
    assert_eq!(codes(&alone(&mips.build())), [Code::UnknownCpu]);
    let mut big = main.clone();
    big[5] = 2;
    assert!(!alone(&big).is_clean(), "x86-64 is little-endian");
}

#[test]
fn what_is_no_object_is_named() {
    let mut library = part("f", &[]);
    library.kind = 3;
    for (bytes, words) in [
        (library.build(), "ET_DYN"),
        (
            b"GROUP ( libm-2.36.a )".to_vec(),
            "neither an object file nor an archive",
        ),
        (b"#!/bin/sh\n".to_vec(), "a script"),
        (b"MZ\x90\0".to_vec(), "PE"),
    ] {
        let found = alone(&bytes);
        assert_eq!(only(&found).code, Code::NotAnObject);
        assert!(only(&found).message().contains(words), "{found:?}");
    }
}

#[test]
fn what_cannot_be_read_is_an_offender_and_no_error() {
    let mut cut = part("main", &[]).build();
    cut.truncate(cut.len() - 1);
    let archive = ar(&[("cut.o", &cut)]);
    let main = part("main", &[]).build();
    let short = &archive[..100];
    let found = link(&[("main.o", &main), ("lib.a", &archive), ("short.a", short)]);
    assert_eq!(codes(&found), [Code::Damaged, Code::Damaged]);
    assert_eq!(found.offenders[0].file, "short.a");
    assert_eq!(found.offenders[1].member.as_deref(), Some("cut.o"));
}

#[test]
fn what_is_in_an_archive_and_not_for_linkers_is_passed_over() {
    let archive = ar(&[
        ("lib.rmeta", b"rust metadata"),
        ("__.PKGDEF", b"go object linux amd64"),
        ("good.o", &part("f", &[]).build()),
    ]);
    let found = link(&[("lib.rlib", &archive)]);
    assert!(found.is_clean());
    assert_eq!(found.objects, 1);
}

#[test]
fn members_of_a_thin_archive_are_given_by_the_caller() {
    let archive = thin(&["sub/a.o", "b.o"]);
    assert_eq!(thin_members(&archive).unwrap(), [&b"sub/a.o"[..], b"b.o"]);
    assert_eq!(thin_members(&ar(&[("a.o", b"")])).unwrap().len(), 0);
    assert_eq!(thin_members(&part("f", &[]).build()).unwrap().len(), 0);
    let (good, bad) = (part("a", &[]).build(), bad_part("b", &[]).build());
    let members = vec![Bytes::from(&good), Bytes::from(&bad)];
    let input = Input::new("lib.a", &archive).with_members(members);
    let found = survey_apart(&input, Libc::Other);
    assert_eq!(only(&found).member.as_deref(), Some("b.o"));
    assert_eq!(found.objects, 2);
    let found = survey_apart(&Input::new("lib.a", &archive), Libc::Other);
    assert_eq!(codes(&found), [Code::Damaged; 2], "not given");
}

#[test]
fn all_offenders_come_in_one_answer_with_their_places() {
    let (object, symbol) = with(empty(), "table", GLOBAL, DATA as u16);
    let object = relocated(object, TEXT, R_X86_64_32S, symbol);
    let object = relocated(object, RODATA, R_X86_64_64, symbol).build();
    let archive = ar(&[("odd", b"odd"), ("object.o", &object)]);
    let found = link(&[("a.o", &object), ("lib.a", &archive), ("b.o", &object)]);
    assert_eq!(found.offences, 4, "the member is not needed");
    assert_eq!(
        codes(&found),
        [Code::NarrowAddress, Code::TextRelocation].repeat(2)
    );
    let found = link(&[("lib.a", &archive)]);
    assert_eq!(found.offences, 2);
    for (offender, (kind, section)) in found
        .offenders
        .iter()
        .zip([(R_X86_64_32S, ".text"), (R_X86_64_64, ".rodata")])
    {
        let place = offender.place.as_ref().unwrap();
        assert_eq!(
            (place.section.as_str(), place.symbol.as_str()),
            (section, "table")
        );
        assert_eq!(place.inside, 8);
        // `r_info` is behind `r_offset`.
        let at = offender.offset.unwrap().0 as usize;
        assert_eq!(archive[at..at + 8], 8u64.to_le_bytes());
        assert_eq!(archive[at + 8..at + 12], kind.to_le_bytes());
    }
}

#[test]
fn hundreds_in_one_object_are_counted_and_not_listed() {
    let mut object = bad_part("f", &[]);
    for _ in 0..299 {
        object = relocated(object, TEXT, R_X86_64_32, 1);
    }
    let object = relocated(object, RODATA, R_X86_64_64, 1).build();
    let found = alone(&object);
    assert_eq!(found.offences, 301);
    assert_eq!(found.offenders.len(), 5);
    assert_eq!(found.offenders[3].more, 296);
    assert!(
        found.offenders[3]
            .message()
            .ends_with(", and 296 more of this kind")
    );
    assert_eq!(found.offenders[4].code, Code::TextRelocation);
    assert_eq!(found.offenders[4].more, 0);
}

#[test]
fn names_that_share_their_bytes_without_end_are_refused_and_not_read() {
    let (mut object, _) = with(empty(), "long", GLOBAL, UNDEFINED);
    object.symbols[1].name = "n".repeat(15_000).leak();
    for _ in 0..40_000 {
        object = with(object, "n", GLOBAL, UNDEFINED).0;
    }
    let mut bytes = object.build();
    let start = {
        let elf = Elf::parse(&bytes).unwrap();
        elf.section(".symtab").unwrap().offset.0 as usize
    };
    for symbol in 1..40_000 {
        let name = start + symbol * 24;
        bytes[name..name + 4].copy_from_slice(&2u32.to_le_bytes());
    }
    let begin = Instant::now();
    let found = alone(&bytes);
    assert_eq!(only(&found).message(), "symbol names overlap");
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    // By itself, no name is needed.
    assert!(survey_apart(&Input::new("a.o", &bytes), Libc::Musl).is_clean());
}
