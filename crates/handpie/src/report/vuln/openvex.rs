//! OpenVEX 0.2.0 (github.com/openvex/spec): of each program and advisory, whether it is affected.
//!
//! What is in the tier `symbol` is affected. Below that, the code that the advisory names is not in
//! the program, which is `vulnerable_code_not_present`; the tier stands in the impact statement.

use std::io::{self, Write};

use handpie_vuln::{Statement, Status, Triage, Verdict, of_openvex};
use serde_json::{Value, json};

use super::{Renderer, Summary};
use crate::binaries::Unread;
use crate::report::sarif::fingerprint;
use crate::today;

pub(super) struct OpenVex {
    statements: Vec<Value>,
}

impl OpenVex {
    pub(super) fn new() -> Self {
        Self {
            statements: Vec::new(),
        }
    }
}

impl Renderer<Triage<'_>, Summary> for OpenVex {
    fn binary(&mut self, _: &mut dyn Write, triage: &Triage<'_>) -> io::Result<()> {
        let statements = triage.verdicts.iter().map(|it| statement(triage, it));
        self.statements.extend(statements);
        Ok(())
    }

    fn unread(&mut self, _: &mut dyn Write, _: &Unread) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, _: &Summary) -> io::Result<()> {
        let text = serde_json::to_string(&self.statements)?;
        let document = json!({
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": format!("urn:handpie:vex:{}", fingerprint(&[&text])),
            "author": "handpie",
            "role": "Tool",
            "statements": self.statements,
            "timestamp": today::timestamp(),
            "tooling": concat!("handpie ", env!("CARGO_PKG_VERSION")),
            "version": 1,
        });
        writeln!(out, "{document:#}")
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
            "aliases": advisory.aliases().collect::<Vec<_>>(),
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
