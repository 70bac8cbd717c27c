//! What counts in a project: the text of a `handpie.toml`, read into types and asked about one file
//! at a time.
//!
//! Levels come from four places, and the later wins: the rule itself, the profile, `[rules]`, and
//! every `[[paths]]` that matches the file, in the order of the text. Waivers come last: they do not
//! change what a rule says, but whether it counts.
//!
//! Nothing here looks for the file, reads it, or asks what day it is. A new section is a new field
//! of [`Policy`] whose type has a module of its own, with `deny_unknown_fields`, so that a slip in a
//! name is never silently without effect.

mod error;
mod globs;
mod scope;
mod setting;
mod suppression;
mod waiver;

use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Spanned;

pub use error::{PolicyError, Unknown};
pub use scope::{Scope, Table};
pub use setting::Setting;
pub use suppression::{Suppressed, Suppression};
pub use waiver::{Waived, Waiver};

use crate::date::Date;
use crate::limits::{MAX_GLOB_BYTES, MAX_GLOBS, MAX_POLICY, MAX_TABLES};
use crate::rule::{Level, Profile, Rule, Severity};
use error::Lines;
use globs::{Globs, Set};
use setting::Settings;

/// What counts in a project, and how much.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    profile: Option<Profile>,
    /// What an unknown answer counts as, where no rule's setting says it.
    #[serde(default = "off")]
    unknown: Level,
    #[serde(default)]
    rules: Settings,
    #[serde(default)]
    paths: Vec<Spanned<PathRules>>,
    #[serde(default)]
    waivers: Vec<Spanned<Waiver>>,
    #[serde(default, rename = "vuln")]
    suppressions: Vec<Spanned<Suppression>>,
    cgo: Option<Cgo>,
    #[serde(skip)]
    globs: Set,
}

/// The `[cgo]` table: which Go packages may use C, and why.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cgo {
    /// Import paths; `PATH/...` means all below as well.
    pub packages: Vec<String>,
    /// The reason, for whoever reads it later.
    pub why: String,
}

/// A `[[paths]]` table: other settings for some files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PathRules {
    #[serde(rename = "match")]
    files: Spanned<Globs>,
    rules: Settings,
    /// Where it stands in the text, from 1.
    #[serde(skip)]
    line: usize,
}

/// What a policy makes of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What a failing answer comes to.
    pub level: Level,
    /// What a warning of the rule itself comes to: `warn` or `fail`.
    pub warn: Level,
    /// What it comes to that the file does not tell; [`Level::Off`] leaves it unknown.
    pub unknown: Level,
    /// How much harm it does.
    pub severity: Severity,
    /// Where the level comes from.
    pub origin: Origin,
}

/// Where a rule's level comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The rule itself.
    Default,
    /// The profile.
    Profile,
    /// `[rules]`.
    Rules,
    /// A `[[paths]]` table.
    Paths,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            profile: None,
            unknown: off(),
            rules: Settings::default(),
            paths: Vec::new(),
            waivers: Vec::new(),
            suppressions: Vec::new(),
            cgo: None,
            globs: Set::default(),
        }
    }
}

impl Policy {
    /// Reads the text of a `handpie.toml`.
    ///
    /// # Errors
    /// At the first place where it is no TOML, has a name that nobody knows, a value that makes no
    /// sense, or more of something than is read.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_POLICY {
            return Err(PolicyError::too_large(text.as_bytes()));
        }
        let document =
            toml::Deserializer::parse(text).map_err(|error| PolicyError::syntax(text, &error))?;
        let mut policy =
            Self::deserialize(document).map_err(|error| PolicyError::meaning(text, &error))?;
        let lines = Lines::of(text);
        for table in &mut policy.paths {
            table.get_mut().line = lines.place(table.span().start).0;
        }
        for waiver in &mut policy.waivers {
            waiver.get_mut().line = lines.place(waiver.span().start).0;
        }
        for suppression in &mut policy.suppressions {
            suppression.get_mut().line = lines.place(suppression.span().start).0;
        }
        policy.refuse_many_tables(text)?;
        policy.globs = policy.compiled(text)?;
        Ok(policy)
    }

    /// Reads the bytes of a `handpie.toml`.
    ///
    /// # Errors
    /// As [`Policy::parse`], and where they are no UTF-8, which TOML is.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > MAX_POLICY {
            return Err(PolicyError::too_large(bytes));
        }
        match str::from_utf8(bytes) {
            Ok(text) => Self::parse(text),
            Err(error) => Err(PolicyError::not_utf8(bytes, error.valid_up_to())),
        }
    }

    fn refuse_many_tables(&self, text: &str) -> Result<(), PolicyError> {
        let paths = self.paths.iter().map(Spanned::span);
        let waivers = self.waivers.iter().map(Spanned::span);
        let suppressions = self.suppressions.iter().map(Spanned::span);
        match paths.chain(waivers).chain(suppressions).nth(MAX_TABLES) {
            Some(span) => Err(PolicyError::at(
                text,
                span.start,
                format!(
                    "more than {MAX_TABLES} tables of `[[paths]]`, `[[waivers]]` and `[[vuln]]`"
                ),
            )),
            None => Ok(()),
        }
    }

    /// The globs of all tables, if that is not too much.
    fn compiled(&mut self, text: &str) -> Result<Set, PolicyError> {
        let paths = self.paths.iter_mut();
        let paths = paths.map(|table| &mut table.get_mut().files);
        let waivers = self.waivers.iter_mut();
        let waivers = waivers.filter_map(|waiver| waiver.get_mut().files.as_mut());
        let suppressions = self.suppressions.iter_mut();
        let suppressions = suppressions.filter_map(|it| it.get_mut().files.as_mut());
        let mut all: Vec<&mut Spanned<Globs>> = paths.chain(waivers).chain(suppressions).collect();
        let (mut count, mut size) = (0_usize, 0_usize);
        for globs in &all {
            count = count.saturating_add(globs.get_ref().count());
            size = size.saturating_add(globs.get_ref().size());
            if count > MAX_GLOBS || size > MAX_GLOB_BYTES {
                let message = format!(
                    "more globs than are read: at most {MAX_GLOBS}, with {MAX_GLOB_BYTES} bytes \
                     together"
                );
                return Err(PolicyError::at(text, globs.span().start, message));
            }
        }
        let last = all.last().map_or(0, |globs| globs.span().start);
        let globs = all.iter_mut().map(|globs| globs.get_mut());
        Set::of(globs).map_err(|error| {
            let message = format!("the globs up to here cannot be compiled together: {error}");
            PolicyError::at(text, last, message)
        })
    }

    /// Takes another profile than the text names.
    pub fn set_profile(&mut self, profile: Profile) {
        self.profile = Some(profile);
    }

    /// Which Go packages may use C, if that was said.
    pub fn cgo(&self) -> Option<&Cgo> {
        self.cgo.as_ref()
    }

    /// What the binaries are meant for, if that was said.
    pub fn profile(&self) -> Option<Profile> {
        self.profile
    }

    /// The policy as it stands on a day for a file of these names, which is how the globs see it: its
    /// path relative to the folder that they are meant for, its absolute path, and those that it has
    /// by way of links. One that matches is enough.
    pub fn ruling(&self, names: &[impl AsRef<Path>], today: Date) -> Ruling<'_> {
        let seen = self.globs.matches(names);
        let paths = self.paths.iter().map(Spanned::get_ref).enumerate();
        let paths = paths.filter(|(_, table)| table.files.get_ref().mean(&seen));
        let waivers = self.waivers.iter().map(Spanned::get_ref).enumerate();
        let suppressions = self.suppressions().enumerate();
        Ruling {
            policy: self,
            paths: paths
                .map(|(number, table)| (number, &table.rules))
                .collect(),
            waivers: waivers.filter(|(_, it)| it.is_for(&seen)).collect(),
            suppressions: suppressions.filter(|(_, it)| it.is_for(&seen)).collect(),
            today,
        }
    }

    /// Whether it matters to it which file is judged.
    pub fn has_globs(&self) -> bool {
        !self.globs.is_empty()
    }

    /// What becomes of a rule for files that no `[[paths]]` names.
    pub fn standing(&self, rule: &Rule) -> Standing {
        let level = rule.levels.of(self.profile);
        let origin = match self.profile {
            Some(_) => Origin::Profile,
            None => Origin::Default,
        };
        let standing = Standing {
            level,
            warn: Level::Warn,
            unknown: self.unknown,
            severity: rule.severity,
            origin,
        };
        standing.then(self.rules.of(rule), Origin::Rules)
    }

    /// Every `[[paths]]` table: its globs, and its settings by code.
    pub fn paths(&self) -> impl Iterator<Item = (Vec<&str>, Vec<(&'static str, Setting)>)> {
        let paths = self.paths.iter().map(Spanned::get_ref);
        paths.map(|table| {
            let globs = table.files.get_ref().patterns();
            (globs, table.rules.all().collect())
        })
    }

    /// Every `[[vuln]]`, in the order of the text.
    pub fn suppressions(&self) -> impl Iterator<Item = &Suppression> {
        self.suppressions.iter().map(Spanned::get_ref)
    }

    /// Every waiver, in the order of the text.
    pub fn waivers(&self) -> impl Iterator<Item = &Waiver> {
        self.waivers.iter().map(Spanned::get_ref)
    }
}

fn off() -> Level {
    Level::Off
}

impl Standing {
    fn then(self, setting: Option<Setting>, origin: Origin) -> Self {
        let Some(setting) = setting else { return self };
        // Whoever writes `fail` means all that is not as wished; whoever writes `warn`, no more.
        let warn = match setting.level {
            Some(Level::Off) | None => self.warn,
            Some(level) => level,
        };
        Self {
            level: setting.level.unwrap_or(self.level),
            warn: setting.warn.unwrap_or(warn),
            unknown: setting.unknown.unwrap_or(self.unknown),
            severity: setting.severity.unwrap_or(self.severity),
            origin: match setting.level {
                Some(_) => origin,
                None => self.origin,
            },
        }
    }
}

/// A policy as it stands for one file on one day.
#[derive(Debug)]
pub struct Ruling<'policy> {
    policy: &'policy Policy,
    /// With its place among all tables `[[paths]]`.
    paths: Vec<(usize, &'policy Settings)>,
    /// With its place among all waivers.
    waivers: Vec<(usize, &'policy Waiver)>,
    /// With its place among all suppressions.
    suppressions: Vec<(usize, &'policy Suppression)>,
    today: Date,
}

impl Ruling<'_> {
    /// What becomes of a rule for this file.
    pub fn standing(&self, rule: &Rule) -> Standing {
        let standing = self.policy.standing(rule);
        let settings = self.paths.iter().map(|(_, settings)| settings.of(rule));
        settings.fold(standing, |standing, setting| {
            standing.then(setting, Origin::Paths)
        })
    }

    /// What is accepted of this file for now; of several waivers, one that still holds.
    pub(crate) fn waiver(&self, rule: &Rule) -> Option<Waived> {
        let waivers = self.waivers.iter();
        let fitting = waivers.filter(|(_, waiver)| waiver.is_about(rule));
        let waived = fitting.map(|(number, waiver)| waiver.on(self.today, *number));
        waived.min_by_key(|waived| waived.expired)
    }

    /// Whether an advisory is accepted of this file for now, by its id or an alias in whatever case;
    /// of several suppressions, one that still holds.
    pub fn suppressed(&self, ids: &[&str]) -> Option<Suppressed> {
        let suppressions = self.suppressions.iter();
        let fitting = suppressions.filter(|(_, it)| it.is_about(ids));
        let fitting = fitting.map(|(number, it)| it.on(self.today, *number));
        fitting.min_by_key(|it| it.expired)
    }
}

#[cfg(test)]
mod tests;
