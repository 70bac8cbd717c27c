//! RELR, the packed form of relative relocations: gABI proposal "SHT_RELR", now in the gABI.
//!
//! An even word is the address of a word to relocate; an odd word is a bitmap for the 63 (or 31)
//! words that follow the last one covered.

use object::elf::{DT_RELR, DT_RELRSZ};

use super::{Class, Dynamic, Elf};
use crate::error::{Error, ErrorKind};
use crate::quantity::{Address, Offset, Size};

impl Elf<'_> {
    /// The addresses of the words that `DT_RELR` relocates, ascending in each run; empty without
    /// such a table.
    ///
    /// # Errors
    /// When the table lies outside the file, has a bitmap without an address before it, or names
    /// more words than the file has.
    pub fn relr_targets(&self, dynamic: &Dynamic) -> Result<Vec<Address>, Error> {
        let (Some(address), Some(size)) = (dynamic.value(DT_RELR), dynamic.value(DT_RELRSZ)) else {
            return Ok(Vec::new());
        };
        let Some(offset) = self.offset_of(Address(address), Size(size)) else {
            let message = format!(
                "`DT_RELR` of {size:#x} bytes at address {address:#x} lies outside the file data \
                 of every segment"
            );
            return Err(Error::at(ErrorKind::Malformed, dynamic.offset, message));
        };
        let data = self.file.slice(offset.0, Size(size), "`DT_RELR`")?.data()?;
        let big = self.header.endian == object::Endianness::Big;
        let word_size = self.header.class.word_size();
        let most = self.file.size().0.checked_div(word_size).unwrap_or(0);
        let words: Vec<u64> = match self.header.class {
            Class::Elf64 => data
                .as_chunks::<8>()
                .0
                .iter()
                .map(|word| {
                    if big {
                        u64::from_be_bytes(*word)
                    } else {
                        u64::from_le_bytes(*word)
                    }
                })
                .collect(),
            Class::Elf32 => data
                .as_chunks::<4>()
                .0
                .iter()
                .map(|word| {
                    u64::from(if big {
                        u32::from_be_bytes(*word)
                    } else {
                        u32::from_le_bytes(*word)
                    })
                })
                .collect(),
        };
        decode_relr(&words, word_size, most)
            .map_err(|message| Error::at(ErrorKind::Malformed, offset, message).within("`DT_RELR`"))
    }
}

/// Decodes RELR `words` of `word_size` bytes each; `most` is how many targets are accepted, for a
/// bitmap word may name 63.
///
/// # Errors
/// Says what is wrong with the table.
pub fn decode_relr(words: &[u64], word_size: u64, most: u64) -> Result<Vec<Address>, String> {
    let bits = word_size.saturating_mul(8).saturating_sub(1);
    let mut targets = Vec::new();
    let mut next: Option<u64> = None;
    for &word in words {
        if word & 1 == 0 {
            targets.push(Address(word));
            next = Some(word.wrapping_add(word_size));
        } else {
            let base = next.ok_or("a bitmap precedes the first address")?;
            let mut bitmap = word >> 1;
            while bitmap != 0 {
                let bit = u64::from(bitmap.trailing_zeros());
                targets.push(Address(base.wrapping_add(bit.wrapping_mul(word_size))));
                // Clears the lowest bit that is set.
                bitmap &= bitmap.wrapping_sub(1);
            }
            next = Some(base.wrapping_add(bits.wrapping_mul(word_size)));
        }
        if targets.len() as u64 > most {
            return Err(format!("more relocations than the file has words ({most})"));
        }
    }
    Ok(targets)
}

/// Where a table read by [`Elf::relr_targets`] stands in the file.
impl Dynamic {
    /// The file offset and size of `DT_RELR`, if the file has one.
    pub fn relr_range(&self, elf: &Elf<'_>) -> Option<(Offset, Size)> {
        let size = Size(self.value(DT_RELRSZ)?);
        Some((elf.offset_of(Address(self.value(DT_RELR)?), size)?, size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_example_of_the_specification() {
        // An address, then a bitmap whose bits 0 and 2 name the first and third word after it.
        let targets = decode_relr(&[0x1000, 0b1011], 8, 10).unwrap();
        assert_eq!(targets, [Address(0x1000), Address(0x1008), Address(0x1018)]);
    }

    #[test]
    fn a_second_bitmap_continues_after_the_first() {
        let targets = decode_relr(&[0x1000, 1, 0b11], 8, 10).unwrap();
        assert_eq!(targets, [Address(0x1000), Address(0x1008 + 63 * 8)]);
    }

    #[test]
    fn refuses_a_bitmap_without_an_address() {
        assert!(decode_relr(&[1], 8, 10).is_err());
    }

    #[test]
    fn stops_at_the_cap() {
        let words = [vec![0x1000], vec![u64::MAX; 10]].concat();
        assert!(decode_relr(&words, 8, 100).unwrap_err().contains("100"));
    }
}
