//! The checklist for programs, as docs/json.md describes it.

use std::io::{self, Write};

use handpie_audit::{Answer, Evidence, Finding, Level, Profile, Severity, Waived};
use serde::Serialize;
use serde_json::json;

use super::{Renderer, Summary};
use crate::binaries::Unread;
use crate::examination::Examination;
use crate::policy::Rulebook;
use crate::report::SCHEMA;
use crate::report::json::Items;

pub(super) struct Json<'a> {
    rulebook: &'a Rulebook,
    files: Items,
    unread: Vec<serde_json::Value>,
}

impl<'a> Json<'a> {
    pub(super) fn new(rulebook: &'a Rulebook) -> Self {
        Self {
            rulebook,
            files: Items::at_depth(3),
            unread: Vec::new(),
        }
    }
}

/// Which policy held.
#[derive(Serialize)]
struct Policy {
    file: Option<String>,
    profile: Option<Profile>,
}

#[derive(Serialize)]
struct RuleAnswer<'a> {
    answer: Answer,
    code: &'static str,
    evidence: &'a [Evidence],
    hint: &'static str,
    judgement: Answer,
    level: Level,
    severity: Severity,
    waiver: Option<&'a Waived>,
    why: &'a str,
}

impl<'a> RuleAnswer<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            answer: finding.answer,
            code: finding.rule.code,
            evidence: &finding.judgement.evidence,
            hint: finding.judgement.hint,
            judgement: finding.judgement.answer,
            level: finding.level,
            severity: finding.severity,
            waiver: finding.waiver.as_ref(),
            why: &finding.judgement.why,
        }
    }
}

impl Renderer<Examination, Summary> for Json<'_> {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        // As serde_json would set it, up to the list that grows.
        out.write_all(b"{\n  \"command\": \"check\",\n  \"result\": {\n    \"files\": ")?;
        self.files.begin(out)
    }

    fn binary(&mut self, out: &mut dyn Write, file: &Examination) -> io::Result<()> {
        let findings: Vec<RuleAnswer<'_>> = file.findings.iter().map(RuleAnswer::of).collect();
        let file = json!({
            "path": file.name,
            "member": file.member,
            "kind": file.kind,
            "language": file.language,
            "languages": file.languages,
            "system": file.system,
            "go": file.go,
            "findings": findings,
        });
        self.files.item(out, &file)
    }

    fn unread(&mut self, _: &mut dyn Write, file: &Unread) -> io::Result<()> {
        self.unread.push(serde_json::to_value(file)?);
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        self.files.end(out)?;
        let rest = json!({
            "policy": Policy {
                file: self.rulebook.file.as_ref().map(|_| self.rulebook.file_name()),
                profile: self.rulebook.policy.profile(),
            },
            "summary": summary,
            "unread": self.unread,
        });
        let rest = format!("{rest:#}").replace('\n', "\n  ");
        // Without its opening brace, which stands before the list already.
        let rest = rest.strip_prefix('{').unwrap_or(&rest);
        writeln!(out, ",{rest},\n  \"schema\": {SCHEMA}\n}}")
    }
}
