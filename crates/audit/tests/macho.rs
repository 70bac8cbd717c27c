//! What the rules say of Mach-O files: a forged one for every answer.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod judge;

use handpie_audit::{Answer, Kind, Language, System};
use handpie_binary::{Binary, ErrorKind, Image};
use handpie_testkit::forge::macho::{self, MachO, signature};
use judge::{answer, answers, evidence, hint, subject, why};

use Answer::{Fail, NotApplicable, Pass, Unknown, Warn};

fn forged(change: impl FnOnce(&mut MachO)) -> Vec<u8> {
    let mut forge = MachO::default();
    change(&mut forge);
    forge.build()
}

#[test]
fn a_program_with_everything_passes_every_rule() {
    let file = forged(|_| {});
    for (code, answer) in answers(&file) {
        assert!(code.starts_with("macho-") || code == "sanitizers", "{code}");
        assert_eq!(answer, Pass, "{code}");
    }
    assert_eq!(answers(&file).len(), 9);
}

#[test]
fn all_widths_and_byte_orders_are_read() {
    for cpu_type in [macho::X86, macho::X86_64, macho::POWERPC] {
        for big_endian in [false, true] {
            let file = forged(|forge| {
                forge.cpu_type = cpu_type;
                forge.big_endian = big_endian;
                forge.flags |= macho::NO_HEAP_EXECUTION;
                forge.rpaths = vec!["/usr/lib"];
                forge.encryption = Some(0);
            });
            for (code, answer) in answers(&file) {
                assert_eq!(answer, Pass, "{code} for {cpu_type:#x}, {big_endian}");
            }
        }
    }
}

#[test]
fn a_program_at_a_fixed_address_fails() {
    let file = forged(|forge| forge.flags = macho::DYLDLINK);
    assert_eq!(answer(&file, "macho-pie"), Fail);
    assert!(why(&file, "macho-pie").contains("refuses to start such arm64"));
    let file = forged(|forge| {
        forge.flags = macho::DYLDLINK;
        forge.cpu_type = macho::X86_64;
    });
    assert_eq!(answer(&file, "macho-pie"), Fail);
    assert!(!why(&file, "macho-pie").contains("arm64"));
    assert_eq!(evidence(&file, "macho-pie"), Some(24));
}

#[test]
fn libraries_and_bundles_are_not_asked_what_programs_decide() {
    for (kind, name) in [
        (macho::DYLIB, Kind::MachoDynamicLibrary),
        (macho::BUNDLE, Kind::MachoBundle),
    ] {
        let file = forged(|forge| {
            forge.kind = kind;
            forge.flags = macho::ALLOW_STACK_EXECUTION;
        });
        assert_eq!(subject(&file).kind, name);
        for code in [
            "macho-pie",
            "macho-executable-stack",
            "macho-executable-heap",
            "macho-hardened-runtime",
        ] {
            assert_eq!(answer(&file, code), NotApplicable, "{code}");
        }
        assert_eq!(answer(&file, "macho-signature"), Pass);
        assert_eq!(answer(&file, "macho-canary"), Pass);
    }
}

#[test]
fn objects_and_core_files_are_asked_nothing() {
    for kind in [macho::OBJECT, macho::CORE] {
        assert_eq!(answers(&forged(|forge| forge.kind = kind)), []);
    }
}

#[test]
fn a_stack_that_can_be_run_fails() {
    let file = forged(|forge| forge.flags |= macho::ALLOW_STACK_EXECUTION);
    assert_eq!(answer(&file, "macho-executable-stack"), Fail);
    assert_eq!(answer(&file, "macho-executable-heap"), Pass, "on arm64");
    let file = forged(|forge| {
        forge.flags |= macho::ALLOW_STACK_EXECUTION | macho::NO_HEAP_EXECUTION;
        forge.cpu_type = macho::X86_64;
    });
    let heap = answer(&file, "macho-executable-heap");
    assert_eq!(heap, Fail, "on Intel the flag is for all memory");
}

#[test]
fn the_heap_of_a_32_bit_program_can_be_run_unless_it_asks_for_the_opposite() {
    let file = forged(|forge| forge.cpu_type = macho::X86);
    assert_eq!(answer(&file, "macho-executable-heap"), Fail);
    let file = forged(|forge| {
        forge.cpu_type = macho::X86;
        forge.flags |= macho::NO_HEAP_EXECUTION;
    });
    assert_eq!(answer(&file, "macho-executable-heap"), Pass);
}

#[test]
fn a_segment_that_can_be_written_and_run_fails() {
    let file = forged(|forge| forge.data_protection = 7);
    assert_eq!(answer(&file, "macho-executable-heap"), Fail);
    assert!(why(&file, "macho-executable-heap").contains("`__DATA`"));
    let library = forged(|forge| {
        forge.data_protection = 7;
        forge.kind = macho::DYLIB;
    });
    assert_eq!(answer(&library, "macho-executable-heap"), Fail);
}

#[test]
fn signatures_are_told_apart_by_who_vouches() {
    let file = forged(|forge| forge.signature = None);
    assert_eq!(answer(&file, "macho-signature"), Fail);
    assert!(why(&file, "macho-signature").contains("arm64"));
    let file = forged(|forge| {
        forge.signature = None;
        forge.cpu_type = macho::X86_64;
    });
    assert_eq!(why(&file, "macho-signature"), "not signed");
    let linker = macho::CS_ADHOC | macho::CS_LINKER_SIGNED;
    let file = forged(|forge| forge.signature = Some(signature(linker, false)));
    assert_eq!(answer(&file, "macho-signature"), Warn);
    assert!(why(&file, "macho-signature").contains("by the linker"));
    assert!(hint(&file, "macho-signature").contains("codesign"));
    assert_eq!(answer(&forged(|_| {}), "macho-signature"), Pass);
}

#[test]
fn a_certificate_beside_an_ad_hoc_directory_vouches_for_nothing() {
    let file = forged(|forge| forge.signature = Some(signature(macho::CS_ADHOC, true)));
    assert_eq!(answer(&file, "macho-signature"), Warn);
}

#[test]
fn a_signature_that_is_none_fails() {
    for damage in [
        |blob: &mut Vec<u8>| blob[0] = 0,
        |blob: &mut Vec<u8>| blob[11] = 0,
        |blob: &mut Vec<u8>| blob[8..12].fill(0xff),
        |blob: &mut Vec<u8>| blob[16..20].fill(0xff),
        |blob: &mut Vec<u8>| blob.truncate(20),
    ] {
        let mut blob = signature(macho::CS_RUNTIME, true);
        damage(&mut blob);
        let file = forged(|forge| forge.signature = Some(blob));
        assert_eq!(answer(&file, "macho-signature"), Fail);
        assert_eq!(answer(&file, "macho-hardened-runtime"), Fail);
        assert!(why(&file, "macho-signature").contains("at offset 0x"));
    }
}

#[test]
fn the_hardened_runtime_is_a_flag_of_all_code_directories() {
    let file = forged(|forge| forge.signature = Some(signature(0, true)));
    assert_eq!(answer(&file, "macho-hardened-runtime"), Fail);
    let mut one_of_two = signature(macho::CS_RUNTIME, true);
    let second = 12 + 3 * 8 + 44;
    one_of_two[second + 12..second + 16].fill(0);
    let file = forged(|forge| forge.signature = Some(one_of_two));
    assert_eq!(answer(&file, "macho-hardened-runtime"), Fail);
    let file = forged(|forge| forge.signature = None);
    assert_eq!(answer(&file, "macho-hardened-runtime"), Fail);
    let ad_hoc = signature(macho::CS_ADHOC | macho::CS_RUNTIME, false);
    let file = forged(|forge| forge.signature = Some(ad_hoc));
    assert_eq!(answer(&file, "macho-hardened-runtime"), Pass);
}

#[test]
fn encrypted_code_is_worth_a_look() {
    let file = forged(|forge| forge.encryption = Some(1));
    assert_eq!(answer(&file, "macho-encryption"), Warn);
    let file = forged(|forge| forge.encryption = Some(0));
    assert_eq!(answer(&file, "macho-encryption"), Pass);
}

#[test]
fn the_worst_search_path_counts() {
    let rpaths = |paths: &[&'static str], certificate| {
        let paths = paths.to_vec();
        let file = forged(|forge| {
            forge.rpaths = paths;
            forge.signature = Some(signature(macho::CS_RUNTIME, certificate));
        });
        answer(&file, "macho-rpath")
    };
    assert_eq!(rpaths(&[], false), Pass);
    assert_eq!(rpaths(&["/usr/lib/swift"], false), Pass);
    assert_eq!(rpaths(&["/usr/lib", "@loader_path/../lib"], false), Warn);
    let beside = "@executable_path/../Frameworks";
    assert_eq!(rpaths(&[beside], true), Pass, "only its signer's libraries");
    assert_eq!(rpaths(&[beside, "/tmp/lib", "/usr/lib"], true), Fail);
    assert_eq!(rpaths(&["lib"], true), Fail);
    assert_eq!(rpaths(&[""], true), Fail);
}

#[test]
fn canaries_are_known_by_what_is_called_when_one_is_dead() {
    let without = forged(|forge| forge.undefined = Some(vec!["_printf"]));
    assert_eq!(answer(&without, "macho-canary"), Unknown, "or none needed");
    let file = forged(|forge| forge.undefined = None);
    assert_eq!(answer(&file, "macho-canary"), Unknown);
    assert_eq!(why(&file, "macho-canary"), "has no symbol table");
    let file = forged(|forge| forge.dysymtab = false);
    assert_eq!(answer(&file, "macho-canary"), Pass);
    let rust = forged(|forge| {
        forge.undefined = Some(vec![]);
        forge.constants = b"/rustc/1234/library/core/src/str.rs".to_vec();
    });
    assert_eq!(subject(&rust).language, Language::Rust);
    assert_eq!(answer(&rust, "macho-canary"), NotApplicable);
}

#[test]
fn go_programs_are_asked_for_no_canary() {
    let mut info = b"\xff Go buildinf:\x08\x02".to_vec();
    info.resize(32, 0);
    info.extend(b"\x08go1.27.3\x00");
    let file = forged(|forge| {
        forge.build_info = Some(info);
        forge.undefined = Some(vec![]);
    });
    let subject = subject(&file);
    assert_eq!(subject.language, Language::Go);
    assert_eq!(subject.build_info.unwrap().go_version, "go1.27.3");
    assert_eq!(answer(&file, "macho-canary"), NotApplicable);
}

#[test]
fn every_member_of_a_fat_file_is_judged_with_offsets_of_the_whole_file() {
    let members = [
        forged(|_| {}),
        forged(|forge| {
            forge.cpu_type = macho::X86;
            forge.big_endian = true;
        }),
    ];
    for is_64 in [false, true] {
        let file = macho::fat(&members, is_64);
        let binaries = Binary::parse(&file).unwrap();
        assert_eq!(binaries.len(), 2);
        let second = binaries.into_iter().nth(1).unwrap();
        let subject = handpie_audit::Subject::of(second, None).unwrap();
        let findings = handpie_audit::check(&subject).unwrap();
        let pie = findings.iter().find(|f| f.rule.code == "macho-pie");
        let offset = pie.unwrap().judgement.evidence[0].offset.unwrap().0 as usize;
        let flags = macho::DYLDLINK | macho::PIE;
        assert_eq!(file[offset..offset + 4], flags.to_be_bytes());
        let canary = findings.iter().find(|f| f.rule.code == "macho-canary");
        let entry = canary.unwrap().judgement.evidence[0].offset.unwrap().0;
        assert!(entry as usize > members[0].len() + 0x100);
    }
}

#[test]
fn says_where_a_fat_file_is_broken() {
    let error = |file: &[u8]| Binary::parse(file).unwrap_err();
    let archive = macho::fat(&[forged(|_| {}), b"!<arch>\nmember".to_vec()], false);
    let said = error(&archive);
    assert_eq!(said.kind(), ErrorKind::NotBinary);
    assert!(said.to_string().contains("member 1"), "{said}");
    assert!(said.to_string().contains("archive"), "{said}");
    let mut none = macho::fat(&[forged(|_| {})], false);
    none[7] = 0;
    assert_eq!(error(&none).kind(), ErrorKind::Malformed);
    let mut far = macho::fat(&[forged(|_| {})], true);
    far[16..24].fill(0xff);
    assert_eq!(error(&far).kind(), ErrorKind::Truncated);
    let nested = macho::fat(&[macho::fat(&[forged(|_| {})], false)], false);
    let said = error(&nested);
    assert_eq!(said.kind(), ErrorKind::Malformed, "{said}");
}

#[test]
fn says_where_a_header_is_broken() {
    let error = |file: Vec<u8>| Binary::parse(&file).unwrap_err().to_string();
    let whole = forged(|_| {});
    assert!(error(whole[..20].to_vec()).contains("the Mach-O header"));
    assert!(error(whole[..100].to_vec()).contains("the load commands"));
    assert!(error(whole[..macho::LINKEDIT].to_vec()).contains("`__LINKEDIT`"));
    let mut small = whole.clone();
    small[36] = 4;
    small[37] = 0;
    assert!(error(small).contains("`cmdsize` is 0x4, expected at least 0x8"));
    let mut many = whole.clone();
    many[16..20].fill(0xff);
    assert!(error(many).contains("`ncmds` is 4294967295"));
}

#[test]
fn a_type_that_nothing_loads_is_named() {
    let file = forged(|forge| forge.kind = macho::FILESET);
    let binary = Binary::parse(&file).unwrap().remove(0);
    let error = handpie_audit::Subject::of(binary, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedBinary);
    assert_eq!(error.offset().unwrap().0, 12);
    assert!(error.to_string().contains("MH_FILESET"), "{error}");
}

#[test]
fn sanitizers_of_mach_o_files_are_libraries_that_are_asked_for() {
    let asks_for = |library| {
        let file = forged(|forge| forge.libraries = vec!["/usr/lib/libc.dylib", library]);
        (answer(&file, "sanitizers"), why(&file, "sanitizers"))
    };
    let (answer, why) = asks_for("@rpath/libclang_rt.asan_osx_dynamic.dylib");
    assert_eq!(answer, Fail);
    assert_eq!(why, "instrumented with AddressSanitizer");
    assert_eq!(asks_for("@rpath/librustc-stable_rt.tsan.dylib").0, Fail);
    let minimal = "@rpath/libclang_rt.ubsan_minimal_osx_dynamic.dylib";
    assert_eq!(asks_for(minimal).0, Pass, "meant to be shipped");
}

#[test]
fn functions_of_go_named_after_sanitizers_are_none_in_mach_o_files() {
    let file = forged(|forge| forge.undefined = Some(vec!["_runtime.asanread"]));
    assert_eq!(answer(&file, "sanitizers"), Pass);
}

#[test]
fn only_symbols_of_its_own_have_an_address() {
    for dysymtab in [true, false] {
        let file = forged(|forge| forge.dysymtab = dysymtab);
        let Binary::MachO(macho) = Binary::parse(&file).unwrap().remove(0) else {
            panic!("a Mach-O file");
        };
        let symbols = Image::symbols(&macho).unwrap();
        let own: Vec<bool> = symbols.iter().map(|s| s.address.is_some()).collect();
        assert_eq!(own, [true, true, false, false]);
        let undefined = macho.undefined_symbols().unwrap();
        let names: Vec<&[u8]> = undefined.iter().map(|symbol| symbol.name).collect();
        assert_eq!(names, [b"_printf".as_slice(), b"___stack_chk_fail"]);
    }
}

#[test]
fn what_only_macos_has_is_asked_of_programs_for_macos_only() {
    let built = |platform, change: fn(&mut MachO)| {
        forged(|forge| {
            forge.platform = Some(platform);
            forge.signature = Some(signature(macho::CS_ADHOC, false));
            change(forge);
        })
    };
    for (platform, system) in [
        (1, System::MacOs),
        (2, System::Ios),
        (3, System::OtherApple),
        (6, System::MacCatalyst),
        (7, System::AppleSimulator),
        (9, System::AppleSimulator),
        (11, System::OtherApple),
    ] {
        let file = built(platform, |_| {});
        assert_eq!(subject(&file).system, system, "{platform}");
        let is_mac = !matches!(system, System::Ios | System::OtherApple);
        let expected = if is_mac { Fail } else { NotApplicable };
        assert_eq!(
            answer(&file, "macho-hardened-runtime"),
            expected,
            "{platform}"
        );
        let beside = built(platform, |forge| forge.rpaths = vec!["@loader_path/lib"]);
        let expected = if is_mac { Warn } else { Pass };
        assert_eq!(answer(&beside, "macho-rpath"), expected, "{platform}");
        let unsigned = built(platform, |forge| forge.signature = None);
        let says_mac = why(&unsigned, "macho-signature").contains("macOS");
        assert_eq!(says_mac, is_mac, "{platform}");
    }
}

#[test]
fn rust_with_c_in_it_is_told_by_what_only_c_compilers_call() {
    let made = |names: Vec<&'static str>| {
        forged(|forge| {
            forge.constants = b"/rustc/0123/library/std/src/panicking.rs".to_vec();
            forge.undefined = Some(names);
        })
    };
    let alone = made(vec!["_snprintf"]);
    assert_eq!(subject(&alone).languages, [Language::Rust]);
    assert_eq!(answer(&alone, "macho-canary"), NotApplicable);
    let with_c = made(vec!["_snprintf", "___stack_chk_fail"]);
    assert_eq!(subject(&with_c).languages, [Language::Rust, Language::C]);
    assert_eq!(answer(&with_c, "macho-canary"), Pass);
}
