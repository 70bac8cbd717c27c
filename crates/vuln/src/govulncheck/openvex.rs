//! OpenVEX as govulncheck writes it: internal/openvex/handler.go.

use std::io::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::encoding::{encoded, escaped};
use super::{Entry, Finding, Frame, Scan};
use crate::matches::Tier;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "@id", skip_serializing_if = "String::is_empty")]
    id: String,
    author: &'static str,
    timestamp: String,
    version: u32,
    tooling: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    statements: Vec<Statement<'a>>,
}

#[derive(Serialize)]
struct Statement<'a> {
    vulnerability: Vulnerability<'a>,
    products: [Product; 1],
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impact_statement: Option<&'static str>,
}

#[derive(Serialize)]
struct Vulnerability<'a> {
    #[serde(rename = "@id")]
    id: String,
    name: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    aliases: &'a [String],
}

#[derive(Serialize)]
struct Product {
    #[serde(rename = "@id")]
    id: &'static str,
    subcomponents: Vec<Component>,
}

#[derive(PartialEq, Serialize)]
struct Component {
    #[serde(rename = "@id")]
    id: String,
}

pub(super) fn write(out: &mut dyn Write, scan: &Scan, timestamp: &str) -> io::Result<()> {
    let found = scan.deepest();
    let statements = found
        .values()
        .map(|(entry, findings)| statement(entry, findings, scan.config.level));
    let mut document = Document {
        context: "https://openvex.dev/ns/v0.2.0",
        id: String::new(),
        author: "Unknown Author",
        // The id must not change with the time; so Go writes that there is none.
        timestamp: "0001-01-01T00:00:00Z".to_owned(),
        version: 1,
        tooling: "https://pkg.go.dev/golang.org/x/vuln/cmd/govulncheck",
        statements: statements.collect(),
    };
    let hash = Sha256::digest(escaped(&serde_json::to_string(&document)?));
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    document.id = format!("govulncheck/vex:{hash}");
    document.timestamp = timestamp.to_owned();
    write!(out, "{}", encoded(&document)?)
}

fn statement<'a>(entry: &'a Entry, findings: &[&Finding], level: Tier) -> Statement<'a> {
    let reached = findings.first().map(|it| it.tier());
    let is_affected = reached >= Some(level);
    let mut subcomponents: Vec<Component> = Vec::new();
    for finding in findings {
        let component = Component {
            id: purl(finding.frame()),
        };
        if !subcomponents.contains(&component) {
            subcomponents.push(component);
        }
    }
    Statement {
        vulnerability: Vulnerability {
            id: format!("https://pkg.go.dev/vuln/{}", entry.id),
            name: &entry.id,
            description: entry.description(),
            aliases: &entry.aliases,
        },
        products: [Product {
            id: "Unknown Product",
            subcomponents,
        }],
        status: match is_affected {
            true => "affected",
            false => "not_affected",
        },
        justification: (!is_affected).then_some(match reached {
            Some(Tier::Package) => "vulnerable_code_not_in_execute_path",
            _ => "vulnerable_code_not_present",
        }),
        impact_statement: (!is_affected)
            .then_some("Govulncheck determined that the vulnerable code isn't called"),
    }
}

/// What Go's `url.PathEscape` leaves as it is.
const UNESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// A package URL, as internal/openvex/purl.go makes it.
fn purl(frame: &Frame) -> String {
    let name = utf8_percent_encode(&frame.module, UNESCAPED);
    match frame.version.as_str() {
        "" => format!("pkg:golang/{name}"),
        version => format!("pkg:golang/{name}@{version}"),
    }
}
