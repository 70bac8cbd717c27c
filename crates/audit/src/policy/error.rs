//! The first mistake in a policy, and its line and column.

use std::error::Error;
use std::fmt;

use super::setting::CODES;
use crate::limits::{MAX_NAME, MAX_POLICY};

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

    /// A text of more than [`MAX_POLICY`] bytes.
    pub(super) fn too_large(bytes: &[u8]) -> Self {
        let start = String::from_utf8_lossy(bytes.get(..MAX_POLICY).unwrap_or(bytes));
        let message = format!("a policy of more than {MAX_POLICY} bytes");
        Self::at(&start, start.len(), message)
    }

    /// Bytes that are no UTF-8 from one of them on.
    pub(super) fn not_utf8(bytes: &[u8], at: usize) -> Self {
        let before = bytes.get(..at).unwrap_or(bytes);
        let byte = bytes.get(at).copied().unwrap_or_default();
        let message = format!("invalid TOML: the byte {byte:#04x} is not UTF-8");
        let text = String::from_utf8_lossy(before);
        Self {
            code: SYNTAX,
            ..Self::at(&text, at, message)
        }
    }

    /// What makes no sense at a byte of the text.
    pub(super) fn at(text: &str, at: usize, message: String) -> Self {
        let (line, column) = Lines::of(text).place(at);
        Self {
            code: VALUE,
            line,
            column,
            message,
            unknown: None,
        }
    }

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
        Self {
            code,
            ..Self::at(text, start, message)
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

/// Where lines start, for the places of many bytes.
pub(super) struct Lines<'text> {
    text: &'text str,
    starts: Vec<usize>,
}

impl<'text> Lines<'text> {
    pub(super) fn of(text: &'text str) -> Self {
        let after = text.match_indices('\n');
        let after = after.map(|(end, _)| end.saturating_add(1));
        Self {
            text,
            starts: std::iter::once(0).chain(after).collect(),
        }
    }

    /// The line and the column of a byte, both from 1.
    pub(super) fn place(&self, at: usize) -> (usize, usize) {
        let at = at.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.saturating_sub(1)).copied();
        let before = self.text.get(start.unwrap_or_default()..at);
        let column = before.map_or(0, |before| before.chars().count());
        (line, column.saturating_add(1))
    }
}

/// "`name`, expected one of `a`, `b`", with the name in whatever characters it has.
fn unknown(rest: &str) -> Unknown {
    let (name, known) = rest.rsplit_once(", expected ").unwrap_or((rest, ""));
    Unknown {
        name: short(name.trim_matches('`')),
        known: known
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect(),
    }
}

/// What is said of a mistake; it may repeat what stands in the text, however long that is.
fn one_line(message: &str) -> String {
    const ROOM: usize = 512;
    cut(&message.lines().collect::<Vec<_>>().join("; "), ROOM)
}

fn short(name: &str) -> String {
    cut(name, MAX_NAME)
}

fn cut(text: &str, room: usize) -> String {
    match text.char_indices().nth(room) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
