//! Where the functions are that advisories name. Asked for on demand only: the answer to whether they
//! are in a program needs no more than their names, and this needs much more of the file.

use std::collections::HashMap;

use handpie_binary::{Binary, Incomplete, Offset};

use crate::code::Function;
use crate::inventory::Inventory;
use crate::matches::Match;

/// Says where every function in `matches` is; `inventory` is that of `binary`.
///
/// # Errors
/// [`Incomplete`] when what tells has not been read.
pub(crate) fn locate<'data>(
    matches: &mut [Match<'_>],
    inventory: &Inventory<'data>,
    binary: &Binary<'data>,
) -> Result<(), Incomplete> {
    // Many advisories may name one symbol.
    let mut known: HashMap<Offset, usize> = HashMap::new();
    let mut groups: Vec<Vec<Offset>> = Vec::new();
    for function in functions(matches) {
        let Some(offset) = function.offset else {
            continue;
        };
        known.entry(offset).or_insert_with(|| {
            groups.push(function.names.clone());
            groups.len().saturating_sub(1)
        });
    }
    if groups.is_empty() {
        return Ok(());
    }
    let Some(locations) = inventory.code.locations(binary, &groups)? else {
        return Ok(());
    };
    for function in functions(matches) {
        if let Some(group) = function.offset.and_then(|offset| known.get(&offset)) {
            function.location = locations.get(*group).cloned();
        }
    }
    Ok(())
}

fn functions<'r>(matches: &'r mut [Match<'_>]) -> impl Iterator<Item = &'r mut Function> {
    let modules = matches.iter_mut().flat_map(|matched| &mut matched.modules);
    modules.flat_map(|module| module.symbols.values_mut().flatten())
}
