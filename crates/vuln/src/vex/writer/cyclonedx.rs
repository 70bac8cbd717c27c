//! CycloneDX 1.6 with vulnerabilities and their analysis (cyclonedx.org/capabilities/vex): a bill of
//! what advisories are about, and what was found out about each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::VexDocument;
use crate::matches::AffectedModule;
use crate::triage::{Triage, Verdict};
use crate::vex::{Statement, Status, of_cyclonedx};

/// A document that grows program by program.
#[derive(Debug, Default)]
pub struct CycloneDx {
    /// By reference: the file that holds it and its purl, since two programs may hold one module.
    components: BTreeMap<String, Value>,
    /// By the reference of a program, those of what is in it. Only this tells readers of a statement
    /// about a module which program it is about.
    dependencies: BTreeMap<String, BTreeSet<String>>,
    vulnerabilities: Vec<Value>,
}

impl VexDocument for CycloneDx {
    fn add(&mut self, triage: &Triage<'_>) {
        let title = triage.title.clone();
        let program = json!({
            "type": "application",
            "bom-ref": title,
            "name": title,
            "purl": triage.purl(),
        });
        self.components.insert(title.clone(), program);
        let parts = self.dependencies.entry(title).or_default();
        for verdict in &triage.verdicts {
            for module in &verdict.matched.modules {
                parts.insert(reference(triage, module));
                self.components
                    .insert(reference(triage, module), component(triage, module));
            }
            self.vulnerabilities.push(vulnerability(triage, verdict));
        }
    }

    fn finish(self, timestamp: &str) -> Value {
        let dependencies = self.dependencies.iter();
        let dependencies =
            dependencies.map(|(program, parts)| json!({ "ref": program, "dependsOn": parts }));
        json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "timestamp": timestamp,
                "tools": { "components": [{
                    "type": "application",
                    "name": "handpie",
                    "version": env!("CARGO_PKG_VERSION"),
                }] },
            },
            "components": self.components.values().collect::<Vec<_>>(),
            "dependencies": dependencies.collect::<Vec<_>>(),
            "vulnerabilities": self.vulnerabilities,
        })
    }
}

fn reference(triage: &Triage<'_>, module: &AffectedModule) -> String {
    format!("{} {}", triage.title, module.purl())
}

fn component(triage: &Triage<'_>, module: &AffectedModule) -> Value {
    json!({
        "type": "library",
        "bom-ref": reference(triage, module),
        "name": module.name,
        "version": module.version,
        "purl": module.purl(),
    })
}

fn vulnerability(triage: &Triage<'_>, verdict: &Verdict<'_>) -> Value {
    let advisory = &verdict.matched.advisory;
    let affects = verdict
        .matched
        .modules
        .iter()
        .map(|module| json!({ "ref": reference(triage, module) }));
    let analysis = match (verdict.matched.is_affected(), verdict.vex.first()) {
        (true, Some(said)) => passed_on(said),
        // That it is linked does not show that it can be made use of.
        (true, None) => json!({ "state": "in_triage", "detail": verdict.action() }),
        (false, _) => json!({
            "state": "not_affected",
            "justification": "code_not_present",
            "detail": verdict.matched.tier.absence(),
        }),
    };
    let mut vulnerability = json!({
        "bom-ref": format!("{} {}", triage.title, advisory.id()),
        "id": advisory.id(),
        "description": advisory.summary(),
        "recommendation": verdict.action(),
        "analysis": analysis,
        "affects": affects.collect::<Vec<_>>(),
    });
    if !advisory.url().is_empty() {
        vulnerability["source"] = json!({ "url": advisory.url() });
        vulnerability["advisories"] = json!([{ "url": advisory.url() }]);
    }
    if let (true, Some(said)) = (verdict.matched.is_affected(), verdict.vex.first()) {
        let property = json!({ "name": "handpie:vex:source", "value": said.source() });
        vulnerability["properties"] = json!([property]);
    }
    let references = verdict.matched.aliases().into_iter().map(|alias| {
        let url = match alias.starts_with("GHSA-") {
            true => format!("https://github.com/advisories/{alias}"),
            false => format!("https://www.cve.org/CVERecord?id={alias}"),
        };
        json!({ "id": alias, "source": { "url": url } })
    });
    let references: Vec<Value> = references.collect();
    if !references.is_empty() {
        vulnerability["references"] = references.into();
    }
    vulnerability
}

/// What a document says.
fn passed_on(said: &Statement) -> Value {
    let state = match said.status {
        Status::Fixed => "resolved",
        Status::FalsePositive => "false_positive",
        _ => "not_affected",
    };
    let mut analysis = json!({ "state": state });
    let justification = of_cyclonedx(said.justification);
    let reason = match justification {
        Some(_) => said.reason.clone(),
        None => said.why(),
    };
    if let Some(justification) = justification {
        analysis["justification"] = justification.into();
    }
    if !reason.is_empty() {
        analysis["detail"] = reason.into();
    }
    analysis
}
