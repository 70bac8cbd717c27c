//! Damaged objects and archives: whatever is changed in one, the survey ends soon and without a
//! panic, and what it lists is bounded.
//!
//! The same mutations in every run. `HANDPIE_MUTATIONS=10000000` runs ten million of them. Real
//! objects are damaged in `crates/handpie/tests/objects`.

use std::time::Instant;

use handpie_binary::Bytes;
use handpie_pie::objects::{Code, Input, Libc, survey, survey_apart};
use handpie_testkit::forge::archive::{ar, thin};
use handpie_testkit::forge::object::{self, EM_386, EM_ARM, EM_RISCV, EM_X86_64, Object};
use handpie_testkit::mutation::{self, SLOW};
use handpie_testkit::random::Random;

/// How many mutated files a plain test run tries.
const QUICK: u64 = 60_000;

#[test]
fn no_damage_makes_the_survey_panic_hang_or_list_without_end() {
    let count = mutation::rounds(QUICK);
    let seeds = seeds();
    let whole = Object::of(EM_RISCV).build();
    let mut random = Random(0x51_7c_c1_b7_27_22_0a_95);
    let (mut clean, mut damaged, mut others) = (0u64, 0u64, 0u64);
    for round in 0..count {
        let seed = &seeds[(round % seeds.len() as u64) as usize];
        let file = mutate(seed, &mut random);
        let start = Instant::now();
        let members = vec![Bytes::from(&whole); 2];
        let input = Input::new("file", &file).with_members(members);
        let apart = survey_apart(&input, Libc::Musl);
        let linked = survey(&[Input::new("main.o", &whole), input], Libc::Musl);
        for found in [&apart, &linked] {
            assert!(found.offenders.len() <= 1000, "round {round}");
            assert_eq!(
                found.is_clean(),
                found.offenders.is_empty(),
                "round {round}"
            );
        }
        match apart.offenders.first() {
            None => clean += 1,
            Some(offender) if offender.code == Code::Damaged => damaged += 1,
            Some(_) => others += 1,
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
        &[("clean", clean), ("damaged", damaged), ("refused", others)],
    );
}

/// Objects of several CPUs, one of which is refused, and archives of them.
fn seeds() -> Vec<Vec<u8>> {
    let mut bad = Object::plain(EM_X86_64);
    for kind in 1..=16 {
        bad.relocate(object::TEXT, kind, kind as u32, (kind % 12) as u32, 0);
    }
    let bad = bad.build();
    let objects = [EM_386, EM_ARM, EM_RISCV].map(|machine| Object::of(machine).build());
    let archive = ar(&[
        ("a.o", &objects[2]),
        ("text", b"text"),
        ("b.o", &objects[2]),
    ]);
    let mut seeds = vec![bad, archive, thin(&["a.o", "b.o"])];
    seeds.extend(objects);
    seeds
}

/// A copy with up to four changes.
fn mutate(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut file = seed.to_vec();
    for _ in 0..=random.below(4) {
        let length = file.len();
        if length == 0 {
            break;
        }
        // Tables stand behind the sections, and their headers last.
        let at = match random.below(8) {
            0 => random.below(length.min(128)),
            1..=3 => length - 1 - random.below(length.min(900)),
            _ => random.below(length),
        };
        mutation::change(&mut file, at, 16, random);
    }
    file
}
