//! Damaged programs: whatever is changed in a file, converting it ends soon, without a panic, and
//! with a file that is what was planned or an answer that says why not.
//!
//! The same mutations in every run. `HANDPIE_MUTATIONS=10000000` runs ten million of them; the
//! coverage-guided twin of this test is in `fuzz/`.

use std::time::Instant;

use handpie_pie::{Aslr, Error, Options, Outcome, convert};
use handpie_testkit::forge::{GoPie, go_pie};
use handpie_testkit::mutation::{self, Mutator, SLOW, Seed};

/// How many mutated files a plain test run tries.
const QUICK: u64 = 150_000;

const OPTIONS: [Options; 2] = [
    Options {
        aslr: Aslr::Kernel,
        seal: false,
    },
    Options {
        aslr: Aslr::Full,
        seal: true,
    },
];

#[test]
fn no_damage_makes_conversion_panic_hang_or_write_what_was_not_planned() {
    let count = mutation::rounds(QUICK);
    let seeds = seeds();
    for seed in &seeds {
        assert!(
            matches!(convert(&seed.file, OPTIONS[0]), Ok(Outcome::Converted(_))),
            "{:?}",
            convert(&seed.file, OPTIONS[0])
        );
    }
    let mut mutator = Mutator::new(0x9e37_79b9_7f4a_7c15);
    let (mut converted, mut refused, mut unreadable) = (0u64, 0u64, 0u64);
    for round in 0..count {
        let file = mutator.mutate(&seeds[(round % seeds.len() as u64) as usize]);
        let start = Instant::now();
        // The plain conversion, and all that can be asked for.
        let options = OPTIONS[(round % 2) as usize];
        match convert(&file, options) {
            Ok(Outcome::Converted(result)) => {
                converted += 1;
                if round % 64 < 2 {
                    let again = convert(&result.pieces.to_bytes(&file), OPTIONS[0]);
                    let ours = matches!(again, Ok(Outcome::AlreadyStaticPie { by_us: true }));
                    assert!(ours, "round {round}: {again:?}");
                }
            }
            Ok(Outcome::AlreadyStaticPie { .. } | Outcome::Refused(_)) => refused += 1,
            Err(Error::Unreadable(_)) => unreadable += 1,
            Err(mistake @ (Error::Mistake(_) | Error::Incomplete)) => {
                panic!("round {round}: {mistake}")
            }
        }
        assert!(
            start.elapsed() < SLOW,
            "round {round} took {:?}",
            start.elapsed()
        );
    }
    mutation::assert_each_is_reached(
        count,
        20,
        &[
            ("converted", converted),
            ("refused", refused),
            ("unreadable", unreadable),
        ],
    );
    mutation::assert_memory_is_bounded();
}

fn seeds() -> Vec<Seed> {
    let forges = [
        GoPie::default(),
        GoPie {
            relocations: 12,
            ..GoPie::default()
        },
        GoPie {
            machine: 183,
            ..GoPie::default()
        },
        GoPie {
            sections: false,
            ..GoPie::default()
        },
        GoPie {
            sections_last: true,
            ..GoPie::default()
        },
    ];
    let tables = [
        0..64,
        go_pie::PROGRAM_HEADERS..go_pie::PROGRAM_HEADERS + 9 * 56,
        go_pie::SECTION_HEADERS..go_pie::SECTION_HEADERS + 12 * 64,
        go_pie::RELA..go_pie::RELA + 24 * 400,
        // The relocated words and the dynamic section, with and without the many relocations.
        0x5000..0x7000,
        0x3000..0x4000,
    ];
    let seeds = forges.iter().map(|forge| Seed {
        base: go_pie::BASE,
        field: 8,
        ..Seed::new(forge.build(), tables.clone())
    });
    seeds.collect()
}
