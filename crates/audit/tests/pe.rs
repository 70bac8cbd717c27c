//! What the rules say of PE files: a forged one for every answer.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod judge;

use handpie_audit::{Answer, Kind, Language};
use handpie_binary::{Binary, ErrorKind, Image};
use handpie_testkit::forge::pe::{self, LoadConfig, Pe, Relocations};
use judge::{answer, answers, evidence, hint, subject, why};

use Answer::{Fail, NotApplicable, Pass, Unknown, Warn};

fn forged(change: impl FnOnce(&mut Pe)) -> Vec<u8> {
    forged_for(pe::AMD64, change)
}

fn forged_for(machine: u16, change: impl FnOnce(&mut Pe)) -> Vec<u8> {
    let mut forge = Pe::of(machine);
    change(&mut forge);
    forge.build()
}

/// With a load configuration that is changed.
fn configured(machine: u16, change: impl FnOnce(&mut LoadConfig)) -> Vec<u8> {
    forged_for(machine, |forge| {
        change(forge.load_config.as_mut().unwrap());
    })
}

#[test]
fn a_program_with_everything_passes_every_rule() {
    for machine in [pe::AMD64, pe::I386, pe::ARM64] {
        let file = forged_for(machine, |_| {});
        let not_asked: &[&str] = match machine {
            pe::AMD64 => &["pe-safe-seh"],
            pe::I386 => &["pe-high-entropy"],
            _ => &["pe-safe-seh", "pe-cet"],
        };
        for (code, answer) in answers(&file) {
            assert!(code.starts_with("pe-") || code == "sanitizers", "{code}");
            let wanted = match not_asked.contains(&code) {
                true => NotApplicable,
                false => Pass,
            };
            assert_eq!(answer, wanted, "{code} on {machine:#x}");
        }
        assert_eq!(answers(&file).len(), 10);
    }
}

#[test]
fn a_program_that_does_not_ask_for_a_random_address_fails() {
    let file = forged(|forge| forge.dll_characteristics &= !pe::DYNAMIC_BASE);
    assert_eq!(answer(&file, "pe-dynamic-base"), Fail);
    assert_eq!(answer(&file, "pe-relocations"), Pass);
    assert_eq!(evidence(&file, "pe-dynamic-base"), Some(0x80 + 24 + 70));
}

#[test]
fn asking_for_a_random_address_without_relocations_is_no_use() {
    let stripped = forged(|forge| forge.characteristics |= pe::RELOCS_STRIPPED);
    assert_eq!(answer(&stripped, "pe-dynamic-base"), Fail);
    assert_eq!(answer(&stripped, "pe-relocations"), Fail);
    assert_eq!(evidence(&stripped, "pe-relocations"), Some(0x80 + 22));
    let elsewhere = forged(|forge| forge.relocations = Relocations::Elsewhere);
    assert_eq!(answer(&elsewhere, "pe-dynamic-base"), Fail);
    assert_eq!(answer(&elsewhere, "pe-relocations"), Fail);
}

#[test]
fn a_program_without_relocations_is_no_better_than_one_that_was_stripped() {
    for relocations in [Relocations::None, Relocations::Padding] {
        let file = forged(|forge| forge.relocations = relocations);
        assert_eq!(answer(&file, "pe-dynamic-base"), Fail, "{relocations:?}");
        assert_eq!(answer(&file, "pe-relocations"), Fail, "{relocations:?}");
    }
    let resources = forged(|forge| {
        forge.relocations = Relocations::None;
        forge.text = 0x4000_0040;
    });
    assert_eq!(answer(&resources, "pe-relocations"), Pass, "no code in it");
}

#[test]
fn shows_the_first_relocation_that_does_something() {
    let at = pe::RELOC as u64 + 10;
    assert_eq!(evidence(&forged(|_| {}), "pe-relocations"), Some(at));
}

#[test]
fn high_entropy_needs_both_flags_and_64_bits() {
    let file = forged(|forge| forge.dll_characteristics &= !pe::HIGH_ENTROPY_VA);
    assert_eq!(answer(&file, "pe-high-entropy"), Fail);
    let file = forged(|forge| forge.characteristics &= !pe::LARGE_ADDRESS_AWARE);
    assert_eq!(answer(&file, "pe-high-entropy"), Fail);
    assert!(hint(&file, "pe-high-entropy").contains("/LARGEADDRESSAWARE"));
    let file = forged_for(pe::I386, |_| {});
    assert_eq!(answer(&file, "pe-high-entropy"), NotApplicable);
}

#[test]
fn only_a_32_bit_program_can_run_its_data_for_want_of_a_flag() {
    let without = |machine, characteristics| {
        let file = forged_for(machine, |forge| {
            forge.dll_characteristics &= !pe::NX_COMPAT;
            forge.characteristics |= characteristics;
        });
        answer(&file, "pe-nx")
    };
    assert_eq!(without(pe::I386, 0), Fail);
    assert_eq!(without(pe::I386, pe::DLL), Warn, "the program decides");
    assert_eq!(without(pe::AMD64, 0), Warn, "Windows decides");
}

#[test]
fn a_section_that_can_be_written_and_run_fails() {
    let file = forged(|forge| forge.text |= 0x8000_0000);
    assert_eq!(answer(&file, "pe-nx"), Fail);
    assert!(why(&file, "pe-nx").contains("`.text`"));
    let header = pe::SECTION_HEADERS as u64;
    assert_eq!(evidence(&file, "pe-nx"), Some(header));
}

#[test]
fn the_flag_for_control_flow_guard_is_no_use_alone() {
    let flagless = forged(|forge| forge.dll_characteristics &= !pe::GUARD_CF);
    assert_eq!(answer(&flagless, "pe-cfg"), Fail);
    let alone = forged(|forge| forge.load_config = None);
    assert_eq!(answer(&alone, "pe-cfg"), Fail);
    for machine in [pe::AMD64, pe::I386] {
        for change in [
            (|config| config.flags = pe::CF_TABLE) as fn(&mut LoadConfig),
            |config| config.flags = pe::CF_INSTRUMENTED,
            |config| config.functions.0 = 0,
            |config| config.functions.1 = 0,
            |config| config.check = 0,
            |config| config.size = 64,
        ] {
            let file = configured(machine, change);
            assert_eq!(answer(&file, "pe-cfg"), Fail);
        }
        let dispatching = configured(machine, |config| {
            config.dispatch = config.check;
            config.check = 0;
        });
        assert_eq!(answer(&dispatching, "pe-cfg"), Pass, "as 64-bit code does");
    }
}

#[test]
fn a_load_configuration_that_ends_nowhere_is_no_protection() {
    let file = configured(pe::AMD64, |config| config.size = 0xffff_ffff);
    assert_eq!(answer(&file, "pe-cfg"), Fail);
    assert_eq!(answer(&file, "pe-canary"), Unknown);
}

#[test]
fn a_shadow_stack_is_promised_in_the_debug_directory() {
    let file = forged(|forge| forge.cet = None);
    assert_eq!(answer(&file, "pe-cet"), Fail);
    let file = forged(|forge| forge.cet = Some(0x40));
    assert_eq!(answer(&file, "pe-cet"), Fail);
}

#[test]
fn exception_handlers_are_checked_by_a_table_or_are_none() {
    let seh = |change: fn(&mut Pe)| {
        let file = forged_for(pe::I386, change);
        answer(&file, "pe-safe-seh")
    };
    assert_eq!(seh(|forge| forge.load_config = None), Fail);
    let no_seh: fn(&mut Pe) = |forge| {
        forge.load_config = None;
        forge.dll_characteristics |= pe::NO_SEH;
    };
    assert_eq!(seh(no_seh), Pass);
    for change in [
        (|config| config.handlers.0 = 0) as fn(&mut LoadConfig),
        |config| config.handlers.1 = 0,
        |config| config.handlers.1 = 0xffff_ffff,
        |config| config.handlers.0 = 0x10,
        |config| config.size = 64,
    ] {
        let file = configured(pe::I386, change);
        assert_eq!(answer(&file, "pe-safe-seh"), Fail);
    }
}

#[test]
fn a_cookie_counts_when_it_is_really_there() {
    let canary = |change: fn(&mut LoadConfig)| {
        let file = configured(pe::AMD64, change);
        answer(&file, "pe-canary")
    };
    assert_eq!(canary(|_| {}), Pass);
    let unused = |config: &mut LoadConfig| config.flags |= pe::COOKIE_UNUSED;
    assert_eq!(canary(unused), Fail);
    assert_eq!(canary(|config| config.cookie = 0x1_3fff_0000), Fail);
    let in_code = |config: &mut LoadConfig| config.cookie = 0x1_4000_1000;
    assert_eq!(canary(in_code), Fail, "nothing can set it there");
    assert_eq!(canary(|config| config.cookie = 0), Unknown);
    assert_eq!(canary(|config| config.size = 88), Unknown);
}

#[test]
fn canaries_of_gcc_are_known_by_what_is_called_when_one_is_dead() {
    let canary = |symbols: &[&'static str], imports: &[&'static str]| {
        let file = forged(|forge| {
            forge.load_config = None;
            forge.symbols = symbols.to_vec();
            forge.imports = imports.to_vec();
        });
        (answer(&file, "pe-canary"), why(&file, "pe-canary"))
    };
    let called = ["main", "__stack_chk_fail"];
    assert_eq!(canary(&called, &[]).0, Pass);
    assert_eq!(canary(&[], &["KERNEL32.dll", "LIBSSP-0.DLL"]).0, Pass);
    let stripped = forged(|forge| {
        forge.load_config = None;
        forge.constants = b"*** stack smashing detected ***: terminated\r\n".to_vec();
    });
    assert_eq!(judge::answer(&stripped, "pe-canary"), Pass);
    let (answer, why) = canary(&["main"], &["KERNEL32.dll"]);
    assert_eq!(answer, Unknown, "or none needed");
    assert!(why.contains("either none needs one"));
    let (answer, why) = canary(&[], &[]);
    assert_eq!(answer, Unknown);
    assert!(why.contains("no symbols"));
}

#[test]
fn a_signature_counts_when_it_is_really_there() {
    let signature = |certificate| {
        let file = forged(|forge| forge.certificate = certificate);
        answer(&file, "pe-signature")
    };
    assert_eq!(signature(None), Fail);
    assert_eq!(signature(Some((2, 0x20))), Pass);
    assert_eq!(signature(Some((1, 0x20))), Fail, "an X.509 certificate");
    assert_eq!(signature(Some((2, 8))), Fail, "nothing behind the header");
    assert_eq!(signature(Some((2, 0x1000))), Fail, "longer than the table");
}

#[test]
fn dot_net_and_firmware_are_asked_for_no_checks_in_code() {
    let il_only: fn(&mut Pe) = |forge| forge.il_only = true;
    let uefi: fn(&mut Pe) = |forge| forge.subsystem = pe::EFI_APPLICATION;
    for change in [il_only, uefi] {
        let file = forged_for(pe::I386, change);
        for code in ["pe-cfg", "pe-cet", "pe-safe-seh", "pe-canary"] {
            assert_eq!(answer(&file, code), NotApplicable, "{code}");
        }
    }
    let file = forged(uefi);
    for code in ["pe-dynamic-base", "pe-high-entropy"] {
        assert_eq!(answer(&file, code), NotApplicable, "{code}");
    }
    assert_eq!(answer(&file, "pe-relocations"), Pass, "firmware relocates");
}

/// Go build info and a pclntab with one name.
fn go(forge: &mut Pe, name: &[u8]) {
    forge.variables = b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff Go buildinf:\x08\x02".to_vec();
    forge.variables.resize(48, 0);
    forge.variables.extend(b"\x08go1.27.3\x00");
    let size: u8 = if forge.machine == pe::I386 { 4 } else { 8 };
    let mut table = vec![0xf1, 0xff, 0xff, 0xff, 0, 0, 1, size];
    let end = 96 + name.len() as u64;
    for field in [1, 1, 0, 96, end, end, end, end] {
        table.extend(&u64::to_le_bytes(field)[..usize::from(size)]);
    }
    table.resize(96, 0);
    table.extend(name);
    table.push(0);
    forge.constants = table;
}

#[test]
fn go_is_known_by_its_build_info_and_asked_for_what_it_can_have() {
    for machine in [pe::AMD64, pe::I386] {
        let bare: fn(&mut Pe) = |forge| {
            forge.dll_characteristics = pe::DYNAMIC_BASE | pe::NX_COMPAT;
            forge.load_config = None;
            forge.cet = None;
            forge.certificate = None;
        };
        let file = forged_for(machine, |forge| {
            bare(forge);
            go(forge, b"main.main\0");
        });
        assert_eq!(subject(&file).language, Language::Go);
        for code in ["pe-cfg", "pe-cet", "pe-safe-seh", "pe-canary"] {
            assert_eq!(answer(&file, code), NotApplicable, "{code}");
        }
        let cgo = forged_for(machine, |forge| {
            bare(forge);
            go(forge, b"main.main\0runtime/cgo.init\0");
        });
        assert_eq!(subject(&cgo).language, Language::GoWithC);
        assert_eq!(answer(&cgo, "pe-canary"), Unknown, "there is C in it");
    }
}

#[test]
fn a_number_that_looks_like_go_s_table_is_none() {
    let file = forged(|forge| {
        go(forge, b"main.main\0runtime/cgo.init\0");
        forge.constants[7] = 3;
    });
    assert_eq!(subject(&file).language, Language::Go, "no names to be read");
}

#[test]
fn libraries_are_told_from_programs() {
    let library = forged(|forge| forge.characteristics |= pe::DLL);
    assert_eq!(subject(&library).kind, Kind::PeDynamicLinkLibrary);
    assert_eq!(subject(&forged(|_| {})).kind, Kind::PeExecutable);
}

#[test]
fn rust_is_known_by_the_paths_in_its_panics() {
    let file = forged(|forge| {
        forge.constants = b"/rustc/1234/library/core/src/str.rs".to_vec();
        forge.load_config = None;
    });
    assert_eq!(subject(&file).language, Language::Rust);
    assert_eq!(answer(&file, "pe-canary"), NotApplicable);
}

#[test]
fn says_where_a_header_is_broken() {
    let error = |change: fn(&mut Vec<u8>)| {
        let mut file = forged(|_| {});
        change(&mut file);
        let error = Binary::parse(&file).unwrap_err();
        (error.kind(), error.to_string())
    };
    let (kind, said) = error(|file| file.truncate(0x30));
    assert_eq!(kind, ErrorKind::Truncated);
    assert!(said.contains("the DOS header"), "{said}");
    let (kind, said) = error(|file| file[0x80] = b'N');
    assert_eq!(kind, ErrorKind::NotBinary);
    assert!(said.contains("a DOS program"), "{said}");
    let (kind, said) = error(|file| file[0x98] = 7);
    assert_eq!(kind, ErrorKind::Malformed);
    assert!(
        said.contains("`Magic` of the optional header is 0x207"),
        "{said}"
    );
    let (kind, said) = error(|file| file[0x98 + 24..0x98 + 32].fill(0xff));
    assert_eq!(kind, ErrorKind::Malformed);
    assert!(said.contains("wrap around"), "{said}");
    let (kind, said) = error(|file| file.truncate(pe::RELOC));
    assert_eq!(kind, ErrorKind::Truncated);
    assert!(said.contains("section `.reloc`"), "{said}");
}

#[test]
fn sanitizers_of_pe_files_are_libraries_that_are_asked_for() {
    let file = forged(|forge| {
        forge.imports = vec!["KERNEL32.dll", "clang_rt.asan_dynamic-x86_64.dll"];
    });
    assert_eq!(answer(&file, "sanitizers"), Fail);
    let message = b"==%d==ERROR: AddressSanitizer: %s".to_vec();
    let file = forged(|forge| forge.constants = message);
    assert_eq!(answer(&file, "sanitizers"), Warn, "or it speaks of one");
}

#[test]
fn functions_of_go_named_after_sanitizers_are_none_in_pe_files() {
    let file = forged(|forge| forge.symbols = vec!["runtime.asanread"]);
    assert_eq!(answer(&file, "sanitizers"), Pass);
}

#[test]
fn what_follows_a_symbol_as_details_is_no_symbol() {
    let file = forged(|forge| forge.symbols = vec!["main", "a_name_of_more_than_eight_bytes"]);
    let binary = Binary::parse(&file).unwrap().remove(0);
    let symbols = binary.symbols().unwrap();
    let names: Vec<&[u8]> = symbols.iter().map(|symbol| symbol.name).collect();
    let wanted = [b"main".as_slice(), b"a_name_of_more_than_eight_bytes"];
    assert_eq!(names, wanted);
    assert_eq!(symbols[0].address.unwrap().0, 0x1_4000_1010);
}

#[test]
fn firmware_moves_what_is_not_marked_as_stripped_of_relocations() {
    const IMAGE_FILE_RELOCS_STRIPPED: u16 = 1;
    let relocations = [
        Relocations::None,
        Relocations::Padding,
        Relocations::Elsewhere,
    ];
    for relocations in relocations {
        let for_firmware = forged(|forge| {
            forge.subsystem = pe::EFI_APPLICATION;
            forge.relocations = relocations;
        });
        assert_eq!(
            answer(&for_firmware, "pe-relocations"),
            Pass,
            "{relocations:?}"
        );
        let for_windows = forged(|forge| forge.relocations = relocations);
        assert_eq!(
            answer(&for_windows, "pe-relocations"),
            Fail,
            "{relocations:?}"
        );
    }
    let stripped = forged(|forge| {
        forge.subsystem = pe::EFI_APPLICATION;
        forge.characteristics |= IMAGE_FILE_RELOCS_STRIPPED;
    });
    assert_eq!(answer(&stripped, "pe-relocations"), Fail);
}
