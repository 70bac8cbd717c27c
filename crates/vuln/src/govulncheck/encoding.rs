//! JSON as Go's encoder sets it.

use std::io;

/// A value as JSON: two blanks, and what HTML minds is escaped.
pub(super) fn encoded(value: &impl serde::Serialize) -> io::Result<String> {
    Ok(escaped(&serde_json::to_string_pretty(value)?))
}

/// JSON without what HTML minds. None of that stands outside of a string.
pub(super) fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_html_minds_is_escaped() {
        let encoded = super::encoded(&["a<b> & \u{2028}"]).unwrap();
        assert_eq!(encoded, "[\n  \"a\\u003cb\\u003e \\u0026 \\u2028\"\n]");
    }
}
