//! govulncheck's output, one module a format. Pipelines compare it byte by byte, so the words here
//! are govulncheck's (golang.org/x/vuln v1.8.0, internal/scan, internal/sarif, internal/openvex).

mod json;
mod openvex;
mod sarif;
mod spelling;
mod text;

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Lines, print_stderr};
use crate::failure::Failure;
use handpie_vuln::govulncheck::{Config, Entry, Finding, Scan};

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
    Sarif,
    OpenVex,
}

/// What is shown besides, as text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Show {
    pub(crate) color: bool,
    pub(crate) traces: bool,
    pub(crate) verbose: bool,
    pub(crate) version: bool,
}

/// Writes what was found.
pub(crate) fn print(scan: &Scan, format: Format, show: Show) -> Result<(), Failure> {
    to_stdout(format, |out| match format {
        Format::Text => text::write(out, scan, show),
        Format::Json => json::write(out, scan),
        Format::Sarif => sarif::write(out, scan),
        Format::OpenVex => openvex::write(out, scan),
    })
}

/// Writes which scanner this is, with which database.
pub(crate) fn version(config: &Config) -> Result<(), Failure> {
    to_stdout(Format::Text, |out| {
        text::version(out, config, Show::default())
    })
}

/// Says how it is used.
pub(crate) fn help(text: &'static str) {
    let mut lines = Lines::new(false);
    lines.word(text);
    lines.end();
    print_stderr(lines);
}

/// Says why there is nothing to write, a line each.
pub(crate) fn error<'a>(messages: impl IntoIterator<Item = &'a String>) {
    let mut lines = Lines::new(false);
    for message in messages {
        lines.total(message);
    }
    print_stderr(lines);
}

fn to_stdout(
    format: Format,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut out = match format {
        Format::Text => super::Stream::new(),
        Format::Json | Format::Sarif | Format::OpenVex => super::Stream::of_json(),
    };
    write(&mut out)
        .and_then(|()| out.flush())
        .map_err(super::unwritten)
}

/// The findings of each advisory at the deepest level that it reached, by its id.
fn deepest(scan: &Scan) -> BTreeMap<&str, (&Entry, Vec<&Finding>)> {
    let mut found: BTreeMap<&str, (&Entry, Vec<&Finding>)> = BTreeMap::new();
    for entry in &scan.entries {
        let of_entry = || scan.findings.iter().filter(|it| it.osv == entry.id);
        if let Some(deepest) = of_entry().map(Finding::tier).max() {
            let findings = of_entry().filter(|it| it.tier() == deepest);
            found.insert(&entry.id, (entry, findings.collect()));
        }
    }
    found
}

/// JSON as Go's encoder sets it: two blanks, and what HTML minds is escaped.
fn encoded(value: &impl serde::Serialize) -> io::Result<String> {
    Ok(escaped(&serde_json::to_string_pretty(value)?))
}

/// JSON without what HTML minds. None of that stands outside of a string.
fn escaped(json: &str) -> String {
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
