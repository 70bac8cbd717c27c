//! What the release checklist says of files. It is written file by file, so that a tree of ten
//! thousand takes no more memory than a few; one module a format.

mod text;
mod json;
mod sarif;
mod junit;
mod github;

use std::fmt;

use handpie_audit::{Answer, Evidence, Finding, Scope, Table};
use serde::Serialize;

use super::rendering::{Renderer, Rendering};
use super::{Reporter, count, policy};
use crate::args::Format;
use crate::binaries::Visit;
use crate::examination::Examination;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::Rulebook;

/// How many files came to what.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) failed: usize,
    pub(crate) files: usize,
    pub(crate) passed: usize,
    /// Files of directories that are nothing to check.
    pub(crate) passed_over: usize,
    pub(crate) unreadable: usize,
    pub(crate) warned: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = count(self.files, "file");
        write!(
            f,
            "{files}: {} passed, {} warned, {} failed, {} unreadable",
            self.passed, self.warned, self.failed, self.unreadable
        )?;
        match self.passed_over {
            0 => Ok(()),
            others => write!(f, "; {}", count(others, "other file")),
        }
    }
}

/// The checklist, as it is written.
pub(crate) struct Checklist<'a> {
    rendering: Rendering<'a, Examination, Summary>,
    summary: Summary,
    rulebook: &'a Rulebook,
    /// By the place of the waiver in the policy.
    used: Vec<bool>,
}

impl<'a> Checklist<'a> {
    pub(crate) fn begin(reporter: &Reporter, rulebook: &'a Rulebook) -> Result<Self, Failure> {
        let renderer: Box<dyn Renderer<Examination, Summary>> = match reporter.format {
            // The last two are not among the formats of this command.
            Format::Text | Format::OpenVex | Format::CycloneDx => {
                Box::new(text::Text::new(reporter.verbose))
            }
            Format::Json => Box::new(json::Json::new(rulebook)),
            Format::Sarif => Box::new(sarif::Sarif::new(rulebook)),
            Format::Junit => Box::new(junit::Junit),
            Format::Github => Box::new(github::Github::new(rulebook)),
        };
        let out = match reporter.format {
            Format::Json | Format::Sarif => super::Stream::of_json(),
            _ => super::Stream::new(),
        };
        Ok(Self {
            rendering: Rendering::begin(out, renderer)?,
            summary: Summary::default(),
            rulebook,
            used: vec![false; rulebook.policy.waivers().count()],
        })
    }

    /// Writes what came of some files, and sends it on.
    pub(crate) fn add(&mut self, visits: &[Visit<Examination>]) -> Result<(), Failure> {
        for visit in visits {
            self.count(visit);
            self.rendering.add(visit)?;
        }
        self.rendering.flush()
    }

    fn count(&mut self, visit: &Visit<Examination>) {
        match visit {
            Visit::Seen(binaries) => binaries.iter().for_each(|binary| self.count_one(binary)),
            Visit::PassedOver => self.summary.passed_over += 1,
            Visit::Unread(_) => {
                self.summary.files += 1;
                self.summary.unreadable += 1;
            }
        }
    }

    fn count_one(&mut self, binary: &Examination) {
        self.summary.files += 1;
        match (binary.has(Answer::Fail), binary.has(Answer::Warn)) {
            (true, _) => self.summary.failed += 1,
            (false, true) => self.summary.warned += 1,
            (false, false) => self.summary.passed += 1,
        }
        let waivers = binary.findings.iter();
        for waived in waivers.filter_map(|finding| finding.waiver.as_ref()) {
            if let Some(used) = self.used.get_mut(waived.waiver) {
                *used = true;
            }
        }
    }

    /// The end of the report, and how the program ends: a file that cannot be read counts more than
    /// a finding.
    pub(crate) fn end(mut self, reporter: &Reporter) -> Result<Exit, Failure> {
        self.rendering.end(&self.summary)?;
        let tables = [Table::Paths, Table::Waivers];
        let unmatched = policy::note_unmatched(reporter, self.rulebook, &tables);
        if reporter.verbose {
            self.note_unused(reporter, &unmatched);
        }
        Ok(if self.summary.unreadable > 0 {
            Exit::Input
        } else if self.summary.failed > 0 {
            Exit::No
        } else {
            Exit::Done
        })
    }

    /// A waiver that nothing needs any more is a leftover.
    fn note_unused(&self, reporter: &Reporter, unmatched: &[Scope<'_>]) {
        let waivers = self.rulebook.policy.waivers().zip(&self.used).enumerate();
        for (number, (waiver, used)) in waivers {
            let is_told = unmatched
                .iter()
                .any(|it| it.table == (Table::Waivers, number));
            if *used || is_told {
                continue;
            }
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

/// Why a finding is what it is, with what became of a waiver for it.
fn why(finding: &Finding) -> String {
    let own = finding.judgement.answer;
    let raised = own != Answer::Fail && own != finding.unwaived;
    let why = match raised {
        true => format!(
            "{}; `{}` counts as `{}` here",
            finding.judgement.why,
            own.name(),
            finding.unwaived.name()
        ),
        false => finding.judgement.why.clone(),
    };
    match &finding.waiver {
        Some(waiver) if waiver.expired => {
            format!("{why}; the waiver for it expired on {}", waiver.expires)
        }
        Some(waiver) => format!("{why}; waived until {}: {}", waiver.expires, waiver.reason),
        None => why,
    }
}

/// What shows a finding, and where.
fn shown(evidence: &Evidence) -> String {
    match evidence.offset {
        Some(offset) => format!("{offset}: {}", evidence.what),
        None => evidence.what.clone(),
    }
}
