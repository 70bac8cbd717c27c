//! Judges a binary by the release checklist. Facts in, findings out: nothing here reads a file,
//! starts a program, asks the clock or prints.
//!
//! [`Subject`] says what a binary is: format, kind, language. Each [`Rule`] looks at a subject and
//! gives one of five answers, with the evidence. A [`Policy`] says which rules count, and how much.

#![warn(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

use std::path::Path;

use handpie_binary::{Image, Incomplete};

mod limits;
mod date;
mod finding;
mod fingerprint;
mod folders;
mod policy;
mod rule;
mod subject;
mod compiled;
mod elf;
mod macho;
mod pe;
mod runtimes;
mod frames;
mod go;
pub mod diff;

pub use compiled::{Compilations, ObjectCompilation};
pub use date::Date;
pub use elf::Objects;
pub use finding::{Answer, Evidence, Finding, Judgement};
pub use fingerprint::fingerprint;
pub use limits::MAX_POLICY;
pub use policy::{
    Cgo, Origin, Policy, PolicyError, Ruling, Scope, Setting, Standing, Suppressed, Suppression,
    Table, Unknown, Waived, Waiver,
};
pub use rule::{Level, Levels, Profile, Rule, Severity, rules};
pub use subject::{Kind, Language, Libc, Subject, System};

/// What every rule that speaks about such binaries says of this one, in the order of [`rules`].
///
/// # Errors
/// [`Incomplete`] when not all that they look at has been read.
pub fn check(subject: &Subject<'_>) -> Result<Vec<Finding>, Incomplete> {
    let any_day = Date {
        year: 0,
        month: 1,
        day: 1,
    };
    check_under(
        subject,
        &Policy::default().ruling(&[Path::new("")], any_day),
    )
}

/// What the rules that speak about archives say of one in which `objects` was found.
pub fn check_archive(objects: &Objects, ruling: &Ruling<'_>) -> Vec<Finding> {
    let rule = rules().find(|rule| rule.code == elf::POSITION_INDEPENDENT_CODE.code);
    let finding = rule.and_then(|rule| Finding::from(rule, || Some(objects.judgement()), ruling));
    finding.into_iter().collect()
}

/// The same, where a policy says which rules count.
///
/// # Errors
/// [`Incomplete`] when not all that they look at has been read.
pub fn check_under(subject: &Subject<'_>, ruling: &Ruling<'_>) -> Result<Vec<Finding>, Incomplete> {
    // All are asked, so that what is missing for any of them is read together.
    let findings = rules().filter_map(|rule| Finding::of(rule, subject, ruling));
    let findings = findings.collect();
    subject.binary.file().settled(findings)
}
