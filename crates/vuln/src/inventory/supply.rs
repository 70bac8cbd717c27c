//! What a program does not tell itself: the modules that its packages belong to, where the toolchain
//! left no list of them, and versions that the user gives.

use std::collections::{BTreeMap, BTreeSet};

use super::owners::upwards;
use super::{Component, Inventory, NoInventory};
use crate::caveat::Caveat;
use crate::code::Wanted;
use crate::database::Database;
use crate::ecosystem::{Ecosystem, STDLIB, TOOLCHAIN};
use crate::limits::MAX_MODULES;
use crate::semver::nearest;
use crate::versions::Versions;

/// Where `go build` without modules finds what a package brings along. Go's own copies stand below
/// `vendor/` itself, and belong to the standard library.
const VENDOR: &str = "/vendor/";

impl Inventory<'_> {
    /// Adds what `versions` says of modules whose version is not in the program, and, where the program
    /// has no list of modules, those that its packages belong to and that `database` knows.
    ///
    /// # Errors
    /// When there are more than a program has, or the names of functions have not been read.
    pub fn supply(
        &mut self,
        database: &Database<'_>,
        versions: &Versions,
    ) -> Result<(), NoInventory> {
        let is_go = self.record.crates.is_none();
        if !is_go || (versions.is_empty() && !self.lacks_modules) {
            return Ok(());
        }
        if self.lacks_modules {
            self.add_linked(database, versions)?;
        }
        self.give(versions);
        self.settle()
    }

    fn give(&mut self, versions: &Versions) {
        let unknown = self
            .components
            .iter_mut()
            .filter(|it| it.compared.is_empty());
        let mut given = BTreeMap::new();
        for component in unknown {
            let asked = match component.name.as_str() {
                TOOLCHAIN => STDLIB,
                name => name,
            };
            if let Some((name, version)) = versions.of(asked) {
                given.insert(asked.to_owned(), version.to_owned());
                if asked != STDLIB {
                    name.clone_into(&mut component.name);
                }
                version.clone_into(&mut component.version);
                component.compared = nearest(version).unwrap_or_default().to_owned();
            }
        }
        let main = self.record.main.as_ref().map(|it| it.path.as_str());
        self.caveats.retain(|it| match it {
            Caveat::MainDevel => main.is_none_or(|main| !given.contains_key(main)),
            Caveat::LocalReplacement(path) | Caveat::UnknownVersion(path, _) => {
                !given.contains_key(path)
            }
            Caveat::UnknownGo(_) => !given.contains_key(STDLIB),
            _ => true,
        });
        let given = given.into_iter();
        self.caveats
            .extend(given.map(|(name, version)| Caveat::GivenVersion(name, version)));
    }

    /// Modules by the packages that are linked. Where those cannot be read, any that has a version may
    /// be in the program.
    fn add_linked(
        &mut self,
        database: &Database<'_>,
        versions: &Versions,
    ) -> Result<(), NoInventory> {
        let Some(linked) = self.code.linked(&Wanted::new())? else {
            let modules = versions.modules().filter(|it| *it != STDLIB);
            let modules: Vec<String> = modules.map(str::to_owned).collect();
            modules.iter().for_each(|it| self.add_unversioned(it));
            self.lacks_modules = versions.is_empty();
            return Ok(());
        };
        let is_known =
            |path: &str| versions.of(path).is_some() || database.knows(Ecosystem::Go, path);
        let mut modules: BTreeSet<(String, String)> = BTreeSet::new();
        let mut unversioned = 0usize;
        for package in &linked.packages {
            let Some((copied_to, path)) = of_a_module(package) else {
                continue;
            };
            let module = module_of(path, is_known);
            let has_version = module.is_some_and(|it| versions.of(it).is_some());
            if !has_version && *package != self.record.package {
                unversioned = unversioned.saturating_add(1);
            }
            if let Some(module) = module {
                modules.insert((module.to_owned(), format!("{copied_to}{module}")));
            }
        }
        if modules.len() > MAX_MODULES {
            return Err(NoInventory::TooManyModules(modules.len()));
        }
        if modules.is_empty() && unversioned == 0 {
            // `go build main.go` lists nothing either, where nothing else is in the program.
            self.caveats.retain(|it| *it != Caveat::NoModuleList);
        }
        for (name, import_path) in modules {
            self.components.push(Component {
                ecosystem: Ecosystem::Go,
                vendored: name != import_path,
                name,
                version: String::new(),
                compared: String::new(),
                import_path,
            });
        }
        if unversioned > 0 {
            self.caveats.push(Caveat::UnownedPackages(unversioned));
        }
        self.lacks_modules = unversioned > 0;
        Ok(())
    }
}

/// Where a package was copied to, empty where it was not, and its own path. `None` of one of the
/// standard library, of which no path begins with the name of a host.
fn of_a_module(package: &str) -> Option<(&str, &str)> {
    let (copied_to, path) = match package.rfind(VENDOR) {
        Some(at) => package.split_at_checked(at.checked_add(VENDOR.len())?)?,
        None => ("", package),
    };
    let (host, _) = path.split_once('/').unwrap_or((path, ""));
    // Names that the compiler makes, such as `type:.eq.a.b`, have other bytes.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (host.contains('.') && host.bytes().all(fits)).then_some((copied_to, path))
}

/// The module that a package belongs to: the longest path above it that is known. What lies below
/// `v2` is another module than what that stands below (go.dev/ref/mod, "Major version suffixes").
fn module_of(package: &str, is_known: impl Fn(&str) -> bool) -> Option<&str> {
    let found = upwards(package).find(|path| is_known(path))?;
    let below = package.get(found.len()..).unwrap_or_default();
    let first = below.strip_prefix('/').unwrap_or_default();
    let first = first.split('/').next().unwrap_or_default();
    let major = first
        .strip_prefix('v')
        .and_then(|it| it.parse::<u32>().ok());
    major.is_none_or(|major| major < 2).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_of_the_module_that_it_was_copied_from() {
        for (package, found) in [
            (
                "golang.org/x/net/http2",
                Some(("", "golang.org/x/net/http2")),
            ),
            (
                "github.com/a/b/vendor/golang.org/x/net/http2",
                Some(("github.com/a/b/vendor/", "golang.org/x/net/http2")),
            ),
            (
                "a.b/vendor/c.d/vendor/e.f/g",
                Some(("a.b/vendor/c.d/vendor/", "e.f/g")),
            ),
            ("vendor/golang.org/x/net/http2/hpack", None),
            ("net/http", None),
            ("type:.eq.a.b/c", None),
            ("command-line-arguments", None),
            ("", None),
        ] {
            assert_eq!(of_a_module(package), found, "{package}");
        }
    }

    #[test]
    fn the_longest_known_path_is_the_module_and_v2_is_another() {
        let known = ["a.b/c", "a.b/c/d", "e.f/g"];
        let module = |package| module_of(package, |path| known.contains(&path));
        for (package, found) in [
            ("a.b/c", Some("a.b/c")),
            ("a.b/c/x", Some("a.b/c")),
            ("a.b/c/d/x", Some("a.b/c/d")),
            ("a.b/cd", None),
            ("e.f/g/v2/x", None),
            ("e.f/g/v1/x", Some("e.f/g")),
            ("e.f/g/version", Some("e.f/g")),
            ("x.y/z", None),
        ] {
            assert_eq!(module(package), found, "{package}");
        }
    }
}
