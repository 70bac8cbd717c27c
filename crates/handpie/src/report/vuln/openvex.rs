//! OpenVEX 0.2.0 (github.com/openvex/spec): of each program and advisory, whether it is affected.
//!
//! What is in the tier `symbol` is affected. Below that, the code that the advisory names is not in
//! the program, which is `vulnerable_code_not_present`; the tier stands in the impact statement.

use std::io::{self, Write};

use handpie_audit::vuln::{Basis, Ecosystem, Row, Tier};
use serde_json::{Value, json};

use super::{Judged, Sheet, Summary, Unread, Verdict, purl};
use crate::report::sarif::fingerprint;
use crate::today;
use crate::vex::{self, Status};

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

impl Sheet for OpenVex {
    fn judged(&mut self, _: &mut dyn Write, judged: &Judged<'_>) -> io::Result<()> {
        let statements = judged.verdicts.iter().map(|it| statement(judged, it));
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

fn statement(judged: &Judged<'_>, verdict: &Verdict<'_>) -> Value {
    let advisory = &verdict.row.advisory;
    let components = verdict
        .row
        .hits
        .iter()
        .map(|hit| json!({ "@id": purl::of_hit(hit) }));
    let mut statement = json!({
        "vulnerability": {
            "@id": advisory.url(),
            "name": advisory.id(),
            "description": advisory.summary(),
            "aliases": advisory.aliases().collect::<Vec<_>>(),
        },
        "products": [{
            "@id": purl::of_program(judged),
            "subcomponents": components.collect::<Vec<_>>(),
        }],
    });
    if !is_affected(&verdict.row) {
        statement["status"] = "not_affected".into();
        statement["justification"] = "vulnerable_code_not_present".into();
        statement["impact_statement"] = absence(verdict.row.tier).into();
    } else if let Some(said) = verdict.vex.first() {
        pass_on(said, &mut statement);
    } else {
        statement["status"] = "affected".into();
        statement["action_statement"] = action(verdict).into();
    }
    statement
}

/// Says what a document says, and who says so.
fn pass_on(said: &vex::Statement, statement: &mut Value) {
    statement["status_notes"] = said.to_string().into();
    if said.status == Status::Fixed {
        statement["status"] = "fixed".into();
        return;
    }
    statement["status"] = "not_affected".into();
    // One of the two has to be there.
    let reason = match vex::of_openvex(said.justification) {
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

/// Whether what the advisory is about is in the program, as far as it can be told. Of crates nothing
/// below the crate can be.
pub(super) fn is_affected(row: &Row<'_>) -> bool {
    row.hits.iter().any(|hit| {
        hit.tier == Tier::Symbol
            || hit.basis == Basis::Unseen
            || hit.ecosystem == Ecosystem::CratesIo
    })
}

/// What to do about an advisory.
pub(super) fn action(verdict: &Verdict<'_>) -> String {
    let raised = verdict.row.hits.iter().map(|hit| match &hit.fixed {
        Some(fixed) => format!("upgrade {} from {} to {fixed}", hit.module, hit.version),
        None => format!("no version of {} is fixed", hit.module),
    });
    let raised = raised.collect::<Vec<_>>().join("; ");
    match &verdict.suppressed {
        Some(it) if !it.expired => format!("accepted until {}: {}; {raised}", it.until, it.reason),
        _ => raised,
    }
}

/// Whether a statement has the words with which handpie says that code is not in a program.
pub(crate) fn is_own_absence(reason: &str) -> bool {
    [Tier::Module, Tier::Package]
        .iter()
        .any(|tier| reason == absence(*tier))
}

/// What is not in the program.
pub(super) fn absence(tier: Tier) -> &'static str {
    match tier {
        Tier::Module => "tier module: no package that the advisory names is linked",
        Tier::Package | Tier::Symbol => {
            "tier package: a package that the advisory names is linked, and none of its symbols is"
        }
    }
}
