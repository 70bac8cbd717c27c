//! Matches an inventory with a database: for each advisory about a version that is in the binary, how
//! much of the code that it names is linked. `docs/design/triage.md` says what each tier proves.

mod joined;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use handpie_binary::Incomplete;
use serde::{Deserialize, Serialize};

use crate::candidates::{Candidate, Unclear, candidates};
use crate::code::{Function, Linked, Wanted};
use crate::database::{Advisory, Database, Import};
use crate::ecosystem::{Ecosystem, STDLIB, TOOLCHAIN};
use crate::inventory::{Component, Inventory};
use crate::semver::{self, Version};
use crate::symbol;
use crate::unclear_version::UnclearVersion;
use crate::version_doubt::VersionDoubt;
pub(crate) use joined::joined;

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

/// An advisory, and what of it is in the binary.
#[derive(Clone, Debug)]
pub struct Match<'db> {
    /// The numbers of the advisory and the others in the database.
    numbers: Vec<u32>,
    /// The advisory.
    pub advisory: Advisory<'db>,
    /// Other advisories about the same vulnerability, of which it holds as well.
    pub others: Vec<Advisory<'db>>,
    /// The worst tier of its modules.
    pub tier: Tier,
    /// The modules in the binary that it is about; never empty.
    pub modules: Vec<AffectedModule>,
}

/// A module that an advisory is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedModule {
    /// Who numbers its versions.
    pub ecosystem: Ecosystem,
    /// The module path, `stdlib`, `toolchain`, or the name of a crate.
    pub name: String,
    /// The version that is in the binary.
    pub version: String,
    /// The module that this one stands in for, if it was replaced.
    pub replaces: Option<String>,
    /// The version to compare; empty where it is not known.
    compared: String,
    /// Why the version does not tell for sure whether it is affected; `None` where it does.
    pub unclear_version: Option<UnclearVersion>,
    /// The first version after it that this advisory is not about, if there is one.
    pub fixed: Option<String>,
    /// How much of it is linked.
    pub tier: Tier,
    /// What the tier rests on.
    pub basis: Basis,
    /// Why it is not sure that the advisory is about this version; `None` where it is.
    pub version_doubt: Option<VersionDoubt>,
    /// The packages that the advisory names and that are linked.
    pub packages: BTreeSet<String>,
    /// The functions of a crate that it names for this version, by their paths.
    pub functions: Vec<String>,
    /// The symbols that it names and that are linked, by package and name.
    pub symbols: BTreeMap<(String, String), Option<Function>>,
}

/// Every advisory in `database` about a version that is in `inventory`, or may be: the worst tier
/// first, then by module and id.
///
/// # Errors
/// [`Incomplete`] when the names of its functions have not been read.
pub fn matches<'db>(
    inventory: &Inventory<'_>,
    database: &'db Database<'db>,
) -> Result<Vec<Match<'db>>, Incomplete> {
    matches_where(inventory, database, Unclear::Counts)
}

/// The same, where `unclear` says what is done about versions that are none or not known.
pub(crate) fn matches_where<'db>(
    inventory: &Inventory<'_>,
    database: &'db Database<'db>,
    unclear: Unclear,
) -> Result<Vec<Match<'db>>, Incomplete> {
    let candidates = candidates(inventory, database, unclear);
    let needs_code = |found: &&Candidate<'_>| {
        let component = inventory.components.get(found.component);
        component.is_some_and(|it| it.ecosystem == Ecosystem::Go)
    };
    let asked = candidates.iter().filter(needs_code);
    let wanted = wanted(inventory, asked.clone());
    let names_a_module = asked.clone().any(|found| found.imports.is_empty());
    let linked = match asked.count() {
        0 => None,
        _ => inventory.code.linked(&wanted)?,
    };
    let code = linked.map(|linked| LinkedCode {
        firsts: match names_a_module {
            true => first_packages(inventory, &linked),
            false => HashMap::new(),
        },
        linked,
    });
    let mut matches: BTreeMap<u32, Match<'db>> = BTreeMap::new();
    for found in &candidates {
        let Some(component) = inventory.components.get(found.component) else {
            continue;
        };
        let version = unclear.version(component).unwrap_or_default();
        let module = AffectedModule::of(inventory, (component, version), found, code.as_ref());
        let (number, advisory) = found.affected.advisory();
        let matched = matches.entry(number).or_insert_with(|| Match {
            numbers: vec![number],
            advisory,
            others: Vec::new(),
            tier: module.tier,
            modules: Vec::new(),
        });
        matched.add(module);
    }
    let mut matches: Vec<Match<'db>> = matches.into_values().collect();
    matches.iter_mut().for_each(|it| it.settle(database));
    sort(&mut matches);
    Ok(matches)
}

/// The worst tier first, then by module and id.
fn sort(matches: &mut [Match<'_>]) {
    matches.sort_by(|a, b| {
        let key = |it: &Match<'_>| it.modules.first().map(|module| module.name.clone());
        let order = b.tier.cmp(&a.tier).then_with(|| key(a).cmp(&key(b)));
        order.then_with(|| a.advisory.id().cmp(b.advisory.id()))
    });
}

/// What the code shows.
struct LinkedCode {
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
fn wanted<'m>(
    inventory: &Inventory<'_>,
    matches: impl Iterator<Item = &'m Candidate<'m>>,
) -> Wanted {
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

/// The functions that an advisory names of a crate in this version.
fn functions(found: &Candidate<'_>, version: &str) -> Vec<String> {
    let version = ::semver::Version::parse(version).ok();
    let meets = |requirement: &str| match (::semver::VersionReq::parse(requirement), &version) {
        (Ok(requirement), Some(version)) => requirement.matches(version),
        // What cannot be read rules nothing out.
        _ => true,
    };
    let imports = found.imports.iter();
    let imports = imports.filter(|it| it.path().is_empty() || it.path().split('|').any(meets));
    let functions = imports.flat_map(Import::symbols);
    functions.map(|(_, name)| name.to_owned()).collect()
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

impl AffectedModule {
    fn of(
        inventory: &Inventory<'_>,
        (component, compared): (&Component, &str),
        found: &Candidate<'_>,
        code: Option<&LinkedCode>,
    ) -> Self {
        let is_moved = !component.import_path.is_empty()
            && component.import_path != component.name
            && !component.vendored;
        let is_module = ![STDLIB, TOOLCHAIN].contains(&component.name.as_str());
        let mut module = Self {
            ecosystem: component.ecosystem,
            name: component.name.clone(),
            version: component.version.clone(),
            replaces: (is_moved && is_module).then(|| component.import_path.clone()),
            compared: compared.to_owned(),
            unclear_version: None,
            fixed: None,
            tier: Tier::Module,
            basis: Basis::Module,
            version_doubt: found.doubt,
            packages: BTreeSet::new(),
            functions: Vec::new(),
            symbols: BTreeMap::new(),
        };
        if component.ecosystem == Ecosystem::CratesIo {
            module.functions = functions(found, compared);
        }
        match (component.ecosystem, code) {
            // What is linked of a crate cannot be told by names alone: no table has to keep them.
            (Ecosystem::CratesIo, _) | (Ecosystem::Go, None) => {
                module.tier = Tier::Symbol;
                module.basis = Basis::Unseen;
            }
            (Ecosystem::Go, Some(code)) if found.imports.is_empty() => {
                if let Some(package) = code.firsts.get(&found.component) {
                    module.tier = Tier::Symbol;
                    module.packages.insert(package.clone());
                }
            }
            (Ecosystem::Go, Some(code)) => {
                module.basis = Basis::Symbols;
                for import in &found.imports {
                    module.add_package(inventory, found.component, component, import, &code.linked);
                }
            }
        }
        module
    }

    /// Adds what is linked of a package that the advisory names.
    fn add_package(
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

    /// Whether it is the same module or crate of the program.
    fn is_same(&self, other: &Self) -> bool {
        let key = |it: &Self| (it.ecosystem, it.name.clone(), it.version.clone());
        key(self) == key(other) && self.replaces == other.replaces
    }

    /// Why its version does not tell for sure whether an advisory of that day is about it.
    fn what_is_unclear(&self, published: &str) -> Option<UnclearVersion> {
        if self.compared.is_empty() {
            return Some(UnclearVersion::Unknown);
        }
        if self.compared != self.version {
            return Some(UnclearVersion::Nearest(self.compared.clone()));
        }
        let day = Version::parse(&self.version)?.day_without_release()?;
        let fixed = self.fixed.as_deref().and_then(Version::parse)?;
        let published: String = published.chars().filter(|it| *it != '-').take(8).collect();
        let is_later = !published.is_empty() && published.as_str() < day;
        let day = || {
            Some(format!(
                "{}-{}-{}",
                day.get(..4)?,
                day.get(4..6)?,
                day.get(6..)?
            ))
        };
        (is_later && !fixed.is_pseudo())
            .then(day)
            .flatten()
            .map(UnclearVersion::Commit)
    }

    /// Takes in what another entry of the same advisory says about the same module.
    fn merge(&mut self, other: Self) {
        if other.tier > self.tier {
            self.basis = other.basis;
        }
        self.tier = self.tier.max(other.tier);
        // One that is sure is enough.
        self.version_doubt = self.version_doubt.min(other.version_doubt);
        self.packages.extend(other.packages);
        self.functions.extend(other.functions);
        self.symbols.extend(other.symbols);
    }
}

/// A version as it is asked for: go.mod writes modules with a `v`, and advisories without. `None` for
/// an empty one.
fn spelt(module: &AffectedModule, version: String) -> Option<String> {
    let is_module =
        module.ecosystem == Ecosystem::Go && ![STDLIB, TOOLCHAIN].contains(&&*module.name);
    match (version.is_empty(), is_module && !version.starts_with('v')) {
        (true, _) => None,
        (false, true) => Some(format!("v{version}")),
        (false, false) => Some(version),
    }
}

impl<'db> Match<'db> {
    fn add(&mut self, module: AffectedModule) {
        self.tier = self.tier.max(module.tier);
        let mut modules = self.modules.iter_mut();
        let same = modules.find(|known| known.is_same(&module));
        match same {
            Some(known) => known.merge(module),
            None => self.modules.push(module),
        }
    }

    /// Brings the modules into order, and finds versions that no entry of the advisory is about.
    fn settle(&mut self, database: &'db Database<'db>) {
        self.modules.sort_by(|a, b| {
            let order = b.tier.cmp(&a.tier);
            order.then_with(|| (&a.name, &a.version).cmp(&(&b.name, &b.version)))
        });
        for module in &mut self.modules {
            let about = database.about(module.ecosystem, &module.name);
            let entries: Vec<_> = about
                .filter(|it| self.numbers.contains(&it.advisory().0))
                .collect();
            let affecting = |version: &str| {
                let mut intervals = entries.iter().flat_map(|it| it.intervals());
                intervals.find(|interval| interval.contains(version))
            };
            // Each step ends an interval, so there are no more steps than intervals.
            let most = entries.iter().map(|it| it.intervals().count()).sum();
            let mut fixed = match module.compared.is_empty() {
                // Of a version that is not known, the last that any version is upgraded to.
                true => {
                    let intervals = entries.iter().flat_map(|it| it.intervals());
                    let fixes = intervals.filter_map(|it| it.fixed());
                    let last = fixes.max_by(|a, b| semver::compare(a, b));
                    last.unwrap_or_default().to_owned()
                }
                false => module.compared.clone(),
            };
            let mut steps = 0usize..=most;
            while let Some(interval) = affecting(&fixed) {
                let next = interval.fixed().filter(|_| steps.next().is_some());
                let Some(next) = next else {
                    fixed.clear();
                    break;
                };
                next.clone_into(&mut fixed);
            }
            module.fixed = spelt(module, fixed);
            module.unclear_version = module.what_is_unclear(self.advisory.published());
        }
    }

    /// The advisory and the others.
    pub fn advisories(&self) -> impl Iterator<Item = &Advisory<'db>> {
        std::iter::once(&self.advisory).chain(&self.others)
    }

    /// Every other name of the vulnerability, each once: aliases, and ids of the other advisories.
    pub fn aliases(&self) -> Vec<&'db str> {
        let mut known = HashSet::from([self.advisory.id().to_ascii_lowercase()]);
        let mut found: Vec<&str> = Vec::new();
        for advisory in self.advisories() {
            let names = std::iter::once(advisory.id()).chain(advisory.aliases());
            found.extend(names.filter(|name| known.insert(name.to_ascii_lowercase())));
        }
        found
    }

    /// What it is when it is not a vulnerability, but worth knowing: `unmaintained`, `unsound`,
    /// `notice`. Where one of several advisories says that it is a vulnerability, it is.
    pub fn informational(&self) -> Option<&'db str> {
        let all = self.advisories().all(|it| it.informational().is_some());
        self.advisory.informational().filter(|_| all)
    }

    /// Whether it is not a vulnerability, but worth knowing.
    pub fn is_informational(&self) -> bool {
        self.informational().is_some()
    }
}

#[cfg(test)]
mod tests;
