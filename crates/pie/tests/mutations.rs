//! Damaged programs: whatever is changed in a file, converting it ends soon, without a panic, and
//! with a file that is what was planned or an answer that says why not.
//!
//! The same mutations in every run. `HANDPIE_MUTATIONS=10000000` runs ten million of them; the
//! coverage-guided twin of this test is in `fuzz/`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what it counted, and what it could not test"
)]

mod forge;
mod mutate;

use std::time::{Duration, Instant};

use forge::Forge;
use handpie_pie::{Aslr, Error, Options, Outcome, convert};
use mutate::Mutator;

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

/// No file of a few kilobytes may take longer; a slow machine takes a few milliseconds.
const SLOW: Duration = Duration::from_secs(2);

#[test]
fn no_damage_makes_conversion_panic_hang_or_write_what_was_not_planned() {
    let count = std::env::var("HANDPIE_MUTATIONS").map_or(QUICK, |text| {
        text.parse().expect("HANDPIE_MUTATIONS is a number")
    });
    let seeds = seeds();
    for seed in &seeds {
        assert!(
            matches!(convert(seed, OPTIONS[0]), Ok(Outcome::Converted(_))),
            "{:?}",
            convert(seed, OPTIONS[0])
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
    println!("{count} files: {converted} converted, {refused} refused, {unreadable} unreadable");
    // Mutations that only ever fail in one place would test nothing behind it.
    assert!(
        converted * 20 > count,
        "only {converted} of {count} were converted"
    );
    assert!(
        refused * 20 > count,
        "only {refused} of {count} were refused"
    );
    assert!(
        unreadable * 20 > count,
        "only {unreadable} of {count} were unreadable"
    );
    assert_memory_is_bounded();
}

/// The peak of this process, which has held one input of a few kilobytes at a time: the limit is
/// four times the input and 64 MiB. What the test harness itself holds is far below.
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

fn seeds() -> Vec<Vec<u8>> {
    let forges = [
        Forge::default(),
        Forge {
            relocations: 12,
            ..Forge::default()
        },
        Forge {
            machine: 183,
            ..Forge::default()
        },
        Forge {
            sections: false,
            ..Forge::default()
        },
        Forge {
            sections_last: true,
            ..Forge::default()
        },
    ];
    forges.iter().map(Forge::build).collect()
}
