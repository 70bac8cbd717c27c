//! Linking one object: every kind of relocation, the layout, the options, and every reason not to.

use std::collections::BTreeSet;

use handpie_binary::elf::Kind;
use handpie_binary::elf::constants::{PF_R, PF_W, PF_X, PT_GNU_RELRO, PT_GNU_STACK, PT_TLS};
use handpie_binary::{Address, Elf, Offset, Size};
use handpie_pie::link::{Code, Error, Linked, Options, link};
use handpie_pie::{Outcome, convert};
use handpie_testkit::forge::object::{
    CONSTANT, CONSTANT_AT, DATA, DEBUG, EM_386, EM_ARM, EM_RISCV, FUNCTION, FUNCTION_AT, LABEL,
    MACHINES, MAIN, MAIN_AT, Object, RELRO, RODATA, TBSS, TEXT, THREAD, THREAD_AT, VARIABLE,
    VARIABLE_AT,
};

fn linked(object: &Object) -> Linked {
    link(&object.build(), &Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// A linked program with its sections found by name.
struct Program {
    bytes: Vec<u8>,
    word: usize,
}

impl Program {
    fn of(object: &Object) -> Self {
        Self {
            bytes: linked(object).bytes,
            word: object.word(),
        }
    }

    fn elf(&self) -> Elf<'_> {
        Elf::parse(&self.bytes[..]).expect("an ELF file")
    }

    fn address(&self, section: &str) -> u64 {
        self.elf().section(section).expect(section).address.0
    }

    fn offset(&self, section: &str) -> usize {
        self.elf().section(section).expect(section).offset.0 as usize
    }

    fn u32(&self, section: &str, at: usize) -> u32 {
        let at = self.offset(section) + at;
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"))
    }

    fn word(&self, section: &str, at: usize) -> u64 {
        let low = self.u32(section, at).into();
        match self.word {
            8 => u64::from(self.u32(section, at + 4)) << 32 | low,
            _ => low,
        }
    }

    /// The slot of the global offset table at an address.
    fn slot(&self, address: u64) -> u64 {
        let inside = address.wrapping_sub(self.address(".got"));
        assert!(inside < 0x100, "{inside:#x} is outside the table");
        self.word(".got", inside as usize)
    }

    fn function(&self) -> u64 {
        self.address(".text") + FUNCTION_AT
    }

    fn variable(&self) -> u64 {
        self.address(".data") + VARIABLE_AT
    }

    fn constant(&self) -> u64 {
        self.address(".rodata") + CONSTANT_AT
    }
}

/// What an instruction pair of RISC-V adds up to.
fn upper_and_lower(upper: u32, lower: i32) -> i64 {
    i64::from((upper & 0xffff_f000) as i32) + i64::from(lower)
}

#[test]
fn relocates_code_of_riscv64() {
    let program = Program::of(&Object::of(EM_RISCV));
    let text = program.address(".text");
    let at = |at| program.u32(".text", at);
    // R_RISCV_JAL
    let jump = at(0) as i32;
    let distance = (jump >> 31) << 20
        | (jump >> 12 & 0xff) << 12
        | (jump >> 20 & 1) << 11
        | (jump >> 21 & 0x3ff) << 1;
    assert_eq!(jump & 0xfff, 0xef, "the instruction stays");
    assert_eq!(
        text.wrapping_add_signed(distance.into()),
        program.function()
    );
    // R_RISCV_PCREL_HI20 and R_RISCV_PCREL_LO12_I
    let distance = upper_and_lower(at(8), at(12) as i32 >> 20);
    assert_eq!(
        (text + 8).wrapping_add_signed(distance),
        program.constant() + 2
    );
    assert_eq!((at(8) & 0xfff, at(12) & 0xf_ffff), (0x297, 0x2_8293));
    // R_RISCV_PCREL_LO12_S
    let store = at(0x14) as i32;
    let distance = upper_and_lower(at(0x10), (store >> 25) << 5 | store >> 7 & 0x1f);
    assert_eq!(
        (text + 0x10).wrapping_add_signed(distance),
        program.variable()
    );
    assert_eq!(store & 0x01ff_f07f, 0x00a2_b023 & 0x01ff_f07f);
    // R_RISCV_TLS_GOT_HI20 and R_RISCV_GOT_HI20
    let slot = |upper: usize| {
        let distance = upper_and_lower(at(upper), at(upper + 4) as i32 >> 20);
        program.slot((text + upper as u64).wrapping_add_signed(distance))
    };
    assert_eq!(
        slot(0x18),
        THREAD_AT,
        "the thread pointer is the start of the block"
    );
    assert_eq!(slot(0x20), program.variable());
}

#[test]
fn relocates_code_of_arm() {
    let program = Program::of(&Object::of(EM_ARM));
    let text = program.address(".text");
    for (at, opcode) in [(0, 0xeb), (4, 0xea)] {
        // R_ARM_CALL and R_ARM_JUMP24: the program counter is two instructions ahead.
        let branch = program.u32(".text", at);
        assert_eq!(branch >> 24, opcode);
        let distance = ((branch << 8) as i32 >> 6) + 8;
        let target = (text + at as u64).wrapping_add_signed(distance.into());
        assert_eq!(target, program.function());
    }
    let relative = |at: usize| {
        let distance = program.u32(".text", at) as i32;
        (text + at as u64).wrapping_add_signed(distance.into())
    };
    assert_eq!(relative(8), program.constant() + 4, "R_ARM_REL32");
    // R_ARM_TLS_IE32: two words, then the block, at its alignment.
    assert_eq!(program.slot(relative(12) - 4), 8 + THREAD_AT);
    assert_eq!(
        program.slot(relative(16)),
        program.variable(),
        "R_ARM_GOT_PREL"
    );
}

#[test]
fn relocates_code_of_386_where_two_relocations_share_a_place() {
    let program = Program::of(&Object::of(EM_386));
    let text = program.address(".text");
    let relative = |at: usize| {
        let distance = program.u32(".text", at) as i32;
        (text + at as u64).wrapping_add_signed(distance.into())
    };
    assert_eq!(relative(4), program.function() - 4, "R_386_PC32");
    // R_386_GOTPC and R_386_TLS_GOTIE. The block of 12 bytes, aligned to 8, ends at the pointer.
    let offset = program.slot(relative(12) - 2) as u32;
    assert_eq!(offset as i32, THREAD_AT as i32 - 16);
    assert_eq!(
        program.slot(relative(20) - 2),
        program.variable(),
        "R_386_GOT32"
    );
}

#[test]
fn words_hold_their_link_time_addresses_and_are_moved_once() {
    for machine in MACHINES {
        let object = Object::of(machine);
        let program = Program::of(&object);
        let word = object.word();
        assert_eq!(program.word(".data.rel.ro", 0), program.function() + 1);
        assert_eq!(program.word(".data.rel.ro", word), program.constant());
        assert_eq!(program.word(".data.rel.ro", 0x20), program.variable());
        let (relro, data) = (program.address(".data.rel.ro"), program.address(".data"));
        let mut moved: BTreeSet<u64> = [0, word as u64, 0x20].map(|at| relro + at).into();
        for index in 0..8u64 {
            let at = 0x40 + index * word as u64;
            assert_eq!(
                program.word(".data", at as usize),
                program.variable() + index
            );
            moved.insert(data + at);
        }
        // The slot of a variable; that of a thread-local one is no address.
        moved.insert(program.address(".got") + word as u64);
        let elf = program.elf();
        let dynamic = elf.dynamic().unwrap().unwrap();
        let targets = elf.relr_targets(&dynamic).unwrap();
        let expected: Vec<Address> = moved.into_iter().map(Address).collect();
        assert_eq!(targets, expected);
        assert_eq!(linked(&object).relocations, expected.len());
    }
}

#[test]
fn debug_information_is_relocated_in_the_file() {
    for machine in MACHINES {
        let program = Program::of(&Object::of(machine));
        assert_eq!(program.word(".debug_info", 1), program.function() + 3);
        assert_eq!(
            program.u32(".debug_info", 0x11),
            0x21,
            "sections of debug information start at 0"
        );
    }
}

#[test]
fn makes_a_static_pie_that_is_known_as_ours() {
    for machine in MACHINES {
        let object = Object::of(machine);
        let program = Program::of(&object);
        assert_eq!(Kind::of(&program.elf()).unwrap(), Kind::StaticPie);
        let again = convert(&program.bytes[..], handpie_pie::Options::default());
        assert!(
            matches!(again, Ok(Outcome::AlreadyStaticPie { by_us: true })),
            "{again:?}"
        );
        assert_eq!(
            linked(&object),
            linked(&object),
            "the same object, the same program"
        );
    }
}

#[test]
fn segments_have_separate_pages_and_no_more_rights_than_they_need() {
    for (machine, page) in [(EM_386, 0x1000), (EM_ARM, 0x1_0000), (EM_RISCV, 0x1000)] {
        let program = Program::of(&Object::of(machine));
        let elf = program.elf();
        let loads: Vec<_> = elf.loads().collect();
        let rights: Vec<_> = loads.iter().map(|load| load.flags).collect();
        assert_eq!(rights, [PF_R | PF_X, PF_R, PF_R | PF_W, PF_R | PF_W]);
        for pair in loads.windows(2) {
            let end = pair[0].memory_end().0.next_multiple_of(page);
            assert!(
                pair[1].address.0 / page * page >= end,
                "pages of {page:#x} are shared"
            );
            let file_end = pair[0].file_end().0.next_multiple_of(0x1000);
            assert!(pair[1].offset.0 >= file_end, "pages of the file are shared");
        }
        for load in &loads {
            assert_eq!(load.align, page);
            assert_eq!(load.offset.0 % page, load.address.0 % page);
        }
        let find = |kind| {
            elf.segments()
                .iter()
                .find(|segment| segment.kind == kind)
                .unwrap()
        };
        let relro = find(PT_GNU_RELRO);
        assert_eq!(relro.address.0 % page, 0, "it is protected on its own");
        assert_eq!(
            (relro.address, relro.memory_size),
            (loads[2].address, loads[2].memory_size)
        );
        assert!(!find(PT_GNU_STACK).has(PF_X));
        assert_eq!(find(PT_TLS).memory_size, Size(12));
        assert_eq!(loads[0].offset, Offset(0));
        assert_eq!(
            loads[0].address,
            Address(0),
            "the kernel adds the bias to 0"
        );
        let notes = elf.notes().unwrap().into_iter();
        let notes = notes.clone().find(|note| note.name.starts_with(b"Go"));
        assert!(
            notes.is_some_and(|note| note.kind == 4),
            "Go's build id is found"
        );
    }
}

#[test]
fn symbols_have_their_final_addresses_and_labels_are_gone() {
    for machine in MACHINES {
        let program = Program::of(&Object::of(machine));
        let elf = program.elf();
        let symbols = elf.symbols().unwrap();
        let names: Vec<_> = symbols
            .iter()
            .map(|symbol| std::str::from_utf8(symbol.name).unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "",
                "main.function",
                "main.variable",
                "main.constant",
                "runtime.tlsg",
                "main"
            ]
        );
        assert_eq!(symbols[1].address, Address(program.function()));
        assert_eq!(symbols[2].address, Address(program.variable()));
        assert_eq!(symbols[4].address, Address(THREAD_AT));
        assert_eq!(
            symbols[5].address,
            Address(program.address(".text") + MAIN_AT)
        );
        for symbol in &symbols[1..] {
            let section = &elf.sections()[usize::from(symbol.section)];
            assert!(section.name.len() > 1, "{symbol:?}");
        }
    }
}

#[test]
fn leaves_out_what_is_not_wanted_and_adds_a_build_id() {
    let object = Object::of(EM_ARM).build();
    let names = |options: &Options| {
        let bytes = link(&object, options).unwrap().bytes;
        let elf = Elf::parse(&bytes[..]).unwrap();
        let names = elf.sections().iter().map(|section| section.name());
        names.collect::<BTreeSet<_>>()
    };
    let all = names(&Options::default());
    assert!(all.contains(".symtab") && all.contains(".debug_info"));
    let options = Options {
        strip_debug: true,
        ..Options::default()
    };
    let without = names(&options);
    assert!(without.contains(".symtab") && !without.contains(".debug_info"));
    let options = Options {
        strip_all: true,
        build_id: Some(vec![7; 20]),
        ..Options::default()
    };
    let without = names(&options);
    assert!(!without.contains(".symtab") && !without.contains(".debug_info"));
    assert!(without.contains(".note.gnu.build-id"));
    let bytes = link(&object, &options).unwrap().bytes;
    let elf = Elf::parse(&bytes[..]).unwrap();
    let mut notes = elf.notes().unwrap().into_iter();
    assert!(notes.any(|note| note.name == b"GNU" && note.kind == 3));
}

/// A change to an object that makes it impossible to link, and the code of the reason.
type Case = (u16, Code, &'static str, fn(&mut Object));

const CASES: &[Case] = &[
    (
        EM_RISCV,
        Code::TooLarge,
        "thread-local zeros without end",
        |o| {
            o.sections[TBSS].zeros = u64::MAX - 11;
        },
    ),
    (EM_ARM, Code::Unsupported, "a program, not an object", |o| {
        o.kind = 2
    }),
    (EM_ARM, Code::Unsupported, "another CPU", |o| o.machine = 20),
    (EM_ARM, Code::Layout, "writable code", |o| {
        o.sections[TEXT].flags |= 1
    }),
    (EM_386, Code::Layout, "functions to call at start", |o| {
        o.sections[DATA].kind = 14
    }),
    (EM_386, Code::Layout, "an alignment above all pages", |o| {
        o.sections[DATA].align = 1 << 20
    }),
    (EM_386, Code::Layout, "an alignment that is none", |o| {
        o.sections[DATA].align = 24
    }),
    (EM_386, Code::Layout, "constants without bytes", |o| {
        o.sections[RODATA].kind = 8
    }),
    (EM_386, Code::Layout, "two thread-local sections", |o| {
        o.sections[6].flags |= 0x400
    }),
    (EM_386, Code::Layout, "thread-local values", |o| {
        o.sections[TBSS].kind = 1
    }),
    (EM_386, Code::Layout, "compressed sections", |o| {
        o.sections[DEBUG].flags |= 0x800
    }),
    (EM_386, Code::Layout, "a symbol of no section", |o| {
        o.symbols[2].section = 99
    }),
    (
        EM_386,
        Code::TooLarge,
        "more zeros than can be reached",
        |o| o.sections[6].zeros = 1 << 31,
    ),
    (EM_RISCV, Code::TooLarge, "a size without end", |o| {
        o.sections[6].zeros = u64::MAX - 1
    }),
    (EM_386, Code::NoMain, "no main", |o| {
        o.symbols[MAIN as usize].name = "niam"
    }),
    (EM_386, Code::NoMain, "a local main", |o| {
        o.symbols[MAIN as usize].info = 2
    }),
    (EM_386, Code::NoMain, "main in the data", |o| {
        o.symbols[MAIN as usize].section = DATA as u16
    }),
    (EM_386, Code::NoMain, "main behind the code", |o| {
        o.symbols[MAIN as usize].value = 0x100
    }),
    (
        EM_ARM,
        Code::UndefinedSymbol,
        "a function of a library",
        |o| {
            o.symbols[FUNCTION as usize].section = 0;
        },
    ),
    (
        EM_ARM,
        Code::UnknownRelocation,
        "a relocation of Thumb",
        |o| {
            o.relocate(TEXT, 0x20, 10, FUNCTION, 0);
        },
    ),
    (EM_RISCV, Code::UnknownRelocation, "relaxation", |o| {
        o.relocate(TEXT, 0x20, 51, FUNCTION, 0);
    }),
    (EM_ARM, Code::MisplacedRelocation, "behind the end", |o| {
        let absolute = o.absolute();
        o.sections[DATA].relocations[0].kind = absolute;
        o.sections[DATA].relocations[0].offset = 0x8d;
    }),
    (
        EM_RISCV,
        Code::MisplacedRelocation,
        "a lower part alone",
        |o| {
            o.symbols[LABEL as usize].value = 4;
        },
    ),
    (
        EM_RISCV,
        Code::MisplacedRelocation,
        "a word that is too narrow",
        |o| {
            o.relocate(DATA, 0, 1, FUNCTION, 0);
        },
    ),
    (
        EM_ARM,
        Code::MisplacedRelocation,
        "a word that is not aligned",
        |o| {
            let absolute = o.absolute();
            o.relocate(DATA, 2, absolute, FUNCTION, 0);
        },
    ),
    (
        EM_ARM,
        Code::MisplacedRelocation,
        "the same word twice",
        |o| {
            let absolute = o.absolute();
            o.relocate(DATA, 0x40, absolute, FUNCTION, 0);
        },
    ),
    (EM_ARM, Code::MisplacedRelocation, "no such symbol", |o| {
        let absolute = o.absolute();
        o.relocate(DATA, 0, absolute, 77, 0);
    }),
    (EM_ARM, Code::MisplacedRelocation, "a common symbol", |o| {
        o.symbols[FUNCTION as usize].section = 0xfff2;
    }),
    (
        EM_ARM,
        Code::MisplacedRelocation,
        "a thread-local slot for a variable",
        |o| {
            o.relocate(TEXT, 0x20, 107, VARIABLE, 0);
        },
    ),
    (
        EM_386,
        Code::MisplacedRelocation,
        "a slot for debug information",
        |o| {
            o.relocate(DEBUG, 0, 3, CONSTANT, 0);
        },
    ),
    (
        EM_386,
        Code::MisplacedRelocation,
        "a distance to a number",
        |o| {
            o.symbols[CONSTANT as usize].section = 0xfff1;
            o.relocate(TEXT, 0x30, 2, CONSTANT, 0);
        },
    ),
    (
        EM_RISCV,
        Code::OutOfRange,
        "a jump of more than 1 MiB",
        |o| {
            o.sections[TEXT].data.resize(0x20_0000, 0);
            o.symbols[FUNCTION as usize].value = 0x10_0000;
        },
    ),
    (EM_ARM, Code::TextRelocation, "an address in code", |o| {
        let absolute = o.absolute();
        o.relocate(TEXT, 0x20, absolute, FUNCTION, 0);
    }),
    (
        EM_386,
        Code::TextRelocation,
        "an address in read-only data",
        |o| {
            let absolute = o.absolute();
            o.relocate(RODATA, 0x20, absolute, FUNCTION, 0);
        },
    ),
];

#[test]
fn every_reason_not_to_link_comes_of_some_object() {
    let mut produced = BTreeSet::new();
    for (machine, code, what, change) in CASES {
        let mut object = Object::of(*machine);
        change(&mut object);
        match link(&object.build(), &Options::default()) {
            Err(Error::Unlinkable(reason)) => {
                assert_eq!(reason.code, *code, "{what}: {}", reason.message);
                assert!(reason.message.len() > 10, "{what}: {}", reason.message);
                produced.insert(reason.code);
            }
            other => panic!("{what}: {other:?}"),
        }
    }
    let all: BTreeSet<Code> = Code::ALL.iter().copied().collect();
    assert_eq!(produced, all, "each code has a case");
}

#[test]
fn messages_name_the_relocation_its_place_and_its_symbol() {
    let mut object = Object::of(EM_ARM);
    object.symbols[FUNCTION as usize].section = 0;
    let message = link(&object.build(), &Options::default())
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("object-undefined-symbol: `main.function` is undefined; referenced by `R_ARM_CALL` at 0x0 of section `.text` (header at offset 0x"),
        "{message}"
    );
    let mut object = Object::of(EM_386);
    object.relocate(TEXT, 0x20, 1, FUNCTION, 0);
    let message = link(&object.build(), &Options::default())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("`R_386_32` at 0x20 of section `.text`"),
        "{message}"
    );
    assert!(message.ends_with("symbol `main.function`"), "{message}");
}

#[test]
fn weak_symbols_that_nobody_defines_are_zero() {
    let mut object = Object::of(EM_RISCV);
    object.symbols[CONSTANT as usize].section = 0;
    object.symbols[CONSTANT as usize].info = 0x20;
    object.sections[TEXT]
        .relocations
        .retain(|one| one.symbol != CONSTANT && one.symbol != LABEL);
    let program = Program::of(&object);
    assert_eq!(program.word(".data.rel.ro", 8), 0);
    let elf = program.elf();
    let targets = elf.relr_targets(&elf.dynamic().unwrap().unwrap()).unwrap();
    let word = Address(program.address(".data.rel.ro") + 8);
    assert!(
        !targets.contains(&word),
        "0 stays 0 wherever the program is"
    );
}

#[test]
fn thread_local_symbols_are_no_addresses() {
    for machine in MACHINES {
        let mut object = Object::of(machine);
        let absolute = object.absolute();
        object.relocate(DEBUG, 0x20, absolute, THREAD, 0);
        assert_eq!(Program::of(&object).word(".debug_info", 0x20), THREAD_AT);
        assert!(object.sections[RELRO].align > 0);
    }
}

#[test]
fn refuses_sections_that_share_bytes() {
    let mut object = Object::of(EM_ARM);
    object.sections[TEXT].data.resize(0x1_0000, 0);
    let mut bytes = object.build();
    let elf = Elf::parse(&bytes[..]).unwrap();
    let text = elf.sections()[TEXT].offset.0 as u32;
    let header = elf.sections()[RODATA].header.0 as usize;
    // Else a small object could become a program without end.
    bytes[header + 16..header + 20].copy_from_slice(&text.to_le_bytes());
    bytes[header + 20..header + 24].copy_from_slice(&0x1_0000_u32.to_le_bytes());
    let error = link(&bytes, &Options::default()).unwrap_err();
    assert_eq!(error.code(), "object-layout", "{error}");
    assert!(error.to_string().contains("overlap"), "{error}");
}

#[test]
fn local_symbols_come_first_and_their_number_is_said() {
    let mut object = Object::of(EM_RISCV);
    // A global symbol among the local ones, as no linker may write it.
    object.symbols[VARIABLE as usize].info = 0x11;
    let program = Program::of(&object);
    let elf = program.elf();
    let names: Vec<_> = elf
        .symbols()
        .unwrap()
        .iter()
        .map(|symbol| symbol.name)
        .collect();
    let global = [&b"main.variable"[..], b"main"];
    assert_eq!(names[names.len() - 2..], global);
    let table = elf.section(".symtab").unwrap().header.0 as usize;
    let first = u32::from_le_bytes(program.bytes[table + 44..table + 48].try_into().unwrap());
    assert_eq!(first as usize, names.len() - 2);
}
