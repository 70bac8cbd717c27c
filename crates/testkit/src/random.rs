//! Numbers that are the same in every run.

/// splitmix64, from a seed.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next number, of 64 bits.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which may be 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    /// A number at an edge.
    pub fn edge(&mut self, length: u64) -> u64 {
        let near = self.below(64) as u64;
        match self.below(8) {
            0 => 0,
            1 => u64::MAX - near,
            2 => 1 << near,
            3 => (1 << near) - 1,
            4 => length.wrapping_sub(near),
            5 => self.number() % length.max(1),
            _ => near,
        }
    }
}
