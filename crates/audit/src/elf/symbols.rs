//! The names in a file, whichever of its two tables they are in.

use handpie_binary::elf::{Elf, Symbol};

/// All symbols: those for tools, then those for the loader.
pub(super) fn all<'data>(elf: &Elf<'data>) -> Vec<Symbol<'data>> {
    let mut symbols = elf.symbols().unwrap_or_default();
    symbols.extend(elf.dynamic_symbols().unwrap_or_default());
    symbols
}

/// The names that the loader has to find in libraries, without versions.
pub(super) fn imports<'data>(elf: &Elf<'data>) -> Vec<&'data [u8]> {
    let symbols = elf.dynamic_symbols().unwrap_or_default();
    let undefined = symbols.iter().filter(|symbol| symbol.section == 0);
    undefined.map(|symbol| symbol.name).collect()
}

/// The name for people.
pub(super) fn name(symbol: &Symbol<'_>) -> String {
    String::from_utf8_lossy(symbol.name).into_owned()
}
