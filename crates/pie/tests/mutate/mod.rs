//! Damages a file in the ways that find mistakes: mostly in its headers and tables, with numbers
//! that lie at the edges.

use crate::forge;

/// A source of damage; the same seed gives the same damage.
pub(crate) struct Mutator {
    state: u64,
}

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A damaged copy of `file`.
    pub(crate) fn mutate(&mut self, file: &[u8]) -> Vec<u8> {
        let mut file = file.to_vec();
        let times = 1 + self.below(4);
        for _ in 0..times {
            self.damage(&mut file);
        }
        file
    }

    fn damage(&mut self, file: &mut Vec<u8>) {
        if file.is_empty() {
            return;
        }
        match self.below(20) {
            0 => file.truncate(self.below(file.len())),
            1 => file.resize(file.len() + self.below(0x3000), 0x41),
            2 => {
                // A piece of the file over another.
                let (from, to) = (self.below(file.len()), self.below(file.len()));
                let size = self.below(64).min(file.len() - from.max(to));
                file.copy_within(from..from + size, to);
            }
            3..=5 => {
                let at = self.below(file.len());
                file[at] ^= 1 << self.below(8);
            }
            6 => {
                let at = self.place(file.len());
                file[at] = self.next() as u8;
            }
            7..=9 => self.write(file, 4),
            _ => self.write(file, 8),
        }
    }

    /// Overwrites an aligned field of a header or table.
    fn write(&mut self, file: &mut [u8], size: usize) {
        let at = self.place(file.len()) / size * size;
        let value = self.value(file);
        if let Some(field) = file.get_mut(at..at + size) {
            field.copy_from_slice(&value.to_le_bytes()[..size]);
        }
    }

    /// Mostly in the headers, the relocations and the dynamic section.
    fn place(&mut self, length: usize) -> usize {
        let (start, size) = match self.below(10) {
            0 => (0, 64),
            1..=3 => (forge::PROGRAM_HEADERS, 9 * 56),
            4..=5 => (forge::SECTION_HEADERS, 12 * 64),
            6 => (forge::RELA, 24 * 400),
            7 => (0x5000, 0x2000),
            8 => (0x3000, 0x1000),
            _ => (0, length),
        };
        (start + self.below(size)).min(length - 1)
    }

    fn value(&mut self, file: &[u8]) -> u64 {
        let length = file.len() as u64;
        match self.below(12) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << self.below(64),
            3 => (1 << self.below(64)) - 1,
            4 => length,
            5 => length.wrapping_sub(self.below(64) as u64),
            6 => forge::BASE + self.below(file.len()) as u64,
            7 => (forge::BASE + self.below(file.len()) as u64) & !0xfff,
            8 => self.below(file.len()) as u64 & !0xfff,
            9 => u64::MAX - self.below(0x2000) as u64,
            10 => {
                // Another field's value: what a confused linker would write.
                let at = self.place(file.len()) / 8 * 8;
                let field = file.get(at..).and_then(|tail| tail.first_chunk::<8>());
                field.map_or(1, |bytes| u64::from_le_bytes(*bytes))
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
