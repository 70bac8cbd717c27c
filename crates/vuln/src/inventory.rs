//! The contents of a binary: modules or crates with their versions, and the linked code.

mod no_inventory;
mod auditable;
mod locate;
mod owners;
mod supply;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use handpie_binary::go::{BuildInfo, Pclntab};
use handpie_binary::{Binary, Incomplete};
use serde::Serialize;

use crate::caveat::Caveat;
use crate::code::Code;
use crate::ecosystem::{Ecosystem, STDLIB, TOOLCHAIN};
use crate::limits::{MAX_MODULES, MAX_VERSIONS};
use crate::matches::AffectedModule;
use crate::record::{Facts, Module, Record};
use crate::semver::{Version, nearest};
use handpie_binary::go::Version as GoVersion;
pub use no_inventory::NoInventory;
use owners::Owners;

/// What is in a binary, ready to be held against a database.
#[derive(Debug)]
pub struct Inventory<'data> {
    /// What the toolchain recorded.
    pub record: Record,
    /// What advisories may be about.
    pub(crate) components: Vec<Component>,
    /// What limits the answer.
    pub(crate) caveats: Vec<Caveat>,
    pub(crate) code: Code<'data>,
    /// Whether the toolchain left no list of modules, and nobody gave one.
    pub(crate) lacks_modules: bool,
    owners: Owners,
}

/// What of a program was not matched at all, and can be in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// So many crates came from elsewhere than crates.io.
    pub crates: usize,
    /// There is no list of modules.
    pub modules: bool,
    /// The version of Go is not known.
    pub stdlib: bool,
}

/// Something that advisories may be about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Component {
    pub(crate) ecosystem: Ecosystem,
    /// What the database calls it: a module path, `stdlib`, `toolchain`, a crate.
    pub(crate) name: String,
    /// As it is written; empty where there is none.
    pub(crate) version: String,
    /// The version to compare: the one that is written, or the nearest to it. Empty where it is not
    /// known.
    pub(crate) compared: String,
    /// How the import paths of its packages start in the binary: the path of the module that was
    /// replaced, or below the folder `vendor` that it was copied to. Empty where packages are not told
    /// by a path.
    pub(crate) import_path: String,
    /// Whether it was copied to a folder `vendor`.
    pub(crate) vendored: bool,
}

impl<'data> Inventory<'data> {
    /// What is in `binary`.
    ///
    /// # Errors
    /// When nothing in it tells, or more than a toolchain writes.
    pub fn of(binary: &Binary<'data>) -> Result<Self, NoInventory> {
        if locate::may_be_go(binary) {
            // Asked for together, to be read together.
            let (info, functions) = (BuildInfo::read(binary), Pclntab::read(binary));
            let (info, functions) = (info?, functions?);
            if info.is_some() || functions.is_some() {
                return Self::of_go(binary, info.as_ref(), functions);
            }
        }
        if let Some(crates) = auditable::crates(binary)? {
            let record = Record {
                os: locate::system(binary).to_owned(),
                cpu: binary.cpu().to_owned(),
                crates: Some(crates),
                ..Record::default()
            };
            return Self::new(record, Code::Unreadable);
        }
        Err(match locate::is_packed(binary)? {
            true => NoInventory::Packed,
            false => NoInventory::NothingRecorded,
        })
    }

    /// What was kept of a binary.
    ///
    /// # Errors
    /// When it lists more than a toolchain writes.
    pub fn kept(facts: Facts) -> Result<Self, NoInventory> {
        let (record, code) = facts.into_parts();
        Self::new(record, code)
    }

    /// What another program found in a binary: what the toolchain recorded, and functions, each with
    /// the import path of its package and its name behind that.
    ///
    /// # Errors
    /// When it lists more than a toolchain writes.
    pub fn listed(record: Record, functions: Vec<(String, String)>) -> Result<Self, NoInventory> {
        Self::new(record, Code::Listed(functions))
    }

    /// Every symbol of the wanted packages that belong to the module of `module`, as far as names can be
    /// told.
    ///
    /// # Errors
    /// [`Incomplete`] when they have not been read.
    pub fn symbols_of(
        &self,
        module: &AffectedModule,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, Incomplete> {
        self.code.symbols(|package| {
            let owner = || self.owner(package).and_then(|it| self.components.get(it));
            let is_its =
                |it: &Component| it.ecosystem == module.ecosystem && it.name == module.name;
            is_wanted(package) && owner().is_some_and(is_its)
        })
    }

    /// What is worth keeping.
    ///
    /// # Errors
    /// [`Incomplete`] when the names of functions have not been read.
    pub fn facts(&self) -> Result<Facts, Incomplete> {
        Facts::new(self.record.clone(), &self.code)
    }

    /// What limits the answer.
    pub fn caveats(&self) -> &[Caveat] {
        &self.caveats
    }

    /// How many modules or crates have a version that can be held against a database, Go's own
    /// included. Where it is none, that no advisory was found says nothing.
    pub fn matched_count(&self) -> usize {
        let components = self.components.iter();
        components.filter(|it| !it.compared.is_empty()).count()
    }

    /// What was not matched at all.
    pub fn unmatched(&self) -> Unmatched {
        let mut components = self.components.iter();
        let foreign = self.caveats.iter().find_map(|it| match it {
            Caveat::ForeignCrates(count) => Some(*count),
            _ => None,
        });
        Unmatched {
            crates: foreign.unwrap_or_default(),
            modules: self.lacks_modules,
            stdlib: components.any(|it| it.is_stdlib() && it.compared.is_empty()),
        }
    }

    /// How many modules or crates there are, the standard library not among them.
    pub fn module_count(&self) -> usize {
        let crates = self.record.crates.as_ref().map_or(0, Vec::len);
        let main = usize::from(self.record.main.is_some());
        let modules = self.record.modules.len().saturating_add(main);
        modules.saturating_add(crates)
    }

    fn of_go(
        binary: &Binary<'data>,
        info: Option<&BuildInfo>,
        functions: Option<Pclntab<'data>>,
    ) -> Result<Self, NoInventory> {
        let mut record = match info {
            Some(info) => Record::of_build_info(info),
            None => Record {
                go: locate::stamped_version(binary, functions.as_ref())?,
                ..Record::default()
            },
        };
        if record.os.is_empty() {
            locate::system(binary).clone_into(&mut record.os);
        }
        let main = record.package.clone();
        let code = match functions {
            Some(functions) => Code::Table { functions, main },
            None => Code::Unreadable,
        };
        Self::new(record, code)
    }

    fn new(record: Record, code: Code<'data>) -> Result<Self, NoInventory> {
        let crates = record.crates.as_ref().map_or(0, Vec::len);
        let count = record.modules.len().saturating_add(crates);
        if count > MAX_MODULES {
            return Err(NoInventory::TooManyModules(count));
        }
        let mut inventory = Self {
            record: Record::default(),
            components: Vec::new(),
            caveats: Vec::new(),
            code,
            lacks_modules: false,
            owners: Owners::default(),
        };
        match &record.crates {
            Some(crates) => inventory.add_crates(crates),
            None => inventory.add_go(&record),
        }
        inventory.settle()?;
        inventory.record = record;
        Ok(inventory)
    }

    /// What follows from all components together.
    fn settle(&mut self) -> Result<(), NoInventory> {
        self.caveats.retain(|it| *it != Caveat::NothingMatched);
        if self.matched_count() == 0 {
            self.caveats.push(Caveat::NothingMatched);
        }
        self.caveats.sort();
        self.caveats.dedup();
        self.refuse_many_versions()?;
        self.owners = Owners::of(&self.components);
        Ok(())
    }

    /// From here on, no component is there twice, and few have the same name: what is done for each
    /// advisory about a name is bounded.
    fn refuse_many_versions(&mut self) -> Result<(), NoInventory> {
        let mut known = HashSet::new();
        self.components.retain(|it| known.insert(it.clone()));
        let mut counts: HashMap<(Ecosystem, &str), usize> = HashMap::new();
        for it in &self.components {
            let count = counts.entry((it.ecosystem, &it.name)).or_default();
            *count = count.saturating_add(1);
        }
        match counts.into_values().max() {
            Some(most) if most > MAX_VERSIONS => Err(NoInventory::TooManyVersions(most)),
            _ => Ok(()),
        }
    }

    fn add_crates(&mut self, crates: &[crate::record::Crate]) {
        let (known, foreign): (Vec<_>, Vec<_>) =
            crates.iter().partition(|it| it.source == "crates.io");
        // The program itself is local, and no advisory is about a path.
        let foreign = foreign.iter().filter(|it| it.source != "local").count();
        if foreign > 0 {
            self.caveats.push(Caveat::ForeignCrates(foreign));
        }
        for it in known {
            if nearest(&it.version).is_none() {
                let caveat = Caveat::UnknownVersion(it.name.clone(), it.version.clone());
                self.caveats.push(caveat);
            }
            self.add(Ecosystem::CratesIo, &it.name, &it.version, "");
        }
    }

    fn add_go(&mut self, record: &Record) {
        if matches!(self.code, Code::Unreadable) {
            self.caveats.push(Caveat::NoFunctions);
        }
        let is_own_program = record.package.starts_with("cmd/") && record.main.is_none();
        match (record.build_info, &record.main, record.modules.is_empty()) {
            (false, ..) => self.caveats.push(Caveat::NoBuildInfo),
            (true, None, true) if !is_own_program => self.caveats.push(Caveat::NoModuleList),
            _ => {}
        }
        self.lacks_modules = record.main.is_none() && record.modules.is_empty() && !is_own_program;
        let version = self.go_version(record.go.as_deref()).unwrap_or_default();
        self.add(Ecosystem::Go, STDLIB, &version, "");
        if is_own_program {
            self.add(Ecosystem::Go, TOOLCHAIN, &version, "cmd");
        }
        if let Some(main) = &record.main {
            self.add_main(main);
        }
        for module in &record.modules {
            self.add_module(module);
        }
    }

    /// The version of Go as a semantic version, as its database writes it, and what is not sure.
    fn go_version(&mut self, text: Option<&str>) -> Option<String> {
        let known = text.and_then(GoVersion::parse);
        let known = known.and_then(|version| version.minor.map(|minor| (version, minor)));
        let (Some(text), Some((version, minor))) = (text, known) else {
            self.caveats
                .push(Caveat::UnknownGo(text.map(str::to_owned)));
            return None;
        };
        let release = release(&version, minor);
        if version.development {
            self.caveats.push(Caveat::DevelopmentGo(text.to_owned()));
        } else if !version.vendor.is_empty() {
            let caveat = Caveat::VendorGo(text.to_owned(), release.clone());
            self.caveats.push(caveat);
        }
        Some(release)
    }

    fn add_main(&mut self, main: &Module) {
        let version = main.version.as_str();
        if main.replacement.is_none() {
            match Version::parse(version) {
                _ if version.is_empty() || version == "(devel)" => {
                    self.caveats.push(Caveat::MainDevel);
                    return self.add_unversioned(&main.path);
                }
                Some(parsed) if parsed.is_pseudo() => {
                    self.caveats.push(Caveat::MainPseudo(version.to_owned()));
                }
                _ => {}
            }
            if version.ends_with("dirty") {
                self.caveats.push(Caveat::MainDirty(version.to_owned()));
            }
        }
        self.add_module(main);
    }

    fn add_module(&mut self, module: &Module) {
        let source = module.replacement.as_deref().unwrap_or(module);
        if source.version.is_empty() || source.version == "(devel)" {
            let path = module.path.clone();
            self.caveats.push(match module.replacement {
                Some(_) => Caveat::LocalReplacement(path),
                None => Caveat::UnknownVersion(path, source.version.clone()),
            });
            return self.add_unversioned(&module.path);
        }
        let (name, version) = (source.path.clone(), source.version.clone());
        match nearest(&version) {
            None => {
                let caveat = Caveat::UnknownVersion(name.clone(), version.clone());
                self.caveats.push(caveat);
            }
            Some(near) if near != version => {
                let caveat = Caveat::NearestVersion(name.clone(), version.clone(), near.to_owned());
                self.caveats.push(caveat);
            }
            Some(_) => {}
        }
        self.add(Ecosystem::Go, &name, &version, &module.path);
    }

    /// A module of which the version is not known owns its packages all the same.
    fn add_unversioned(&mut self, path: &str) {
        self.add(Ecosystem::Go, path, "", path);
    }

    fn add(&mut self, ecosystem: Ecosystem, name: &str, version: &str, import_path: &str) {
        self.components.push(Component {
            ecosystem,
            name: name.to_owned(),
            version: version.to_owned(),
            compared: nearest(version).unwrap_or_default().to_owned(),
            import_path: import_path.to_owned(),
            vendored: false,
        });
    }

    /// Which component a package belongs to.
    pub(crate) fn owner(&self, package: &str) -> Option<usize> {
        self.owners.of_package(package, &self.record.package)
    }
}

/// A version of Go as a semantic version, as Go's database writes it.
pub(crate) fn release(version: &GoVersion, minor: u32) -> String {
    if version.development {
        return format!("1.{minor}.0-0");
    }
    let prerelease = version.prerelease.as_ref().map(|text| {
        // `rc1` is `rc.1` in semantic versions, so that rc.10 comes after rc.9.
        let end = text.find(|c: char| c.is_ascii_digit());
        let (word, number) = text.split_at_checked(end.unwrap_or(text.len()))?;
        Some(format!("-{word}.{number}"))
    });
    let prerelease = prerelease.flatten().unwrap_or_default();
    format!("1.{minor}.{}{prerelease}", version.patch)
}

impl Component {
    fn is_stdlib(&self) -> bool {
        self.ecosystem == Ecosystem::Go && self.name == STDLIB
    }
}

#[cfg(test)]
mod tests;
