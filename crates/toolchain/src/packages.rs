//! What `go list` knows: which programs are named, and which packages need C.
//!
//! A package that uses cgo can be built without it in three ways, and only the first fails by
//! itself: it has no Go files left; it has other Go files that stand in; or its importers import
//! something else instead. A stand-in may be as good as the original or may do nothing but return
//! errors (github.com/mattn/go-sqlite3), and only a reader can tell. So every one is named, and
//! the user says which are fine; for a few well-known ones `known` has the answer.
//!
//! The packages of the standard library that use cgo (net, os/user, runtime/cgo) are pure Go
//! without it and documented to work. `plugin` is not: it needs the loader that we leave out.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::contradiction::{Code, Contradiction};
use crate::go::{Error, Go};
use crate::profile::Profile;

mod known;

/// What the patterns name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The programs, in the order of go list.
    pub mains: Vec<Main>,
    /// How many named packages are not programs.
    pub libraries: usize,
    /// Packages in them that are something else without cgo.
    pub needing_c: Vec<NeedsC>,
    /// Whether go could not load everything. Then `go build` says why.
    pub incomplete: bool,
    /// The folders that the answer depends on, without those that never change.
    pub(crate) dirs: Vec<PathBuf>,
    /// The `go.mod` files that the answer depends on.
    pub(crate) go_mods: Vec<PathBuf>,
}

/// One program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Main {
    /// Its import path; `command-line-arguments` for a list of files.
    pub import_path: String,
    /// The file name that `go build` gives it.
    pub name: String,
    /// The version of its module, when that is not the main module.
    pub version: Option<String>,
    /// Part of Go itself.
    pub standard: bool,
}

/// One package that is something else without cgo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeedsC {
    /// Its import path.
    pub package: String,
    /// The module that it is from, with the version.
    pub module: Option<String>,
    /// Its files that use cgo or SWIG.
    pub files: Vec<String>,
    /// The shortest way from a program to it.
    pub chain: Vec<String>,
    /// What is left of it without cgo.
    pub without: Without,
}

/// What is left of a package without cgo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Without {
    /// No Go file: it cannot be built.
    Nothing,
    /// These files, which are not there with cgo; or none but the rest of the package.
    StandIn(Vec<String>),
    /// It is not imported: its importers have a stand-in.
    NotImported,
    /// It compiles, and every call fails: package `plugin`.
    Errors,
}

/// Asks go for everything that the packages of a build consist of.
pub fn list(go: &Go, profile: &Profile) -> Result<Listing, Error> {
    let with_cgo = go_list(go, profile, "1")?;
    let mut listing = Listing::default();
    for package in with_cgo.iter().filter(|package| !package.dep_only) {
        if package.name == "main" {
            listing.mains.push(package.to_main());
        } else {
            listing.libraries += 1;
        }
    }
    listing.incomplete = with_cgo.iter().any(|package| package.error.is_some());
    for package in with_cgo.iter().filter(|package| !package.standard) {
        listing.dirs.push(package.dir.clone());
        let go_mod = package
            .module
            .as_ref()
            .and_then(|module| module.go_mod.clone());
        listing.go_mods.extend(go_mod);
    }
    listing.go_mods.sort();
    listing.go_mods.dedup();
    listing.needing_c = needing_c(go, profile, &with_cgo)?;
    Ok(listing)
}

/// The packages that stand against a build without cgo, except those that the user (`--pure`) or
/// our table calls fine.
pub fn against(listing: &Listing, pure: &[String]) -> Vec<Contradiction> {
    let fine = |one: &&NeedsC| {
        !known::is_fine(&one.package) && !pure.iter().any(|pattern| matches(pattern, &one.package))
    };
    listing
        .needing_c
        .iter()
        .filter(fine)
        .map(contradiction)
        .collect()
}

/// The packages that stand against a build even with a libc linked in: those that load code at run
/// time.
pub fn against_with_cgo(listing: &Listing) -> Vec<Contradiction> {
    let needing = listing.needing_c.iter();
    needing
        .filter(|one| one.without == Without::Errors)
        .map(contradiction)
        .collect()
}

/// The packages that use C when it is there, by import path.
pub fn using_c(listing: &Listing) -> impl Iterator<Item = &str> {
    listing.needing_c.iter().map(|one| one.package.as_str())
}

/// Whether C is only used where the program does all it should without.
pub fn is_pure_enough(listing: &Listing) -> bool {
    listing
        .needing_c
        .iter()
        .all(|one| known::is_fine(&one.package))
}

/// The files that `go build` will write, with the import path of each.
pub fn outputs(
    listing: &Listing,
    output: Option<&str>,
    dir: &Path,
) -> Result<Vec<(String, PathBuf)>, Contradiction> {
    let program = |main: &Main, path: PathBuf| (main.import_path.clone(), path);
    let named = listing.mains.len() + listing.libraries;
    match (listing.mains.as_slice(), output) {
        ([], _) if named > 0 && !listing.incomplete => Err(Contradiction::new(
            Code::BuildNoProgram,
            "no package is a program (`package main`)",
            "pass the directory of a program, for example ./cmd/NAME",
        )),
        ([main], None) if named == 1 => Ok(vec![program(main, dir.join(&main.name))]),
        (mains, None) if !mains.is_empty() => {
            let names: Vec<_> = mains.iter().map(|main| main.name.as_str()).collect();
            Err(Contradiction::new(
                Code::BuildNoOutput,
                format!(
                    "several packages without `-o`: go build would discard the programs ({})",
                    names.join(", ")
                ),
                "set an output directory, for example `-o bin/`",
            ))
        }
        (_, Some("/dev/null") | None) => Ok(Vec::new()),
        (mains, Some(output)) => {
            let path = dir.join(output);
            if output.ends_with(['/', std::path::MAIN_SEPARATOR]) || path.is_dir() {
                let inside = |main: &Main| program(main, path.join(&main.name));
                Ok(mains.iter().map(inside).collect())
            } else {
                // With more than one main, go build itself refuses to write them to one file.
                Ok(mains
                    .iter()
                    .map(|main| program(main, path.clone()))
                    .collect())
            }
        }
    }
}

/// One package of `go list -json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Package {
    import_path: String,
    name: String,
    dir: PathBuf,
    standard: bool,
    dep_only: bool,
    go_files: Vec<String>,
    cgo_files: Vec<String>,
    swig_files: Vec<String>,
    #[serde(rename = "SwigCXXFiles")]
    swig_cxx_files: Vec<String>,
    imports: Vec<String>,
    module: Option<Module>,
    error: Option<serde::de::IgnoredAny>,
}

const FIELDS: &str = "-json=ImportPath,Name,Dir,Standard,DepOnly,GoFiles,CgoFiles,SwigFiles,\
                      SwigCXXFiles,Imports,Module,Error";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Module {
    path: String,
    version: String,
    main: bool,
    go_mod: Option<PathBuf>,
}

fn go_list(go: &Go, profile: &Profile, cgo: &str) -> Result<Vec<Package>, Error> {
    // What is wrong with a package is said best by `go build`, so errors are carried (-e).
    let mut tool = go
        .tool(["list", "-e", "-deps", FIELDS])
        .args(&profile.list_flags);
    for (name, value) in &profile.env {
        tool = tool.env(name, value);
    }
    let tool = tool
        .env("CGO_ENABLED", cgo)
        .arg("--")
        .args(&profile.packages);
    let output = tool.run()?;
    let packages = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    packages
        .collect::<Result<Vec<Package>, _>>()
        .map_err(|cause| Error::Answer {
            command: tool.shell_line(),
            cause,
        })
}

fn needing_c(go: &Go, profile: &Profile, with_cgo: &[Package]) -> Result<Vec<NeedsC>, Error> {
    let offends = |package: &&Package| match package.standard {
        true => package.import_path == "plugin",
        false => package.uses_c().next().is_some(),
    };
    let offenders: Vec<&Package> = with_cgo.iter().filter(offends).collect();
    if offenders.is_empty() {
        return Ok(Vec::new());
    }
    let without_cgo = go_list(go, profile, "0")?;
    let chains = chains(with_cgo);
    let needs = |package: &&Package| NeedsC {
        package: package.import_path.clone(),
        module: package.module.as_ref().map(Module::to_string),
        files: package.uses_c().cloned().collect(),
        chain: chain_to(&package.import_path, &chains),
        without: without(package, &without_cgo),
    };
    Ok(offenders.iter().map(needs).collect())
}

fn without(package: &Package, without_cgo: &[Package]) -> Without {
    if package.standard {
        return Without::Errors;
    }
    let same = |other: &&Package| other.import_path == package.import_path;
    match without_cgo.iter().find(same) {
        None => Without::NotImported,
        Some(left) if left.go_files.is_empty() => Without::Nothing,
        Some(left) => {
            let new = |file: &&String| !package.go_files.contains(file);
            Without::StandIn(left.go_files.iter().filter(new).cloned().collect())
        }
    }
}

/// For every package, the one that imports it on the shortest way from a program.
fn chains(packages: &[Package]) -> BTreeMap<&str, Option<&str>> {
    let by_path: BTreeMap<_, _> = packages
        .iter()
        .map(|p| (p.import_path.as_str(), p))
        .collect();
    let named = packages.iter().filter(|package| !package.dep_only);
    let mut queue: VecDeque<&Package> = named.collect();
    let mut from: BTreeMap<&str, Option<&str>> = queue
        .iter()
        .map(|p| (p.import_path.as_str(), None))
        .collect();
    while let Some(package) = queue.pop_front() {
        for import in &package.imports {
            if let Some(imported) = by_path.get(import.as_str())
                && !from.contains_key(import.as_str())
            {
                from.insert(import, Some(&package.import_path));
                queue.push_back(imported);
            }
        }
    }
    from
}

fn chain_to(package: &str, from: &BTreeMap<&str, Option<&str>>) -> Vec<String> {
    let mut chain = vec![package.to_owned()];
    let mut at = package;
    while let Some(Some(importer)) = from.get(at) {
        chain.push((*importer).to_owned());
        at = importer;
    }
    chain.reverse();
    chain
}

fn contradiction(one: &NeedsC) -> Contradiction {
    let module = match &one.module {
        Some(module) => format!(" (module {module})"),
        None => String::new(),
    };
    let files = one.files.join(", ");
    let chain = one.chain.join(" -> ");
    let allow = format!(
        "use a pure-Go alternative; if the package's non-cgo code is enough for your program, \
         pass `--pure {}`",
        one.package
    );
    let (code, left) = match &one.without {
        Without::Nothing => (Code::NeedsCgo, "has no Go files without cgo".to_owned()),
        Without::StandIn(files) if files.is_empty() => {
            (Code::CgoStandIn, "omits these files without cgo".to_owned())
        }
        Without::StandIn(files) => (
            Code::CgoStandIn,
            format!("uses {} instead without cgo", files.join(", ")),
        ),
        Without::NotImported => (Code::CgoStandIn, "is not imported without cgo".to_owned()),
        Without::Errors => (
            Code::UsesPlugin,
            "cannot work: every plugin.Open fails without a dynamic loader".to_owned(),
        ),
    };
    let hint = match known::advice(&one.package) {
        Some(advice) => format!(
            "{advice}; `--pure {}` builds without cgo anyway, `--cgo` builds with C",
            one.package
        ),
        None if code == Code::NeedsCgo => {
            "use a pure-Go alternative, or pass `--cgo` to build with C and a libc".to_owned()
        }
        None => allow,
    };
    let uses = match one.files.is_empty() {
        true => String::new(),
        false => format!("uses C in {files}; "),
    };
    let what = format!(
        "package {}{module} {uses}{left}\n    imported by: {chain}",
        one.package
    );
    Contradiction::new(code, what, hint)
}

/// Go's patterns: a path, or a path with `/...` behind it, which also means the path itself.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix("...") {
        None => pattern == path,
        Some(prefix) => {
            path.starts_with(prefix) || prefix.strip_suffix('/').is_some_and(|own| own == path)
        }
    }
}

impl Package {
    fn uses_c(&self) -> impl Iterator<Item = &String> {
        let swig = self.swig_files.iter().chain(&self.swig_cxx_files);
        self.cgo_files.iter().chain(swig)
    }

    fn to_main(&self) -> Main {
        let version = self.module.as_ref().filter(|module| !module.main);
        Main {
            import_path: self.import_path.clone(),
            name: self.program_name().to_owned(),
            version: version
                .map(|module| module.version.clone())
                .filter(|version| !version.is_empty()),
            standard: self.standard,
        }
    }

    /// As `DefaultExecName` of cmd/go.
    fn program_name(&self) -> &str {
        if self.import_path == "command-line-arguments" {
            let file = self.go_files.first().or(self.cgo_files.first());
            return file.map_or("", |file| file.trim_end_matches(".go"));
        }
        let mut elements = self.import_path.rsplit('/');
        let last = elements.next().unwrap_or_default();
        match elements.next() {
            Some(before) if is_version_element(last) => before,
            _ => last,
        }
    }
}

/// `v2` and above, at the end of an import path.
fn is_version_element(element: &str) -> bool {
    let digits = element.strip_prefix('v').unwrap_or_default();
    !digits.is_empty()
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && !digits.starts_with('0')
        && digits != "1"
}

impl std::fmt::Display for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.version.as_str() {
            "" => f.write_str(&self.path),
            version => write!(f, "{}@{version}", self.path),
        }
    }
}

#[cfg(test)]
mod tests;
