//! The symbol table: gABI, chapter 4, "Symbol Table".

use object::elf::{
    DT_STRSZ, DT_STRTAB, DT_SYMTAB, SHT_DYNSYM, SHT_SYMTAB, SectionType, Sym32, Sym64, SymbolBind,
    SymbolType,
};
use object::read::elf::Sym;
use object::{Endianness, pod::Pod};

use super::{Class, Elf};
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::partial::all;
use crate::quantity::{Address, Size};

/// One symbol of `.symtab` or `.dynsym`.
#[derive(Clone, Copy, Debug)]
pub struct Symbol<'data> {
    /// The name, without its NUL.
    pub name: &'data [u8],
    /// `st_type`.
    pub kind: SymbolType,
    /// `st_bind`: `STB_LOCAL` for those of one source file.
    pub binding: SymbolBind,
    /// `st_value`.
    pub address: Address,
    /// `st_size`.
    pub size: Size,
    /// `st_shndx`: the section it is in; 0 for none.
    pub section: u16,
}

pub(super) fn read<'data>(elf: &Elf<'data>) -> Result<Vec<Symbol<'data>>, Error> {
    read_section(elf, SHT_SYMTAB)
}

/// The dynamic symbols: by section, or, in a file without section headers, as a loader finds them.
pub(super) fn read_dynamic<'data>(elf: &Elf<'data>) -> Result<Vec<Symbol<'data>>, Error> {
    if !elf.sections().is_empty() {
        return read_section(elf, SHT_DYNSYM);
    }
    let Some(dynamic) = elf.dynamic()? else {
        return Ok(Vec::new());
    };
    let place = |tag| dynamic.value(tag).map(Address);
    let (Some(table), Some(names)) = (place(DT_SYMTAB), place(DT_STRTAB)) else {
        return Ok(Vec::new());
    };
    // No entry says how many symbols there are. All linkers put their names right behind them.
    let size = names.distance_from(table).unwrap_or_default();
    let names_size = Size(dynamic.value(DT_STRSZ).unwrap_or_default());
    let part = |address, size, what| match elf.offset_of(address, size) {
        Some(offset) => elf.file().slice(offset.0, size, what),
        None => elf.file().slice(0, Size(0), what),
    };
    read_table(
        elf,
        part(table, size, "`DT_SYMTAB`")?,
        part(names, names_size, "`DT_STRTAB`")?,
    )
}

fn read_section<'data>(elf: &Elf<'data>, kind: SectionType) -> Result<Vec<Symbol<'data>>, Error> {
    let Some(section) = elf.sections().iter().find(|s| s.kind == kind) else {
        return Ok(Vec::new());
    };
    let names = usize::try_from(section.link)
        .ok()
        .and_then(|index| elf.sections().get(index))
        .ok_or_else(|| {
            let message = format!(
                "`sh_link` of `{}` is {}, which is not a section",
                section.name(),
                section.link
            );
            Error::at(ErrorKind::Malformed, section.header, message)
        })?;
    read_table(elf, elf.section_data(section)?, elf.section_data(names)?)
}

fn read_table<'data>(
    elf: &Elf<'data>,
    table: Bytes<'data>,
    names: Bytes<'data>,
) -> Result<Vec<Symbol<'data>>, Error> {
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
    let table = table.read_table::<S>(0, count, "the symbol table")?;
    let symbols = all(table.iter().map(|raw| {
        Ok(Symbol {
            name: names
                .c_string(raw.st_name(endian).into())?
                .unwrap_or_default(),
            kind: raw.st_type(),
            binding: raw.st_bind(),
            address: Address(raw.st_value(endian).into()),
            size: Size(raw.st_size(endian).into()),
            section: raw.st_shndx(endian).0,
        })
    }));
    Ok(symbols?)
}
