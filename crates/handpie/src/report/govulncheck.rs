//! govulncheck's output on standard output. Pipelines compare it byte by byte, so the words here are
//! govulncheck's (golang.org/x/vuln v1.8.0, internal/scan). Documents are written by the crate `vuln`;
//! text for people is here.

mod spelling;
mod text;

use std::io::{self, Write};

use handpie_vuln::govulncheck::{Config, Scan};

use super::{Lines, print_stderr};
use crate::failure::Failure;
use crate::today;

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
        Format::Json => scan.write_json(out),
        Format::Sarif => scan.write_sarif(out),
        Format::OpenVex => scan.write_openvex(out, &today::timestamp()),
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
