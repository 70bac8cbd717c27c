//! SARIF as govulncheck writes it: internal/sarif/handler.go. A result an advisory; of a binary,
//! without a place in a file.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use super::encoding::encoded;
use super::{Config, Entry, Finding, Frame, Scan};
use crate::matches::Tier;

#[derive(Serialize)]
struct Log<'a> {
    version: &'static str,
    #[serde(rename = "$schema")]
    schema: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
struct Run<'a> {
    tool: Tool<'a>,
    results: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    semantic_version: &'static str,
    information_uri: &'static str,
    properties: &'a Config,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Text,
    full_description: Text,
    help: Text,
    help_uri: String,
    properties: Tags<'a>,
}

#[derive(Serialize)]
struct Tags<'a> {
    tags: &'a [String],
}

#[derive(Serialize)]
struct Text {
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    rule_id: &'a str,
    level: &'static str,
    message: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    code_flows: Vec<CodeFlow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stacks: Vec<Stack>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CodeFlow {
    thread_flows: [ThreadFlow; 1],
    message: Text,
}

#[derive(Serialize)]
struct ThreadFlow {
    locations: [Step; 1],
}

#[derive(Serialize)]
struct Stack {
    message: Text,
    frames: [Step; 1],
}

/// A function in a module.
#[derive(Serialize)]
struct Step {
    module: String,
    location: Location,
}

/// Go writes structures without anything in them, too.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    message: Text,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: Nothing,
    region: Nothing,
}

#[derive(Default, Serialize)]
struct Nothing {}

pub(super) fn write(out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
    let found = scan.deepest();
    let rules = found.values().map(|(entry, _)| rule(entry));
    let results = found
        .values()
        .map(|(entry, findings)| outcome(entry, findings, scan.config.level));
    let log = Log {
        version: "2.1.0",
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "govulncheck",
                    semantic_version: scan.config.scanner_version,
                    information_uri: "https://pkg.go.dev/golang.org/x/vuln/cmd/govulncheck",
                    properties: &scan.config,
                    rules: rules.collect(),
                },
            },
            results: results.collect(),
        }],
    };
    write!(out, "{}", encoded(&log)?)
}

fn rule(entry: &Entry) -> Rule<'_> {
    let description = entry.description();
    Rule {
        id: &entry.id,
        short_description: text(format!("[{}] {description}", entry.id)),
        full_description: text(description.to_owned()),
        help: text(entry.details.clone()),
        help_uri: format!("https://pkg.go.dev/vuln/{}", entry.id),
        properties: Tags {
            tags: &entry.aliases,
        },
    }
}

fn outcome<'a>(entry: &'a Entry, findings: &[&Finding], level: Tier) -> Outcome<'a> {
    let reached = findings.first().map_or(Tier::Module, |it| it.tier());
    let functions = findings.iter().filter(|it| it.tier() == Tier::Symbol);
    let mut functions: Vec<&Frame> = functions.map(|it| it.frame()).collect();
    functions.sort_by_key(|frame| symbol(frame));
    Outcome {
        rule_id: &entry.id,
        // At the level that was asked for it is an error, and less at each level that is missing.
        level: match (reached, level) {
            _ if reached >= level => "error",
            (Tier::Module, Tier::Symbol) => "note",
            _ => "warning",
        },
        message: text(message(findings, reached, level)),
        code_flows: functions.iter().map(|frame| code_flow(frame)).collect(),
        stacks: functions.iter().map(|frame| stack(frame)).collect(),
    }
}

fn message(findings: &[&Finding], reached: Tier, level: Tier) -> String {
    let named = findings.iter().map(|finding| match reached {
        Tier::Module => finding.frame().module.as_str(),
        Tier::Package | Tier::Symbol => finding.frame().package.as_str(),
    });
    let named: BTreeSet<&str> = named.collect();
    let count = named.len();
    let plural = if count == 1 { "" } else { "s" };
    let list = listed(&named.into_iter().collect::<Vec<_>>());
    const RUN: &str = ". Run the call-level analysis to understand whether your code actually calls \
                       the vulnerabilities.";
    match (reached, level) {
        (Tier::Symbol, _) => {
            format!("Your code calls vulnerable functions in {count} package{plural} ({list}).")
        }
        (Tier::Package, Tier::Symbol) => format!(
            "Your code imports {count} vulnerable package{plural} ({list}), but doesn’t appear to \
             call any of the vulnerable symbols."
        ),
        (Tier::Package, _) => {
            format!("Your code imports {count} vulnerable package{plural} ({list}){RUN}")
        }
        (Tier::Module, Tier::Module) => {
            format!("Your code depends on {count} vulnerable module{plural} ({list}){RUN}")
        }
        (Tier::Module, level) => {
            let verb = if level == Tier::Symbol {
                "call"
            } else {
                "import"
            };
            format!(
                "Your code depends on {count} vulnerable module{plural} ({list}), but doesn't \
                 appear to {verb} any of the vulnerable symbols."
            )
        }
    }
}

/// `a`, `a and b`, `a, b, and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [rest @ .., last] => format!("{}, and {last}", rest.join(", ")),
    }
}

fn code_flow(frame: &Frame) -> CodeFlow {
    CodeFlow {
        thread_flows: [ThreadFlow {
            locations: [step(frame)],
        }],
        message: text(format!(
            "A summarized code flow for vulnerable function {}",
            symbol(frame)
        )),
    }
}

fn stack(frame: &Frame) -> Stack {
    Stack {
        message: text(format!(
            "A call stack for vulnerable function {}",
            symbol(frame)
        )),
        frames: [step(frame)],
    }
}

fn step(frame: &Frame) -> Step {
    Step {
        module: format!("{}@{}", frame.module, frame.version),
        location: Location {
            physical_location: PhysicalLocation::default(),
            message: text(symbol(frame)),
        },
    }
}

fn symbol(frame: &Frame) -> String {
    match frame.receiver.as_str() {
        "" => format!("{}.{}", frame.package, frame.function),
        receiver => format!("{}.{receiver}.{}", frame.package, frame.function),
    }
}

fn text(text: String) -> Text {
    Text { text }
}
