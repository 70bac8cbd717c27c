//! How many bits of an address are a secret: statistics of samples, with no I/O.
//!
//! Three measures, and the least of them is the answer, because each is blind to something:
//!
//! * **Spread.** For n samples drawn evenly from an interval, `(max - min) * (n + 1) / (n - 1)` is
//!   the unbiased estimate of its width with the least variance; divided by the step between
//!   possible addresses it counts them. Blind to gaps inside the interval. For n = 200 the standard
//!   error is 0.01 bits, for n = 20 it is 0.1 bits.
//! * **Varying bits.** How many bits differed between any two samples. Sees bits that never change;
//!   one too high where a random number is added to a fixed one, because the carry is counted too.
//! * **Collisions.** Among n samples there are n (n - 1) / 2 pairs; if k of N possible addresses
//!   are equally likely, one pair in N is equal. Sees a few addresses that lie far apart. Used from
//!   ten equal pairs on, where its error is half a bit.
//!
//! All three are upper bounds: a generator that can be predicted looks random to statistics.
//! The step is the power of two that divides every difference; n samples miss a random low bit
//! with a probability of 2 to the power of 1 - n.

use serde::Serialize;

/// What is known about the addresses of one region of memory.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entropy {
    /// The region.
    pub region: Region,
    /// How many times it was seen.
    pub samples: usize,
    /// How many different addresses were seen.
    pub distinct: usize,
    /// The effective entropy in bits, rounded to a tenth; 0 for a fixed address.
    pub bits: f64,
    /// The distance between neighbouring possible addresses, in bytes: the power of two that
    /// divides all differences. 0 for a fixed address.
    pub step: u64,
    /// The power of two that divides all the addresses themselves, in bytes.
    pub alignment: u64,
    /// The bits in which any two addresses differed.
    pub varying: u64,
    /// The lowest address seen.
    pub lowest: u64,
    /// The highest address seen.
    pub highest: u64,
}

/// A region of a program's memory whose address may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Region {
    /// The program's first executable segment, at exec.
    Text,
    /// The program's first writable segment, at exec.
    Data,
    /// Where `brk(2)` starts: the heap of C programs.
    Brk,
    /// The stack pointer at the first instruction.
    Stack,
    /// The kernel's code in the program: vdso(7).
    Vdso,
    /// The highest mapping that the started program made with `mmap(2)`.
    Mmap,
    /// The first usable memory in the arena of Go's heap.
    GoHeap,
    /// The program's first executable segment after start, where it has moved itself.
    MovedText,
}

impl Region {
    /// Every region, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::Text,
        Self::Data,
        Self::Brk,
        Self::Stack,
        Self::Vdso,
        Self::Mmap,
        Self::GoHeap,
        Self::MovedText,
    ];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Data => "data",
            Self::Brk => "brk",
            Self::Stack => "stack",
            Self::Vdso => "vdso",
            Self::Mmap => "mmap",
            Self::GoHeap => "go-heap",
            Self::MovedText => "moved-text",
        }
    }
}

/// Two regions of which one tells something about the other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Relation {
    /// One region.
    pub first: Region,
    /// The other.
    pub second: Region,
    /// What is left to guess of one address when the other is known, in bits.
    pub bits: f64,
    /// `second - first` in bytes, where it was the same in every sample.
    pub distance: Option<i64>,
}

/// The entropy of the addresses that one region had; none when it was never seen.
pub fn estimate(region: Region, addresses: &[u64]) -> Option<Entropy> {
    let (&lowest, &highest) = (addresses.iter().min()?, addresses.iter().max()?);
    let varying = addresses.iter().fold(0, |mask, it| mask | (it ^ lowest));
    Some(Entropy {
        region,
        samples: addresses.len(),
        distinct: distinct(addresses),
        bits: bits(addresses),
        step: lowest_bit(varying),
        alignment: lowest_bit(addresses.iter().fold(0, |mask, it| mask | it)),
        varying,
        lowest,
        highest,
    })
}

/// The pairs of regions whose distance is easier to guess than either of them, by at least a bit.
///
/// `samples` has for each region its address in every run, in the same order of runs. Two fixed
/// regions are no pair: there is nothing to leak.
pub fn relations(samples: &[(Region, Vec<u64>)]) -> Vec<Relation> {
    let mut found = Vec::new();
    for (index, (first, first_addresses)) in samples.iter().enumerate() {
        for (second, second_addresses) in samples.iter().skip(index + 1) {
            if first_addresses.len() != second_addresses.len() {
                continue;
            }
            let pairs = first_addresses.iter().zip(second_addresses);
            let distances: Vec<u64> = pairs.map(|(a, b)| b.wrapping_sub(*a)).collect();
            let alone = bits(first_addresses).min(bits(second_addresses));
            // Half the address space is added so that distances around zero do not wrap.
            let shifted: Vec<u64> = distances
                .iter()
                .map(|it| it.wrapping_add(1 << 63))
                .collect();
            let together = bits(&shifted);
            if together + 1.0 <= alone {
                found.push(Relation {
                    first: *first,
                    second: *second,
                    bits: together,
                    distance: (distinct(&distances) == 1)
                        .then(|| distances.first().map(|it| it.cast_signed()))
                        .flatten(),
                });
            }
        }
    }
    found
}

fn bits(addresses: &[u64]) -> f64 {
    let count = addresses.len();
    let (Some(lowest), Some(highest)) = (addresses.iter().min(), addresses.iter().max()) else {
        return 0.0;
    };
    if count < 2 || lowest == highest || is_a_counter(addresses) {
        return 0.0;
    }
    let varying = addresses.iter().fold(0, |mask, it| mask | (it ^ lowest));
    let n = count as f64;
    let width = (highest - lowest) as f64 * (n + 1.0) / (n - 1.0);
    let by_spread = (width / lowest_bit(varying) as f64 + 1.0).log2();
    let by_mask = f64::from(varying.count_ones());
    let by_collisions = collision_bits(addresses).unwrap_or(f64::INFINITY);
    let least = by_spread.min(by_mask).min(by_collisions);
    (least * 10.0).round() / 10.0
}

/// The same distance from every run to the next: different each time, and no secret at all.
fn is_a_counter(addresses: &[u64]) -> bool {
    let mut steps = addresses
        .iter()
        .zip(addresses.iter().skip(1))
        .map(|(one, next)| next.wrapping_sub(*one));
    let Some(first) = steps.next() else {
        return false;
    };
    addresses.len() > 3 && steps.all(|step| step == first)
}

fn collision_bits(addresses: &[u64]) -> Option<f64> {
    const ENOUGH: f64 = 10.0;
    let mut sorted = addresses.to_vec();
    sorted.sort_unstable();
    let pairs_of = |n: usize| n as f64 * (n as f64 - 1.0) / 2.0;
    let equal: f64 = sorted
        .chunk_by(|a, b| a == b)
        .map(|group| pairs_of(group.len()))
        .sum();
    (equal >= ENOUGH).then(|| (pairs_of(addresses.len()) / equal).log2())
}

fn distinct(addresses: &[u64]) -> usize {
    let mut sorted = addresses.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len()
}

/// The lowest bit that is set, as a number; 0 for 0.
fn lowest_bit(mask: u64) -> u64 {
    mask & mask.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator with a fixed seed (splitmix64), so that a failure can be repeated.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        fn below_bits(&mut self, bits: u32) -> u64 {
            self.next() >> (64 - bits)
        }

        fn samples(&mut self, n: usize, bits: u32, step: u64) -> Vec<u64> {
            let base = 0x7f00_1234_5000 / step * step;
            (0..n)
                .map(|_| base + self.below_bits(bits) * step)
                .collect()
        }
    }

    fn text(addresses: &[u64]) -> Entropy {
        estimate(Region::Text, addresses).unwrap()
    }

    #[test]
    fn a_fixed_address_has_no_bits() {
        let entropy = text(&[0x40_0000; 200]);
        assert_eq!((entropy.bits, entropy.step, entropy.distinct), (0.0, 0, 1));
        assert_eq!(entropy.alignment, 0x40_0000);
    }

    #[test]
    fn nothing_seen_is_no_estimate() {
        assert!(estimate(Region::Text, &[]).is_none());
        assert_eq!(text(&[0x1000]).bits, 0.0);
    }

    #[test]
    fn a_2_mib_aligned_base_has_19_bits() {
        for seed in 0..50 {
            let entropy = text(&Random(seed).samples(200, 19, 2 << 20));
            assert!((entropy.bits - 19.0).abs() < 0.15, "{seed}: {entropy:?}");
            assert_eq!(entropy.step, 2 << 20);
        }
    }

    #[test]
    fn a_page_aligned_base_has_28_bits() {
        for seed in 0..50 {
            let entropy = text(&Random(seed).samples(200, 28, 4096));
            assert!((entropy.bits - 28.0).abs() < 0.15, "{seed}: {entropy:?}");
            assert_eq!(entropy.step, 4096);
            let few = text(&Random(seed).samples(20, 28, 4096));
            assert!((few.bits - 28.0).abs() < 0.7, "{seed}: {few:?}");
        }
    }

    #[test]
    fn the_carry_of_a_fixed_part_is_not_counted() {
        // The load address of static-PIE: 28 random bits under a fixed top; 29 bits vary.
        let top = 0x7f80_0000_0000;
        let mut random = Random(7);
        let samples: Vec<u64> = (0..200)
            .map(|_| top - random.below_bits(28) * 4096)
            .collect();
        let entropy = text(&samples);
        assert!(entropy.varying.count_ones() > 28);
        assert!((entropy.bits - 28.0).abs() < 0.15, "{entropy:?}");
    }

    #[test]
    fn two_addresses_far_apart_are_one_bit() {
        let mut random = Random(1);
        let samples: Vec<u64> = (0..200)
            .map(|_| [0x1000, 0x7fff_ffff_f000][random.below_bits(1) as usize])
            .collect();
        assert!((text(&samples).bits - 1.0).abs() < 0.15);
    }

    #[test]
    fn bits_that_never_change_inside_the_range_are_not_counted() {
        let mut random = Random(3);
        let samples: Vec<u64> = (0..200)
            .map(|_| (random.below_bits(6) << 40) | (random.below_bits(6) << 12))
            .collect();
        assert!(
            (text(&samples).bits - 12.0).abs() < 0.6,
            "{:?}",
            text(&samples)
        );
    }

    #[test]
    fn a_counter_is_not_random() {
        let samples: Vec<u64> = (0..200).map(|run| 0x5000_0000 + run * 0x11000).collect();
        assert_eq!(text(&samples).bits, 0.0);
    }

    #[test]
    fn a_constant_distance_is_found_and_independence_is_not_accused() {
        let mut random = Random(9);
        let text = random.samples(200, 28, 4096);
        let vdso: Vec<u64> = text.iter().map(|it| it - 0x20_0000).collect();
        let stack = random.samples(200, 22, 4096);
        let relations = relations(&[
            (Region::Text, text),
            (Region::Vdso, vdso),
            (Region::Stack, stack),
        ]);
        assert_eq!(relations.len(), 1, "{relations:?}");
        assert_eq!(relations[0].distance, Some(-0x20_0000));
        assert_eq!(relations[0].bits, 0.0);
    }

    #[test]
    fn a_base_rounded_down_to_2_mib_leaves_nine_bits() {
        let mut random = Random(11);
        let vdso = random.samples(200, 28, 4096);
        let text: Vec<u64> = vdso.iter().map(|it| it & !0x1f_ffff).collect();
        let relations = relations(&[(Region::Text, text), (Region::Vdso, vdso)]);
        assert!((relations[0].bits - 9.0).abs() < 0.3, "{relations:?}");
        assert_eq!(relations[0].distance, None);
    }

    #[test]
    fn two_fixed_regions_are_no_relation() {
        let fixed = |address| vec![address; 20];
        let samples = [
            (Region::Text, fixed(0x40_0000)),
            (Region::Data, fixed(0x60_0000)),
        ];
        assert!(relations(&samples).is_empty());
    }
}
