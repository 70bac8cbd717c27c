//! The symbol table: `symtab_command` and `dysymtab_command` in <mach-o/loader.h>, `nlist` and
//! `nlist_64` in <mach-o/nlist.h>.

use object::macho::{DysymtabCommand, LC_DYSYMTAB, LC_SYMTAB, N_UNDF, Nlist32, Nlist64};
use object::macho::{SymbolFlags, SymtabCommand};
use object::read::macho::Nlist;
use object::{Endianness, pod::Pod};

use super::MachO;
use crate::error::{Error, ErrorKind};
use crate::partial;
use crate::quantity::{Address, Offset, Size};

/// One symbol of `LC_SYMTAB`.
#[derive(Clone, Copy, Debug)]
pub struct Symbol<'data> {
    /// The name, without its NUL: for what C calls `main`, `_main`.
    pub name: &'data [u8],
    /// `n_type`.
    pub flags: SymbolFlags,
    /// `n_value`: where it is; 0 for one that the loader finds in another file.
    pub address: Address,
    /// The file offset of its entry in the table.
    pub entry: Offset,
}

impl Symbol<'_> {
    /// Whether the loader finds it in another file (or a linker will).
    pub fn is_undefined(&self) -> bool {
        self.flags.typ() == N_UNDF
    }
}

pub(super) fn all<'data>(macho: &MachO<'data>) -> Result<Vec<Symbol<'data>>, Error> {
    read(macho, None)
}

pub(super) fn undefined<'data>(macho: &MachO<'data>) -> Result<Vec<Symbol<'data>>, Error> {
    let endian = macho.header.endian;
    let part = match macho.command(LC_DYSYMTAB) {
        Some(command) => {
            let what = "`LC_DYSYMTAB`";
            let raw = command.data.read::<DysymtabCommand<Endianness>>(0, what)?;
            Some((raw.iundefsym.get(endian), raw.nundefsym.get(endian)))
        }
        None => None,
    };
    let mut symbols = read(macho, part)?;
    symbols.retain(Symbol::is_undefined);
    Ok(symbols)
}

/// All symbols, or those from an index on, so many.
fn read<'data>(
    macho: &MachO<'data>,
    part: Option<(u32, u32)>,
) -> Result<Vec<Symbol<'data>>, Error> {
    match macho.header.is_64 {
        true => read_width::<Nlist64<Endianness>>(macho, part),
        false => read_width::<Nlist32<Endianness>>(macho, part),
    }
}

fn read_width<'data, N>(
    macho: &MachO<'data>,
    part: Option<(u32, u32)>,
) -> Result<Vec<Symbol<'data>>, Error>
where
    N: Nlist<Endian = Endianness> + Pod,
{
    const ENTRY: &str = "`LC_SYMTAB`";
    let Some(command) = macho.command(LC_SYMTAB) else {
        return Ok(Vec::new());
    };
    let endian = macho.header.endian;
    let raw = command.data.read::<SymtabCommand<Endianness>>(0, ENTRY)?;
    let entry_size = size_of::<N>() as u64;
    let count = raw.nsyms.get(endian);
    let (first, count) = part.unwrap_or((0, count));
    let end = u64::from(first).saturating_add(count.into());
    if end > raw.nsyms.get(endian).into() {
        let message = format!(
            "`LC_DYSYMTAB` covers {end} symbols, but `nsyms` of `LC_SYMTAB` is {}",
            raw.nsyms.get(endian)
        );
        return Err(Error::at(ErrorKind::Malformed, command.offset(), message));
    }
    if count == 0 {
        return Ok(Vec::new());
    }
    let start = u64::from(first)
        .saturating_mul(entry_size)
        .saturating_add(raw.symoff.get(endian).into());
    let table = macho.file.slice(
        start,
        Size(u64::from(count).saturating_mul(entry_size)),
        "the symbol table",
    )?;
    let names = macho.file.slice(
        raw.stroff.get(endian).into(),
        Size(raw.strsize.get(endian).into()),
        "the symbol names",
    )?;
    let entries = table.read_table::<N>(0, count.into(), "the symbol table")?;
    let entries = entries.iter().enumerate().filter(|(_, raw)| !raw.is_stab());
    let symbols = partial::all(entries.map(|(index, raw)| {
        let position = (index as u64).saturating_mul(entry_size);
        Ok(Symbol {
            name: names
                .c_string(raw.n_strx(endian).into())?
                .unwrap_or_default(),
            flags: raw.n_type(),
            address: Address(raw.n_value(endian).into()),
            entry: Offset(table.base().0.saturating_add(position)),
        })
    }));
    Ok(symbols?)
}
