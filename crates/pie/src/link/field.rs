//! Where a relocation stores its value: a word, or bits of an instruction.
//!
//! Instruction formats: "RISC-V Instruction Set Manual", volume I, section "Immediate Encoding
//! Variants"; "Arm Architecture Reference Manual", A8.8.18 "B" and A8.8.25 "BL".

/// A place in a section that a relocation changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// All 32 bits.
    Word32,
    /// All 64 bits.
    Word64,
    /// RISC-V, J-type: a jump of up to 1 MiB.
    Jump20,
    /// RISC-V, U-type: the upper 20 bits, rounded for a signed lower part.
    High20,
    /// RISC-V, I-type: the lower 12 bits of a load or an addition.
    LowI,
    /// RISC-V, S-type: the lower 12 bits of a store.
    LowS,
    /// Arm: a branch of up to 32 MiB, in words.
    Branch24,
}

/// A value that does not fit into its field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooFar;

impl Field {
    /// How many bytes it lies in.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Word64 => 8,
            _ => 4,
        }
    }

    /// The addend that stands in the field itself, for tables without addends (`SHT_REL`).
    pub(super) fn addend(self, place: &[u8]) -> i64 {
        let word = place
            .first_chunk::<4>()
            .map(|bytes| u32::from_le_bytes(*bytes));
        let word = word.unwrap_or(0);
        match self {
            Self::Word64 => place
                .first_chunk::<8>()
                .map_or(0, |bytes| i64::from_le_bytes(*bytes)),
            // 24 bits, signed, of four bytes each: shifted up and down again.
            Self::Branch24 => i64::from(word.wrapping_shl(8).cast_signed().wrapping_shr(6)),
            Self::Word32 => i64::from(word.cast_signed()),
            // RISC-V has no tables without addends.
            Self::Jump20 | Self::High20 | Self::LowI | Self::LowS => 0,
        }
    }

    /// Stores `value`; the other bits of the instruction stay.
    pub(super) fn store(self, place: &mut [u8], value: i64) -> Result<(), TooFar> {
        if let Self::Word64 = self {
            if let Some(bytes) = place.first_chunk_mut::<8>() {
                *bytes = value.to_le_bytes();
            }
            return Ok(());
        }
        let Some(bytes) = place.first_chunk_mut::<4>() else {
            return Ok(());
        };
        let old = u32::from_le_bytes(*bytes);
        let new = self.instruction(old, value)?;
        *bytes = new.to_le_bytes();
        Ok(())
    }

    fn instruction(self, old: u32, value: i64) -> Result<u32, TooFar> {
        // The low 32 bits; each arm looks at whether they are enough.
        let bits = low_bits(value);
        let field = |start: u32, size: u32, to: u32| {
            let mask = 1u32.wrapping_shl(size).wrapping_sub(1);
            (bits.wrapping_shr(start) & mask).wrapping_shl(to)
        };
        match self {
            Self::Word64 => Ok(old),
            // Unsigned as an address, signed as a distance.
            Self::Word32 if (-(1 << 31)..1 << 32).contains(&value) => Ok(bits),
            Self::Jump20 if fits(value, 21) && value & 1 == 0 => {
                let immediate =
                    field(20, 1, 31) | field(1, 10, 21) | field(11, 1, 20) | field(12, 8, 12);
                Ok(old & 0xfff | immediate)
            }
            Self::High20 => {
                let rounded = value.wrapping_add(0x800);
                if !fits(rounded, 32) {
                    return Err(TooFar);
                }
                Ok(old & 0xfff | low_bits(rounded) & 0xffff_f000)
            }
            Self::LowI => Ok(old & 0x000f_ffff | field(0, 12, 20)),
            Self::LowS => Ok(old & 0x01ff_f07f | field(5, 7, 25) | field(0, 5, 7)),
            Self::Branch24 if fits(value, 26) && value & 3 == 0 => {
                Ok(old & 0xff00_0000 | field(2, 24, 0))
            }
            Self::Word32 | Self::Jump20 | Self::Branch24 => Err(TooFar),
        }
    }
}

fn low_bits(value: i64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Whether `value` is a signed number of so many bits.
fn fits(value: i64, bits: u32) -> bool {
    let shift = 64u32.saturating_sub(bits);
    value.wrapping_shl(shift).wrapping_shr(shift) == value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(field: Field, old: u32, value: i64) -> Result<u32, TooFar> {
        let mut place = old.to_le_bytes();
        field.store(&mut place, value)?;
        Ok(u32::from_le_bytes(place))
    }

    // What GNU as makes of the instruction in the comment.

    #[test]
    fn jumps_of_riscv_reach_a_mebibyte() {
        assert_eq!(stored(Field::Jump20, 0x0000_006f, 8), Ok(0x0080_006f)); // j .+8
        assert_eq!(stored(Field::Jump20, 0x0000_00ef, -4), Ok(0xffdf_f0ef)); // jal .-4
        assert_eq!(
            stored(Field::Jump20, 0x0000_006f, 0xf_fffe),
            Ok(0x7fff_f06f)
        );
        assert_eq!(
            stored(Field::Jump20, 0x0000_006f, -0x10_0000),
            Ok(0x8000_006f)
        );
        assert_eq!(stored(Field::Jump20, 0x6f, 0x10_0000), Err(TooFar));
        assert_eq!(stored(Field::Jump20, 0x6f, -0x10_0002), Err(TooFar));
        assert_eq!(stored(Field::Jump20, 0x6f, 3), Err(TooFar));
    }

    #[test]
    fn upper_parts_of_riscv_are_rounded_for_a_signed_lower_part() {
        // auipc t0; addi t0, t0
        assert_eq!(
            stored(Field::High20, 0x0000_0297, 0x1234_5678),
            Ok(0x1234_5297)
        );
        assert_eq!(
            stored(Field::LowI, 0x0002_8293, 0x1234_5678),
            Ok(0x6782_8293)
        );
        assert_eq!(
            stored(Field::High20, 0x0000_0297, 0x1234_5800),
            Ok(0x1234_6297)
        );
        assert_eq!(
            stored(Field::LowI, 0x0002_8293, 0x1234_5800),
            Ok(0x8002_8293)
        );
        assert_eq!(stored(Field::High20, 0x0000_0297, -1), Ok(0x0000_0297));
        assert_eq!(stored(Field::High20, 0x297, 0x7fff_f7ff), Ok(0x7fff_f297));
        assert_eq!(stored(Field::High20, 0x297, 0x7fff_f800), Err(TooFar));
        assert_eq!(stored(Field::High20, 0x297, -0x8000_0801), Err(TooFar));
    }

    #[test]
    fn stores_of_riscv_have_their_lower_part_in_two_pieces() {
        // sd a0, 0x678(t0) and sd a0, -1(t0)
        assert_eq!(stored(Field::LowS, 0x00a2_b023, 0x678), Ok(0x66a2_bc23));
        assert_eq!(stored(Field::LowS, 0x00a2_b023, -1), Ok(0xfea2_bfa3));
    }

    #[test]
    fn branches_of_arm_are_counted_in_words() {
        assert_eq!(stored(Field::Branch24, 0xeb00_0000, -8), Ok(0xebff_fffe));
        assert_eq!(
            stored(Field::Branch24, 0xea12_3456, 0x1ff_fffc),
            Ok(0xea7f_ffff)
        );
        assert_eq!(
            stored(Field::Branch24, 0xea00_0000, 0x200_0000),
            Err(TooFar)
        );
        assert_eq!(stored(Field::Branch24, 0xea00_0000, 2), Err(TooFar));
        assert_eq!(Field::Branch24.addend(&0xebff_fffe_u32.to_le_bytes()), -8);
        assert_eq!(Field::Branch24.addend(&0xea00_0001_u32.to_le_bytes()), 4);
    }

    #[test]
    fn what_stood_in_the_field_before_is_gone_and_the_rest_stays() {
        for field in [
            Field::Jump20,
            Field::High20,
            Field::LowI,
            Field::LowS,
            Field::Branch24,
        ] {
            let (clear, set) = (stored(field, 0, 0), stored(field, u32::MAX, 0));
            let (clear, set) = (clear.unwrap(), set.unwrap());
            assert_eq!(clear, 0, "{field:?}");
            let bits = match field {
                Field::Jump20 | Field::High20 => 20,
                Field::LowI | Field::LowS => 12,
                _ => 24,
            };
            assert_eq!(set.count_zeros(), bits, "{field:?}");
            // Every bit of the field can be set.
            let most = match field {
                Field::Branch24 => -4,
                Field::Jump20 => -2,
                Field::High20 => -0x801,
                _ => -1,
            };
            assert_eq!(stored(field, 0, most).unwrap(), !set, "{field:?}");
        }
    }

    #[test]
    fn words_hold_addresses_and_distances() {
        assert_eq!(stored(Field::Word32, 7, 0xffff_fff0), Ok(0xffff_fff0));
        assert_eq!(stored(Field::Word32, 7, -16), Ok(0xffff_fff0));
        assert_eq!(stored(Field::Word32, 7, 1 << 32), Err(TooFar));
        assert_eq!(stored(Field::Word32, 7, -(1 << 31) - 1), Err(TooFar));
        assert_eq!(Field::Word32.addend(&[0xfc, 0xff, 0xff, 0xff]), -4);
        let mut place = [0; 8];
        Field::Word64.store(&mut place, -2).unwrap();
        assert_eq!(Field::Word64.addend(&place), -2);
    }
}
