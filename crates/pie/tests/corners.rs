//! Corners that fuzzing found, each with the smallest file that shows it.

mod forge;

use forge::Forge;
use handpie_pie::{Outcome, convert};

#[test]
fn a_program_whose_relocations_ask_for_nothing_is_converted_once() {
    let forge = Forge::default();
    let mut file = forge.build();
    for index in 0..forge.relocations {
        // R_X86_64_NONE.
        let info = forge::RELA + index * 24 + 8;
        file[info..info + 8].fill(0);
    }
    let Ok(Outcome::Converted(result)) = convert(&file) else {
        panic!("{:?}", convert(&file));
    };
    let again = convert(&result.pieces.to_bytes(&file));
    assert!(
        matches!(again, Ok(Outcome::AlreadyStaticPie { by_us: true })),
        "{again:?}"
    );
}
