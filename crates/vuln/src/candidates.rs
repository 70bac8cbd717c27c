//! Which advisories apply to a version in the binary, regardless of what is linked.

use crate::database::{Affected, Database, Import};
use crate::ecosystem::Ecosystem;
use crate::inventory::{Component, Inventory};
use crate::version_doubt::VersionDoubt;

/// An advisory about a component, of a version that it affects.
#[derive(Debug)]
pub(crate) struct Candidate<'db> {
    /// The number of the component in the inventory.
    pub(crate) component: usize,
    pub(crate) affected: Affected<'db>,
    /// The packages that the advisory names, as far as they are for this system and CPU.
    pub(crate) imports: Vec<Import<'db>>,
    /// The version in which it is fixed, if there is one.
    pub(crate) fixed: Option<&'db str>,
    /// Why it is not sure that it affects that version.
    pub(crate) doubt: Option<VersionDoubt>,
}

/// All candidates, in the order of the inventory.
pub(crate) fn candidates<'db>(
    inventory: &Inventory<'_>,
    database: &'db Database<'db>,
) -> Vec<Candidate<'db>> {
    let components = inventory.components.iter().enumerate();
    let versioned = components.filter(|(_, component)| !component.version.is_empty());
    let candidates = versioned.flat_map(|(index, component)| {
        let affected = database.about(component.ecosystem, &component.name);
        affected.filter_map(move |affected| candidate(inventory, index, component, affected))
    });
    candidates.collect()
}

fn candidate<'db>(
    inventory: &Inventory<'_>,
    index: usize,
    component: &Component,
    affected: Affected<'db>,
) -> Option<Candidate<'db>> {
    let intervals = affected.intervals();
    let containing = intervals.filter(|it| it.contains(&component.version));
    // One of which there is no doubt, if there is one.
    let interval = containing.min_by_key(|it| it.doubt)?;
    if !is_for_system(component, &affected, &inventory.record.os) {
        return None;
    }
    let (os, cpu) = (&inventory.record.os, &inventory.record.cpu);
    let named = affected.imports().count();
    let imports: Vec<Import<'db>> = affected.imports().filter(|it| it.is_for(os, cpu)).collect();
    // Named for other systems only.
    if named > 0 && imports.is_empty() {
        return None;
    }
    Some(Candidate {
        component: index,
        affected,
        imports,
        fixed: interval.fixed(),
        doubt: interval.doubt,
    })
}

/// Advisories about crates name Rust's systems. Of an ELF file it is not to be seen which system it
/// is for, only that it is neither Windows nor one of Apple's.
fn is_for_system(component: &Component, affected: &Affected<'_>, os: &str) -> bool {
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
    let mut systems = affected.systems().peekable();
    systems.peek().is_none() || systems.any(fits)
}
