//! Which known vulnerabilities are in programs. Written file by file, as the checklist is; one module
//! a format.

mod cyclonedx;
mod json;
mod openvex;
mod place;
mod purl;
mod sarif;
mod text;

use std::fmt;
use std::io::{self, Write};

use clap::ValueEnum;
use handpie_audit::Suppressed;
use handpie_audit::vuln::{Doubt, Record, Row, Source, Step, Tier};
use serde::Serialize;

use super::check::Unread;
use super::{Reporter, count};
use crate::args::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::Rulebook;
use crate::triage::{Provenance, Seen};
use crate::vex::{Statement, Vex};
pub(crate) use openvex::is_own_absence;

/// A program and what is known of it.
#[derive(Debug)]
pub(crate) struct Judged<'db> {
    pub(crate) provenance: Provenance,
    /// The file, and which of the binaries in it.
    pub(crate) title: String,
    pub(crate) record: Record,
    /// How many modules or crates are in it.
    pub(crate) module_count: usize,
    /// How many of them, and of what Go itself brings, were held against the database.
    pub(crate) matched_count: usize,
    pub(crate) doubts: Vec<Doubt>,
    /// Every advisory, the worst tier first.
    pub(crate) verdicts: Vec<Verdict<'db>>,
    /// What to do about those that count.
    pub(crate) steps: Vec<Step>,
}

/// An advisory, and what the policy and VEX documents make of it.
#[derive(Debug)]
pub(crate) struct Verdict<'db> {
    pub(crate) row: Row<'db>,
    /// Whether it would count if nobody had said anything about it.
    pub(crate) counts: bool,
    /// Whether it counts.
    pub(crate) fails: bool,
    pub(crate) suppressed: Option<Suppressed>,
    /// The statements for which it does not count.
    pub(crate) vex: Vec<&'db Statement>,
    /// Every statement about it, by number.
    pub(crate) heard: Vec<usize>,
}

/// How much is printed as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Show {
    /// What counts, and how many others there are
    Counting,
    /// What counts, with the functions that are linked
    Evidence,
    /// Every advisory
    All,
}

/// What all files were held against.
#[derive(Debug)]
pub(crate) struct State {
    /// Where the database came from, for people.
    pub(crate) name: String,
    pub(crate) advisories: usize,
    pub(crate) sources: Vec<Source>,
    /// In days.
    pub(crate) age: Option<u32>,
    pub(crate) fail_on: Tier,
    pub(crate) show: Show,
}

/// How many files came to what.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Summary {
    /// Programs with an advisory that counts.
    pub(crate) failed: usize,
    /// All that were looked at.
    pub(crate) files: usize,
    pub(crate) passed: usize,
    /// Files of directories that do not tell what they hold.
    pub(crate) passed_over: usize,
    /// Programs of which nothing has a version.
    pub(crate) unmatched: usize,
    pub(crate) unreadable: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} with an advisory that counts, {} without, {} of which nothing is known, \
             {} unreadable; {}",
            count(self.files, "program", "programs"),
            self.failed,
            self.passed,
            self.unmatched,
            self.unreadable,
            count(self.passed_over, "other file", "other files")
        )
    }
}

/// One format: what is written when.
trait Sheet {
    fn begin(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
    fn judged(&mut self, out: &mut dyn Write, judged: &Judged<'_>) -> io::Result<()>;
    fn unread(&mut self, out: &mut dyn Write, unread: &Unread) -> io::Result<()>;
    fn end(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()>;
}

/// The report, as it is written.
pub(crate) struct Vulnerabilities<'a> {
    out: super::Stream,
    sheet: Box<dyn Sheet + 'a>,
    summary: Summary,
    rulebook: &'a Rulebook,
    /// By the place of the suppression in the policy.
    used: Vec<bool>,
    vex: &'a Vex,
    /// By the number of the statement.
    heard: Vec<bool>,
    /// How many programs that were named could not be matched at all.
    blank: usize,
}

impl<'a> Vulnerabilities<'a> {
    pub(crate) fn begin(
        reporter: &Reporter,
        rulebook: &'a Rulebook,
        vex: &'a Vex,
        state: State,
    ) -> Result<Self, Failure> {
        let sheet: Box<dyn Sheet> = match reporter.format {
            Format::Json => Box::new(json::Json::new(state)),
            Format::Sarif => Box::new(sarif::Sarif::new(&rulebook.here)),
            Format::OpenVex => Box::new(openvex::OpenVex::new()),
            Format::CycloneDx => Box::new(cyclonedx::CycloneDx::new()),
            _ => Box::new(text::Text::new(reporter.verbose, state)),
        };
        let mut report = Self {
            out: match reporter.format {
                Format::Text => super::Stream::new(),
                _ => super::Stream::of_json(),
            },
            sheet,
            summary: Summary::default(),
            rulebook,
            used: vec![false; rulebook.policy.suppressions().count()],
            vex,
            heard: vec![false; vex.len()],
            blank: 0,
        };
        let begun = report.sheet.begin(&mut report.out);
        begun.map_err(super::unwritten)?;
        Ok(report)
    }

    pub(crate) fn add(&mut self, seen: &Seen<'_>) -> Result<(), Failure> {
        let written = match seen {
            Seen::Passed => {
                self.summary.passed_over += 1;
                Ok(())
            }
            Seen::Unread(unread) => {
                self.summary.files += 1;
                self.summary.unreadable += 1;
                self.sheet.unread(&mut self.out, unread)
            }
            Seen::Judged(judged) => judged.iter().try_for_each(|judged| {
                self.count(judged);
                self.sheet.judged(&mut self.out, judged)
            }),
        };
        written.map_err(super::unwritten)
    }

    fn count(&mut self, judged: &Judged<'_>) {
        self.summary.files += 1;
        match (judged.fails(), judged.matched_count) {
            (true, _) => self.summary.failed += 1,
            (false, 0) => self.summary.unmatched += 1,
            (false, _) => self.summary.passed += 1,
        }
        self.blank += usize::from(judged.is_blank());
        for number in judged.verdicts.iter().flat_map(|it| &it.heard) {
            if let Some(heard) = self.heard.get_mut(*number) {
                *heard = true;
            }
        }
        let suppressed = judged.verdicts.iter();
        for suppressed in suppressed.filter_map(|it| it.suppressed.as_ref()) {
            if let Some(used) = self.used.get_mut(suppressed.suppression) {
                *used = true;
            }
        }
    }

    /// The end of the report, and how the program ends: a file that cannot be read, and one that was
    /// named and of which nothing is known, count more than an advisory.
    pub(crate) fn end(mut self, reporter: &Reporter) -> Result<Exit, Failure> {
        let ended = self.sheet.end(&mut self.out, &self.summary);
        ended.map_err(super::unwritten)?;
        self.out.flush().map_err(super::unwritten)?;
        if reporter.verbose {
            self.note_unused(reporter);
        }
        Ok(if self.summary.unreadable > 0 || self.blank > 0 {
            Exit::Input
        } else if self.summary.failed > 0 {
            Exit::No
        } else {
            Exit::Done
        })
    }

    fn note_unused(&self, reporter: &Reporter) {
        let suppressions = self.rulebook.policy.suppressions().zip(&self.used);
        for (suppression, _) in suppressions.filter(|(_, used)| !**used) {
            reporter.note(&format!(
                "note: nothing here needed the [[vuln]] for {} ({}, line {})",
                suppression.id(),
                self.rulebook.file_name(),
                suppression.line()
            ));
        }
        for note in self.vex.unheard(&self.heard) {
            reporter.note(&format!("note: {note}"));
        }
    }
}

impl Judged<'_> {
    /// Whether an advisory counts.
    pub(crate) fn fails(&self) -> bool {
        self.verdicts.iter().any(|verdict| verdict.fails)
    }

    /// Whether somebody asked about this program, and nothing in it can be matched: that there is no
    /// advisory says nothing then, and must not look like an answer.
    fn is_blank(&self) -> bool {
        self.provenance.named && self.matched_count == 0
    }
}
