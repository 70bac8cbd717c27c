//! Which upgrades fix advisories: one per module, the most urgent first.

use std::collections::BTreeMap;

use crate::ecosystem::{Ecosystem, STDLIB, TOOLCHAIN};
use crate::matches::{Match, Tier};
use crate::semver;
use crate::unclear_version::UnclearVersion;

/// A module or crate to upgrade, and the advisories that are fixed by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// Who numbers its versions.
    pub ecosystem: Ecosystem,
    /// The module path, `stdlib` for Go itself, or the name of a crate.
    pub module: String,
    /// The version that is in the binary; empty where it is not known.
    pub version: String,
    /// Why that version does not tell for sure whether it is affected.
    pub unclear_version: Option<UnclearVersion>,
    /// The lowest version that none of the advisories is about; `None` when there is none.
    pub fixed: Option<String>,
    /// The worst tier among them.
    pub tier: Tier,
    /// The advisories, by id.
    pub advisories: Vec<String>,
}

/// The upgrades, the most urgent first: by tier, then by how many advisories they fix. Only modules
/// of `least` or worse are looked at.
pub(crate) fn upgrades<'t>(
    matches: impl Iterator<Item = &'t Match<'t>>,
    least: Tier,
) -> Vec<Upgrade> {
    let mut upgrades: BTreeMap<Key<'_>, Upgrade> = BTreeMap::new();
    for matched in matches {
        for module in matched.modules.iter().filter(|module| module.tier >= least) {
            // What can be fixed is an upgrade of its own; the rest of a module is another.
            // The toolchain is upgraded together with its standard library.
            let name = match module.name.as_str() {
                TOOLCHAIN => STDLIB,
                name => name,
            };
            // A program may hold a crate in several versions, each of which has its own way out.
            let key = (
                (module.ecosystem, name, module.version.as_str()),
                &module.unclear_version,
                module.fixed.is_none(),
            );
            let upgrade = upgrades.entry(key).or_insert_with(|| Upgrade {
                ecosystem: module.ecosystem,
                module: name.to_owned(),
                version: module.version.clone(),
                unclear_version: module.unclear_version.clone(),
                fixed: module.fixed.clone(),
                tier: module.tier,
                advisories: Vec::new(),
            });
            upgrade.tier = upgrade.tier.max(module.tier);
            if let (Some(known), Some(fixed)) = (&upgrade.fixed, &module.fixed)
                && semver::compare(known, fixed).is_lt()
            {
                upgrade.fixed = Some(fixed.clone());
            }
            let id = matched.advisory.id();
            if !upgrade.advisories.iter().any(|known| known == id) {
                upgrade.advisories.push(id.to_owned());
            }
        }
    }
    let mut upgrades: Vec<Upgrade> = upgrades.into_values().collect();
    upgrades.sort_by(|a, b| {
        let order = b.tier.cmp(&a.tier);
        let order = order.then_with(|| b.fixed.is_some().cmp(&a.fixed.is_some()));
        let order = order.then_with(|| b.advisories.len().cmp(&a.advisories.len()));
        order.then_with(|| (&a.module, &a.version).cmp(&(&b.module, &b.version)))
    });
    upgrades
}

/// Module and version, what is not sure about that, and whether there is no way out.
type Key<'m> = (
    (Ecosystem, &'m str, &'m str),
    &'m Option<UnclearVersion>,
    bool,
);

impl Upgrade {
    /// The version to upgrade to; `None` when there is none, or when it may be older than the one
    /// that is in the binary.
    pub fn to(&self) -> Option<&str> {
        match self.unclear_version {
            Some(UnclearVersion::Commit(_)) => None,
            _ => self.fixed.as_deref(),
        }
    }
}
