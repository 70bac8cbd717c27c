//! The COFF symbol table: `IMAGE_SYMBOL` in <winnt.h>; PE Format, "COFF Symbol Table". Go's linker
//! and GNU ld write one, Microsoft's does not.

use object::pe::{
    IMAGE_SYM_CLASS_EXTERNAL, IMAGE_SYM_CLASS_LABEL, IMAGE_SYM_CLASS_STATIC, ImageSymbol,
};

use super::Pe;
use crate::bytes::Bytes;
use crate::error::Error;
use crate::partial::{Incomplete, all};
use crate::quantity::{Address, Size};

/// One symbol that names code or data.
#[derive(Clone, Copy, Debug)]
pub struct Symbol<'data> {
    /// The name, without its NUL. In 32-bit files, those of C functions start with `_`.
    pub name: &'data [u8],
    /// Where it is: `Value` behind its section; `None` for one in no section.
    pub address: Option<Address>,
}

/// The size of the number that the string table starts with: its own length.
const LENGTH_SIZE: u64 = 4;

pub(super) fn read<'data>(pe: &Pe<'data>) -> Result<Vec<Symbol<'data>>, Error> {
    let endian = object::LittleEndian;
    let header = pe.header();
    if header.symbol_table.0 == 0 || header.symbol_count == 0 {
        return Ok(Vec::new());
    }
    let entry_size = size_of::<ImageSymbol>() as u64;
    let size = Size(u64::from(header.symbol_count).saturating_mul(entry_size));
    let start = header.symbol_table.0;
    let table = pe.file.slice(start, size, "the COFF symbol table")?;
    let names_at = start.saturating_add(size.0);
    let length = pe
        .file
        .read::<[u8; 4]>(names_at, "the length of the string table")?;
    let length = u64::from(u32::from_le_bytes(*length)).max(LENGTH_SIZE);
    let names = pe.file.slice(names_at, Size(length), "the string table")?;

    let mut symbols: Vec<Result<Symbol<'_>, Incomplete>> = Vec::new();
    let entries = table.read_table::<ImageSymbol>(0, header.symbol_count.into(), "a symbol")?;
    let mut entries = entries.iter();
    while let Some(raw) = entries.next() {
        // What follows as further details of this one is no symbol. `nth` skips them and one more.
        if let Some(more) = raw.number_of_aux_symbols.checked_sub(1) {
            entries.nth(more.into());
        }
        let named = [
            IMAGE_SYM_CLASS_EXTERNAL,
            IMAGE_SYM_CLASS_STATIC,
            IMAGE_SYM_CLASS_LABEL,
        ];
        if !named.contains(&raw.storage_class) {
            continue;
        }
        let number = usize::from(raw.section_number.get(endian));
        let section = number.checked_sub(1).and_then(|n| pe.sections.get(n));
        let value = Size(raw.value.get(endian).into());
        symbols.push(name(&raw.name, names).map(|name| Symbol {
            name,
            address: section.and_then(|section| section.address.checked_add(value)),
        }));
    }
    Ok(all(symbols.into_iter())?)
}

/// Eight bytes, or four zeros and the place of a longer name in the string table.
fn name<'data>(field: &'data [u8; 8], names: Bytes<'data>) -> Result<&'data [u8], Incomplete> {
    if let [0, 0, 0, 0, place @ ..] = field {
        let name = names.c_string(u32::from_le_bytes(*place).into())?;
        return Ok(name.unwrap_or_default());
    }
    let end = field.iter().position(|&byte| byte == 0);
    Ok(end.and_then(|end| field.get(..end)).unwrap_or(field))
}
