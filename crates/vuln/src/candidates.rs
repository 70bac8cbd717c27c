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
    /// Why it is not sure that it affects that version.
    pub(crate) doubt: Option<VersionDoubt>,
}

/// What is done where the version of a module is none, or is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// The nearest version is taken; of what is not known, every advisory may be about it.
    Counts,
    /// What is written is compared as it is, and what is not known matches nothing, as in govulncheck.
    AsWritten,
}

impl Unclear {
    /// The version to compare; empty when every advisory may be about it, `None` when none is.
    pub(crate) fn version(self, component: &Component) -> Option<&str> {
        match self {
            Self::Counts => Some(&component.compared),
            Self::AsWritten => Some(&*component.version).filter(|version| !version.is_empty()),
        }
    }
}

/// All candidates, in the order of the inventory.
pub(crate) fn candidates<'db>(
    inventory: &Inventory<'_>,
    database: &'db Database<'db>,
    unclear: Unclear,
) -> Vec<Candidate<'db>> {
    let components = inventory.components.iter().enumerate();
    let versioned = components.filter_map(|(index, component)| {
        let version = unclear.version(component)?;
        Some((index, component, version))
    });
    let candidates = versioned.flat_map(|(index, component, version)| {
        let affected = database.about(component.ecosystem, &component.name);
        affected.filter_map(move |it| candidate(inventory, (index, component), version, it))
    });
    candidates.collect()
}

fn candidate<'db>(
    inventory: &Inventory<'_>,
    (index, component): (usize, &Component),
    version: &str,
    affected: Affected<'db>,
) -> Option<Candidate<'db>> {
    let intervals = affected.intervals();
    let containing = intervals.filter(|it| version.is_empty() || it.contains(version));
    // One of which there is no doubt, if there is one.
    let doubt = containing.map(|it| it.doubt).min()?;
    let (os, cpu) = (&inventory.record.os, &inventory.record.cpu);
    if !is_for_system(component, &affected, os) || !is_for_cpu(component, &affected, cpu) {
        return None;
    }
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
        doubt,
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

/// Advisories about crates name Rust's CPUs (`target_arch`).
fn is_for_cpu(component: &Component, affected: &Affected<'_>, cpu: &str) -> bool {
    let of_rust = match cpu {
        _ if component.ecosystem != Ecosystem::CratesIo => return true,
        "" => return true,
        "386" => "x86",
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        "loong64" => "loongarch64",
        "ppc64" | "ppc64le" => "powerpc64",
        other => other,
    };
    let mut cpus = affected.cpus().peekable();
    cpus.peek().is_none() || cpus.any(|it| it == of_rust || !CPUS.contains(&it))
}

/// The CPUs of which it can be told that a program is for another.
const CPUS: [&str; 8] = [
    "x86",
    "x86_64",
    "arm",
    "aarch64",
    "loongarch64",
    "riscv64",
    "s390x",
    "powerpc64",
];
