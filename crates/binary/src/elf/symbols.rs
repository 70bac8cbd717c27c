//! The symbol table: gABI, chapter 4, "Symbol Table".

use object::elf::{SHT_SYMTAB, Sym32, Sym64, SymbolType};
use object::read::elf::Sym;
use object::{Endianness, pod::Pod};

use super::{Class, Elf};
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::quantity::{Address, Size};

/// One symbol of `.symtab`.
#[derive(Clone, Copy, Debug)]
pub struct Symbol<'data> {
    /// The name, without its NUL.
    pub name: &'data [u8],
    /// `st_type`.
    pub kind: SymbolType,
    /// `st_value`.
    pub address: Address,
    /// `st_size`.
    pub size: Size,
    /// `st_shndx`: the section it is in; 0 for none.
    pub section: u16,
}

pub(super) fn read<'data>(elf: &Elf<'data>) -> Result<Vec<Symbol<'data>>, Error> {
    let Some(section) = elf.sections().iter().find(|s| s.kind == SHT_SYMTAB) else {
        return Ok(Vec::new());
    };
    let names = usize::try_from(section.link)
        .ok()
        .and_then(|index| elf.sections().get(index))
        .ok_or_else(|| {
            let message = format!(
                "`sh_link` of `.symtab` is {}, which is no section",
                section.link
            );
            Error::at(ErrorKind::Malformed, section.header, message)
        })?;
    let names = elf.section_data(names)?;
    let table = elf.section_data(section)?;
    match elf.header().class {
        Class::Elf32 => read_class::<Sym32<Endianness>>(table, names, elf.header().endian),
        Class::Elf64 => read_class::<Sym64<Endianness>>(table, names, elf.header().endian),
    }
}

fn read_class<'data, S>(
    table: Bytes<'data>,
    names: Bytes<'data>,
    endian: Endianness,
) -> Result<Vec<Symbol<'data>>, Error>
where
    S: Sym<Endian = Endianness> + Pod,
{
    let count = table
        .size()
        .0
        .checked_div(size_of::<S>() as u64)
        .unwrap_or(0);
    let table = table.read_table::<S>(0, count, "`.symtab`")?;
    let symbols = table.iter().map(|raw| Symbol {
        name: names
            .c_string(raw.st_name(endian).into())
            .unwrap_or_default(),
        kind: raw.st_type(),
        address: Address(raw.st_value(endian).into()),
        size: Size(raw.st_size(endian).into()),
        section: raw.st_shndx(endian).0,
    });
    Ok(symbols.collect())
}
