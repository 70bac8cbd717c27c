//! Damages a file in the ways that find mistakes: mostly in its headers and tables, with numbers
//! that lie at the edges, in both byte orders.

use std::ops::Range;

/// A file to damage, and where its headers and tables are.
pub(crate) struct Seed {
    pub(crate) file: Vec<u8>,
    pub(crate) places: Vec<Range<usize>>,
}

/// A source of damage; the same seed gives the same damage.
pub(crate) struct Mutator {
    state: u64,
}

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A damaged copy of a file.
    pub(crate) fn mutate(&mut self, seed: &Seed) -> Vec<u8> {
        let mut file = seed.file.clone();
        for _ in 0..1 + self.below(4) {
            self.damage(&mut file, &seed.places);
        }
        file
    }

    fn damage(&mut self, file: &mut Vec<u8>, places: &[Range<usize>]) {
        if file.is_empty() {
            return;
        }
        match self.below(20) {
            0 => file.truncate(self.below(file.len())),
            1 => file.resize(file.len() + self.below(0x3000), 0x41),
            2 => {
                // A piece of the file over another.
                let from = self.place(file.len(), places);
                let to = self.place(file.len(), places);
                let size = self.below(64).min(file.len() - from.max(to));
                file.copy_within(from..from + size, to);
            }
            3..=5 => {
                let at = self.place(file.len(), places);
                file[at] ^= 1 << self.below(8);
            }
            6..=7 => {
                let at = self.place(file.len(), places);
                file[at] = self.next() as u8;
            }
            8 => self.write(file, places, 2),
            9..=10 => self.write(file, places, 8),
            _ => self.write(file, places, 4),
        }
    }

    /// Overwrites an aligned field of a header or table.
    fn write(&mut self, file: &mut [u8], places: &[Range<usize>], size: usize) {
        // Fields of 8 bytes are aligned to 4 in some of the tables.
        let at = self.place(file.len(), places) / size.min(4) * size.min(4);
        let value = self.value(file, places);
        if let Some(field) = file.get_mut(at..at + size) {
            field.copy_from_slice(&value.to_le_bytes()[..size]);
            if self.below(4) == 0 {
                field.reverse();
            }
        }
    }

    /// Mostly in the headers and tables.
    fn place(&mut self, length: usize, places: &[Range<usize>]) -> usize {
        let place = match self.below(10) {
            0 => 0..length,
            _ => places[self.below(places.len())].clone(),
        };
        (place.start + self.below(place.len())).min(length - 1)
    }

    fn value(&mut self, file: &[u8], places: &[Range<usize>]) -> u64 {
        let length = file.len() as u64;
        match self.below(12) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << self.below(64),
            3 => (1 << self.below(64)) - 1,
            4 => length,
            5 => length.wrapping_sub(self.below(64) as u64),
            6 => 1 << self.below(32),
            7 => self.below(file.len()) as u64 & !0xfff,
            8 => u64::MAX - self.below(0x2000) as u64,
            9 => 0xffff_ffff - self.below(0x2000) as u64,
            10 => {
                // Another field's value: what a confused linker would write.
                let at = self.place(file.len(), places) / 4 * 4;
                let field = file.get(at..).and_then(|tail| tail.first_chunk::<4>());
                field.map_or(1, |bytes| u32::from_le_bytes(*bytes).into())
            }
            _ => self.below(64) as u64,
        }
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
