//! A rule: a question about a binary, and how much its answer counts.

use handpie_binary::{Image, Incomplete};
use serde::{Deserialize, Serialize};

use crate::finding::Judgement;
use crate::subject::Subject;
use crate::{elf, go, macho, pe};

/// A question that can be asked of a binary.
#[derive(Debug)]
pub struct Rule {
    /// The stable name, which is also that of its page in `docs/findings/`.
    pub code: &'static str,
    /// What is wished for, in words that fit after "wants": `a random load address`.
    pub wish: &'static str,
    /// How much harm a failing answer does.
    pub severity: Severity,
    /// What a failing answer comes to, in each profile.
    pub levels: Levels,
    /// Whatever it says when bytes are missing that it asked for counts for nothing.
    pub(crate) judge: fn(&Subject<'_>) -> Option<Judgement>,
}

impl Rule {
    /// What the rule says of `subject`; `None` when it does not speak about such binaries at all.
    ///
    /// # Errors
    /// [`Incomplete`] when not all that it looks at has been read.
    pub fn judge(&self, subject: &Subject<'_>) -> Result<Option<Judgement>, Incomplete> {
        subject.binary.file().settled(self.ask(subject))
    }

    /// The same, of what has been read.
    pub(crate) fn ask(&self, subject: &Subject<'_>) -> Option<Judgement> {
        match subject.unloaded {
            Some(why) if subject.elf().is_some() => elf::of_unloaded(self, subject, why),
            _ => (self.judge)(subject),
        }
    }
}

/// How much harm a failing answer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Hygiene: size, readability, what a packager wants.
    Low,
    /// Makes an attack or an outage likelier, or an investigation harder.
    Medium,
    /// A protection that everybody relies on is absent, or the program will not run.
    High,
}

impl Severity {
    /// The severity in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What a failing answer comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The rule is not asked.
    Off,
    /// It is reported as a warning.
    Warn,
    /// It is reported as a failure, and the exit status says so.
    Fail,
}

impl Level {
    /// The level in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// A rule's level in each profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// Without a profile.
    pub plain: Level,
    /// [`Profile::Portable`].
    pub portable: Level,
    /// [`Profile::Host`].
    pub host: Level,
    /// [`Profile::Distro`].
    pub distro: Level,
}

impl Levels {
    /// The same level everywhere.
    pub(crate) const fn all(level: Level) -> Self {
        Self {
            plain: level,
            portable: level,
            host: level,
            distro: level,
        }
    }

    /// The level in a profile, or without one.
    pub fn of(&self, profile: Option<Profile>) -> Level {
        match profile {
            None => self.plain,
            Some(Profile::Portable) => self.portable,
            Some(Profile::Host) => self.host,
            Some(Profile::Distro) => self.distro,
        }
    }
}

/// What a binary is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A single file that runs anywhere: `FROM scratch`, any distribution.
    Portable,
    /// A program for one machine, linked against its libc and libraries.
    Host,
    /// A distribution package: debug information is split off, build IDs are kept.
    Distro,
}

impl Profile {
    /// The profile in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Host => "host",
            Self::Distro => "distro",
        }
    }
}

/// Every rule, in the order of reports.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let all = [elf::RULES, macho::RULES, pe::RULES, go::RULES];
    all.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let mut codes = BTreeSet::new();
        for rule in rules() {
            assert!(
                codes.insert(rule.code),
                "two rules are called {}",
                rule.code
            );
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(rule.code.chars().all(kebab), "{}", rule.code);
        }
    }
}
