//! Vulnerabilities as SARIF 2.1.0: a rule an advisory, a result a program and advisory.
//!
//! Results name "line 1" of a binary, and every result has `suppressions`, for the reasons that stand
//! in `report/check/sarif.rs`. Rules are known only when all programs were seen, so it is written at
//! the end.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use handpie_audit::fingerprint;
use handpie_vuln::{AffectedModule, Tier, Triage, Verdict};
use serde_json::{Value, json};

use super::{Renderer, Summary};
use crate::binaries::Unread;
use crate::report::sarif::{ROOT, artifact, invocation};

pub(super) struct Sarif {
    /// The working directory.
    here: PathBuf,
    /// By id.
    rules: BTreeMap<String, Value>,
    results: Vec<Value>,
    notifications: Vec<Value>,
}

impl Sarif {
    pub(super) fn new(here: &Path) -> Self {
        Self {
            here: here.to_owned(),
            rules: BTreeMap::new(),
            results: Vec::new(),
            notifications: Vec::new(),
        }
    }

    /// Says that there is no answer about a file.
    fn notify(&mut self, path: &Path, message: &str, code: Option<&str>) {
        let artifact = artifact(&self.here, path);
        let mut notification = json!({
            "level": "error",
            "message": { "text": message },
            "locations": [{ "physicalLocation": { "artifactLocation": artifact } }],
        });
        if let Some(code) = code {
            notification["descriptor"] = json!({ "id": code });
        }
        self.notifications.push(notification);
    }

    fn result(&self, triage: &Triage<'_>, verdict: &Verdict<'_>) -> Value {
        let artifact = artifact(&self.here, Path::new(&triage.origin.path));
        let id = verdict.matched.advisory.id();
        let member = triage.origin.member.as_deref().unwrap_or_default();
        let fingerprint = fingerprint(&[id, member, &artifact["uri"].to_string()]);
        let related = verdict
            .matched
            .modules
            .iter()
            .flat_map(|module| module.symbols.values());
        let related = related.flatten().map(|function| {
            let region = match function.offset {
                Some(offset) => json!({ "byteOffset": offset.0, "byteLength": 1 }),
                None => json!({ "startLine": 1 }),
            };
            let physical = json!({ "artifactLocation": artifact, "region": region });
            let text = match function.whereabouts() {
                Some(place) => format!("{}: {place}", function.name),
                None => function.name.clone(),
            };
            json!({ "physicalLocation": physical, "message": { "text": text } })
        });
        let related: Vec<Value> = related.collect();
        let mut result = json!({
            "ruleId": id,
            "kind": "fail",
            "level": level(verdict),
            "message": { "text": message(triage, verdict) },
            "locations": [{
                "physicalLocation": { "artifactLocation": artifact, "region": { "startLine": 1 } },
            }],
            "partialFingerprints": {
                // The first is GitHub's own.
                "primaryLocationLineHash": format!("{fingerprint}:1"),
                "handpie/v1": fingerprint,
            },
            "suppressions": suppressions(verdict),
            "properties": { "tier": verdict.matched.tier, "counts": verdict.fails },
        });
        if !related.is_empty() {
            result["relatedLocations"] = related.into();
        }
        result
    }
}

impl Renderer<Triage<'_>, Summary> for Sarif {
    fn binary(&mut self, _: &mut dyn Write, triage: &Triage<'_>) -> io::Result<()> {
        for verdict in &triage.verdicts {
            let id = verdict.matched.advisory.id().to_owned();
            self.rules.entry(id).or_insert_with(|| rule(verdict));
            self.results.push(self.result(triage, verdict));
        }
        if triage.is_blank() {
            for gap in triage.caveats.iter().filter(|it| it.is_gap()) {
                let path = Path::new(&triage.origin.path);
                self.notify(path, &gap.to_string(), Some(gap.code()));
            }
        }
        Ok(())
    }

    fn unread(&mut self, _: &mut dyn Write, unread: &Unread) -> io::Result<()> {
        self.notify(&unread.path, &unread.message, unread.code);
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        // A program of which nothing was matched has no answer, even if it was read.
        let examined = summary.failed.saturating_add(summary.passed);
        for result in &mut self.results {
            let id = result["ruleId"].as_str().unwrap_or_default();
            let index = self.rules.keys().position(|rule| rule == id);
            result["ruleIndex"] = index.into();
        }
        let document = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": env!("CARGO_PKG_NAME"),
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": self.rules.values().collect::<Vec<_>>(),
                } },
                "automationDetails": { "id": "handpie/vuln/" },
                "originalUriBaseIds": {
                    ROOT: { "description": { "text": "The working directory of handpie." } },
                },
                "results": self.results,
                "invocations": [invocation(&self.notifications, examined, summary.failed)],
            }],
        });
        writeln!(out, "{document:#}")
    }
}

fn rule(verdict: &Verdict<'_>) -> Value {
    let advisory = &verdict.matched.advisory;
    let aliases = verdict.matched.aliases();
    let summary = match advisory.summary() {
        "" => advisory.id(),
        summary => summary,
    };
    let mut rule = json!({
        "id": advisory.id(),
        "shortDescription": { "text": summary },
        "fullDescription": { "text": summary },
        "help": { "text": format!("{summary}\n{}", advisory.url()) },
        "properties": { "tags": ["security", "vulnerability"], "aliases": aliases },
    });
    if !advisory.url().is_empty() {
        rule["helpUri"] = advisory.url().into();
    }
    rule
}

/// What counts is an error; what is linked and does not count is a warning.
fn level(verdict: &Verdict<'_>) -> &'static str {
    match (verdict.fails, verdict.matched.tier) {
        (true, _) => "error",
        (false, Tier::Symbol) => "warning",
        (false, _) => "note",
    }
}

fn message(triage: &Triage<'_>, verdict: &Verdict<'_>) -> String {
    let advisory = &verdict.matched.advisory;
    let is_unsure = verdict
        .matched
        .modules
        .iter()
        .all(AffectedModule::is_unsure);
    let linked = match verdict.matched.is_affected() {
        true if is_unsure => "not ruled out".to_owned(),
        true => format!("tier {}", verdict.matched.tier.name()),
        false => verdict.matched.tier.absence().to_owned(),
    };
    let todo = verdict.action();
    let title = &triage.title;
    format!("{title}: {} ({linked})\nhint: {todo}", advisory.summary())
}

fn suppressions(verdict: &Verdict<'_>) -> Value {
    let accepted = verdict.suppressed.iter().filter(|it| !it.expired);
    let accepted = accepted.map(|it| {
        json!({
            "kind": "external",
            "status": "accepted",
            "justification": it.reason,
            "properties": { "until": it.until },
        })
    });
    let said = verdict.vex.iter().map(|it| {
        json!({
            "kind": "external",
            "status": "accepted",
            "justification": it.to_string(),
            "properties": { "author": it.author, "document": it.document, "status": it.word },
        })
    });
    accepted.chain(said).collect()
}
