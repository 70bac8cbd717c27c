//! Which symbols a loader looks up, and for what: gABI, chapter 5, "Dynamic Linking".

use object::elf::{
    DT_JMPREL, DT_PLTREL, DT_PLTRELSZ, DT_REL, DT_RELA, DT_RELASZ, DT_RELSZ, DynamicTag, EM_MIPS,
    Rel32, Rel64, Rela32, Rela64,
};
use object::read::elf::{Rel, Rela};
use object::{Endianness, pod::Pod};

use super::{Class, Dynamic, Elf};
use crate::error::well_formed;
use crate::limits::MAX_REFERENCES;
use crate::partial::Incomplete;
use crate::quantity::{Address, Size};

/// A relocation that names a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The index in `DT_SYMTAB`.
    pub symbol: u32,
    /// `r_offset`: the address of the word that the symbol's address is written to.
    pub target: Address,
    /// Whether the table is `DT_JMPREL`, whose words serve calls and nothing else.
    pub is_call: bool,
}

impl<'data> Elf<'data> {
    /// The relocations of the dynamic section's tables that name a symbol, in the tables' order; of
    /// MIPS none, whose GOT has no relocations and whose `r_info` is laid out in another way. A table that lies outside the file has none.
    ///
    /// # Errors
    /// [`Incomplete`] when not all of the tables have been read.
    pub fn references(&self, dynamic: &Dynamic) -> Result<Vec<Reference>, Incomplete> {
        if self.header.machine == EM_MIPS {
            return Ok(Vec::new());
        }
        let of_plt = match dynamic
            .value(DT_PLTREL)
            .map(|kind| DynamicTag(kind.cast_signed()))
        {
            Some(DT_REL) => DT_REL,
            _ => DT_RELA,
        };
        let tables = [
            (DT_JMPREL, DT_PLTRELSZ, of_plt),
            (DT_RELA, DT_RELASZ, DT_RELA),
            (DT_REL, DT_RELSZ, DT_REL),
        ];
        let read = tables.map(|(start, size, form)| {
            let found = self.table(dynamic, start, size, form)?;
            let is_call = start == DT_JMPREL;
            Ok(found.into_iter().map(move |(symbol, target)| Reference {
                symbol,
                target,
                is_call,
            }))
        });
        let [calls, relas, rels] = read;
        Ok(calls?.chain(relas?).chain(rels?).collect())
    }

    fn table(
        &self,
        dynamic: &Dynamic,
        start: DynamicTag,
        size: DynamicTag,
        form: DynamicTag,
    ) -> Result<Vec<(u32, Address)>, Incomplete> {
        let (Some(start), Some(size)) = (dynamic.value(start), dynamic.value(size)) else {
            return Ok(Vec::new());
        };
        let (start, size) = (Address(start), Size(size));
        let endian = self.header.endian;
        match (self.header.class, form) {
            (Class::Elf32, DT_REL) => self.entries::<Rel32<Endianness>>(start, size, |one| {
                (one.r_sym(endian), one.r_offset(endian).into())
            }),
            (Class::Elf32, _) => self.entries::<Rela32<Endianness>>(start, size, |one| {
                (one.r_sym(endian), one.r_offset(endian).into())
            }),
            (Class::Elf64, DT_REL) => self.entries::<Rel64<Endianness>>(start, size, |one| {
                (one.r_sym(endian), one.r_offset(endian))
            }),
            (Class::Elf64, _) => self.entries::<Rela64<Endianness>>(start, size, |one| {
                (one.r_sym(endian, false), one.r_offset(endian))
            }),
        }
    }

    fn entries<T: Pod>(
        &self,
        start: Address,
        size: Size,
        read: impl Fn(&T) -> (u32, u64),
    ) -> Result<Vec<(u32, Address)>, Incomplete> {
        let count = size
            .0
            .checked_div(size_of::<T>() as u64)
            .unwrap_or(0)
            .min(MAX_REFERENCES);
        let Some(offset) = self.offset_of(start, Size(0)) else {
            return Ok(Vec::new());
        };
        let table = self
            .file
            .read_table::<T>(offset.0, count, "a relocation table");
        let table = well_formed(table)?.unwrap_or_default();
        let named = table.iter().map(read).filter(|(symbol, _)| *symbol != 0);
        Ok(named
            .map(|(symbol, target)| (symbol, Address(target)))
            .collect())
    }
}
