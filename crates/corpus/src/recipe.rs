//! The recipes of the corpus, as they stand in `crates/corpus/recipes/*.toml`.
//!
//! A recipe says how a binary is built and what is true of it because of that. Everything that can
//! be wrong in the text (a rule that does not exist, a word nobody defined, two of one name) is an
//! error here, before anything is built.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

/// What a rule must say of a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// As wished.
    Pass,
    /// Known bad.
    Fail,
    /// Worth a look.
    Warn,
    /// Cannot or need not have it.
    NotApplicable,
    /// The file does not tell.
    Unknown,
}

impl Answer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Answer::Pass => "pass",
            Answer::Fail => "fail",
            Answer::Warn => "warn",
            Answer::NotApplicable => "not-applicable",
            Answer::Unknown => "unknown",
        }
    }
}

/// Rule codes and what they must say.
pub(crate) type Answers = BTreeMap<String, Answer>;

/// A binary of the corpus: how it is made, and what is true of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    /// Its file in `target/corpus`.
    pub(crate) name: String,
    /// What must be there to build it; see `tools.rs`.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// Another binary of the corpus that it is made of: `{from}`.
    #[serde(default)]
    pub(crate) from: Option<String>,
    /// Lines for `sh -eu`, with `{words}`.
    pub(crate) build: String,
    /// What kind of file it is.
    pub(crate) kind: String,
    /// Left out by `--quick`: another binary tells nearly as much, and Go's library has to be compiled
    /// for this one alone.
    #[serde(default)]
    pub(crate) rare: bool,
    /// Groups of answers that are true of it too; those beside it come before.
    #[serde(default)]
    pub(crate) shares: Vec<String>,
    /// What rules must say.
    #[serde(default)]
    pub(crate) answers: Answers,
    /// Functions of ours in it, which the judge disassembles to see a canary or a probe.
    #[serde(default)]
    pub(crate) functions: Vec<String>,
    /// Mistakes of other checkers that were seen on such a binary, by their number in
    /// `README.md` beside the recipes.
    #[serde(default)]
    pub(crate) mistake: Vec<u32>,
    /// What it is there for.
    pub(crate) why: String,
}

/// A file of recipes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Text that stands for `{name}` in its `build` lines.
    #[serde(default)]
    words: BTreeMap<String, String>,
    /// Groups of answers that several recipes share.
    #[serde(default)]
    shared: BTreeMap<String, Answers>,
    binary: Vec<Recipe>,
}

/// Every kind of file that a truth may name.
const KINDS: &[&str] = &[
    "relocatable-object",
    "shared-object",
    "static-executable",
    "dynamic-executable",
    "dynamic-pie",
    "loader-only-pie",
    "static-pie",
    "core",
    "macho-executable",
    "macho-dynamic-library",
    "macho-bundle",
    "pe-executable",
    "pe-dynamic-link-library",
];

/// Every rule that a truth may speak about.
#[rustfmt::skip]
pub(crate) const RULES: &[&str] = &[
    // ELF
    "pie", "position-independent-code", "no-loader", "needed-libraries", "executable-stack",
    "relro", "relro-applied",
    "bind-now", "writable-code", "text-relocations", "search-path", "separate-code",
    "stack-canary", "fortify", "cet", "branch-protection", "stack-clash", "cfi", "sanitizers",
    "symbols", "debug-info", "build-id", "setuid",
    // Go
    "go-toolchain", "go-symbols", "go-dwarf", "go-trimpath", "go-path-leak", "go-libc-resolver",
    "go-cgo", "go-cpu-level", "go-vcs", "go-vcs-dirty", "go-version-stamp", "go-instrumented",
    "go-fips", "go-build-info", "go-module-list", "go-heap-base", "go-cgo-flags",
    // Rust
    "rust-auditable", "rust-panic",
    // Mach-O
    "macho-pie", "macho-executable-stack", "macho-executable-heap", "macho-signature",
    "macho-hardened-runtime", "macho-encryption", "macho-rpath", "macho-canary",
    // PE
    "pe-dynamic-base", "pe-high-entropy", "pe-nx", "pe-cfg", "pe-cet", "pe-safe-seh", "pe-canary",
    "pe-signature", "pe-relocations",
];

/// Words that the builder itself puts in for each recipe.
const BUILDERS_WORDS: &[&str] = &["src", "out", "from", "work"];

/// Reads every page of a folder, each recipe with its words put in and its shared answers added.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Vec<Recipe>> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            pages.push(path);
        }
    }
    pages.sort();
    let mut recipes = Vec::new();
    for path in pages {
        let text = fs::read_to_string(&path)?;
        let found = page(&text).with_context(|| format!("read {}", path.display()))?;
        recipes.extend(found);
    }
    let mut names = BTreeSet::new();
    for recipe in &recipes {
        ensure!(
            names.insert(&recipe.name),
            "two recipes are `{}`",
            recipe.name
        );
    }
    for recipe in &recipes {
        if let Some(from) = recipe.from.as_ref().filter(|from| !names.contains(from)) {
            bail!(
                "`{}` is made from `{from}`, which is no recipe",
                recipe.name
            );
        }
    }
    Ok(recipes)
}

fn page(text: &str) -> anyhow::Result<Vec<Recipe>> {
    let page: Page = toml::from_str(text)?;
    let complete = |recipe: Recipe| {
        let name = recipe.name.clone();
        page.complete(recipe)
            .with_context(|| format!("recipe `{name}`"))
    };
    page.binary.iter().cloned().map(complete).collect()
}

impl Page {
    fn complete(&self, mut recipe: Recipe) -> anyhow::Result<Recipe> {
        ensure!(
            KINDS.contains(&recipe.kind.as_str()),
            "no kind `{}`",
            recipe.kind
        );
        ensure!(!recipe.why.is_empty(), "it does not say why");
        recipe.build = put_in(&recipe.build, &|word| {
            let is_tool = recipe.needs.iter().any(|need| need == word);
            let later = BUILDERS_WORDS.contains(&word) || is_tool;
            let ours = self.words.get(word).cloned();
            ours.or_else(|| later.then(|| format!("{{{word}}}")))
        })?;
        for name in &recipe.shares {
            let shared = self.shared.get(name);
            let shared = shared.with_context(|| format!("no shared answers `{name}`"))?;
            for (rule, answer) in shared {
                recipe.answers.entry(rule.clone()).or_insert(*answer);
            }
        }
        for rule in recipe.answers.keys() {
            ensure!(RULES.contains(&rule.as_str()), "no rule `{rule}`");
        }
        Ok(recipe)
    }
}

/// Replaces each `{word}` by what it stands for. Other braces are the shell's.
pub(crate) fn put_in(
    text: &str,
    meaning: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        result += before;
        let word = after.split('}').next().unwrap_or_default();
        let is_word = |c: char| c.is_ascii_alphanumeric() || "-.:_".contains(c);
        // `${HOME}` is the shell's, `{{end}}` a Go template's.
        let is_others = result.ends_with(['$', '{']) || word.is_empty();
        if is_others || !word.chars().all(is_word) {
            result.push('{');
            rest = after;
            continue;
        }
        result += &meaning(word).with_context(|| format!("no word `{{{word}}}`"))?;
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    Ok(result + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"
        [words]
        bare = "-O2"
        [shared.plain]
        pie = "pass"
        relro = "fail"
        [[binary]]
        name = "a"
        build = "cc {bare} {src}/a.c -o {out}; echo ${HOME} {{end}} { x; }"
        kind = "static-pie"
        shares = ["plain"]
        answers.relro = "pass"
        why = "a test"
    "#;

    #[test]
    fn puts_words_in_and_lets_its_own_answers_win() {
        let recipes = page(PAGE).unwrap();
        assert_eq!(
            recipes[0].build,
            "cc -O2 {src}/a.c -o {out}; echo ${HOME} {{end}} { x; }"
        );
        assert_eq!(recipes[0].answers["pie"], Answer::Pass);
        assert_eq!(recipes[0].answers["relro"], Answer::Pass);
    }

    #[test]
    fn refuses_rules_kinds_and_words_that_do_not_exist() {
        for (good, bad) in [
            ("answers.relro", "answers.rellro"),
            ("static-pie", "static-pi"),
            ("{bare}", "{bear}"),
            ("\"plain\"", "\"plane\""),
        ] {
            assert!(page(&PAGE.replace(good, bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_committed_recipe_can_be_read() {
        let folder = xtask::root().join("crates/corpus/recipes");
        assert!(read(&folder).unwrap().len() >= 80);
    }
}
