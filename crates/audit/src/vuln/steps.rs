//! Which modules to upgrade, one step per module, the most urgent first.

use std::collections::BTreeMap;

use super::ecosystem::{Ecosystem, STDLIB, TOOLCHAIN};
use super::semver;
use super::triage::{Row, Tier};

/// A module or crate to raise, and what that does away with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who numbers its versions.
    pub ecosystem: Ecosystem,
    /// The module path, `stdlib` for Go itself, or the name of a crate.
    pub module: String,
    /// The version that is in the binary.
    pub version: String,
    /// The lowest version that none of the advisories is about; `None` when there is none.
    pub to: Option<String>,
    /// The worst tier among them.
    pub tier: Tier,
    /// The advisories, by id.
    pub advisories: Vec<String>,
}

/// What to do, the most urgent first: by tier, then by how many advisories it does away with. Only
/// rows of `least` or worse are looked at.
pub fn steps<'t>(rows: impl Iterator<Item = &'t Row<'t>>, least: Tier) -> Vec<Step> {
    let mut steps: BTreeMap<(Ecosystem, String, bool), Step> = BTreeMap::new();
    for row in rows {
        for hit in row.hits.iter().filter(|hit| hit.tier >= least) {
            // What can be fixed is a step of its own; the rest of a module is another.
            // The toolchain is raised together with its standard library.
            let module = match hit.module.as_str() {
                TOOLCHAIN => STDLIB,
                module => module,
            };
            let key = (hit.ecosystem, module.to_owned(), hit.fixed.is_none());
            let step = steps.entry(key).or_insert_with(|| Step {
                ecosystem: hit.ecosystem,
                module: module.to_owned(),
                version: hit.version.clone(),
                to: hit.fixed.clone(),
                tier: hit.tier,
                advisories: Vec::new(),
            });
            step.tier = step.tier.max(hit.tier);
            if let (Some(to), Some(fixed)) = (&step.to, &hit.fixed)
                && semver::compare(to, fixed).is_lt()
            {
                step.to = Some(fixed.clone());
            }
            let id = row.advisory.id();
            if !step.advisories.iter().any(|known| known == id) {
                step.advisories.push(id.to_owned());
            }
        }
    }
    let mut steps: Vec<Step> = steps.into_values().collect();
    steps.sort_by(|a, b| {
        let order = b.tier.cmp(&a.tier);
        let order = order.then_with(|| b.to.is_some().cmp(&a.to.is_some()));
        let order = order.then_with(|| b.advisories.len().cmp(&a.advisories.len()));
        order.then_with(|| a.module.cmp(&b.module))
    });
    steps
}
