//! The first mistake in a policy, and its line and column.

use std::error::Error;
use std::fmt;

use super::setting::CODES;

/// A mistake in the text of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The code, whose page explains it.
    pub code: &'static str,
    /// The line of the mistake, from 1.
    pub line: usize,
    /// Its column, in characters, from 1.
    pub column: usize,
    /// What was found and what was expected.
    pub message: String,
    /// The name that nobody knows, if it is that.
    pub unknown: Option<Unknown>,
}

/// A name that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The name as it was written.
    pub name: String,
    /// Those that could have been meant.
    pub known: Vec<String>,
}

impl PolicyError {
    /// Every code.
    pub const CODES: [&str; 3] = [SYNTAX, NAME, VALUE];

    pub(super) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let message = format!("invalid TOML: {}", one_line(error.message()));
        Self::new(SYNTAX, text, error, message)
    }

    pub(super) fn meaning(text: &str, error: &toml::de::Error) -> Self {
        let message = error.message();
        // The words are those of serde's `Error::unknown_field` and `Error::unknown_variant`.
        let field = message.strip_prefix("unknown field ").map(unknown);
        let variant = message.strip_prefix("unknown variant ").map(unknown);
        let (code, message, unknown) = match (field, variant) {
            (Some(unknown), _) => (NAME, format!("unknown key `{}`", unknown.name), unknown),
            (_, Some(unknown)) if unknown.known == **CODES => {
                let message = format!("unknown rule `{}`", unknown.name);
                (NAME, message, unknown)
            }
            (_, Some(unknown)) => {
                let known = unknown.known.join("`, `");
                let message = format!(
                    "unknown value `{}`, expected one of `{known}`",
                    unknown.name
                );
                (VALUE, message, unknown)
            }
            (None, None) => return Self::new(VALUE, text, error, one_line(message)),
        };
        Self {
            unknown: Some(unknown),
            ..Self::new(code, text, error, message)
        }
    }

    fn new(code: &'static str, text: &str, error: &toml::de::Error, message: String) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        let (line, column) = place(text, start);
        Self {
            code,
            line,
            column,
            message,
            unknown: None,
        }
    }
}

const SYNTAX: &str = "policy-syntax";
const NAME: &str = "policy-unknown-name";
const VALUE: &str = "policy-value";

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            message,
            ..
        } = self;
        write!(f, "line {line}, column {column}: {message}")
    }
}

impl Error for PolicyError {}

/// The line and the column of a byte, both from 1.
pub(super) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.get(start..).map_or(0, |rest| rest.chars().count());
    (line, column.saturating_add(1))
}

/// "`name`, expected one of `a`, `b`", with the name in whatever characters it has.
fn unknown(rest: &str) -> Unknown {
    let (name, known) = rest.rsplit_once(", expected ").unwrap_or((rest, ""));
    Unknown {
        name: name.trim_matches('`').to_owned(),
        known: known
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect(),
    }
}

fn one_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join("; ")
}
