//! What is not loaded follows the last loaded byte, on forged programs that need no tool; and what
//! must stay where it is.

use handpie_binary::elf::Segment;
use handpie_binary::{Elf, Offset};
use handpie_pie::{Aslr, Options, Outcome, convert};
use handpie_testkit::forge::{GoPie, go_pie};

const PLAIN: Options = Options {
    aslr: Aslr::Kernel,
    seal: false,
};
const HARDENED: Options = Options {
    aslr: Aslr::Full,
    seal: true,
};

/// `.data` and `.shstrtab`, by index; the forged program has nothing else at its end. `.rela.plt` is
/// empty, so that it can become another section.
const DATA: usize = 11;
const NAMES: usize = 12;
const SPARE: usize = 6;

/// The step in which the forged program's file offsets grow from segment to segment.
const PAGE: u64 = 0x1000;

fn converted(file: &[u8], options: Options) -> Vec<u8> {
    match convert(file, options) {
        Ok(Outcome::Converted(result)) => result.pieces.to_bytes(file),
        other => panic!("{other:?}"),
    }
}

fn loaded_end(file: &[u8]) -> u64 {
    let elf = Elf::parse(file).expect("an ELF file");
    let ends = elf.loads().map(Segment::file_end);
    ends.max().expect("it has segments").0
}

fn offset(file: &[u8], section: usize) -> u64 {
    let elf = Elf::parse(file).expect("an ELF file");
    elf.sections()[section].offset.0
}

/// Writes a field of a section header: `sh_flags` is at 8, `sh_offset` at 24, `sh_size` at 32,
/// `sh_addralign` at 48.
fn set(file: &mut [u8], section: usize, field: usize, value: u64) {
    let at = go_pie::SECTION_HEADERS + section * 64 + field;
    file[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// Makes `.rela.plt` a section that is not loaded.
fn put_section(file: &mut [u8], start: u64, size: u64) {
    let header = go_pie::SECTION_HEADERS + SPARE * 64;
    file[header + 4] = 1;
    for (field, value) in [(8, 0), (16, 0), (24, start), (32, size), (48, 1)] {
        set(file, SPARE, field, value);
    }
}

#[test]
fn symbols_follow_the_last_loaded_byte_and_the_mover() {
    let file = GoPie::default().build();
    assert!(offset(&file, NAMES) - loaded_end(&file) > 0x400, "a gap");
    for options in [PLAIN, HARDENED] {
        let result = converted(&file, options);
        let gap = offset(&result, NAMES) - loaded_end(&result);
        assert!(gap < 64, "{gap:#x} bytes");
    }
}

#[test]
fn bytes_of_padding_that_are_not_zero_are_kept() {
    for options in [PLAIN, HARDENED] {
        let mut file = GoPie::default().build();
        let mark = (offset(&file, NAMES) - 8) as usize;
        file[mark..mark + 4].copy_from_slice(b"mine");
        let result = converted(&file, options);
        let found = offset(&result, NAMES) as usize - 8;
        assert_eq!(&result[found..found + 4], b"mine");
    }
}

#[test]
fn a_table_of_zeros_in_the_padding_is_kept() {
    let mut file = GoPie::default().build();
    let (end, names) = (loaded_end(&file), offset(&file, NAMES));
    put_section(&mut file, end + 0x100, 0x10);
    let result = converted(&file, PLAIN);
    assert!(offset(&result, SPARE) - loaded_end(&result) < 64);
    let distance = offset(&result, NAMES) - offset(&result, SPARE);
    assert_eq!(distance, names - (end + 0x100));
}

#[test]
fn padding_that_belongs_to_a_segment_in_part_is_kept() {
    let mut file = GoPie::default().build();
    let (end, names) = (loaded_end(&file), offset(&file, NAMES));
    // The PT_NOTE becomes a segment of an unknown kind (PT_LOOS) across the last loaded byte.
    let header = go_pie::PROGRAM_HEADERS + 2 * 56;
    file[header..header + 4].copy_from_slice(&0x6000_0000u32.to_le_bytes());
    file[header + 8..header + 16].copy_from_slice(&(end - 0x10).to_le_bytes());
    let result = converted(&file, PLAIN);
    let distance = offset(&result, NAMES) - loaded_end(&result);
    assert_eq!(distance, names - end);
}

#[test]
fn padding_that_no_alignment_explains_is_kept() {
    let mut file = GoPie::default().build();
    let (end, names) = (loaded_end(&file), offset(&file, NAMES));
    let place = names as usize;
    file.splice(place..place, [0; PAGE as usize]);
    set(&mut file, NAMES, 24, names + PAGE);
    let result = converted(&file, PLAIN);
    let distance = offset(&result, NAMES) - loaded_end(&result);
    assert_eq!(distance, names + PAGE - end);
}

#[test]
fn without_section_headers_all_padding_is_kept() {
    let forge = GoPie {
        sections: false,
        ..GoPie::default()
    };
    let file = forge.build();
    assert!(file.len() as u64 > loaded_end(&file));
    assert_eq!(converted(&file, PLAIN).len(), file.len());
}

#[test]
fn sections_stay_as_aligned_as_they_ask_to_be() {
    for options in [PLAIN, HARDENED] {
        let mut file = GoPie::default().build();
        set(&mut file, NAMES, 48, 0x400);
        let result = converted(&file, options);
        let names = offset(&result, NAMES);
        assert!(names.is_multiple_of(0x400), "{names:#x}");
        assert!(names - loaded_end(&result) < 0x400);
    }
}

/// The kernel does not map it from the file, but tools ask for its offset to fit its address.
#[test]
fn a_segment_without_bytes_stays_congruent_to_its_address() {
    let mut file = GoPie::default().build();
    let header = go_pie::PROGRAM_HEADERS + 7 * 56;
    file[header + 32..header + 40].fill(0);
    // `.data` becomes SHT_NOBITS.
    file[go_pie::SECTION_HEADERS + DATA * 64 + 4] = 8;
    let result = converted(&file, HARDENED);
    let elf = Elf::parse(&result).expect("an ELF file");
    for load in elf.loads() {
        assert_eq!(load.offset.0 % load.align, load.address.0 % load.align);
    }
}

/// Where strip puts them.
#[test]
fn section_headers_at_the_end_of_the_file_move_along() {
    for options in [PLAIN, HARDENED] {
        let forge = GoPie {
            sections_last: true,
            ..GoPie::default()
        };
        let file = forge.build();
        let result = converted(&file, options);
        let table = |file: &[u8]| {
            let elf = Elf::parse(file).expect("an ELF file");
            elf.header().section_headers.0
        };
        let (before, after) = (table(&file), table(&result));
        assert!(after.is_multiple_of(8));
        let names = before - offset(&file, NAMES);
        assert!(after - names - loaded_end(&result) < 64);
        let elf = Elf::parse(&result).expect("an ELF file");
        assert_eq!(elf.sections()[DATA].name, b".data");
        assert_eq!(elf.sections()[NAMES].name, b".shstrtab");
    }
}

/// What is not loaded must not slide onto a stub that stands behind the last segment.
#[test]
fn the_stub_may_take_the_rest_of_the_last_loaded_page() {
    for options in [PLAIN, HARDENED] {
        let mut file = GoPie::default().build();
        let (end, names) = (loaded_end(&file), offset(&file, NAMES));
        // The last segment becomes code, and what is empty of the first one is filled.
        let header = go_pie::PROGRAM_HEADERS + 7 * 56;
        file[header + 4] = 5;
        let size: [u8; 8] = file[header + 32..header + 40].try_into().unwrap();
        file[header + 40..header + 48].copy_from_slice(&size);
        let headers = go_pie::SECTION_HEADERS + (NAMES + 1) * 64;
        file[headers..go_pie::NOTE].fill(0x41);
        file[go_pie::TEXT + 0x200..go_pie::RODATA].fill(0x41);
        let Ok(Outcome::Converted(result)) = convert(&file, options) else {
            panic!("{:?}", convert(&file, options));
        };
        let bytes = result.pieces.to_bytes(&file);
        let slid = result.plan.packing.saved.0;
        assert!(result.plan.stub.offset >= Offset(end - slid));
        assert!(offset(&bytes, NAMES) - loaded_end(&bytes) < 64);
        assert!(offset(&bytes, NAMES) < names);
    }
}
