//! Holds an inventory against a database: for each advisory that is about a version in the binary,
//! how much of what it is about is linked. `docs/design/triage.md` says what each tier proves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use handpie_binary::Incomplete;
use serde::{Deserialize, Serialize};

use super::code::{Function, Linked, Wanted};
use super::database::{Advisory, Database, Import};
use super::doubt::Doubt;
use super::ecosystem::{Ecosystem, STDLIB, TOOLCHAIN};
use super::inventory::{Component, Inventory};
use super::matching::{Match, matches};
use super::symbol;

/// How much of what an advisory is about is in the binary. A later tier implies the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// The module, in an affected version; no package of it that the advisory names is linked.
    Module,
    /// One of the packages; none of the symbols.
    Package,
    /// One of the symbols, or all that can be asked for when the advisory names none.
    Symbol,
}

impl Tier {
    /// Every tier, the worst first.
    pub const WORST_FIRST: [Self; 3] = [Self::Symbol, Self::Package, Self::Module];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Package => "package",
            Self::Symbol => "symbol",
        }
    }
}

/// What a tier rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The advisory names symbols, and they were looked for.
    Symbols,
    /// It names packages and no symbols: every symbol of them counts.
    Packages,
    /// It names neither: every symbol of the module counts.
    Module,
    /// The binary does not tell what is linked: everything counts.
    Unseen,
}

/// What is known about a binary.
#[derive(Clone, Debug)]
pub struct Triage<'db> {
    /// A row an advisory: the worst tier first, then by module and id.
    pub rows: Vec<Row<'db>>,
    /// What limits the answer.
    pub doubts: Vec<Doubt>,
}

/// An advisory, and what of it is in the binary.
#[derive(Clone, Debug)]
pub struct Row<'db> {
    /// The number of the advisory in the database.
    number: u32,
    /// The advisory.
    pub advisory: Advisory<'db>,
    /// The worst of its hits.
    pub tier: Tier,
    /// What it is about here, a module each; never empty.
    pub hits: Vec<Hit>,
}

/// A module that an advisory is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Who numbers its versions.
    pub ecosystem: Ecosystem,
    /// The module path, `stdlib`, `toolchain`, or the name of a crate.
    pub module: String,
    /// The version that is in the binary.
    pub version: String,
    /// The module that this one stands in for, if it was replaced.
    pub replaces: Option<String>,
    /// The first version after it that this advisory is not about, if there is one.
    pub fixed: Option<String>,
    /// How much of it is linked.
    pub tier: Tier,
    /// What the tier rests on.
    pub basis: Basis,
    /// Whether the versions were guessed by the advisory's publisher.
    pub guessed_versions: bool,
    /// The packages that the advisory names and that are linked.
    pub packages: BTreeSet<String>,
    /// The symbols that it names and that are linked, by package and name.
    pub symbols: BTreeMap<(String, String), Option<Function>>,
}

/// Holds `inventory` against `database`.
///
/// # Errors
/// [`Incomplete`] when the names of its functions have not been read.
pub fn triage<'db>(
    inventory: &Inventory<'_>,
    database: &'db Database<'db>,
) -> Result<Triage<'db>, Incomplete> {
    let matches = matches(inventory, database);
    let needs_code = |found: &&Match<'_>| {
        let component = inventory.components.get(found.component);
        component.is_some_and(|it| it.ecosystem == Ecosystem::Go)
    };
    let asked = matches.iter().filter(needs_code);
    let wanted = wanted(inventory, asked.clone());
    let names_a_module = asked.clone().any(|found| found.imports.is_empty());
    let linked = match asked.count() {
        0 => None,
        _ => inventory.code.look(&wanted)?,
    };
    let seen = linked.map(|linked| Seen {
        firsts: match names_a_module {
            true => first_packages(inventory, &linked),
            false => HashMap::new(),
        },
        linked,
    });
    let mut rows: BTreeMap<u32, Row<'db>> = BTreeMap::new();
    for found in &matches {
        let Some(component) = inventory.components.get(found.component) else {
            continue;
        };
        let hit = hit(inventory, component, found, seen.as_ref());
        let (number, advisory) = found.block.advisory();
        let row = rows.entry(number).or_insert_with(|| Row {
            number,
            advisory,
            tier: hit.tier,
            hits: Vec::new(),
        });
        row.add(hit);
    }
    let mut rows: Vec<Row<'db>> = rows.into_values().collect();
    rows.iter_mut().for_each(|row| row.settle(database));
    rows.sort_by(|a, b| {
        let key = |row: &Row<'db>| row.hits.first().map(|hit| hit.module.clone());
        let order = b.tier.cmp(&a.tier).then_with(|| key(a).cmp(&key(b)));
        order.then_with(|| a.advisory.id().cmp(b.advisory.id()))
    });
    Ok(Triage {
        rows,
        doubts: inventory.doubts.clone(),
    })
}

/// What of the code was found.
struct Seen {
    linked: Linked,
    /// The first package of each component that has one, where an advisory names none.
    firsts: HashMap<usize, String>,
}

/// One way through the packages, however many advisories are about modules as a whole.
fn first_packages(inventory: &Inventory<'_>, linked: &Linked) -> HashMap<usize, String> {
    let mut firsts = HashMap::new();
    for package in &linked.packages {
        if let Some(owner) = inventory.owner(package) {
            firsts.entry(owner).or_insert_with(|| package.clone());
        }
    }
    firsts
}

/// The symbols to look for, by the import paths that they have in the binary.
fn wanted<'m>(inventory: &Inventory<'_>, matches: impl Iterator<Item = &'m Match<'m>>) -> Wanted {
    let mut wanted = Wanted::new();
    for found in matches {
        let Some(component) = inventory.components.get(found.component) else {
            continue;
        };
        for import in &found.imports {
            let path = path_in_binary(component, import.path());
            let symbols: Vec<u64> = hashes(import, &path).map(|(hash, _)| hash).collect();
            wanted.entry(path).or_default().extend(symbols);
        }
    }
    wanted
}

/// The symbols of a package, by the hash that they have under its path in the binary.
fn hashes<'db>(import: &Import<'db>, path: &str) -> impl Iterator<Item = (u64, &'db str)> {
    let moved = (import.path() != path).then(|| path.to_owned());
    import.symbols().map(move |(hash, name)| match &moved {
        None => (hash, name),
        Some(path) => (symbol::hash(path.as_bytes(), name.as_bytes()), name),
    })
}

/// A package of a module that stands in for another has the path of that other.
fn path_in_binary(component: &Component, path: &str) -> String {
    if component.import_path.is_empty() || component.name == component.import_path {
        return path.to_owned();
    }
    match path.strip_prefix(component.name.as_str()) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            format!("{}{rest}", component.import_path)
        }
        _ => path.to_owned(),
    }
}

fn hit(
    inventory: &Inventory<'_>,
    component: &Component,
    found: &Match<'_>,
    seen: Option<&Seen>,
) -> Hit {
    let is_moved = !component.import_path.is_empty() && component.import_path != component.name;
    let is_module = ![STDLIB, TOOLCHAIN].contains(&component.name.as_str());
    let mut hit = Hit {
        ecosystem: component.ecosystem,
        module: component.name.clone(),
        version: component.version.clone(),
        replaces: (is_moved && is_module).then(|| component.import_path.clone()),
        fixed: found.fixed.map(str::to_owned),
        tier: Tier::Module,
        basis: Basis::Module,
        guessed_versions: found.block.has_custom_ranges(),
        packages: BTreeSet::new(),
        symbols: BTreeMap::new(),
    };
    match (component.ecosystem, seen) {
        // Crates are matched as a whole, and what is linked of them cannot be told by names.
        (Ecosystem::CratesIo, _) => {}
        (Ecosystem::Go, None) => {
            hit.tier = Tier::Symbol;
            hit.basis = Basis::Unseen;
        }
        (Ecosystem::Go, Some(seen)) if found.imports.is_empty() => {
            if let Some(package) = seen.firsts.get(&found.component) {
                hit.tier = Tier::Symbol;
                hit.packages.insert(package.clone());
            }
        }
        (Ecosystem::Go, Some(seen)) => {
            hit.basis = Basis::Symbols;
            for import in &found.imports {
                hit.look(inventory, found.component, component, import, &seen.linked);
            }
        }
    }
    hit
}

impl Hit {
    /// Adds what is linked of a package that the advisory names.
    fn look(
        &mut self,
        inventory: &Inventory<'_>,
        index: usize,
        component: &Component,
        import: &Import<'_>,
        linked: &Linked,
    ) {
        let path = path_in_binary(component, import.path());
        // A module inside this one may hold the package instead.
        if !linked.packages.contains(&path) || inventory.owner(&path) != Some(index) {
            return;
        }
        let mut names_any = false;
        for (hash, name) in hashes(import, &path) {
            names_any = true;
            if let Some(function) = linked.symbols.get(&hash) {
                let key = (path.clone(), name.to_owned());
                self.symbols.insert(key, function.clone());
            }
        }
        self.packages.insert(path);
        self.tier = self.tier.max(match names_any && self.symbols.is_empty() {
            true => Tier::Package,
            false => Tier::Symbol,
        });
        if !names_any && self.symbols.is_empty() {
            self.basis = Basis::Packages;
        }
    }

    /// Takes in what another block of the same advisory says about the same module.
    fn merge(&mut self, other: Self) {
        if other.tier > self.tier {
            self.basis = other.basis;
        }
        self.tier = self.tier.max(other.tier);
        self.guessed_versions |= other.guessed_versions;
        self.packages.extend(other.packages);
        self.symbols.extend(other.symbols);
    }
}

/// A version as it is asked for: go.mod writes modules with a `v`, and advisories without. `None` for
/// an empty one.
fn spelt(hit: &Hit, version: String) -> Option<String> {
    let is_module = hit.ecosystem == Ecosystem::Go && ![STDLIB, TOOLCHAIN].contains(&&*hit.module);
    match (version.is_empty(), is_module && !version.starts_with('v')) {
        (true, _) => None,
        (false, true) => Some(format!("v{version}")),
        (false, false) => Some(version),
    }
}

impl<'db> Row<'db> {
    fn add(&mut self, hit: Hit) {
        self.tier = self.tier.max(hit.tier);
        let mut hits = self.hits.iter_mut();
        let same = hits.find(|known| {
            let key = |hit: &Hit| (hit.ecosystem, hit.module.clone(), hit.version.clone());
            key(known) == key(&hit) && known.replaces == hit.replaces
        });
        match same {
            Some(known) => known.merge(hit),
            None => self.hits.push(hit),
        }
    }

    /// Brings the hits into order, and finds versions that no block of the advisory is about.
    fn settle(&mut self, database: &'db Database<'db>) {
        self.hits.sort_by(|a, b| {
            let order = b.tier.cmp(&a.tier);
            order.then_with(|| (&a.module, &a.version).cmp(&(&b.module, &b.version)))
        });
        for hit in &mut self.hits {
            let about = database.about(hit.ecosystem, &hit.module);
            let blocks: Vec<_> = about.filter(|it| it.advisory().0 == self.number).collect();
            let affecting = |version: &str| {
                let mut intervals = blocks.iter().flat_map(|block| block.intervals());
                intervals.find(|interval| interval.contains(version))
            };
            // Each step ends an interval, so there are no more steps than intervals.
            let most = blocks.iter().map(|block| block.intervals().count()).sum();
            let mut fixed = hit.version.clone();
            let mut steps = 0usize..=most;
            while let Some(interval) = affecting(&fixed) {
                let next = interval.fixed().filter(|_| steps.next().is_some());
                let Some(next) = next else {
                    fixed.clear();
                    break;
                };
                next.clone_into(&mut fixed);
            }
            hit.fixed = spelt(hit, fixed);
        }
    }

    /// Whether it is no vulnerability, but worth knowing.
    pub fn is_informational(&self) -> bool {
        self.advisory.informational().is_some()
    }
}

#[cfg(test)]
mod tests;
