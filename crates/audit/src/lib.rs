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

mod finding;
mod rule;
mod subject;
mod elf;
mod macho;
mod pe;

pub use finding::{Answer, Evidence, Finding, Judgement};
pub use rule::{Level, Levels, Profile, Rule, Severity, rules};
pub use subject::{Kind, Language, Libc, Subject};

/// What every rule that speaks about such binaries says of this one, in the order of [`rules`].
pub fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let judged = rules().filter_map(|rule| {
        let judgement = rule.judge(subject)?;
        Some(Finding { rule, judgement })
    });
    judged.collect()
}
