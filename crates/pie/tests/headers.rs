//! What the headers of a converted file say, on forged programs that need no tool.

use handpie_binary::Elf;
use handpie_binary::elf::constants::{PT_INTERP, PT_PHDR};
use handpie_pie::{Options, Outcome, convert};
use handpie_testkit::forge::GoPie;

fn converted(forge: &GoPie) -> Vec<u8> {
    let file = forge.build();
    match convert(&file, Options::default()) {
        Ok(Outcome::Converted(result)) => result.pieces.to_bytes(&file),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pt_phdr_describes_the_shorter_table_and_lies_in_a_loaded_segment() {
    let bytes = converted(&GoPie::default());
    let elf = Elf::parse(&bytes).unwrap();
    let table = elf.segments().iter().find(|s| s.kind == PT_PHDR).unwrap();
    let header = elf.header();
    assert_eq!(table.offset, header.program_headers);
    assert_eq!(
        table.file_size.0,
        header.program_header_count * header.program_header_size
    );
    let mut loads = elf.loads();
    assert!(loads.any(|load| load.offset_of(table.address, table.file_size) == Some(table.offset)));
}

#[test]
fn the_loaders_path_leaves_no_trace() {
    let bytes = converted(&GoPie::default());
    let elf = Elf::parse(&bytes).unwrap();
    assert!(
        elf.segments()
            .iter()
            .all(|segment| segment.kind != PT_INTERP)
    );
    assert!(elf.section(".interp").is_none());
    let path = b"ld-linux";
    assert!(!bytes.windows(path.len()).any(|window| window == path));
}

#[test]
fn file_offsets_and_addresses_stay_congruent() {
    for relocations in [12, 400, 2000] {
        let bytes = converted(&GoPie {
            relocations,
            ..GoPie::default()
        });
        let elf = Elf::parse(&bytes).unwrap();
        for load in elf.loads() {
            assert_eq!(load.offset.0 % load.align, load.address.0 % load.align);
        }
    }
}

#[test]
fn the_file_shrinks_by_whole_pages_of_the_old_table_and_by_padding() {
    let forge = GoPie {
        relocations: 2000,
        ..GoPie::default()
    };
    let (before, after) = (forge.build(), converted(&forge));
    // 48,000 bytes of RELA, or eleven pages: what RELR needs fits the page in which the table
    // starts. And half a page behind the data. The names that are added take some bytes.
    let saved = before.len() - after.len();
    assert!((0xb780..0xb800).contains(&saved), "{saved:#x} bytes");
}
