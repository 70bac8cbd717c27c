//! The contents of a binary: modules or crates with their versions, and the linked code.

mod no_inventory;
mod auditable;
mod locate;
mod owners;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use handpie_binary::go::{BuildInfo, Pclntab};
use handpie_binary::{Binary, Incomplete};

use crate::caveat::Caveat;
use crate::code::Code;
use crate::ecosystem::{Ecosystem, STDLIB, TOOLCHAIN};
use crate::limits::{MAX_MODULES, MAX_VERSIONS};
use crate::matches::AffectedModule;
use crate::record::{Facts, Module, Record};
use crate::semver::Version;
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
    owners: Owners,
}

/// Something that advisories may be about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Component {
    pub(crate) ecosystem: Ecosystem,
    /// What the database calls it: a module path, `stdlib`, `toolchain`, a crate.
    pub(crate) name: String,
    pub(crate) version: String,
    /// How the import paths of its packages start in the binary: the path of the module that was
    /// replaced. Empty where packages are not told by a path.
    pub(crate) import_path: String,
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

    /// Every symbol of the packages that belong to the module of `module`, as far as names can be told.
    ///
    /// # Errors
    /// [`Incomplete`] when they have not been read.
    pub fn symbols_of(
        &self,
        module: &AffectedModule,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, Incomplete> {
        let mut symbols = self.code.symbols()?;
        symbols.retain(|package, _| {
            let owner = self.owner(package).and_then(|it| self.components.get(it));
            owner.is_some_and(|it| it.ecosystem == module.ecosystem && it.name == module.name)
        });
        Ok(symbols)
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
        components.filter(|it| !it.version.is_empty()).count()
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
            owners: Owners::default(),
        };
        match &record.crates {
            Some(crates) => inventory.add_crates(crates),
            None => inventory.add_go(&record),
        }
        if inventory.matched_count() == 0 {
            inventory.caveats.push(Caveat::NothingMatched);
        }
        inventory.caveats.sort();
        inventory.caveats.dedup();
        inventory.refuse_many_versions()?;
        inventory.owners = Owners::of(&inventory.components);
        inventory.record = record;
        Ok(inventory)
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
        if let Some(version) = self.go_version(record.go.as_deref()) {
            self.add(Ecosystem::Go, STDLIB, &version, "");
            if is_own_program {
                self.add(Ecosystem::Go, TOOLCHAIN, &version, "cmd");
            }
        }
        if let Some(main) = &record.main {
            self.add_main(main);
        }
        for module in &record.modules {
            self.add_module(module);
        }
    }

    /// The version of Go as a semantic version, as its database writes it.
    fn go_version(&mut self, text: Option<&str>) -> Option<String> {
        let text = text?;
        let unknown = || Caveat::UnknownVersion("Go".to_owned(), text.to_owned());
        let Some(version) = GoVersion::parse(text) else {
            self.caveats.push(unknown());
            return None;
        };
        let Some(minor) = version.minor else {
            self.caveats.push(unknown());
            return None;
        };
        if version.development {
            self.caveats.push(Caveat::DevelopmentGo(text.to_owned()));
            return Some(format!("1.{minor}.0-0"));
        }
        if !version.vendor.is_empty() {
            self.caveats.push(Caveat::VendorGo(text.to_owned()));
        }
        let prerelease = version.prerelease.map(|text| {
            // `rc1` is `rc.1` in semantic versions, so that rc.10 comes after rc.9.
            let end = text
                .find(|c: char| c.is_ascii_digit())
                .unwrap_or(text.len());
            let (word, number) = text.split_at(end);
            format!("-{word}.{number}")
        });
        let prerelease = prerelease.unwrap_or_default();
        Some(format!("1.{minor}.{}{prerelease}", version.patch))
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
            if version.ends_with("+dirty") {
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
        if Version::parse(&source.version).is_none() {
            let caveat = Caveat::UnknownVersion(source.path.clone(), source.version.clone());
            self.caveats.push(caveat);
        }
        let (name, version) = (source.path.clone(), source.version.clone());
        self.add(Ecosystem::Go, &name, &version, &module.path);
    }

    /// A module that no advisory can be matched with owns its packages all the same.
    fn add_unversioned(&mut self, path: &str) {
        self.add(Ecosystem::Go, path, "", path);
    }

    fn add(&mut self, ecosystem: Ecosystem, name: &str, version: &str, import_path: &str) {
        self.components.push(Component {
            ecosystem,
            name: name.to_owned(),
            version: version.to_owned(),
            import_path: import_path.to_owned(),
        });
    }

    /// Which component a package belongs to.
    pub(crate) fn owner(&self, package: &str) -> Option<usize> {
        self.owners.of_package(package, &self.record.package)
    }
}

#[cfg(test)]
mod tests;
