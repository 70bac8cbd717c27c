//! The mover, with which a program chooses its own load address: what it does is in
//! `stubs/README.md`, its code in `stub/<cpu>.rs`.

use handpie_binary::elf::Elf;
use handpie_binary::{Address, Size};
use object::{Endian, Endianness};

use super::words;

const MAGIC: [u8; 8] = *b"handmove";

/// The size of the header, in bytes; the code follows.
pub(crate) const HEADER_SIZE: u64 = 0x58;

/// The constants in the header of a mover. All addresses are link-time addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MoverHeader {
    /// Where the header itself is.
    pub(crate) address: Address,
    /// Where the code of the stub starts.
    pub(crate) stub: Address,
    /// The first page of the image, and its size, in whole pages of any size.
    pub(crate) image: (Address, Size),
    /// Start and end of the code, as the kernel notes them.
    pub(crate) code: (Address, Address),
    /// Start and end of the data, as the kernel notes them.
    pub(crate) data: (Address, Address),
}

/// What is moved in one go: one mapping of the kernel, from this address to that one, each rounded
/// up to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MovedPiece {
    pub(crate) start: Address,
    pub(crate) end: Address,
    /// The `PROT_` bits of a piece that is executable; 0 for any other.
    pub(crate) protection: u64,
}

/// Where the stub behind the mover starts, if `entry` is that of a mover.
pub(super) fn stub(elf: &Elf<'_>, entry: Address) -> Option<Address> {
    let [magic, address, _, stub] = words::<4>(elf, entry, HEADER_SIZE)?;
    let word = |bytes| elf.header().endian.read_u64(bytes);
    let start = word(address).checked_add(HEADER_SIZE)?;
    (magic == MAGIC && Address(start) == entry).then(|| Address(word(stub)))
}

impl MoverHeader {
    /// Where the code of the mover starts: the entry point of the file.
    pub(crate) fn start(&self) -> Address {
        Address(self.address.0.saturating_add(HEADER_SIZE))
    }

    /// The whole mover: this header, then `code`, then the pieces that it moves.
    pub(crate) fn with_code(
        &self,
        code: &[u8],
        pieces: &[MovedPiece],
        endian: Endianness,
    ) -> Vec<u8> {
        let mut mover = MAGIC.to_vec();
        let words = [
            self.address.0,
            size(code, pieces.len()).0,
            self.stub.0,
            self.image.0.0,
            self.image.1.0,
            self.code.0.0,
            self.code.1.0,
            self.data.0.0,
            self.data.1.0,
            pieces.len() as u64,
        ];
        for word in words {
            mover.extend(endian.write_u64(word));
        }
        mover.extend(code);
        for piece in pieces {
            for word in [piece.start.0, piece.end.0, piece.protection] {
                mover.extend(endian.write_u64(word));
            }
        }
        mover
    }
}

/// The size of a mover of so many pieces.
pub(crate) fn size(code: &[u8], pieces: usize) -> Size {
    const PIECE: u64 = 24;
    let pieces = PIECE.saturating_mul(pieces as u64);
    let code = HEADER_SIZE.saturating_add(code.len() as u64);
    Size(code.saturating_add(pieces))
}
