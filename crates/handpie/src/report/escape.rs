//! What text of others becomes in a line of ours. `docs/escapes.md` describes it to users.
//!
//! Names, paths, policies and advisories are chosen by strangers, and what is printed goes to
//! terminals, which obey control characters; to people, who cannot see that a character hides or
//! turns round what follows; and to the logs of CI servers, for which a line can be a command.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

/// A value in a line: every character that is not shown as itself becomes an escape, and a backslash
/// that could be read as the start of one is doubled.
pub(crate) fn value(value: impl Display) -> String {
    let text = value.to_string();
    match text.contains(is_escaped) {
        true => escape(&text, true),
        false => text,
    }
}

/// A line that another program wrote, or a command for a shell: what is in it keeps its backslashes.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    match text.contains(is_hostile) {
        true => Cow::Owned(escape(text, false)),
        false => Cow::Borrowed(text),
    }
}

/// A line of which all values are escaped, without the words that a CI server takes for a command.
///
/// GitHub's runner takes `::error::` at the start of a line, after white space; it and Azure Pipelines
/// take `##[error]` and `##vso[…]` anywhere, and so does TeamCity `##teamcity[…]`.
pub(crate) fn settled(line: &str) -> Cow<'_, str> {
    let mut line = Cow::Borrowed(line);
    if line.trim_start().starts_with("::")
        && let Some(place) = line.find(':')
    {
        line.to_mut().replace_range(place..=place, "\\u{3a}");
    }
    without_commands(line, "\\u{23}")
}

fn without_commands<'a>(mut text: Cow<'a, str>, number_sign: &str) -> Cow<'a, str> {
    let mut from = 0;
    while let Some(place) = command_after(&text, from) {
        text.to_mut().replace_range(place..=place, number_sign);
        from = place;
    }
    text
}

/// A piece of a JSON document, with escapes of JSON's own: the same value to whoever parses it.
pub(crate) fn json(piece: &str) -> Cow<'_, str> {
    let is_escaped = |c: char| c >= '\x7f' && is_hostile(c);
    let mut escaped = Cow::Borrowed(piece);
    if piece.contains(is_escaped) {
        let mut text = String::with_capacity(piece.len() + 8);
        for c in piece.chars() {
            match is_escaped(c) {
                true => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        _ = write!(text, "\\u{unit:04x}");
                    }
                }
                false => text.push(c),
            }
        }
        escaped = Cow::Owned(text);
    }
    without_commands(escaped, "\\u0023")
}

/// Where the next `##word[` is.
fn command_after(line: &str, from: usize) -> Option<usize> {
    let rest = line.get(from..)?;
    let places = rest.match_indices("##").map(|(place, _)| from + place);
    let mut places = places.filter(|place| {
        let word = line.get(place + 2..).unwrap_or_default();
        let word = word.trim_start_matches('#');
        let after = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        after.starts_with('[')
    });
    places.next()
}

/// Whether a character does something to what displays it, or cannot be seen.
///
/// Controls, and of Unicode's `Default_Ignorable_Code_Point` all but the variation selectors that
/// emoji have: marks of direction, zero width, line and paragraph separators, fillers, tags.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

fn is_escaped(c: char) -> bool {
    c == '\\' || is_hostile(c)
}

fn escape(text: &str, doubles: bool) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            // What follows would make it an escape.
            '\\' if doubles && characters.peek().is_some_and(|next| continues(*next)) => {
                escaped.push_str("\\\\");
            }
            '\0'..='\x1f' | '\x7f' => _ = write!(escaped, "\\x{:02x}", u32::from(c)),
            c if is_hostile(c) => _ = write!(escaped, "\\u{{{:x}}}", u32::from(c)),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Whether a backslash and this would read as an escape.
fn continues(c: char) -> bool {
    matches!(c, '\\' | 'n' | 'r' | 't' | 'x' | 'u') || is_hostile(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_files_cannot_steer_a_terminal() {
        assert_eq!(
            value("`.text`, µ, \u{2764}\u{fe0f}"),
            "`.text`, µ, \u{2764}\u{fe0f}"
        );
        let text = "a\n\r\t\x1b[2J\x07\x7f\u{9b}m";
        assert_eq!(value(text), "a\\n\\r\\t\\x1b[2J\\x07\\x7f\\u{9b}m");
        let unseen = "\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{61c}\u{e0041}";
        let shown = "\\u{202e}\\u{2066}\\u{200b}\\u{feff}\\u{2028}\\u{61c}\\u{e0041}";
        assert_eq!(value(unseen), shown);
    }

    #[test]
    fn two_values_never_look_the_same() {
        assert_eq!(value("a\\b"), "a\\b");
        assert_eq!(value("a\\nb"), "a\\\\nb");
        assert_eq!(value("\\\x1b"), "\\\\\\x1b");
        assert_eq!(value("\\\\x"), "\\\\\\\\x");
        assert_eq!(quoted("printf(\"a\\n\");"), "printf(\"a\\n\");");
    }

    #[test]
    fn a_document_keeps_its_values() {
        let value = "é\u{7f}\u{9b}\u{202e}\u{e0041}##[a]##vso[b]\n";
        let document = serde_json::to_string_pretty(&[value]).unwrap();
        let escaped = json(&document);
        assert!(
            !escaped.contains(|c| c != '\n' && is_hostile(c)),
            "{escaped}"
        );
        assert!(!escaped.contains("##"), "{escaped}");
        assert_eq!(
            serde_json::from_str::<[String; 1]>(&escaped).unwrap(),
            [value]
        );
    }

    #[test]
    fn no_line_is_a_command_to_a_ci_server() {
        assert_eq!(settled(" \u{a0}::error::x"), " \u{a0}\\u{3a}:error::x");
        assert_eq!(settled("std::fs: x"), "std::fs: x");
        assert_eq!(settled("a ##[error]x"), "a \\u{23}#[error]x");
        assert_eq!(settled("###vso[task]"), "\\u{23}\\u{23}#vso[task]");
        assert_eq!(
            settled("##teamcity[x] ##[y]"),
            "\\u{23}#teamcity[x] \\u{23}#[y]"
        );
        assert_eq!(json("\"##[x]\""), "\"\\u0023#[x]\"");
        assert_eq!(settled("## a heading"), "## a heading");
    }
}
