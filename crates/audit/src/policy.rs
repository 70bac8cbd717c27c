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
mod setting;
mod suppression;
mod waiver;

use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Spanned;

pub use error::{PolicyError, Unknown};
pub use setting::Setting;
pub use suppression::{Suppressed, Suppression};
pub use waiver::{Waived, Waiver};

use crate::date::Date;
use crate::rule::{Level, Profile, Rule, Severity};
use globs::Globs;
use setting::Settings;

/// What counts in a project, and how much.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    profile: Option<Profile>,
    #[serde(default)]
    rules: Settings,
    #[serde(default)]
    paths: Vec<PathRules>,
    #[serde(default)]
    waivers: Vec<Spanned<Waiver>>,
    #[serde(default, rename = "vuln")]
    suppressions: Vec<Spanned<Suppression>>,
    cgo: Option<Cgo>,
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
    files: Globs,
    rules: Settings,
}

/// What a policy makes of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What a failing answer comes to.
    pub level: Level,
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

impl Policy {
    /// Reads the text of a `handpie.toml`.
    ///
    /// # Errors
    /// At the first place where it is no TOML, has a name that nobody knows, or a value that makes
    /// no sense.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let document =
            toml::Deserializer::parse(text).map_err(|error| PolicyError::syntax(text, &error))?;
        let mut policy =
            Self::deserialize(document).map_err(|error| PolicyError::meaning(text, &error))?;
        for waiver in &mut policy.waivers {
            let start = waiver.span().start;
            waiver.get_mut().line = error::place(text, start).0;
        }
        for suppression in &mut policy.suppressions {
            let start = suppression.span().start;
            suppression.get_mut().line = error::place(text, start).0;
        }
        Ok(policy)
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

    /// The policy as it stands on a day for the file at `path`, which is how the globs see it:
    /// relative to the folder that they are meant for, or absolute when it lies outside.
    pub fn ruling(&self, path: &Path, today: Date) -> Ruling<'_> {
        let paths = self.paths.iter().filter(|paths| paths.files.matches(path));
        let waivers = self.waivers.iter().map(Spanned::get_ref).enumerate();
        let suppressions = self.suppressions().enumerate();
        Ruling {
            policy: self,
            paths: paths.map(|paths| &paths.rules).collect(),
            waivers: waivers.filter(|(_, waiver)| waiver.is_for(path)).collect(),
            suppressions: suppressions.filter(|(_, it)| it.is_for(path)).collect(),
            today,
        }
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
            severity: rule.severity,
            origin,
        };
        standing.then(self.rules.of(rule), Origin::Rules)
    }

    /// Every `[[paths]]` table: its globs, and its settings by code.
    pub fn paths(&self) -> impl Iterator<Item = (Vec<&str>, Vec<(&'static str, Setting)>)> {
        let paths = self.paths.iter();
        paths.map(|paths| (paths.files.patterns(), paths.rules.all().collect()))
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

impl Standing {
    fn then(self, setting: Option<Setting>, origin: Origin) -> Self {
        let Some(setting) = setting else { return self };
        Self {
            level: setting.level.unwrap_or(self.level),
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
    paths: Vec<&'policy Settings>,
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
        let settings = self.paths.iter().map(|settings| settings.of(rule));
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

    /// Whether an advisory is accepted of this file for now, by its id or an alias; of several
    /// suppressions, one that still holds.
    pub fn suppressed(&self, ids: &[&str]) -> Option<Suppressed> {
        let suppressions = self.suppressions.iter();
        let fitting = suppressions.filter(|(_, it)| ids.contains(&it.id()));
        let fitting = fitting.map(|(number, it)| it.on(self.today, *number));
        fitting.min_by_key(|it| it.expired)
    }
}

#[cfg(test)]
mod tests;
