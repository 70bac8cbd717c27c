//! What a release lost or gained: two binaries side by side, fact by fact.
//!
//! A loss is what makes somebody worse off who takes the new binary: an answer that got worse, a
//! loader or a library that was not needed before, a fixed address. What merely differs (versions,
//! settings, sizes) is neither, since nothing in the files tells whether it was wanted.
//!
//! A file that tells less than the old one is no worse for that: what was stripped from it is not seen
//! any more, and whether it is still true is not known. That is said, as what it is. Where the new
//! file tells as much as the old one, an answer that became unknown is a loss: canaries that no
//! function checks any more look like that.

mod facts;
mod libraries;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use facts::{Facts, RuleAnswer, Sight};
pub use libraries::without_hash;

use crate::finding::Answer;
use crate::subject::Kind;

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Whether it is for better or worse.
    pub weight: Weight,
    /// What kind of thing it is.
    pub what: What,
    /// Which one: a rule's code, a library, a setting, a module, a section. Empty for what a binary
    /// has one of.
    pub name: String,
    /// What it was; `None` when it was not there.
    pub old: Option<Value>,
    /// What it is now; `None` when it is not there any more.
    pub new: Option<Value>,
    /// Why a rule's answer is what it is now; empty otherwise.
    pub why: String,
}

/// Whether a change is for better or worse. The worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// The release lost something.
    Loss,
    /// It does not tell any more.
    Unseen,
    /// It gained something.
    Gain,
    /// It is other than it was.
    Neutral,
}

/// What kind of thing differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A rule's answer.
    Answer,
    /// What kind of file it is.
    Kind,
    /// The language.
    Language,
    /// The loader that it asks for.
    Loader,
    /// A library that it needs.
    Library,
    /// The version of Go that made it.
    Go,
    /// A setting of the Go build.
    Setting,
    /// A Go module.
    Module,
    /// The size of the file.
    Size,
    /// The size of a section.
    Section,
}

/// What a fact is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Words, a path, a version.
    Text(String),
    /// A number of bytes.
    Bytes(u64),
}

/// Everything that differs: losses first, then gains, then the rest.
pub fn diff(old: &Facts, new: &Facts) -> Vec<Change> {
    let mut changes = answers(old, new);
    let weight = kind(old.kind, new.kind);
    changes.extend(one(What::Kind, weight, old.kind.name(), new.kind.name()));
    changes.extend(loader(old, new));
    changes.extend(libraries::changes(&old.needed, &new.needed));
    let neutral = Weight::Neutral;
    let (was, is) = (old.language.name(), new.language.name());
    changes.extend(one(What::Language, neutral, was, is));
    changes.extend(optional(What::Go, neutral, &old.go, &new.go));
    let text = |text: &String| text_of(text);
    changes.extend(table(What::Setting, &old.settings, &new.settings, text));
    changes.extend(table(What::Module, &old.modules, &new.modules, text));
    if old.size != new.size {
        let (old, new) = (Value::Bytes(old.size), Value::Bytes(new.size));
        changes.push(Change::new(What::Size, neutral, "", Some(old), Some(new)));
    }
    let size = |size: &u64| Value::Bytes(*size);
    changes.extend(table(What::Section, &old.sections, &new.sections, size));
    changes.sort_by_key(|change| change.weight);
    changes
}

fn answers(old: &Facts, new: &Facts) -> Vec<Change> {
    let sight = new.sight.beside(&old.sight);
    let rules = crate::rules().map(|rule| rule.code);
    let changes = rules.filter_map(|code| {
        let (was, is) = (old.answers.get(code), new.answers.get(code));
        let answer = |answered: &RuleAnswer| answered.answer;
        let weight = weigh(was.map(answer), is.map(answer), sight)?;
        let name = |answered: &RuleAnswer| text_of(answered.answer.name());
        Some(Change {
            why: is.map(|is| is.why.clone()).unwrap_or_default(),
            ..Change::new(What::Answer, weight, code, was.map(name), is.map(name))
        })
    });
    changes.collect()
}

/// What a change of a rule's answer means; `None` when it did not change. Without an answer, the
/// rule does not speak about such binaries, or the policy switched it off. `sight` is how much the new
/// binary tells beside the old one.
fn weigh(old: Option<Answer>, new: Option<Answer>, sight: Ordering) -> Option<Weight> {
    use Answer::{Fail, Pass, Unknown, Waived, Warn};
    if old == new {
        return None;
    }
    Some(match (old, new) {
        // What only came to light is neither better nor worse than it was.
        (Some(Unknown), Some(Pass | Fail)) if sight.is_gt() => Weight::Neutral,
        // What is worse now counts, from wherever it came.
        (_, Some(Fail)) => Weight::Loss,
        (Some(Fail), Some(Warn)) => Weight::Gain,
        (None | Some(Unknown), Some(Warn)) => Weight::Neutral,
        (_, Some(Warn)) => Weight::Loss,
        (Some(Pass), Some(Unknown)) if sight.is_lt() => Weight::Unseen,
        (Some(Pass), Some(Unknown)) => Weight::Loss,
        (Some(Fail | Warn | Unknown | Waived), Some(Pass)) => Weight::Gain,
        // What is waived or not asked any more is no better for that.
        _ => Weight::Neutral,
    })
}

fn kind(old: Kind, new: Kind) -> Weight {
    let is_fixed = |kind| matches!(kind, Kind::StaticExecutable | Kind::DynamicExecutable);
    match (is_fixed(old), is_fixed(new)) {
        (false, true) => Weight::Loss,
        (true, false) => Weight::Gain,
        // What else a kind means is a change of its own: the loader.
        _ => Weight::Neutral,
    }
}

fn loader(old: &Facts, new: &Facts) -> Option<Change> {
    let weight = match (&old.loader, &new.loader) {
        (None, Some(_)) => Weight::Loss,
        (Some(_), None) => Weight::Gain,
        _ => Weight::Neutral,
    };
    optional(What::Loader, weight, &old.loader, &new.loader)
}

fn one(what: What, weight: Weight, old: &str, new: &str) -> Option<Change> {
    let (was, is) = (Some(text_of(old)), Some(text_of(new)));
    (old != new).then(|| Change::new(what, weight, "", was, is))
}

fn optional(
    what: What,
    weight: Weight,
    old: &Option<String>,
    new: &Option<String>,
) -> Option<Change> {
    let value = |value: &Option<String>| value.as_deref().map(text_of);
    (old != new).then(|| Change::new(what, weight, "", value(old), value(new)))
}

/// Every name whose value differs.
fn table<T: PartialEq>(
    what: What,
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
    value: impl Fn(&T) -> Value,
) -> Vec<Change> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let names = names.into_iter();
    let changes = names.filter_map(|name| {
        let (was, is) = (old.get(name), new.get(name));
        let (old, new) = (was.map(&value), is.map(&value));
        (was != is).then(|| Change::new(what, Weight::Neutral, name, old, new))
    });
    changes.collect()
}

fn text_of(text: &str) -> Value {
    Value::Text(text.to_owned())
}

impl Change {
    fn new(what: What, weight: Weight, name: &str, old: Option<Value>, new: Option<Value>) -> Self {
        Self {
            weight,
            what,
            name: name.to_owned(),
            old,
            new,
            why: String::new(),
        }
    }
}

#[cfg(test)]
mod tests;
