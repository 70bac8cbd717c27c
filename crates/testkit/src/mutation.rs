//! Damages files in the ways that find mistakes: mostly in their headers and tables, with numbers
//! that lie at the edges, in both byte orders. The same seed gives the same damage.
//!
//! What a test of damaged files asserts afterwards, that time and memory stay bounded, is here, too.

use std::ops::Range;
use std::time::Duration;

use crate::random::Random;
use crate::skip;

/// No damaged file of a few kilobytes may take longer; a slow machine takes a few milliseconds.
pub const SLOW: Duration = Duration::from_secs(2);

/// How many damaged files a test tries: `quick` in a plain run, or what `HANDPIE_MUTATIONS` says.
pub fn rounds(quick: u64) -> u64 {
    std::env::var("HANDPIE_MUTATIONS").map_or(quick, |text| {
        text.parse().expect("HANDPIE_MUTATIONS is a number")
    })
}

/// A file to damage.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Its bytes.
    pub file: Vec<u8>,
    /// Where its headers and tables are.
    pub places: Vec<Range<usize>>,
    /// The address of its first byte: addresses in the file are offsets that are higher by this.
    pub base: u64,
    /// The size of most of its fields in bytes, 4 or 8.
    pub field: usize,
}

impl Seed {
    /// A file whose fields have mostly 4 bytes, with its headers and tables.
    pub fn new(file: Vec<u8>, places: impl IntoIterator<Item = Range<usize>>) -> Self {
        Self {
            file,
            places: places.into_iter().collect(),
            base: 0,
            field: 4,
        }
    }

    /// A file that is a table from its first byte to its last.
    pub fn of_all(file: Vec<u8>) -> Self {
        let whole = 0..file.len();
        Self::new(file, [whole])
    }
}

/// A source of damage.
#[derive(Clone, Debug)]
pub struct Mutator {
    random: Random,
}

impl Mutator {
    /// The source of this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
        }
    }

    /// A copy of a file with up to four changes.
    pub fn mutate(&mut self, seed: &Seed) -> Vec<u8> {
        let mut file = seed.file.clone();
        for _ in 0..1 + self.random.below(4) {
            self.damage(&mut file, seed);
        }
        file
    }

    fn damage(&mut self, file: &mut Vec<u8>, seed: &Seed) {
        if file.is_empty() {
            return;
        }
        match self.random.below(20) {
            0 => file.truncate(self.random.below(file.len())),
            1 => file.resize(file.len() + self.random.below(0x3000), 0x41),
            2 => {
                // A piece of the file over another.
                let from = self.place(file.len(), seed);
                let to = self.place(file.len(), seed);
                let size = self.random.below(64).min(file.len() - from.max(to));
                file.copy_within(from..from + size, to);
            }
            3..=5 => {
                let at = self.place(file.len(), seed);
                file[at] ^= 1 << self.random.below(8);
            }
            6..=7 => {
                let at = self.place(file.len(), seed);
                file[at] = self.random.number() as u8;
            }
            8 => self.write(file, seed, 2),
            9..=10 => self.write(file, seed, 12 - seed.field),
            _ => self.write(file, seed, seed.field),
        }
    }

    /// Overwrites an aligned field of a header or table.
    fn write(&mut self, file: &mut [u8], seed: &Seed, size: usize) {
        // Fields of 8 bytes are aligned to 4 in tables whose fields have mostly 4.
        let align = size.min(seed.field);
        let at = self.place(file.len(), seed) / align * align;
        let value = self.value(file, seed);
        if let Some(field) = file.get_mut(at..at + size) {
            field.copy_from_slice(&value.to_le_bytes()[..size]);
            if self.random.below(4) == 0 {
                field.reverse();
            }
        }
    }

    /// Mostly in the headers and tables.
    fn place(&mut self, length: usize, seed: &Seed) -> usize {
        let place = match self.random.below(10) {
            0 => 0..length,
            _ => seed.places[self.random.below(seed.places.len())].clone(),
        };
        (place.start + self.random.below(place.len())).min(length - 1)
    }

    fn value(&mut self, file: &[u8], seed: &Seed) -> u64 {
        let length = file.len() as u64;
        match self.random.below(13) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << self.random.below(64),
            3 => (1 << self.random.below(64)) - 1,
            4 => length,
            5 => length.wrapping_sub(self.random.below(64) as u64),
            6 => 1 << self.random.below(32),
            7 => seed.base + self.random.below(file.len()) as u64,
            8 => (seed.base + self.random.below(file.len()) as u64) & !0xfff,
            9 => u64::MAX - self.random.below(0x2000) as u64,
            10 => 0xffff_ffff - self.random.below(0x2000) as u64,
            11 => {
                // Another field's value: what a confused linker would write.
                let at = self.place(file.len(), seed) / seed.field * seed.field;
                let field = file.get(at..at + seed.field).unwrap_or(&[1]);
                let byte = |(index, byte): (usize, &u8)| u64::from(*byte) << (8 * index);
                field.iter().enumerate().map(byte).sum()
            }
            _ => self.random.below(64) as u64,
        }
    }
}

/// Changes a file at a place, or cuts it off there: one of `kinds` changes of which four are rare and
/// all others write a number at an edge over an aligned field.
pub fn change(file: &mut Vec<u8>, at: usize, kinds: usize, random: &mut Random) {
    let length = file.len();
    match random.below(kinds) {
        0 => file.truncate(at),
        1 => file[at] ^= 1 << random.below(8),
        2 => file[at] = random.number() as u8,
        3 => {
            let from = random.below(length);
            let size = random.below(64).min(length - from.max(at));
            file.copy_within(from..from + size, at);
        }
        _ => {
            let size = if random.below(2) == 0 { 4 } else { 8 };
            let at = at / size * size;
            let value = random.edge(length as u64).to_le_bytes();
            if let Some(field) = file.get_mut(at..at + size) {
                field.copy_from_slice(&value[..size]);
            }
        }
    }
}

/// Fails unless every outcome is one in `part` of all: mutations that only ever fail in one place
/// would test nothing behind it.
pub fn assert_each_is_reached(count: u64, part: u64, outcomes: &[(&str, u64)]) {
    println!("{count} damaged files: {outcomes:?}");
    for (outcome, number) in outcomes {
        assert!(
            number * part > count,
            "only {number} of {count} were {outcome}"
        );
    }
}

/// Fails if this process ever held more than 64 MiB. A test of damaged files holds a few dozen
/// kilobytes at a time, and the test harness far less than the limit.
pub fn assert_memory_is_bounded() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return skip("the peak of memory", "/proc");
    };
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.trim().split(' ').next()?.parse::<u64>().ok());
    let peak = peak.expect("VmHWM in kB");
    assert!(peak < 64 * 1024, "the peak of memory was {peak} kB");
}
