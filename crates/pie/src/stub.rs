//! The start-up stub: what it does is in `stubs/README.md`, its code in `stub/<cpu>.rs`.
//!
//! Here its header is written and read back; a file whose entry point stands behind such a header
//! was made by us.

use handpie_binary::elf::Elf;
use handpie_binary::{Address, Offset, Size};
use object::{Endian, Endianness};

mod amd64;
mod arm64;
mod loong64;
mod ppc64;
mod ppc64le;
mod s390x;

pub(crate) use amd64::CODE as AMD64;
pub(crate) use arm64::CODE as ARM64;
pub(crate) use loong64::CODE as LOONG64;
pub(crate) use ppc64::CODE as PPC64;
pub(crate) use ppc64le::CODE as PPC64LE;
pub(crate) use s390x::CODE as S390X;

/// The first seven bytes, and the version of the layout in the eighth.
const MAGIC: [u8; 8] = *b"handpie\x01";

/// The size of the header, in bytes; the code follows.
pub(crate) const HEADER_SIZE: u64 = 0x38;

/// Where the stub starts in memory and in the file must be a multiple of this, in bytes.
pub(crate) const ALIGN: u64 = 16;

/// The constants in the header of a stub. All addresses are link-time addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StubHeader {
    /// Where the header itself is.
    pub address: Address,
    /// Where the RELR table is.
    pub relr: Address,
    /// The size of the RELR table.
    pub relr_size: Size,
    /// Where the pages start that become read-only.
    pub relro: Address,
    /// Their size, not rounded; 0 when the program has none.
    pub relro_size: Size,
    /// Where the program itself starts.
    pub entry: Address,
}

impl StubHeader {
    /// The header of the stub at which `elf` starts, or `None` when it does not start at one.
    pub fn read(elf: &Elf<'_>) -> Option<Self> {
        let address = Address(elf.header().entry.0.checked_sub(HEADER_SIZE)?);
        let offset = elf.offset_of(address, Size(HEADER_SIZE))?;
        let data = elf.file().slice(offset.0, Size(HEADER_SIZE), "the stub");
        let (words, _) = data.ok()?.data().as_chunks::<8>();
        let [magic, rest @ ..] = words else {
            return None;
        };
        let [self_address, relr, relr_size, relro, relro_size, entry] = *rest.first_chunk::<6>()?;
        let word = |bytes| elf.header().endian.read_u64(bytes);
        (*magic == MAGIC && Address(word(self_address)) == address).then(|| Self {
            address,
            relr: Address(word(relr)),
            relr_size: Size(word(relr_size)),
            relro: Address(word(relro)),
            relro_size: Size(word(relro_size)),
            entry: Address(word(entry)),
        })
    }

    /// Where the code of the stub starts: the entry point of the file.
    pub fn code(&self) -> Address {
        Address(self.address.0.saturating_add(HEADER_SIZE))
    }

    /// The whole stub: this header, then `code`.
    pub(crate) fn with_code(&self, code: &[u8], endian: Endianness) -> Vec<u8> {
        let words = [
            self.address.0,
            self.relr.0,
            self.relr_size.0,
            self.relro.0,
            self.relro_size.0,
            self.entry.0,
        ];
        let mut stub = MAGIC.to_vec();
        for word in words {
            stub.extend(endian.write_u64(word));
        }
        stub.extend(code);
        stub
    }
}

/// Where a stub has been put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StubPlace {
    /// The file offset of its header, in the new file.
    pub offset: Offset,
    /// The address of its header.
    pub address: Address,
    /// Header and code.
    pub size: Size,
}
