//! The rules, as SARIF describes them: what a viewer shows beside a finding comes from the pages of
//! `docs/findings/`.

use handpie_audit::{Level, Policy, Rule, Severity};
use serde_json::{Value, json};

use crate::pages;

pub(super) fn all(policy: &Policy) -> Vec<Value> {
    handpie_audit::rules()
        .map(|rule| describe(rule, policy))
        .collect()
}

fn describe(rule: &Rule, policy: &Policy) -> Value {
    let page = pages::find(rule.code);
    let wish = format!("Wants {}.", rule.wish);
    let title = page.map_or(wish.as_str(), |page| page.title());
    let body = page.map_or(wish.as_str(), |page| page.body());
    let standing = policy.standing(rule);
    json!({
        "id": rule.code,
        "shortDescription": { "text": title },
        "fullDescription": { "text": first_paragraph(body) },
        "help": { "text": body, "markdown": body },
        "defaultConfiguration": {
            "enabled": standing.level != Level::Off,
            "level": level(standing.level),
        },
        "properties": {
            "tags": tags(standing.severity),
            "security-severity": score(standing.severity),
        },
    })
}

/// What a failing answer is to SARIF.
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Off => "none",
        Level::Warn => "warning",
        Level::Fail => "error",
    }
}

/// A number in the middle of GitHub's range of that name; it says "critical" only above 9.
pub(super) fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "2.0",
        Severity::Medium => "5.5",
        Severity::High => "8.0",
    }
}

/// GitHub shows the score of what is tagged as security, and a plain level otherwise.
fn tags(severity: Severity) -> &'static [&'static str] {
    match severity {
        Severity::Low => &["binary", "release", "hygiene"],
        Severity::Medium | Severity::High => &["binary", "release", "security"],
    }
}

fn first_paragraph(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    paragraph.lines().collect::<Vec<_>>().join(" ")
}
