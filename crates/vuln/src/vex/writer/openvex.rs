//! OpenVEX 0.2.0 (github.com/openvex/spec): of each program and advisory, whether it is affected.
//!
//! What is in the tier `symbol` is affected. Below that, the code that the advisory names is not in
//! the program, which is `vulnerable_code_not_present`; the tier stands in the impact statement.

use handpie_audit::fingerprint;
use serde_json::{Value, json};

use super::VexDocument;
use crate::triage::{Triage, Verdict};
use crate::vex::{Statement, Status, of_openvex};

/// A document that grows program by program.
#[derive(Debug, Default)]
pub struct OpenVex {
    statements: Vec<Value>,
}

impl VexDocument for OpenVex {
    fn add(&mut self, triage: &Triage<'_>) {
        let statements = triage.verdicts.iter().map(|it| statement(triage, it));
        self.statements.extend(statements);
    }

    fn finish(self, timestamp: &str) -> Value {
        let text = Value::from(self.statements.clone()).to_string();
        json!({
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": format!("urn:handpie:vex:{}", fingerprint(&[&text])),
            "author": "handpie",
            "role": "Tool",
            "statements": self.statements,
            "timestamp": timestamp,
            "tooling": concat!("handpie ", env!("CARGO_PKG_VERSION")),
            "version": 1,
        })
    }
}

fn statement(triage: &Triage<'_>, verdict: &Verdict<'_>) -> Value {
    let advisory = &verdict.matched.advisory;
    let components = verdict
        .matched
        .modules
        .iter()
        .map(|module| json!({ "@id": module.purl() }));
    let mut statement = json!({
        "vulnerability": {
            "@id": advisory.url(),
            "name": advisory.id(),
            "description": advisory.summary(),
            "aliases": verdict.matched.aliases(),
        },
        "products": [{
            "@id": triage.purl(),
            "subcomponents": components.collect::<Vec<_>>(),
        }],
    });
    if !verdict.matched.is_affected() {
        statement["status"] = "not_affected".into();
        statement["justification"] = "vulnerable_code_not_present".into();
        statement["impact_statement"] = verdict.matched.tier.absence().into();
    } else if let Some(said) = verdict.vex.first() {
        pass_on(said, &mut statement);
    } else {
        statement["status"] = "affected".into();
        statement["action_statement"] = verdict.action().into();
    }
    statement
}

/// Says what a document says, and who says so.
fn pass_on(said: &Statement, statement: &mut Value) {
    statement["status_notes"] = said.to_string().into();
    if said.status == Status::Fixed {
        statement["status"] = "fixed".into();
        return;
    }
    statement["status"] = "not_affected".into();
    // One of the two has to be there.
    let reason = match of_openvex(said.justification) {
        Some(justification) => {
            statement["justification"] = justification.into();
            said.reason.clone()
        }
        None if said.why().is_empty() => said.word.to_owned(),
        None => said.why(),
    };
    if !reason.is_empty() {
        statement["impact_statement"] = reason.into();
    }
}
