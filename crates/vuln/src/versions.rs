//! Versions of modules from outside a program, for those that the program does not tell itself: lines of
//! `MODULE VERSION`, as `go list -m all` prints them, or what a build has anyway: go.mod, go.sum,
//! vendor/modules.txt. Which of them it is shows in each line.
//!
//! ```text
//! golang.org/x/net v0.17.0           a module
//! stdlib go1.22.5                    the standard library
//! a.b/c v1.0.0 => d.e/f v1.1.0       a module whose source is that of another
//! ```

use std::collections::HashMap;

use handpie_binary::go::Version as GoVersion;

use crate::ecosystem::STDLIB;
use crate::inventory::release;
use crate::semver::{compare, nearest};

/// Versions by module.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    /// The module that the source is of, and its version.
    modules: HashMap<String, (String, String)>,
}

/// Why a text does not give versions: the line, from 1 on, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct VersionsError {
    /// The number of the line.
    pub line: usize,
    /// What was found, and what was expected.
    pub message: String,
}

impl VersionsError {
    /// The stable code, which is also the name of its page.
    pub const CODE: &str = "vuln-versions-invalid";
}

/// What a block in parentheses of go.mod is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Require,
    Replace,
    Other,
}

/// What is known of a text so far.
#[derive(Default)]
struct Reader {
    is_go_mod: bool,
    is_modules_txt: bool,
    block: Option<Block>,
    seen_any: bool,
}

impl Versions {
    /// Adds the versions in a text.
    ///
    /// # Errors
    /// Where a line is none that is known, or gives a module a second version.
    pub fn add(&mut self, text: &str) -> Result<(), VersionsError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = Reader::default();
        for (line, number) in text.lines().zip(1..) {
            let read = reader.line(line, self);
            read.map_err(|message| VersionsError {
                line: number,
                message,
            })?;
        }
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    /// The module whose source a module has, and its version.
    pub(crate) fn of(&self, module: &str) -> Option<(&str, &str)> {
        let (name, version) = self.modules.get(module)?;
        Some((name, version))
    }

    /// Every module.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().map(String::as_str)
    }

    /// Takes in a version; of two, go.sum means the later, since its older ones are left-overs.
    fn insert(&mut self, module: &str, source: &str, version: &str) -> Result<(), String> {
        let version = match source {
            STDLIB => go_release(version),
            _ => nearest(version).map(str::to_owned),
        }
        .ok_or_else(|| format!("`{version}` is not a version"))?;
        let given = (source.to_owned(), version.clone());
        match self.modules.insert(module.to_owned(), given.clone()) {
            Some(known) if known != given => Err(format!(
                "{module} has a second version, {version}; expected one, {} before",
                known.1
            )),
            _ => Ok(()),
        }
    }

    fn insert_later(&mut self, module: &str, version: &str) {
        let known = self.modules.get(module);
        if known.is_none_or(|(_, known)| compare(known, version).is_lt()) {
            let given = (module.to_owned(), version.to_owned());
            self.modules.insert(module.to_owned(), given);
        }
    }
}

/// A version of Go as its database writes it, whether the user writes `go1.22.5` or `v1.22.5`.
fn go_release(text: &str) -> Option<String> {
    let version = GoVersion::parse(text)?;
    Some(release(&version, version.minor?))
}

impl Reader {
    fn line(&mut self, line: &str, versions: &mut Versions) -> Result<(), String> {
        let line = line.split_once("//").map_or(line, |(line, _)| line);
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if let Some(block) = self.block {
            if words == [")"] {
                self.block = None;
                return Ok(());
            }
            return self.of_block(block, &words, versions);
        }
        let is_first = !self.seen_any && !words.is_empty();
        self.seen_any |= is_first;
        match words.as_slice() {
            ["module", _] if is_first => {
                self.is_go_mod = true;
                return Ok(());
            }
            [word, rest @ ..] if self.is_go_mod => {
                let block = match *word {
                    "require" => Block::Require,
                    "replace" => Block::Replace,
                    _ => Block::Other,
                };
                if rest == ["("] {
                    self.block = Some(block);
                    return Ok(());
                }
                return self.of_block(block, rest, versions);
            }
            // A line of vendor/modules.txt, or a remark.
            [mark, ..] if mark.starts_with('#') => {
                if *mark != "#" {
                    return Ok(());
                }
                words.remove(0);
                let is_module = words.len() > 1 && self.of_module(&words, versions).is_ok();
                self.is_modules_txt |= is_module;
                return Ok(());
            }
            // A package below its module, or the main module in what `go list -m all` prints.
            [_] if self.is_modules_txt || is_first => return Ok(()),
            _ => {}
        }
        self.of_module(&words, versions)
    }

    fn of_block(
        &self,
        block: Block,
        words: &[&str],
        versions: &mut Versions,
    ) -> Result<(), String> {
        match (block, words) {
            (Block::Require, _) => self.of_module(words, versions),
            (Block::Replace, [module, "=>", source, version])
            | (Block::Replace, [module, _, "=>", source, version]) => {
                // It says more than the line that requires the module.
                versions.modules.remove(*module);
                versions.insert(module, source, version)
            }
            // A directory, whose version nobody knows.
            (Block::Replace, [module, ..]) => {
                versions.modules.remove(*module);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn of_module(&self, words: &[&str], versions: &mut Versions) -> Result<(), String> {
        match words {
            [] | [_, "=>", _] | [_, _, "=>", _] => Ok(()),
            [module, version, sum] if sum.starts_with("h1:") => {
                if !version.ends_with("/go.mod") {
                    versions.insert_later(module, version);
                }
                Ok(())
            }
            [module, version] => versions.insert(module, module, version),
            [module, _, "=>", source, version] | [module, "=>", source, version] => {
                versions.insert(module, source, version)
            }
            [module] => Err(format!("`{module}` has no version")),
            _ => Err("expected `MODULE VERSION`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, VersionsError> {
        let mut versions = Versions::default();
        versions.add(text)?;
        let modules = versions.modules.iter();
        let modules = modules.map(|(module, (source, version))| match module == source {
            true => format!("{module} {version}"),
            false => format!("{module} => {source} {version}"),
        });
        let mut modules: Vec<String> = modules.collect();
        modules.sort();
        Ok(modules)
    }

    const FOUND: [&str; 3] = [
        "a.b/c v1.2.0",
        "d.e/f => g.h/i v0.9.0",
        "golang.org/x/net v0.17.0",
    ];

    #[test]
    fn what_a_build_has_anyway_gives_versions() {
        for text in [
            "a.b/c v1.2.0\ngolang.org/x/net v0.17.0\n\n# why\nd.e/f v1.0.0 => g.h/i v0.9.0\n",
            "main.test/app\na.b/c v1.2.0\ngolang.org/x/net v0.17.0\nd.e/f v1.0.0 => g.h/i v0.9.0\nx.y/z v1.0.0 => ../z\n",
            "module main.test/app\n\ngo 1.21\n\nrequire (\n\ta.b/c v1.2.0\n\tgolang.org/x/net v0.17.0 // indirect\n)\nrequire d.e/f v1.0.0\nreplace d.e/f => g.h/i v0.9.0\nexclude a.b/c v1.1.0\nretract (\n\tv1.0.0\n)\n",
            "# a.b/c v1.2.0\n## explicit; go 1.21\na.b/c\na.b/c/d\n# golang.org/x/net v0.17.0\n# d.e/f v1.0.0 => g.h/i v0.9.0\nd.e/f\n# x.y/z v1.0.0 => ../z\n",
        ] {
            assert_eq!(read(text).unwrap(), FOUND, "{text}");
        }
        let sums = "a.b/c v1.1.0 h1:x=\na.b/c v1.2.0 h1:y=\na.b/c v1.3.0/go.mod h1:z=\n";
        assert_eq!(read(sums).unwrap(), ["a.b/c v1.2.0"]);
    }

    #[test]
    fn the_standard_library_has_a_version_of_go() {
        for text in ["stdlib go1.22.5", "stdlib v1.22.5", "stdlib 1.22.5"] {
            assert_eq!(read(text).unwrap(), ["stdlib 1.22.5"], "{text}");
        }
    }

    #[test]
    fn what_is_no_version_is_an_error_with_its_line() {
        for (text, line, words) in [
            ("a.b/c v1.0.0\na.b/d", 2, "`a.b/d` has no version"),
            ("a.b/c latest", 1, "`latest` is not a version"),
            ("a.b/c v1.0.0\na.b/c v1.1.0", 2, "a second version, v1.1.0"),
            (
                "a.b/c v1.0.0 and more words",
                1,
                "expected `MODULE VERSION`",
            ),
            ("stdlib go2.1", 1, "`go2.1` is not a version"),
            (
                "module m\nrequire (\na.b/c tip\n)",
                3,
                "`tip` is not a version",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.line, line, "{text}");
            assert!(error.message.contains(words), "{text}: {error}");
        }
    }
}
