//! The checklist as SARIF 2.1.0, for GitHub's code scanning and other viewers of findings.
//!
//! What surprises:
//! - A result says "line 1" of a binary. GitHub wants a line of every result ("SARIF support for
//!   code scanning", `region.startLine`), and a region may not name a line and bytes that are not
//!   that line (2.1.0, 3.30.4). So the bytes are related locations, one for each piece of evidence.
//! - Every result has `suppressions`, mostly none: all or no results of a run shall (3.27.23).
//! - Rules come first, although only some are broken: results are written as they are found.

mod rules;

use std::io::{self, Write};
use std::path::Path;

use handpie_audit::{Answer, Evidence, Finding, fingerprint};
use serde_json::{Value, json};

use super::{Renderer, Summary, why};
use crate::binaries::Unread;
use crate::examination::Examination;
use crate::policy::Rulebook;
use crate::report::json::Items;
use crate::report::sarif::{ROOT, artifact, invocation};

pub(super) struct Sarif<'a> {
    rulebook: &'a Rulebook,
    results: Items,
    notifications: Vec<Value>,
}

impl<'a> Sarif<'a> {
    pub(super) fn new(rulebook: &'a Rulebook) -> Self {
        Self {
            rulebook,
            results: Items::at_depth(4),
            notifications: Vec::new(),
        }
    }

    fn artifact(&self, path: &Path) -> Value {
        artifact(&self.rulebook.here, path)
    }

    fn result(&self, file: &Examination, finding: &Finding) -> Value {
        let artifact = self.artifact(&file.path);
        let code = finding.rule.code;
        let fingerprint = fingerprint(&[
            code,
            file.member.as_deref().unwrap_or(""),
            &artifact["uri"].to_string(),
        ]);
        let hint = match finding.judgement.hint {
            "" => String::new(),
            hint => format!("\nhint: {hint}"),
        };
        let evidence = finding.judgement.evidence.iter();
        let mut result = json!({
            "ruleId": code,
            "ruleIndex": handpie_audit::rules().position(|rule| rule.code == code),
            "kind": "fail",
            // What is waived is shown as what it would be.
            "level": match finding.unwaived {
                Answer::Fail => "error",
                _ => "warning",
            },
            "message": { "text": format!("{}: {}{hint}", file.title(), why(finding)) },
            "locations": [{
                "physicalLocation": { "artifactLocation": artifact, "region": { "startLine": 1 } },
            }],
            "partialFingerprints": {
                // The first is GitHub's own.
                "primaryLocationLineHash": format!("{fingerprint}:1"),
                "handpie/v1": fingerprint,
            },
            "suppressions": suppressions(finding),
            "properties": {
                "severity": finding.severity,
                "security-severity": rules::score(finding.severity),
            },
        });
        if let Some(member) = &file.member {
            let location = json!([{ "name": member, "kind": "module" }]);
            result["locations"][0]["logicalLocations"] = location;
        }
        let related: Vec<Value> = evidence.map(|it| related(&artifact, it)).collect();
        if !related.is_empty() {
            result["relatedLocations"] = related.into();
        }
        result
    }
}

impl Renderer<Examination, Summary> for Sarif<'_> {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let driver = json!({
            "name": env!("CARGO_PKG_NAME"),
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules::all(&self.rulebook.policy),
        });
        // As serde_json would set it, up to the list that grows.
        let driver = format!("{driver:#}").replace('\n', "\n        ");
        write!(
            out,
            r#"{{
  "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
  "version": "2.1.0",
  "runs": [
    {{
      "tool": {{
        "driver": {driver}
      }},
      "automationDetails": {{ "id": "handpie/check/" }},
      "originalUriBaseIds": {{
        "{ROOT}": {{ "description": {{ "text": "The working directory of handpie." }} }}
      }},
      "results": "#
        )?;
        self.results.begin(out)
    }

    fn binary(&mut self, out: &mut dyn Write, file: &Examination) -> io::Result<()> {
        for finding in &file.findings {
            if matches!(finding.answer, Answer::Fail | Answer::Warn | Answer::Waived) {
                let result = self.result(file, finding);
                self.results.item(out, &result)?;
            }
        }
        Ok(())
    }

    fn unread(&mut self, _: &mut dyn Write, file: &Unread) -> io::Result<()> {
        let mut notification = json!({
            "level": "error",
            "message": { "text": file.message },
            "locations": [{ "physicalLocation": { "artifactLocation": self.artifact(&file.path) } }],
        });
        if let Some(code) = file.code {
            notification["descriptor"] = json!({ "id": code });
        }
        self.notifications.push(notification);
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        self.results.end(out)?;
        let examined = summary.files.saturating_sub(summary.unreadable);
        let invocation = json!([invocation(&self.notifications, examined, summary.failed)]);
        let invocation = format!("{invocation:#}").replace('\n', "\n      ");
        write!(
            out,
            ",\n      \"invocations\": {invocation}\n    }}\n  ]\n}}\n"
        )
    }
}

/// What shows a finding. Evidence names where something starts, and not its size: one byte it is.
fn related(artifact: &Value, evidence: &Evidence) -> Value {
    let mut physical = json!({ "artifactLocation": artifact });
    if let Some(offset) = evidence.offset {
        physical["region"] = json!({ "byteOffset": offset.0, "byteLength": 1 });
    }
    json!({ "physicalLocation": physical, "message": { "text": evidence.what } })
}

fn suppressions(finding: &Finding) -> Value {
    match &finding.waiver {
        Some(waiver) if !waiver.expired => json!([{
            "kind": "external",
            "status": "accepted",
            "justification": waiver.reason,
            "properties": { "expires": waiver.expires },
        }]),
        _ => json!([]),
    }
}
