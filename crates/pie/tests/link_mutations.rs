//! Damaged objects: whatever is changed in one, linking it ends soon, without a panic, and with a
//! program that can be read or an error that says why not.
//!
//! The same mutations in every run. `HANDPIE_MUTATIONS=10000000` runs ten million of them. Real
//! objects are damaged in `crates/handpie/tests/one_object.rs`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what it counted, and what it could not test"
)]

mod object;
mod random;

use std::time::{Duration, Instant};

use handpie_binary::Elf;
use handpie_pie::link::{Error, Options, link};
use handpie_pie::{Outcome, convert};
use object::{MACHINES, Object};
use random::Random;

/// How many mutated objects a plain test run tries.
const QUICK: u64 = 90_000;

/// No object of a few kilobytes may take longer; a slow machine takes a few milliseconds.
const SLOW: Duration = Duration::from_secs(2);

/// What a program may have beyond its object, in bytes: its pages, and what alignment costs.
const ADDED: usize = 4 << 20;

#[test]
fn no_damage_makes_linking_panic_hang_or_write_without_end() {
    let count = std::env::var("HANDPIE_MUTATIONS").map_or(QUICK, |text| {
        text.parse().expect("HANDPIE_MUTATIONS is a number")
    });
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
    println!("{count} objects: {linked} linked, {unlinkable} not, {unreadable} unreadable");
    // Mutations that only ever fail in one place would test nothing behind it.
    for (what, number) in [
        ("linked", linked),
        ("unlinkable", unlinkable),
        ("unreadable", unreadable),
    ] {
        assert!(number * 20 > count, "only {number} of {count} were {what}");
    }
    assert_memory_is_bounded();
}

/// The peak of this process, which has held one object of a few kilobytes and one program at a time.
fn assert_memory_is_bounded() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        eprintln!("SKIPPED: the peak of memory needs /proc");
        assert!(std::env::var_os("HANDPIE_REQUIRE").is_none_or(|value| value != "all"));
        return;
    };
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.trim().split(' ').next()?.parse::<u64>().ok());
    let peak = peak.expect("VmHWM in kB");
    assert!(peak < 64 * 1024, "the peak of memory was {peak} kB");
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
        match random.below(20) {
            0 => object.truncate(random.below(length)),
            1 => object[at] ^= 1 << random.below(8),
            2 => object[at] = random.next() as u8,
            3 => {
                let from = random.below(length);
                let size = random.below(64).min(length - from.max(at));
                object.copy_within(from..from + size, at);
            }
            _ => {
                let size = if random.below(2) == 0 { 4 } else { 8 };
                let at = at / size * size;
                let value = random.edge(length as u64).to_le_bytes();
                if let Some(field) = object.get_mut(at..at + size) {
                    field.copy_from_slice(&value[..size]);
                }
            }
        }
    }
    object
}
