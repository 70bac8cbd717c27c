//! The two symbol tables of an ELF file, read once because many rules use them.

use handpie_binary::elf::{Elf, Symbol};
use handpie_binary::{Incomplete, well_formed};

/// The symbols of a file.
#[derive(Debug)]
pub(crate) struct Symbols<'data> {
    /// Those for tools, which strip removes.
    pub(crate) table: Vec<Symbol<'data>>,
    /// Those for the loader.
    pub(crate) dynamic: Vec<Symbol<'data>>,
}

impl<'data> Symbols<'data> {
    pub(crate) fn read(elf: &Elf<'data>) -> Result<Self, Incomplete> {
        let table = well_formed(elf.symbols());
        let dynamic = well_formed(elf.dynamic_symbols());
        Ok(Self {
            table: table?.unwrap_or_default(),
            dynamic: dynamic?.unwrap_or_default(),
        })
    }

    /// Both, those for tools first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Symbol<'data>> {
        self.table.iter().chain(&self.dynamic)
    }

    /// The names that the loader has to find in libraries, without versions.
    pub(crate) fn imports(&self) -> Vec<&'data [u8]> {
        let undefined = self.dynamic.iter().filter(|symbol| symbol.section == 0);
        undefined.map(|symbol| symbol.name).collect()
    }
}

/// The name for people.
pub(super) fn name(symbol: &Symbol<'_>) -> String {
    String::from_utf8_lossy(symbol.name).into_owned()
}
