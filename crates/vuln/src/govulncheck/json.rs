//! One object after another, as they come up: internal/govulncheck/jsonhandler.go.

use std::io::{self, Write};

use serde::Serialize;

use super::encoding::encoded;
use super::{Config, Entry, Finding, Sbom, Scan};

/// What is going on; also shown as text when much is asked for.
pub const PROGRESS: [&str; 3] = [
    "Scanning your binary for known vulnerabilities...",
    "Fetching vulnerabilities from the database...",
    "Checking the binary against the vulnerabilities...",
];

#[derive(Serialize)]
enum Message<'a> {
    #[serde(rename = "config")]
    Config(&'a Config),
    #[serde(rename = "progress")]
    Progress { message: &'a str },
    #[serde(rename = "SBOM")]
    Sbom(&'a Sbom),
    #[serde(rename = "osv")]
    Osv(&'a Entry),
    #[serde(rename = "finding")]
    Finding(&'a Finding),
}

pub(super) fn write(out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
    let [scanning, fetching, checking] = PROGRESS.map(|message| Message::Progress { message });
    let before = [
        Message::Config(&scan.config),
        scanning,
        Message::Sbom(&scan.sbom),
        fetching,
    ];
    let entries = scan.entries.iter().map(Message::Osv);
    let warnings = scan.warnings.iter();
    let warnings = warnings.map(|message| Message::Progress { message });
    let findings = scan.findings.iter().map(Message::Finding);
    let messages = before.into_iter().chain(entries).chain([checking]);
    for message in messages.chain(warnings).chain(findings) {
        writeln!(out, "{}", encoded(&message)?)?;
    }
    Ok(())
}
