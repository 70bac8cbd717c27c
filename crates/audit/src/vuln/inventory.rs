//! What is in a binary: modules or crates with their versions, and the code that is linked.

mod auditable;
mod locate;

use std::fmt;

use handpie_binary::Binary;
use handpie_binary::go::{BuildInfo, Pclntab};

use super::code::Code;
use super::doubt::Doubt;
use super::ecosystem::{Ecosystem, STDLIB, TOOLCHAIN};
use super::record::{Facts, Module, Record};
use super::semver::Version;
use crate::go::Version as GoVersion;

/// What is in a binary, ready to be held against a database.
#[derive(Debug)]
pub struct Inventory<'data> {
    /// What the toolchain recorded.
    pub record: Record,
    /// What advisories may be about.
    pub(super) components: Vec<Component>,
    /// What limits the answer.
    pub(super) doubts: Vec<Doubt>,
    pub(super) code: Code<'data>,
}

/// Something that advisories may be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) ecosystem: Ecosystem,
    /// What the database calls it: a module path, `stdlib`, `toolchain`, a crate.
    pub(super) name: String,
    pub(super) version: String,
    /// How the import paths of its packages start in the binary: the path of the module that was
    /// replaced. Empty where packages are not told by a path.
    pub(super) import_path: String,
}

/// Why there is no inventory of a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoInventory {
    /// It is no Go program and carries no list of crates.
    NothingRecorded,
    /// It is compressed, and nothing of it can be seen.
    Packed,
}

impl NoInventory {
    /// Every code.
    pub const CODES: [&str; 2] = ["vuln-nothing-recorded", "vuln-packed"];

    /// The code, which is also the name of its page.
    pub fn code(self) -> &'static str {
        match self {
            Self::NothingRecorded => "vuln-nothing-recorded",
            Self::Packed => "vuln-packed",
        }
    }

    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::NothingRecorded => "of Rust programs, build with `cargo auditable build`",
            Self::Packed => "look at the program before it is packed: `upx -d FILE` unpacks",
        }
    }
}

impl fmt::Display for NoInventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingRecorded => {
                "it is no Go program and has no list of crates, so nothing tells what is in it"
            }
            Self::Packed => "it was packed by UPX, so what is in it cannot be seen",
        })
    }
}

impl<'data> Inventory<'data> {
    /// What is in `binary`.
    ///
    /// # Errors
    /// When nothing in it tells.
    pub fn of(binary: &Binary<'data>) -> Result<Self, NoInventory> {
        if locate::may_be_go(binary) {
            let info = BuildInfo::read(binary);
            let functions = Pclntab::read(binary);
            if info.is_some() || functions.is_some() {
                return Ok(Self::of_go(binary, info.as_ref(), functions));
            }
        }
        if let Some(crates) = auditable::crates(binary) {
            let record = Record {
                os: locate::system(binary).to_owned(),
                crates: Some(crates),
                ..Record::default()
            };
            return Ok(Self::new(record, Code::Unreadable));
        }
        Err(match locate::is_packed(binary) {
            true => NoInventory::Packed,
            false => NoInventory::NothingRecorded,
        })
    }

    /// What was kept of a binary.
    pub fn kept(facts: Facts) -> Self {
        let (record, code) = facts.into_parts();
        Self::new(record, code)
    }

    /// What is worth keeping.
    pub fn facts(&self) -> Facts {
        Facts::new(self.record.clone(), &self.code)
    }

    /// What limits the answer.
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
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
    ) -> Self {
        let mut record = match info {
            Some(info) => Record::of_build_info(info),
            None => Record {
                go: locate::stamped_version(binary, functions.as_ref()),
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

    fn new(record: Record, code: Code<'data>) -> Self {
        let mut inventory = Self {
            record: Record::default(),
            components: Vec::new(),
            doubts: Vec::new(),
            code,
        };
        match &record.crates {
            Some(crates) => inventory.add_crates(crates),
            None => inventory.add_go(&record),
        }
        inventory.doubts.sort();
        inventory.doubts.dedup();
        inventory.record = record;
        inventory
    }

    fn add_crates(&mut self, crates: &[super::record::Crate]) {
        let (known, foreign): (Vec<_>, Vec<_>) =
            crates.iter().partition(|it| it.source == "crates.io");
        // The program itself is local, and no advisory is about a path.
        let foreign = foreign.iter().filter(|it| it.source != "local").count();
        if foreign > 0 {
            self.doubts.push(Doubt::ForeignCrates(foreign));
        }
        for it in known {
            self.add(Ecosystem::CratesIo, &it.name, &it.version, "");
        }
    }

    fn add_go(&mut self, record: &Record) {
        if matches!(self.code, Code::Unreadable) {
            self.doubts.push(Doubt::NoFunctions);
        }
        let is_own_program = record.package.starts_with("cmd/") && record.main.is_none();
        match (record.build_info, &record.main, record.modules.is_empty()) {
            (false, ..) => self.doubts.push(Doubt::NoBuildInfo),
            (true, None, true) if !is_own_program => self.doubts.push(Doubt::NoModuleList),
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
        let unknown = || Doubt::UnknownVersion("Go".to_owned(), text.to_owned());
        let Some(version) = GoVersion::parse(text) else {
            self.doubts.push(unknown());
            return None;
        };
        let Some(minor) = version.minor else {
            self.doubts.push(unknown());
            return None;
        };
        if version.development {
            self.doubts.push(Doubt::DevelopmentGo(text.to_owned()));
            return Some(format!("1.{minor}.0-0"));
        }
        if !version.vendor.is_empty() {
            self.doubts.push(Doubt::VendorGo(text.to_owned()));
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
                    self.doubts.push(Doubt::MainDevel);
                    return self.add_unversioned(&main.path);
                }
                Some(parsed) if parsed.is_pseudo() => {
                    self.doubts.push(Doubt::MainPseudo(version.to_owned()));
                }
                _ => {}
            }
            if version.ends_with("+dirty") {
                self.doubts.push(Doubt::MainDirty(version.to_owned()));
            }
        }
        self.add_module(main);
    }

    fn add_module(&mut self, module: &Module) {
        let source = module.replacement.as_deref().unwrap_or(module);
        if source.version.is_empty() || source.version == "(devel)" {
            let path = module.path.clone();
            self.doubts.push(match module.replacement {
                Some(_) => Doubt::LocalReplacement(path),
                None => Doubt::UnknownVersion(path, source.version.clone()),
            });
            return self.add_unversioned(&module.path);
        }
        if Version::parse(&source.version).is_none() {
            let doubt = Doubt::UnknownVersion(source.path.clone(), source.version.clone());
            self.doubts.push(doubt);
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

    /// Which component a package belongs to: of the modules whose path is the start of the import
    /// path, the one with the longest; without one, the standard library, whose paths have no dot in
    /// their first part.
    pub(super) fn owner(&self, package: &str) -> Option<usize> {
        let paths = self.components.iter().enumerate();
        let owners = paths.filter(|(_, it)| is_below(package, &it.import_path));
        let owner = owners.max_by_key(|(_, it)| it.import_path.len());
        if let Some((index, _)) = owner {
            return Some(index);
        }
        let first = package.split('/').next().unwrap_or_default();
        // `go build main.go` gives its package this name.
        if first.contains('.')
            || package == "command-line-arguments"
            || package == self.record.package
        {
            return None;
        }
        let mut components = self.components.iter();
        components.position(|it| it.ecosystem == Ecosystem::Go && it.name == STDLIB)
    }
}

/// Whether `package` is the module's own package or one below it. A path that only starts with the
/// same letters is another module's.
pub(super) fn is_below(package: &str, module: &str) -> bool {
    let rest = package.strip_prefix(module);
    !module.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
