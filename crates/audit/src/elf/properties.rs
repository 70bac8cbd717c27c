//! Notes in which compilers and linkers say what the code may be relied on for:
//! `NT_GNU_PROPERTY_TYPE_0` (psABI of x86-64 and of AArch64, "Program Property").

use handpie_binary::Offset;
use handpie_binary::elf::{Class, Elf};
use object::{Endian, Endianness};

/// `NT_GNU_PROPERTY_TYPE_0`.
const NOTE: u32 = 5;
/// `GNU_PROPERTY_X86_FEATURE_1_AND`.
pub(super) const X86_FEATURES: u32 = 0xc000_0002;
/// `GNU_PROPERTY_AARCH64_FEATURE_1_AND`.
pub(super) const AARCH64_FEATURES: u32 = 0xc000_0000;

/// The bits that all objects of the file have in a property, and the offset of the note; `None` when
/// there is no such property.
pub(super) fn features(elf: &Elf<'_>, property: u32) -> Option<(u32, Offset)> {
    let align = match elf.header().class {
        Class::Elf32 => 4,
        Class::Elf64 => 8,
    };
    let notes = elf.notes().ok()?.into_iter();
    let mut notes = notes.filter(|note| note.name == b"GNU" && note.kind == NOTE);
    notes.find_map(|note| {
        let bits = find(note.description, property, align, elf.header().endian)?;
        Some((bits, note.offset))
    })
}

/// A property is a type, the size of its data, and the data, padded.
fn find(mut rest: &[u8], wanted: u32, align: usize, endian: Endianness) -> Option<u32> {
    loop {
        let (property, after) = word(rest, endian)?;
        let (size, data) = word(after, endian)?;
        let size = usize::try_from(size).ok()?;
        if property == wanted && size == 4 {
            return word(data, endian).map(|(bits, _)| bits);
        }
        rest = data.get(size.checked_next_multiple_of(align)?..)?;
    }
}

fn word(data: &[u8], endian: Endianness) -> Option<(u32, &[u8])> {
    let (word, rest) = data.split_first_chunk::<4>()?;
    Some((endian.read_u32(*word), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As gcc writes it with -fcf-protection, behind the ISA that is needed.
    const X86: [u8; 32] = [
        0x02, 0x80, 0x00, 0xc0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, //
        0x02, 0x00, 0x00, 0xc0, 4, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0,
    ];

    #[test]
    fn a_property_is_found_behind_another() {
        let bits = find(&X86, X86_FEATURES, 8, Endianness::Little);
        assert_eq!(bits, Some(3));
        assert_eq!(find(&X86, AARCH64_FEATURES, 8, Endianness::Little), None);
    }

    #[test]
    fn a_size_past_the_end_ends_the_search() {
        let mut bytes = X86;
        bytes[4] = 0xff;
        assert_eq!(find(&bytes, X86_FEATURES, 8, Endianness::Little), None);
    }
}
