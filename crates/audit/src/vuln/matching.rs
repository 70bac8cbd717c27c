//! Which advisories apply to a version in the binary, regardless of what is linked.

use super::database::{Block, Database, Import};
use super::ecosystem::Ecosystem;
use super::inventory::{Component, Inventory};

/// An advisory about a component, of a version that it affects.
#[derive(Debug)]
pub(super) struct Match<'db> {
    /// The number of the component in the inventory.
    pub(super) component: usize,
    pub(super) block: Block<'db>,
    /// The packages that the advisory names, as far as they are for this system and CPU.
    pub(super) imports: Vec<Import<'db>>,
    /// The version in which it is fixed, if there is one.
    pub(super) fixed: Option<&'db str>,
}

/// All matches, in the order of the inventory.
pub(super) fn matches<'db>(
    inventory: &Inventory<'_>,
    database: &'db Database<'db>,
) -> Vec<Match<'db>> {
    let components = inventory.components.iter().enumerate();
    let versioned = components.filter(|(_, component)| !component.version.is_empty());
    let matches = versioned.flat_map(|(index, component)| {
        let blocks = database.about(component.ecosystem, &component.name);
        blocks.filter_map(move |block| matched(inventory, index, component, block))
    });
    matches.collect()
}

fn matched<'db>(
    inventory: &Inventory<'_>,
    index: usize,
    component: &Component,
    block: Block<'db>,
) -> Option<Match<'db>> {
    let mut intervals = block.intervals();
    let interval = intervals.find(|it| it.contains(&component.version))?;
    if !is_for_system(component, &block, &inventory.record.os) {
        return None;
    }
    let (os, cpu) = (&inventory.record.os, &inventory.record.cpu);
    let named = block.imports().count();
    let imports: Vec<Import<'db>> = block.imports().filter(|it| it.is_for(os, cpu)).collect();
    // Named for other systems only.
    if named > 0 && imports.is_empty() {
        return None;
    }
    Some(Match {
        component: index,
        block,
        imports,
        fixed: interval.fixed(),
    })
}

/// Advisories about crates name Rust's systems. Of an ELF file it is not to be seen which system it
/// is for, only that it is neither Windows nor one of Apple's.
fn is_for_system(component: &Component, block: &Block<'_>, os: &str) -> bool {
    if component.ecosystem != Ecosystem::CratesIo {
        return true;
    }
    let fits = |system: &str| {
        let apple = matches!(system, "macos" | "ios" | "tvos" | "watchos" | "visionos");
        match os {
            "windows" => system == "windows",
            "darwin" => apple,
            _ => !apple && system != "windows",
        }
    };
    let mut systems = block.systems().peekable();
    systems.peek().is_none() || systems.any(fits)
}
