//! Damaged objects: whatever is changed in one, linking it ends soon, without a panic, and with a
//! program that can be read or an error that says why not.
//!
//! The same mutations in every run. `HANDPIE_MUTATIONS=10000000` runs ten million of them. Real
//! objects are damaged in `crates/handpie/tests/one_object.rs`.

use std::time::Instant;

use handpie_binary::Elf;
use handpie_pie::link::{Error, Options, link};
use handpie_pie::{Outcome, convert};
use handpie_testkit::forge::object::{MACHINES, Object};
use handpie_testkit::mutation::{self, SLOW};
use handpie_testkit::random::Random;

/// How many mutated objects a plain test run tries.
const QUICK: u64 = 90_000;

/// What a program may have beyond its object, in bytes: its pages, and what alignment costs.
const ADDED: usize = 4 << 20;

#[test]
fn no_damage_makes_linking_panic_hang_or_write_without_end() {
    let count = mutation::rounds(QUICK);
    let seeds: Vec<(Vec<u8>, u64)> = MACHINES
        .into_iter()
        .map(|machine| {
            (
                Object::of(machine).build(),
                if machine == 243 { 64 } else { 40 },
            )
        })
        .collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut linked, mut unlinkable, mut unreadable) = (0u64, 0u64, 0u64);
    for round in 0..count {
        let (seed, section_header) = &seeds[(round % seeds.len() as u64) as usize];
        let object = damaged(seed, *section_header, &mut random);
        let start = Instant::now();
        match link(&object, &Options::default()) {
            Ok(program) => {
                linked += 1;
                let bytes = &program.bytes[..];
                assert!(
                    bytes.len() < object.len() + ADDED,
                    "round {round}: {:#x}",
                    bytes.len()
                );
                Elf::parse(bytes).unwrap_or_else(|error| panic!("round {round}: {error}"));
                let again = convert(bytes, handpie_pie::Options::default());
                let ours = matches!(again, Ok(Outcome::AlreadyStaticPie { by_us: true }));
                assert!(ours, "round {round}: {again:?}");
            }
            Err(Error::Unlinkable(_)) => unlinkable += 1,
            Err(Error::Unreadable(_)) => unreadable += 1,
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
            ("linked", linked),
            ("unlinkable", unlinkable),
            ("unreadable", unreadable),
        ],
    );
    mutation::assert_memory_is_bounded();
}

/// A copy with up to four changes, mostly in the tables.
fn damaged(seed: &[u8], section_header: u64, random: &mut Random) -> Vec<u8> {
    let mut object = seed.to_vec();
    // `build` writes the section headers last.
    let headers = 14 * section_header as usize;
    for _ in 0..=random.below(4) {
        let length = object.len();
        if length < headers {
            break;
        }
        let at = match random.below(10) {
            0 => random.below(52),
            1..=4 => length - headers + random.below(headers),
            // Symbols and relocations stand between the sections and their headers.
            5..=7 => length / 3 + random.below(length * 2 / 3),
            _ => random.below(length),
        };
        mutation::change(&mut object, at, 20, random);
    }
    object
}
