//! Packs the addresses of relocated words into RELR; `handpie_binary::elf::decode_relr` undoes it.

use handpie_binary::Address;

/// The size of a word and of an entry in programs that are converted, in bytes.
pub(crate) const WORD: u64 = 8;

/// Packs `targets`, which must be even, ascending and a word or more apart.
pub(crate) fn encode(targets: impl Iterator<Item = Address>) -> Vec<u64> {
    encode_words(targets, WORD)
}

/// The same for words of `word` bytes, 4 or 8; so large are the entries then.
pub(crate) fn encode_words(targets: impl Iterator<Item = Address>, word: u64) -> Vec<u64> {
    // One bitmap covers as many words as it has bits, but for the one that marks it.
    let covered = word.saturating_mul(8).saturating_sub(1);
    let mut words = Vec::new();
    let mut targets = targets.map(|target| target.0).peekable();
    while let Some(address) = targets.next() {
        words.push(address);
        let mut base = address.saturating_add(word);
        loop {
            let mut bitmap = 0u64;
            while let Some(bit) = targets
                .peek()
                .and_then(|&target| bit_of(target, base, word))
            {
                bitmap |= 1u64.wrapping_shl(bit);
                targets.next();
            }
            if bitmap == 0 {
                break;
            }
            words.push(bitmap.wrapping_shl(1) | 1);
            base = base.saturating_add(covered.saturating_mul(word));
        }
    }
    words
}

/// Which bit of a bitmap for the words from `base` on stands for `target`, if one does.
fn bit_of(target: u64, base: u64, word: u64) -> Option<u32> {
    let distance = target.checked_sub(base)?;
    let bit = distance.checked_div(word)?;
    let covered = word.saturating_mul(8).saturating_sub(1);
    (distance.is_multiple_of(word) && bit < covered)
        .then(|| u32::try_from(bit).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use handpie_binary::elf::decode_relr;

    fn round_trip(targets: &[u64]) -> Vec<u64> {
        let targets: Vec<Address> = targets.iter().copied().map(Address).collect();
        let words = encode(targets.iter().copied());
        assert_eq!(decode_relr(&words, WORD, 1 << 20).unwrap(), targets);
        words
    }

    #[test]
    fn packs_neighbours_into_one_bitmap() {
        assert_eq!(round_trip(&[0x1000, 0x1008, 0x1018]), [0x1000, 0b1011]);
    }

    #[test]
    fn packs_nothing_into_nothing() {
        assert!(round_trip(&[]).is_empty());
    }

    #[test]
    fn continues_with_a_second_bitmap_and_starts_anew_after_a_gap() {
        let full: Vec<u64> = (0..=63).map(|word| 0x1000 + word * 8).collect();
        assert_eq!(round_trip(&full), [0x1000, u64::MAX]);
        let more: Vec<u64> = (0..=64).map(|word| 0x1000 + word * 8).collect();
        assert_eq!(round_trip(&more), [0x1000, u64::MAX, 0b11]);
        assert_eq!(
            round_trip(&[0x1000, 0x1000 + 65 * 8]),
            [0x1000, 0x1000 + 65 * 8]
        );
    }

    #[test]
    fn packs_words_that_are_even_but_not_aligned() {
        assert_eq!(
            round_trip(&[0x1002, 0x100a, 0x1014]),
            [0x1002, 0b11, 0x1014]
        );
    }

    #[test]
    fn bitmaps_of_small_words_cover_31_of_them() {
        let targets: Vec<Address> = (0..=32).map(|word| Address(0x1000 + word * 4)).collect();
        let words = encode_words(targets.iter().copied(), 4);
        assert_eq!(words, [0x1000, u64::from(u32::MAX), 0b11]);
        assert_eq!(decode_relr(&words, 4, 1 << 20).unwrap(), targets);
    }

    #[test]
    fn random_targets_survive_the_round_trip() {
        // A fixed multiplicative generator: the same cases in every run.
        let mut state = 0x2545_f491_4f6c_dd1du64;
        for _ in 0..200 {
            let mut address = 0x1000u64;
            let targets: Vec<u64> = (0..300)
                .map(|_| {
                    state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                    address += 8 * (1 + (state >> 60) * (state >> 61 & 1) * (state >> 58 & 63));
                    address
                })
                .collect();
            round_trip(&targets);
        }
    }
}
