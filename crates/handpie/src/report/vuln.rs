//! Which known vulnerabilities are in programs. Written file by file, as the checklist is; one module
//! a format.

mod json;
mod sarif;
mod text;
mod vex;

use std::fmt;

use clap::ValueEnum;
use handpie_audit::{Scope, Table};
use handpie_vuln::{CycloneDx, OpenVex, Source, Tier, Triage, Vex};
use serde::Serialize;

use super::rendering::{Renderer, Rendering};
use super::{Reporter, count, policy};
use crate::args::Format;
use crate::binaries::Visit;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policy::Rulebook;

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
    /// Programs without an advisory that counts, of which a part could not be matched.
    pub(crate) partial: usize,
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
            "{}: {} with an advisory that counts, {} without, {}{} of which nothing is known, \
             {} unreadable; {}",
            count(self.files, "program"),
            self.failed,
            self.passed,
            match self.partial {
                0 => String::new(),
                partial => format!("{partial} matched in part only, "),
            },
            self.unmatched,
            self.unreadable,
            count(self.passed_over, "other file")
        )
    }
}

/// The report, as it is written.
pub(crate) struct Vulnerabilities<'a, 'db> {
    rendering: Rendering<'a, Triage<'db>, Summary>,
    summary: Summary,
    rulebook: &'a Rulebook,
    /// By the place of the suppression in the policy.
    used: Vec<bool>,
    vex: &'a Vex,
    /// Which VEX statements were needed, by number.
    used_statements: Vec<bool>,
    /// How many programs that were named could not be matched in full.
    blank: usize,
    /// Whether an advisory counts.
    fails: bool,
    /// Whether the format has a place for what could not be read.
    has_room: bool,
    /// What could not be read or matched, where it has none.
    unsaid: Vec<String>,
}

impl<'a, 'db> Vulnerabilities<'a, 'db> {
    pub(crate) fn begin(
        reporter: &Reporter,
        rulebook: &'a Rulebook,
        vex: &'a Vex,
        state: State,
    ) -> Result<Self, Failure> {
        let renderer: Box<dyn Renderer<Triage<'db>, Summary> + 'a> = match reporter.format {
            Format::Json => Box::new(json::Json::new(state)),
            Format::Sarif => Box::new(sarif::Sarif::new(&rulebook.here)),
            Format::OpenVex => Box::new(vex::VexReport::<OpenVex>::default()),
            Format::CycloneDx => Box::new(vex::VexReport::<CycloneDx>::default()),
            _ => Box::new(text::Text::new(reporter.verbose, state)),
        };
        let out = match reporter.format {
            Format::Text => super::Stream::new(),
            _ => super::Stream::of_json(),
        };
        Ok(Self {
            rendering: Rendering::begin(out, renderer)?,
            summary: Summary::default(),
            rulebook,
            used: vec![false; rulebook.policy.suppressions().count()],
            vex,
            used_statements: vec![false; vex.len()],
            blank: 0,
            fails: false,
            has_room: !matches!(reporter.format, Format::OpenVex | Format::CycloneDx),
            unsaid: Vec::new(),
        })
    }

    pub(crate) fn add(&mut self, visit: &Visit<Triage<'db>>) -> Result<(), Failure> {
        match visit {
            Visit::Seen(programs) => programs.iter().for_each(|program| self.count(program)),
            Visit::PassedOver => self.summary.passed_over += 1,
            Visit::Unread(unread) => {
                self.summary.files += 1;
                self.summary.unreadable += 1;
                if !self.has_room {
                    self.unsaid
                        .push(format!("unreadable: {}: {}", unread.name, unread.message));
                }
            }
        }
        self.rendering.add(visit)
    }

    fn count(&mut self, triage: &Triage<'_>) {
        self.summary.files += 1;
        self.fails |= triage.fails();
        match (triage.fails(), triage.matched_count) {
            // With nothing matched, what counts is what could not be ruled out.
            (_, 0) => self.summary.unmatched += 1,
            (true, _) => self.summary.failed += 1,
            (false, _) if triage.is_incomplete() => self.summary.partial += 1,
            (false, _) => self.summary.passed += 1,
        }
        self.blank += usize::from(triage.is_blank());
        if let (Some(gap), false) = (triage.gap(), self.has_room) {
            self.unsaid.push(format!("{}: {gap}", triage.title));
        }
        for number in triage.verdicts.iter().flat_map(|it| &it.statements) {
            if let Some(used) = self.used_statements.get_mut(*number) {
                *used = true;
            }
        }
        let suppressed = triage.verdicts.iter();
        for suppressed in suppressed.filter_map(|it| it.suppressed.as_ref()) {
            if let Some(used) = self.used.get_mut(suppressed.suppression) {
                *used = true;
            }
        }
    }

    /// The end of the report, and how the program ends: a file that cannot be read, and one that was
    /// named and of which nothing is known, count more than an advisory.
    pub(crate) fn end(mut self, reporter: &Reporter) -> Result<Exit, Failure> {
        self.rendering.end(&self.summary)?;
        for unsaid in &self.unsaid {
            reporter.note(unsaid);
        }
        let unmatched = policy::note_unmatched(reporter, self.rulebook, &[Table::Vuln]);
        if reporter.verbose {
            self.note_unused(reporter, &unmatched);
        }
        Ok(if self.summary.unreadable > 0 || self.blank > 0 {
            Exit::Input
        } else if self.fails {
            Exit::No
        } else {
            Exit::Done
        })
    }

    fn note_unused(&self, reporter: &Reporter, unmatched: &[Scope<'_>]) {
        let suppressions = self.rulebook.policy.suppressions().zip(&self.used);
        for (number, (suppression, used)) in suppressions.enumerate() {
            let is_told = unmatched.iter().any(|it| it.table == (Table::Vuln, number));
            if *used || is_told {
                continue;
            }
            reporter.note(&format!(
                "note: nothing here needed the [[vuln]] for {} ({}, line {})",
                suppression.id(),
                self.rulebook.file_name(),
                suppression.line()
            ));
        }
        for note in self.vex.unused(&self.used_statements) {
            reporter.note(&format!("note: {note}"));
        }
    }
}
