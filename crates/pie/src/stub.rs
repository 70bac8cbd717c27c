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
pub(crate) mod mover;
mod ppc64;
mod ppc64le;
mod s390x;

pub(crate) use amd64::{
    CODE as AMD64, CODE_WITH_OPTIONS as AMD64_WITH_OPTIONS, MOVER as AMD64_MOVER,
};
pub(crate) use arm64::{
    CODE as ARM64, CODE_WITH_OPTIONS as ARM64_WITH_OPTIONS, MOVER as ARM64_MOVER,
};
pub(crate) use loong64::{
    CODE as LOONG64, CODE_WITH_OPTIONS as LOONG64_WITH_OPTIONS, MOVER as LOONG64_MOVER,
};
pub(crate) use ppc64::{
    CODE as PPC64, CODE_WITH_OPTIONS as PPC64_WITH_OPTIONS, MOVER as PPC64_MOVER,
};
pub(crate) use ppc64le::{
    CODE as PPC64LE, CODE_WITH_OPTIONS as PPC64LE_WITH_OPTIONS, MOVER as PPC64LE_MOVER,
};
pub(crate) use s390x::{
    CODE as S390X, CODE_WITH_OPTIONS as S390X_WITH_OPTIONS, MOVER as S390X_MOVER,
};

/// The first seven bytes, and the version of the layout in the eighth.
const MAGIC: [u8; 8] = *b"handpie\x01";
const MAGIC_WITH_OPTIONS: [u8; 8] = *b"handpie\x02";

/// The size of the header, in bytes; the code follows.
pub(crate) const HEADER_SIZE: u64 = 0x38;
const HEADER_WITH_OPTIONS_SIZE: u64 = 0x48;

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
    /// What the plain stub does not do.
    pub options: Option<StubOptions>,
}

/// The constants that only a stub with options has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StubOptions {
    /// Whether the program starts at a mover, which hands over to the stub.
    pub moved: bool,
    /// How many ranges are sealed; 0 for none.
    pub seal_count: u64,
}

impl StubHeader {
    /// The header of the stub at which `elf` starts, at once or by way of a mover, or `None` when it
    /// does not start at one.
    pub fn read(elf: &Elf<'_>) -> Option<Self> {
        let entry = elf.header().entry;
        let start = mover::stub(elf, entry).unwrap_or(entry);
        Self::plain(elf, start).or_else(|| Self::with_options(elf, start))
    }

    fn plain(elf: &Elf<'_>, start: Address) -> Option<Self> {
        let [magic, rest @ ..] = words::<7>(elf, start, HEADER_SIZE)?;
        Self::of_words(elf, start, HEADER_SIZE, rest).filter(|_| magic == MAGIC)
    }

    fn with_options(elf: &Elf<'_>, start: Address) -> Option<Self> {
        let size = HEADER_WITH_OPTIONS_SIZE;
        let [magic, rest @ .., moved, seal_count] = words::<9>(elf, start, size)?;
        let header = Self::of_words(elf, start, size, rest);
        let word = |bytes| elf.header().endian.read_u64(bytes);
        let options = StubOptions {
            moved: word(moved) != 0,
            seal_count: word(seal_count),
        };
        header
            .filter(|_| magic == MAGIC_WITH_OPTIONS)
            .map(|header| Self {
                options: Some(options),
                ..header
            })
    }

    fn of_words(elf: &Elf<'_>, start: Address, size: u64, words: [[u8; 8]; 6]) -> Option<Self> {
        let address = Address(start.0.checked_sub(size)?);
        let [self_address, relr, relr_size, relro, relro_size, entry] =
            words.map(|word| elf.header().endian.read_u64(word));
        (Address(self_address) == address).then_some(Self {
            address,
            relr: Address(relr),
            relr_size: Size(relr_size),
            relro: Address(relro),
            relro_size: Size(relro_size),
            entry: Address(entry),
            options: None,
        })
    }

    /// Where the code of the stub starts: the entry point of the file, if it has no mover.
    pub fn code(&self) -> Address {
        Address(self.address.0.saturating_add(self.size().0))
    }

    /// The size of the header.
    fn size(&self) -> Size {
        Size(match self.options {
            None => HEADER_SIZE,
            Some(_) => HEADER_WITH_OPTIONS_SIZE,
        })
    }

    /// The size of the whole stub.
    pub(crate) fn size_with(&self, code: &[u8]) -> Size {
        const RANGE: u64 = 16;
        let seals = self.options.map_or(0, |options| options.seal_count);
        let code = self.size().0.saturating_add(code.len() as u64);
        Size(code.saturating_add(RANGE.saturating_mul(seals)))
    }

    /// The whole stub: this header, then `code`, then the ranges that it seals.
    pub(crate) fn with_code(
        &self,
        code: &[u8],
        seals: &[(Address, Size)],
        endian: Endianness,
    ) -> Vec<u8> {
        let magic = match self.options {
            None => MAGIC,
            Some(_) => MAGIC_WITH_OPTIONS,
        };
        let mut words = vec![
            self.address.0,
            self.relr.0,
            self.relr_size.0,
            self.relro.0,
            self.relro_size.0,
            self.entry.0,
        ];
        if let Some(options) = self.options {
            words.extend([u64::from(options.moved), options.seal_count]);
        }
        let mut stub = magic.to_vec();
        for word in words {
            stub.extend(endian.write_u64(word));
        }
        stub.extend(code);
        for (address, size) in seals {
            stub.extend(endian.write_u64(address.0));
            stub.extend(endian.write_u64(size.0));
        }
        stub
    }
}

/// The words of a header of `size` bytes that ends where the code starts.
pub(crate) fn words<const N: usize>(
    elf: &Elf<'_>,
    code: Address,
    size: u64,
) -> Option<[[u8; 8]; N]> {
    let address = Address(code.0.checked_sub(size)?);
    let offset = elf.offset_of(address, Size(size))?;
    let data = elf.file().slice(offset.0, Size(size), "the stub").ok()?;
    let (words, _) = data.data().ok()?.as_chunks::<8>();
    words.first_chunk::<N>().copied()
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
