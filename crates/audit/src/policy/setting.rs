//! Settings of rules: `code = "warn"`, or `code = { level = "warn", unknown = "fail", severity = "low" }`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::rule::{Level, Rule, Severity, rules};

/// A table of settings, by rule.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Settings(BTreeMap<Code, Setting>);

/// What a policy says of a rule; what it does not say stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// What a failing answer comes to, and a warning as well where `warn` is absent.
    pub level: Option<Level>,
    /// What a warning of the rule itself comes to: [`Level::Warn`] or [`Level::Fail`].
    pub warn: Option<Level>,
    /// What it comes to that the file does not tell.
    pub unknown: Option<Level>,
    /// How much harm it does.
    pub severity: Option<Severity>,
}

impl Settings {
    pub(super) fn of(&self, rule: &Rule) -> Option<Setting> {
        self.0.get(rule.code).copied()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, Setting)> {
        self.0.iter().map(|(code, setting)| (code.0, *setting))
    }
}

/// The code of a rule that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Code(pub(super) &'static str);

impl std::borrow::Borrow<str> for Code {
    fn borrow(&self) -> &str {
        self.0
    }
}

/// Every code there is.
pub(super) static CODES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| rules().map(|rule| rule.code).collect());

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Name)
    }
}

/// A visitor, so that toml notes where in a list an unknown code stands.
struct Name;

impl de::Visitor<'_> for Name {
    type Value = Code;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rule code")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Code, E> {
        let known = CODES.iter().find(|code| **code == name);
        let unknown = || E::unknown_variant(name, &CODES);
        known.map(|code| Code(code)).ok_or_else(unknown)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    level: Option<Level>,
    warn: Option<WarnLevel>,
    unknown: Option<Level>,
    severity: Option<Severity>,
}

/// A warning that counts for nothing is a rule that is switched off.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WarnLevel {
    Warn,
    Fail,
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LevelOrTable)
    }
}

/// Not an untagged enum: that would lose where in the table a mistake is.
struct LevelOrTable;

impl<'de> de::Visitor<'de> for LevelOrTable {
    type Value = Setting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a level, or a table of `level`, `warn`, `unknown` and `severity`")
    }

    fn visit_str<E: de::Error>(self, level: &str) -> Result<Setting, E> {
        Ok(Setting {
            level: Some(Level::deserialize(StrDeserializer::new(level))?),
            warn: None,
            unknown: None,
            severity: None,
        })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Setting, A::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Setting {
            level: table.level,
            warn: table.warn.map(|level| match level {
                WarnLevel::Warn => Level::Warn,
                WarnLevel::Fail => Level::Fail,
            }),
            unknown: table.unknown,
            severity: table.severity,
        })
    }
}
