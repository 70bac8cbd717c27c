//! What a VEX document says, whichever kind it is of.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::identity::{Identity, Subject};
use crate::matches::{AffectedModule, Match, Tier};
use crate::purl::is_version;

/// A document that was read.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) author: Option<String>,
    /// When its statements were made that do not say so themselves.
    pub(super) time: Option<Timestamp>,
    pub(super) statements: Vec<Statement>,
}

/// Why a document was not read.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It is of another kind or version.
    Kind(String),
    /// Something in it makes no sense.
    Document(String),
}

/// What somebody says about a vulnerability in some programs.
#[derive(Debug)]
pub struct Statement {
    /// What it comes to.
    pub status: Status,
    /// The status as the document has it.
    pub word: &'static str,
    /// The justification as the document has it; empty without one.
    pub justification: &'static str,
    /// In words; empty where there are none.
    pub reason: String,
    /// Who says so.
    pub author: Option<String>,
    /// How people read the name of the document.
    pub document: String,
    /// Which of its statements it is, from 1.
    pub(super) place: usize,
    pub(super) time: Option<Timestamp>,
    /// What it calls the vulnerability.
    pub(super) names: Vec<String>,
    pub(super) targets: Vec<Target>,
}

/// What a statement comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The program is not affected.
    NotAffected,
    /// It was never there.
    FalsePositive,
    /// The program has a fix.
    Fixed,
    /// The program is affected, or it is not known yet.
    Open,
}

/// What a statement is about.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) product: Arc<Identity>,
    /// The modules of it; none when it is about the whole program.
    pub(super) parts: Vec<Arc<Identity>>,
    /// The versions of them, or of the product where there are none; `None` for all.
    pub(super) versions: Option<Arc<[String]>>,
}

/// When something was said; what is not a time is an error.
pub(super) fn instant(text: Option<&str>) -> Result<Option<Timestamp>, String> {
    let Some(text) = text else { return Ok(None) };
    let time = text.parse().map(Some);
    time.map_err(|_| {
        format!(
            "`{text}` is not a timestamp; expected one such as \
                              2026-03-01T12:00:00Z"
        )
    })
}

/// A justification as OpenVEX spells it; `None` where it has none that says the same.
pub(super) fn of_openvex(justification: &'static str) -> Option<&'static str> {
    match justification {
        "code_not_present" => Some("vulnerable_code_not_present"),
        "code_not_reachable" => Some("vulnerable_code_not_in_execute_path"),
        it if it.starts_with("protected_") => Some("inline_mitigations_already_exist"),
        it if it.is_empty() || it.starts_with("requires_") => None,
        it => Some(it),
    }
}

/// A justification as CycloneDX spells it; `None` where it has none that says the same.
pub(super) fn of_cyclonedx(justification: &'static str) -> Option<&'static str> {
    match justification {
        "component_not_present" | "vulnerable_code_not_present" => Some("code_not_present"),
        "vulnerable_code_not_in_execute_path" => Some("code_not_reachable"),
        "inline_mitigations_already_exist" => Some("protected_by_mitigating_control"),
        "" | "vulnerable_code_cannot_be_controlled_by_adversary" => None,
        it => Some(it),
    }
}

impl Statement {
    /// The modules of a program that it is about; none when it is about others.
    pub(super) fn modules_in<'r>(
        &self,
        subject: &Subject<'_>,
        matched: &'r Match<'_>,
    ) -> impl Iterator<Item = &'r AffectedModule> {
        let targets = self.targets.iter();
        let targets: Vec<&Target> = targets.filter(|it| it.product.is(subject)).collect();
        let main = subject.version().to_owned();
        matched
            .modules
            .iter()
            .filter(move |module| targets.iter().any(|target| target.is_about(&main, module)))
    }

    pub(super) fn names_hashes(&self) -> bool {
        let mut targets = self.targets.iter();
        targets.any(|target| target.product.has_hashes())
    }

    /// Whether handpie wrote it, because the code of the advisory was not there.
    pub(super) fn is_own_absence(&self) -> bool {
        let absent = of_cyclonedx(self.justification) == Some("code_not_present");
        self.status == Status::NotAffected && absent && Tier::is_own_absence(&self.reason)
    }

    /// The justification and the reason.
    pub fn why(&self) -> String {
        let parts = [self.justification, self.reason.as_str()];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("; ")
    }

    /// Who says so, and where.
    pub fn source(&self) -> String {
        match &self.author {
            Some(author) => format!("{author} ({})", self.document),
            None => self.document.clone(),
        }
    }

    /// What it is called in a list.
    pub(super) fn title(&self) -> String {
        let name = self
            .names
            .first()
            .map_or("no vulnerability", |it| it.as_str());
        format!("{name} (statement {})", self.place)
    }
}

impl Target {
    fn is_about(&self, main: &str, module: &AffectedModule) -> bool {
        let of_version = |version: &str| {
            let versions = self.versions.as_ref();
            versions.is_none_or(|it| it.iter().any(|it| is_version(it, version)))
        };
        match self.parts.is_empty() {
            true => of_version(main),
            false => {
                of_version(&module.version) && self.parts.iter().any(|part| part.is_module(module))
            }
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.status {
            Status::NotAffected => "not affected",
            Status::FalsePositive => "a false positive",
            Status::Fixed => "fixed",
            Status::Open => "open",
        };
        write!(f, "{what}, according to {}", self.source())?;
        match self.why() {
            why if why.is_empty() => Ok(()),
            why => write!(f, ": {why}"),
        }
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let given = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let mut fields = serializer.serialize_struct("Statement", 6)?;
        fields.serialize_field("author", &self.author)?;
        fields.serialize_field("document", &self.document)?;
        fields.serialize_field("justification", &given(self.justification))?;
        fields.serialize_field("reason", &self.reason)?;
        fields.serialize_field("status", self.word)?;
        fields.serialize_field("time", &self.time.map(|time| time.to_string()))?;
        fields.end()
    }
}
