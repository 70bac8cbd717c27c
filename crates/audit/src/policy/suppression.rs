//! `[[vuln]]`: an advisory that is accepted for some files, for a stated reason, until a date.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::globs::{Globs, Matches};
use super::waiver::some_words;
use crate::date::Date;

/// An advisory that is accepted for now.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    #[serde(deserialize_with = "some_words")]
    id: String,
    #[serde(rename = "path")]
    pub(super) files: Option<Spanned<Globs>>,
    #[serde(deserialize_with = "some_words")]
    reason: String,
    until: Date,
    /// Where it stands in the text, from 1.
    #[serde(skip)]
    pub(super) line: usize,
}

/// A suppression that is about an advisory in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suppressed {
    /// Which of the policy's suppressions it is, from 0.
    #[serde(skip)]
    pub suppression: usize,
    /// Why the advisory is accepted.
    pub reason: String,
    /// The first day on which it is not accepted any more.
    pub until: Date,
    /// Whether that day has come: then the suppression does not count.
    pub expired: bool,
}

impl Suppression {
    /// The advisory, by its id or one of its aliases.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it stands in the text of the policy, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    pub(super) fn is_for(&self, seen: &Matches) -> bool {
        let files = self.files.as_ref();
        files.is_none_or(|files| files.get_ref().mean(seen))
    }

    /// People write ids in any case, and no two differ by it alone.
    pub(super) fn is_about(&self, ids: &[&str]) -> bool {
        let own = self.id.trim();
        ids.iter().any(|id| id.eq_ignore_ascii_case(own))
    }

    pub(super) fn on(&self, today: Date, number: usize) -> Suppressed {
        Suppressed {
            suppression: number,
            reason: self.reason.clone(),
            until: self.until,
            expired: today >= self.until,
        }
    }
}
