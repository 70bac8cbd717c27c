//! Where the functions are that advisories name. Asked for on demand only: the answer to whether they
//! are in a program needs no more than their names, and this needs much more of the file.

use std::collections::HashMap;

use handpie_binary::{Binary, Incomplete, Offset};

use super::code::Function;
use super::inventory::Inventory;
use super::triage::Row;

/// Says of every function in `rows` where it is; `inventory` is that of `binary`.
///
/// # Errors
/// [`Incomplete`] when what tells has not been read.
pub fn locate<'data>(
    rows: &mut [Row<'_>],
    inventory: &Inventory<'data>,
    binary: &Binary<'data>,
) -> Result<(), Incomplete> {
    // Many advisories may name one symbol.
    let mut known: HashMap<Offset, usize> = HashMap::new();
    let mut groups: Vec<Vec<Offset>> = Vec::new();
    for function in functions(rows) {
        known.entry(function.offset).or_insert_with(|| {
            groups.push(function.names.clone());
            groups.len().saturating_sub(1)
        });
    }
    if groups.is_empty() {
        return Ok(());
    }
    let Some(places) = inventory.code.places(binary, &groups)? else {
        return Ok(());
    };
    for function in functions(rows) {
        let group = known.get(&function.offset);
        function.place = group.and_then(|group| places.get(*group)).cloned();
    }
    Ok(())
}

fn functions<'r>(rows: &'r mut [Row<'_>]) -> impl Iterator<Item = &'r mut Function> {
    let hits = rows.iter_mut().flat_map(|row| &mut row.hits);
    hits.flat_map(|hit| hit.symbols.values_mut().flatten())
}
