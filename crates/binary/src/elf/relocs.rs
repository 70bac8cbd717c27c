//! Dynamic relocations with addends: gABI, chapter 4, "Relocation".

use object::Endianness;
use object::elf::{DT_JMPREL, DT_PLTRELSZ, DT_RELA, DT_RELASZ, DynamicTag, Rela64, RelocationType};

use super::{Class, Dynamic, Elf};
use crate::error::{Error, ErrorKind};
use crate::quantity::{Address, Offset, Size};

/// One relocation of a RELA table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rela {
    /// `r_offset`: the address of the word that is relocated.
    pub target: Address,
    /// The type half of `r_info`.
    pub kind: RelocationType,
    /// The symbol half of `r_info`; 0 for none.
    pub symbol: u32,
    /// `r_addend`.
    pub addend: i64,
    /// The file offset of the entry.
    pub offset: Offset,
}

/// Which table of the dynamic section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelocationTable {
    /// `DT_RELA`.
    Rela,
    /// `DT_JMPREL`: the relocations of the procedure linkage table.
    JmpRel,
}

impl RelocationTable {
    fn tags(self) -> (DynamicTag, DynamicTag) {
        match self {
            Self::Rela => (DT_RELA, DT_RELASZ),
            Self::JmpRel => (DT_JMPREL, DT_PLTRELSZ),
        }
    }
}

/// A RELA table of a 64-bit file, in the file's order.
#[derive(Clone, Copy, Debug)]
pub struct Relas<'data> {
    table: &'data [Rela64<Endianness>],
    endian: Endianness,
    /// Where the table starts in memory.
    pub address: Address,
    /// Where the table starts in the file.
    pub offset: Offset,
}

impl<'data> Relas<'data> {
    /// How many relocations there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The size of the table in bytes.
    pub fn size(&self) -> Size {
        Size::of(size_of_val(self.table))
    }

    /// The relocations.
    pub fn iter(&self) -> impl Iterator<Item = Rela> + 'data {
        let (endian, base) = (self.endian, self.offset.0);
        const ENTRY_SIZE: u64 = size_of::<Rela64<Endianness>>() as u64;
        let offsets = (0u64..).map(move |i| base.saturating_add(i.saturating_mul(ENTRY_SIZE)));
        self.table.iter().zip(offsets).map(move |(raw, offset)| {
            // MIPS64 alone packs r_info in another way; its programs are never PIE in Go.
            Rela {
                target: Address(raw.r_offset.get(endian)),
                kind: raw.r_type(endian, false),
                symbol: raw.r_sym(endian, false),
                addend: raw.r_addend.get(endian),
                offset: Offset(offset),
            }
        })
    }
}

impl<'data> Elf<'data> {
    /// A RELA table that the dynamic section names; `None` when it names none or an empty one.
    ///
    /// # Errors
    /// When the table does not lie inside the file part of a segment, is not a whole number of
    /// entries, or the file is a 32-bit one, whose tables are not read yet.
    pub fn relas(
        &self,
        dynamic: &Dynamic,
        which: RelocationTable,
    ) -> Result<Option<Relas<'data>>, Error> {
        let (address_tag, size_tag) = which.tags();
        let (Some(address), Some(size)) = (dynamic.value(address_tag), dynamic.value(size_tag))
        else {
            return Ok(None);
        };
        if size == 0 {
            return Ok(None);
        }
        let (address, size) = (Address(address), Size(size));
        let entry_size = size_of::<Rela64<Endianness>>() as u64;
        let wrong = |kind, message| Err(Error::at(kind, dynamic.offset, message));
        if self.header.class == Class::Elf32 {
            return wrong(
                ErrorKind::Unsupported,
                "relocations of 32-bit files are not supported".into(),
            );
        }
        if !size.0.is_multiple_of(entry_size) {
            let message = format!(
                "`{size_tag:?}` is {size}, not a multiple of the entry size {entry_size:#x}"
            );
            return wrong(ErrorKind::Malformed, message);
        }
        let Some(offset) = self.offset_of(address, size) else {
            let message = format!(
                "`{address_tag:?}` of {size} bytes at address {address} lies outside the file \
                 data of every segment"
            );
            return wrong(ErrorKind::Malformed, message);
        };
        let count = size.0.checked_div(entry_size).unwrap_or(0);
        Ok(Some(Relas {
            table: self
                .file
                .read_table(offset.0, count, "the relocation table")?,
            endian: self.header.endian,
            address,
            offset,
        }))
    }
}
