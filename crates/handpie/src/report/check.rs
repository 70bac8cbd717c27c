//! What the release checklist says of files. It is written file by file, so that a tree of ten
//! thousand takes no more memory than a few; one module a format.

mod text;
mod json;
mod sarif;
mod junit;
mod github;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

use handpie_audit::{Answer, Evidence, Finding, Kind, Language, Subject};
use handpie_binary::Error;
use serde::Serialize;

use super::Reporter;
use crate::args::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::Rulebook;

/// A binary and what every rule says of it.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The file, as it was named.
    pub(crate) path: PathBuf,
    /// How people read the path.
    pub(crate) name: String,
    /// Which of the binaries in the file it is, where there are several.
    pub(crate) member: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) language: Language,
    /// The version of Go that made it.
    pub(crate) go: Option<String>,
    pub(crate) findings: Vec<Finding>,
}

/// A file that could not be read.
#[derive(Debug, Serialize)]
pub(crate) struct Unread {
    #[serde(skip)]
    pub(crate) path: PathBuf,
    #[serde(rename = "path")]
    pub(crate) name: String,
    pub(crate) code: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
}

/// How many files came to what.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) failed: usize,
    pub(crate) files: usize,
    pub(crate) passed: usize,
    pub(crate) unreadable: usize,
    pub(crate) warned: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = if self.files == 1 { "file" } else { "files" };
        write!(
            f,
            "{} {files}: {} passed, {} warned, {} failed, {} unreadable",
            self.files, self.passed, self.warned, self.failed, self.unreadable
        )
    }
}

/// One format: what is written when. Files come in the order of their names.
trait Sheet {
    fn begin(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
    fn file(&mut self, out: &mut dyn Write, file: &Checked) -> io::Result<()>;
    fn unread(&mut self, out: &mut dyn Write, file: &Unread) -> io::Result<()>;
    fn end(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()>;
}

/// The checklist, as it is written.
pub(crate) struct Checklist<'a> {
    out: super::Stream,
    sheet: Box<dyn Sheet + 'a>,
    summary: Summary,
    rulebook: &'a Rulebook,
    /// By the place of the waiver in the policy.
    used: Vec<bool>,
}

impl<'a> Checklist<'a> {
    pub(crate) fn begin(reporter: &Reporter, rulebook: &'a Rulebook) -> Result<Self, Failure> {
        let sheet: Box<dyn Sheet> = match reporter.format {
            // The formats of other commands are refused before.
            Format::Text | Format::OpenVex | Format::CycloneDx => {
                Box::new(text::Text::new(reporter.verbose))
            }
            Format::Json => Box::new(json::Json::new(rulebook)),
            Format::Sarif => Box::new(sarif::Sarif::new(rulebook)),
            Format::Junit => Box::new(junit::Junit),
            Format::Github => Box::new(github::Github::new(rulebook)),
        };
        let mut checklist = Self {
            out: match reporter.format {
                Format::Json | Format::Sarif => super::Stream::of_json(),
                _ => super::Stream::new(),
            },
            sheet,
            summary: Summary::default(),
            rulebook,
            used: vec![false; rulebook.policy.waivers().count()],
        };
        let begun = checklist.sheet.begin(&mut checklist.out);
        begun.map_err(super::unwritten)?;
        Ok(checklist)
    }

    pub(crate) fn file(&mut self, file: &Checked) -> Result<(), Failure> {
        self.summary.files += 1;
        match (file.has(Answer::Fail), file.has(Answer::Warn)) {
            (true, _) => self.summary.failed += 1,
            (false, true) => self.summary.warned += 1,
            (false, false) => self.summary.passed += 1,
        }
        let waivers = file.findings.iter();
        for waived in waivers.filter_map(|finding| finding.waiver.as_ref()) {
            if let Some(used) = self.used.get_mut(waived.waiver) {
                *used = true;
            }
        }
        let written = self.sheet.file(&mut self.out, file);
        written.map_err(super::unwritten)
    }

    pub(crate) fn unread(&mut self, file: &Unread) -> Result<(), Failure> {
        self.summary.files += 1;
        self.summary.unreadable += 1;
        let written = self.sheet.unread(&mut self.out, file);
        written.map_err(super::unwritten)
    }

    /// Sends on what was written so far.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(super::unwritten)
    }

    /// The end of the report, and how the program ends: a file that cannot be read counts more than
    /// a finding.
    pub(crate) fn end(mut self, reporter: &Reporter) -> Result<Exit, Failure> {
        let ended = self.sheet.end(&mut self.out, &self.summary);
        ended.map_err(super::unwritten)?;
        self.flush()?;
        if reporter.verbose {
            self.note_unused(reporter);
        }
        Ok(if self.summary.unreadable > 0 {
            Exit::Input
        } else if self.summary.failed > 0 {
            Exit::No
        } else {
            Exit::Done
        })
    }

    /// A waiver that matches nothing is a leftover, or has a slip in its glob.
    fn note_unused(&self, reporter: &Reporter) {
        let waivers = self.rulebook.policy.waivers().zip(&self.used);
        for (waiver, _) in waivers.filter(|(_, used)| !**used) {
            let codes: Vec<&str> = waiver.rules().collect();
            reporter.note(&format!(
                "note: nothing here needed the waiver for {} ({}, line {})",
                codes.join(", "),
                self.rulebook.file_name(),
                waiver.line()
            ));
        }
    }
}

impl Checked {
    pub(crate) fn new(
        path: PathBuf,
        name: &str,
        member: Option<String>,
        subject: &Subject<'_>,
        findings: Vec<Finding>,
    ) -> Self {
        let info = subject.build_info.as_ref();
        Self {
            path,
            name: name.to_owned(),
            member,
            kind: subject.kind,
            language: subject.language,
            go: info.map(|info| info.go_version.clone()),
            findings,
        }
    }

    /// The findings with one answer.
    fn with(&self, answer: Answer) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(move |finding| finding.answer == answer)
    }

    fn has(&self, answer: Answer) -> bool {
        self.with(answer).next().is_some()
    }

    /// The file, and which of the binaries in it.
    fn title(&self) -> String {
        match &self.member {
            Some(member) => format!("{} ({member})", self.name),
            None => self.name.clone(),
        }
    }
}

/// Why a finding is what it is, with what became of a waiver for it.
fn why(finding: &Finding) -> String {
    let why = &finding.judgement.why;
    match &finding.waiver {
        Some(waiver) if waiver.expired => {
            format!("{why}; the waiver for it expired on {}", waiver.expires)
        }
        Some(waiver) => format!("{why}; waived until {}: {}", waiver.expires, waiver.reason),
        None => why.clone(),
    }
}

/// What shows a finding, and where.
fn shown(evidence: &Evidence) -> String {
    match evidence.offset {
        Some(offset) => format!("{offset}: {}", evidence.what),
        None => evidence.what.clone(),
    }
}

impl Unread {
    pub(crate) fn of(path: PathBuf, name: String, failure: Failure) -> Self {
        Self {
            path,
            name,
            code: failure.code,
            message: [vec![failure.message], failure.causes].concat().join(": "),
            hints: failure.hints,
        }
    }

    pub(crate) fn unreadable(path: PathBuf, name: String, error: &Error) -> Self {
        Self {
            path,
            name,
            code: Some(error.kind().code()),
            message: error.to_string(),
            hints: Vec::new(),
        }
    }
}
