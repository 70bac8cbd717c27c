//! What a program does with a function of a library: calls it, or only takes its address and hands
//! it to others.

use std::collections::{BTreeMap, BTreeSet};

use handpie_binary::Address;
use handpie_binary::elf::constants::{EM_X86_64, STT_FUNC, STT_NOTYPE};
use handpie_binary::elf::{Elf, Symbol};

use super::code;

/// Those of the functions `of` that the loader is asked for and that the program itself does not call.
/// Of a function whose relocations are not found, nothing shows that. `None` while not all of it has
/// been read.
///
/// The words of `DT_JMPREL` serve calls alone. A word of another table holds an address, but linkers
/// for x86 let calls go through that word, too, where both are needed (`.plt.got`), and so do
/// compilers with -fno-plt. There the code tells.
pub(super) fn only_taken<'data>(
    elf: &Elf<'data>,
    dynamic: &[Symbol<'data>],
    of: &[&[u8]],
) -> Option<Vec<&'data [u8]>> {
    let Some(section) = elf.dynamic().ok().flatten() else {
        return Some(Vec::new());
    };
    let references = elf.references(&section).ok()?;
    let asked = dynamic.iter().zip(0u32..).filter(|(symbol, _)| {
        let is_function = symbol.kind == STT_FUNC || symbol.kind == STT_NOTYPE;
        is_function && symbol.section == 0 && of.contains(&symbol.name)
    });
    let names: BTreeMap<u32, &'data [u8]> = asked.map(|(symbol, at)| (at, symbol.name)).collect();
    let mut called = BTreeSet::new();
    let mut taken: BTreeMap<&'data [u8], Vec<Address>> = BTreeMap::new();
    for reference in &references {
        match names.get(&reference.symbol) {
            Some(name) if reference.is_call => drop(called.insert(*name)),
            Some(name) => taken.entry(name).or_default().push(reference.target),
            None => {}
        }
    }
    taken.retain(|name, _| !called.contains(name));
    if taken.is_empty() {
        return Some(Vec::new());
    }
    let has_plt = references.iter().any(|reference| reference.is_call);
    if elf.header().machine != EM_X86_64 {
        // Without such a table, calls go through the others.
        return Some(match has_plt {
            true => taken.into_keys().collect(),
            false => Vec::new(),
        });
    }
    let stretches = code::stretches(elf).ok()?;
    let called = code::called_through(&stretches);
    taken.retain(|_, words| !words.iter().any(|word| called.contains(word)));
    Some(taken.into_keys().collect())
}
