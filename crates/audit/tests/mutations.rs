//! Damaged ELF, Mach-O and PE files: whatever is changed in one, it is judged soon, without a panic, and
//! with offsets that are in the file, or there is an error that says why not.
//!
//! The same mutations in every run. `HANDPIE_MUTATIONS=10000000` runs ten million of them; the
//! coverage-guided twin of this test is in `fuzz/`.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod folders;

use std::time::Instant;

use folders::{folder, programs};
use handpie_audit::{Subject, check};
use handpie_binary::{Binary, Image};
use handpie_testkit::forge::macho::{self, MachO};
use handpie_testkit::forge::pe::{self, Pe};
use handpie_testkit::forge::{GoPie, go_pie};
use handpie_testkit::mutation::{self, Mutator, SLOW, Seed};
use handpie_testkit::tool::{find, run};

/// How many mutated files a plain test run tries.
const QUICK: u64 = 50_000;

#[test]
fn no_damage_makes_judging_panic_hang_or_point_outside_the_file() {
    let count = mutation::rounds(QUICK);
    let mut seeds = forged();
    seeds.extend(real());
    for seed in &seeds {
        assert!(judge(&seed.file) > 0, "the seeds themselves are whole");
    }
    let mut mutator = Mutator::new(0x9e37_79b9_7f4a_7c15);
    let (mut judged, mut unreadable) = (0u64, 0u64);
    for round in 0..count {
        let file = mutator.mutate(&seeds[(round % seeds.len() as u64) as usize]);
        let start = Instant::now();
        match judge(&file) {
            0 => unreadable += 1,
            _ => judged += 1,
        }
        let taken = start.elapsed();
        assert!(taken < SLOW, "round {round} took {taken:?}");
    }
    mutation::assert_each_is_reached(count, 4, &[("judged", judged)]);
    mutation::assert_each_is_reached(count, 10, &[("unreadable", unreadable)]);
    mutation::assert_memory_is_bounded();
}

/// Asks everything of a file that can be asked; how many binaries in it were judged.
fn judge(file: &[u8]) -> usize {
    let binaries = match Binary::parse(file) {
        Ok(binaries) => binaries,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return 0;
        }
    };
    let mut judged = 0;
    for binary in binaries {
        for section in binary.sections() {
            assert!(section.offset().0 + section.data.size().0 <= file.len() as u64);
        }
        if let Ok(symbols) = binary.symbols() {
            assert!(symbols.len() <= file.len());
        }
        let Ok(subject) = Subject::of(binary, None) else {
            continue;
        };
        judged += 1;
        for finding in check(&subject).unwrap() {
            let judgement = finding.judgement;
            assert!(!judgement.why.is_empty(), "{}", finding.rule.code);
            for offset in judgement.evidence.iter().filter_map(|e| e.offset) {
                assert!(offset.0 < file.len() as u64, "{}", finding.rule.code);
            }
        }
    }
    judged
}

fn forged() -> Vec<Seed> {
    let whole = MachO {
        rpaths: vec!["/tmp/lib", "@loader_path"],
        encryption: Some(0),
        build_info: Some(b"\xff Go buildinf:\x08\x02".to_vec()),
        ..MachO::default()
    };
    let powerpc = MachO {
        big_endian: true,
        cpu_type: macho::POWERPC,
        dysymtab: false,
        ..whole.clone()
    };
    let fat = [macho::fat(&[whole.build(), powerpc.build()], false)];
    let far = [macho::fat(&[powerpc.build(), whole.build()], true)];
    let macho = [whole.build(), powerpc.build()];
    let macho = macho.into_iter().map(|file| {
        let places = [0..macho::TEXT, 0..64, macho::LINKEDIT..file.len()];
        Seed::new(file, places)
    });
    let fat = fat.into_iter().chain(far).map(|file| {
        let places = [0..72, 0x100..0x100 + macho::TEXT, 0..file.len()];
        Seed::new(file, places)
    });
    let with_symbols = |machine| Pe {
        symbols: vec!["main", "__stack_chk_guard"],
        imports: vec!["KERNEL32.dll", "msvcrt.dll"],
        ..Pe::of(machine)
    };
    let gcc = Pe {
        load_config: None,
        constants: b"\xf1\xff\xff\xff\0\0\x01\x08".to_vec(),
        variables: b"\xff Go buildinf:\x08\x02".to_vec(),
        ..with_symbols(pe::AMD64)
    };
    let il_only = Pe {
        il_only: true,
        ..Pe::default()
    };
    let pe = [
        with_symbols(pe::AMD64),
        with_symbols(pe::I386),
        gcc,
        il_only,
    ];
    let pe = pe.iter().map(Pe::build).map(|file| {
        let places = [
            0x3c..0x40,
            pe::NT_HEADERS..pe::NT_HEADERS + 0x1b0,
            pe::SECTION_HEADERS..pe::SECTION_HEADERS + 0xa0,
            pe::RDATA..pe::RDATA + 0x320,
            pe::RELOC..file.len(),
        ];
        Seed::new(file, places)
    });
    let elf = [
        GoPie::default(),
        GoPie {
            relocations: 12,
            machine: 183,
            sections: false,
            ..GoPie::default()
        },
    ];
    let elf = elf.iter().map(GoPie::build).map(|file| {
        let places = [
            0..64,
            go_pie::PROGRAM_HEADERS..go_pie::SECTION_HEADERS,
            go_pie::SECTION_HEADERS..go_pie::NOTE,
            go_pie::RODATA..file.len(),
        ];
        Seed::new(file, places)
    });
    macho.chain(fat).chain(pe).chain(elf).collect()
}

/// Small files that linkers made, as far as there are linkers.
fn real() -> Vec<Seed> {
    let what = "damage to files of real linkers";
    let folder = folder("mutations");
    let mut files = Vec::new();
    for cpu in ["x86_64", "i686"] {
        if let Some(gcc) = find(&[&format!("{cpu}-w64-mingw32-gcc")], what) {
            let path = folder.join(format!("{cpu}.exe"));
            let args = format!("-O1 -w -s greet.c -o {}", path.display());
            run(&gcc, &programs(), &args, &[]);
            files.push(std::fs::read(path).unwrap());
        }
    }
    let lld = find(&["ld64.lld", "ld64.lld-14", "ld64.lld-19"], what);
    if let (Some(clang), Some(lld)) = (find(&["clang"], what), lld) {
        let (object, path) = (folder.join("greet.o"), folder.join("greet"));
        let flags = "--target=x86_64-apple-macos11 -O1 -w -c greet.c -o";
        let args = format!("{flags} {}", object.display());
        run(&clang, &programs(), &args, &[]);
        let flags = "-arch x86_64 -platform_version macos 11.0 11.0 -adhoc_codesign \
                     -undefined dynamic_lookup -rpath /usr/lib greet.o -o";
        run(&lld, &folder, &format!("{flags} {}", path.display()), &[]);
        files.push(std::fs::read(path).unwrap());
        files.push(std::fs::read(object).unwrap());
    }
    let seeds = files.into_iter().map(|file| {
        let places = [0..0x400, 0..file.len()];
        Seed::new(file, places)
    });
    seeds.collect()
}
