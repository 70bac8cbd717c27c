//! The dynamic section: gABI, chapter 5, "Dynamic Section".

use object::elf::{DT_NEEDED, DT_NULL, DT_STRSZ, DT_STRTAB, DT_SYMTAB, DynamicTag};
use object::elf::{Dyn32, Dyn64, Sym64};
use object::read::elf::Dyn;
use object::{Endianness, pod::Pod};

use super::{Class, Elf, Header, Segment};
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind, well_formed};
use crate::limits::MAX_DYNAMIC_ENTRIES;
use crate::partial::{Incomplete, all};
use crate::quantity::{Address, Offset, Size};

/// One entry of the dynamic section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DynamicEntry {
    /// `d_tag`.
    pub tag: DynamicTag,
    /// `d_val` or `d_ptr`.
    pub value: u64,
    /// The file offset of the entry.
    pub offset: Offset,
}

/// The dynamic section up to its `DT_NULL`.
#[derive(Clone, Debug)]
pub struct Dynamic {
    /// The entries, without the `DT_NULL` that ends them.
    pub entries: Vec<DynamicEntry>,
    /// Where the section starts in the file.
    pub offset: Offset,
    /// Where it starts in memory.
    pub address: Address,
    /// How many entries there is room for in the file, the final `DT_NULL` included.
    pub capacity: usize,
}

impl Dynamic {
    /// The value of the first entry with this tag.
    pub fn value(&self, tag: DynamicTag) -> Option<u64> {
        self.entries
            .iter()
            .find(|entry| entry.tag == tag)
            .map(|entry| entry.value)
    }

    /// The names in `DT_NEEDED`: the libraries the loader is asked for.
    ///
    /// # Errors
    /// When a name does not lie inside the file.
    pub fn needed(&self, elf: &Elf<'_>) -> Result<Vec<String>, Error> {
        let needed = self.entries.iter().filter(|entry| entry.tag == DT_NEEDED);
        let names = all(needed.clone().map(|entry| self.string(elf, entry.value)))?;
        let names = names.into_iter().zip(needed).map(|(name, entry)| {
            name.ok_or_else(|| {
                let message = format!(
                    "`DT_NEEDED` refers to string {:#x}, which lies outside `DT_STRTAB`",
                    entry.value
                );
                Error::at(ErrorKind::Malformed, entry.offset, message)
            })
        });
        names.collect()
    }

    /// The name of a symbol of `DT_SYMTAB` in a 64-bit file; `None` when it has none or the table
    /// does not hold it.
    ///
    /// # Errors
    /// [`Incomplete`] when it has not been read.
    pub fn symbol_name(&self, elf: &Elf<'_>, index: u32) -> Result<Option<String>, Incomplete> {
        const ENTRY: u64 = size_of::<Sym64<Endianness>>() as u64;
        let symbol = || {
            let start = u64::from(index).checked_mul(ENTRY)?;
            let address = Address(self.value(DT_SYMTAB)?.checked_add(start)?);
            let offset = elf.offset_of(address, Size(ENTRY))?;
            Some(elf.file().read::<Sym64<Endianness>>(offset.0, "a symbol"))
        };
        if elf.header().class != Class::Elf64 {
            return Ok(None);
        }
        let symbol = symbol().map(well_formed).transpose()?.flatten();
        let Some(symbol) = symbol else {
            return Ok(None);
        };
        let name = self.string(elf, symbol.st_name.get(elf.header().endian).into())?;
        Ok(name.filter(|name| !name.is_empty()))
    }

    /// The string at `index` of `DT_STRTAB`.
    ///
    /// # Errors
    /// [`Incomplete`] when it has not been read.
    pub fn string(&self, elf: &Elf<'_>, index: u64) -> Result<Option<String>, Incomplete> {
        let table = || {
            let size = Size(self.value(DT_STRSZ)?);
            let table = elf.offset_of(Address(self.value(DT_STRTAB)?), size)?;
            elf.file().slice(table.0, size, "`DT_STRTAB`").ok()
        };
        let Some(table) = table() else {
            return Ok(None);
        };
        let name = table.c_string(index)?;
        Ok(name.map(|name| String::from_utf8_lossy(name).into_owned()))
    }
}

pub(super) fn read(data: Bytes<'_>, header: &Header, segment: &Segment) -> Result<Dynamic, Error> {
    match header.class {
        Class::Elf32 => read_class::<Dyn32<Endianness>>(data, header.endian, segment),
        Class::Elf64 => read_class::<Dyn64<Endianness>>(data, header.endian, segment),
    }
}

fn read_class<D>(data: Bytes<'_>, endian: Endianness, segment: &Segment) -> Result<Dynamic, Error>
where
    D: Dyn<Endian = Endianness> + Pod,
{
    let entry_size = size_of::<D>() as u64;
    let count = data.size().0.checked_div(entry_size).unwrap_or(0);
    let table = data.read_table::<D>(0, count, "the dynamic section")?;
    let mut entries = Vec::new();
    for (index, raw) in table.iter().enumerate() {
        let offset = Offset(
            data.base()
                .0
                .saturating_add((index as u64).saturating_mul(entry_size)),
        );
        let tag = raw.d_tag(endian);
        if tag == DT_NULL {
            return Ok(Dynamic {
                entries,
                offset: data.base(),
                address: segment.address,
                capacity: table.len(),
            });
        }
        if index >= MAX_DYNAMIC_ENTRIES {
            let message = format!("more than {MAX_DYNAMIC_ENTRIES} entries in the dynamic section");
            return Err(Error::at(ErrorKind::TooLarge, offset, message));
        }
        entries.push(DynamicEntry {
            tag,
            value: raw.d_val(endian).into(),
            offset,
        });
    }
    let message = format!(
        "the dynamic section of {} bytes has no `DT_NULL` at its end",
        data.size()
    );
    Err(Error::at(ErrorKind::Malformed, data.base(), message))
}
