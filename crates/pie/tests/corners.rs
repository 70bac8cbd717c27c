//! Corners that fuzzing found, each with the smallest file that shows it.

use handpie_pie::{Aslr, Code, Options, Outcome, convert};
use handpie_testkit::forge::{GoPie, go_pie};

#[test]
fn a_program_whose_relocations_ask_for_nothing_is_converted_once() {
    let forge = GoPie::default();
    let mut file = forge.build();
    for index in 0..forge.relocations {
        // R_X86_64_NONE.
        let info = go_pie::RELA + index * 24 + 8;
        file[info..info + 8].fill(0);
    }
    let Ok(Outcome::Converted(result)) = convert(&file, PLAIN) else {
        panic!("{:?}", convert(&file, PLAIN));
    };
    let again = convert(&result.pieces.to_bytes(&file), PLAIN);
    assert!(
        matches!(again, Ok(Outcome::AlreadyStaticPie { by_us: true })),
        "{again:?}"
    );
}

const PLAIN: Options = Options {
    aslr: Aslr::Kernel,
    seal: false,
};
const HARDENED: Options = Options {
    aslr: Aslr::Full,
    seal: true,
};

fn refused_with(file: &[u8]) -> Code {
    match convert(file, HARDENED) {
        Ok(Outcome::Refused(refusals)) => refusals[0].code,
        other => panic!("{other:?}"),
    }
}

/// cannot-move: the mover takes over the section header of an empty table of the loader.
#[test]
fn a_program_without_a_section_header_to_spare_cannot_move() {
    let mut file = GoPie::default().build();
    assert!(matches!(
        convert(&file, HARDENED),
        Ok(Outcome::Converted(_))
    ));
    // The type of `.rela.plt` becomes SHT_PROGBITS.
    let header = go_pie::SECTION_HEADERS + 6 * 64;
    file[header + 4] = 1;
    assert_eq!(refused_with(&file), Code::CannotMove);
    assert!(matches!(convert(&file, PLAIN), Ok(Outcome::Converted(_))));
}

/// cannot-move: two segments that share a page are one mapping of the kernel.
#[test]
fn a_program_whose_segments_share_pages_cannot_move() {
    let mut file = GoPie::default().build();
    // `p_align` of the first PT_LOAD: pages of 64 KiB, while the others start at multiples of 4 KiB.
    let header = go_pie::PROGRAM_HEADERS + 3 * 56;
    file[header + 48..header + 56].copy_from_slice(&0x1_0000u64.to_le_bytes());
    assert_eq!(refused_with(&file), Code::CannotMove);
}

/// A segment without bytes in the file may say that it stands behind the end of the file.
#[test]
fn a_segment_of_zeros_behind_the_end_of_the_file_is_nothing_to_go_by() {
    let mut file = GoPie {
        sections: false,
        ..GoPie::default()
    }
    .build();
    // `p_filesz` of the last PT_LOAD, whose bytes are then cut off.
    let header = go_pie::PROGRAM_HEADERS + 7 * 56;
    file[header + 32..header + 40].fill(0);
    let offset = usize::from(u16::from_le_bytes([file[header + 8], file[header + 9]]));
    file.truncate(offset - 16);
    let converted = convert(&file, HARDENED);
    assert!(
        matches!(converted, Ok(Outcome::Converted(_))),
        "{converted:?}"
    );
}
