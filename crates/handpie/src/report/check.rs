//! What the release checklist says: one line a file; with `-v` every answer and its evidence.

use handpie_audit::{Answer, Evidence, Finding, Kind, Language, Severity, Subject};
use handpie_binary::Error;
use serde::Serialize;

use super::{Lines, Report};
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Default, Serialize)]
pub(crate) struct CheckReport {
    pub(crate) files: Vec<Checked>,
    pub(crate) unread: Vec<Unread>,
}

/// A binary and what every rule says of it.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) language: Language,
    /// The version of Go that made it.
    pub(crate) go: Option<String>,
    pub(crate) findings: Vec<Answered>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Answered {
    pub(crate) code: &'static str,
    pub(crate) answer: Answer,
    pub(crate) severity: Severity,
    pub(crate) why: String,
    pub(crate) hint: &'static str,
    pub(crate) evidence: Vec<Evidence>,
}

/// A file that could not be read.
#[derive(Debug, Serialize)]
pub(crate) struct Unread {
    pub(crate) path: String,
    pub(crate) code: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
}

impl Checked {
    pub(crate) fn new(path: &str, subject: &Subject<'_>, findings: Vec<Finding>) -> Self {
        let answered = findings.into_iter().map(|finding| Answered {
            code: finding.rule.code,
            answer: finding.judgement.answer,
            severity: finding.rule.severity,
            why: finding.judgement.why,
            hint: finding.judgement.hint,
            evidence: finding.judgement.evidence,
        });
        let info = subject.build_info.as_ref();
        Self {
            path: path.to_owned(),
            kind: subject.kind,
            language: subject.language,
            go: info.map(|info| info.go_version.clone()),
            findings: answered.collect(),
        }
    }

    fn with(&self, answer: Answer) -> Vec<&'static str> {
        let findings = self.findings.iter();
        let chosen = findings.filter(|finding| finding.answer == answer);
        chosen.map(|finding| finding.code).collect()
    }
}

impl Unread {
    pub(crate) fn of(path: String, failure: Failure) -> Self {
        Self {
            path,
            code: failure.code,
            message: [vec![failure.message], failure.causes].concat().join(": "),
            hints: failure.hints,
        }
    }

    pub(crate) fn unreadable(path: &str, error: &Error) -> Self {
        Self {
            path: path.to_owned(),
            code: Some(error.kind().code()),
            message: error.to_string(),
            hints: Vec::new(),
        }
    }
}

impl CheckReport {
    /// How the program ends: a file that cannot be read counts more than a finding.
    pub(crate) fn exit(&self) -> Exit {
        let failed = |file: &Checked| !file.with(Answer::Fail).is_empty();
        if !self.unread.is_empty() {
            Exit::Input
        } else if self.files.iter().any(failed) {
            Exit::No
        } else {
            Exit::Done
        }
    }
}

impl Report for CheckReport {
    fn text(&self, lines: &mut Lines) {
        for file in &self.files {
            let failed = file.with(Answer::Fail);
            let warned = file.with(Answer::Warn);
            let subject = format!("{}: {}", file.path, file.kind);
            match (failed.is_empty(), warned.is_empty()) {
                (true, true) => lines.good(subject, "pass"),
                (true, false) => lines.good(subject, format!("warn {}", warned.join(", "))),
                (false, _) => lines.bad(subject, format!("fail {}", failed.join(", "))),
            }
            let shown = match lines.verbose {
                true => file.findings.as_slice(),
                false => &[],
            };
            for finding in shown {
                lines.fact(
                    finding.code,
                    format!("{}: {}", finding.answer.name(), finding.why),
                );
            }
        }
        for unread in &self.unread {
            lines.bad(&unread.path, format!("unreadable: {}", unread.message));
        }
    }
}
