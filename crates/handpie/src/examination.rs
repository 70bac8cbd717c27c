//! One binary, examined: what kind it is, and what every rule says of it.

use std::path::PathBuf;

use handpie_audit::{Answer, Finding, Kind, Language, Ruling, Subject, System};
use handpie_binary::{Binary, Bytes, Incomplete};

use crate::binaries::{Entry, Visit, visit};
use crate::compilation_log::Log;
use crate::failure::Failure;
use crate::input::Input;
use crate::objects;
use crate::policy::Rulebook;

/// A binary and what every rule says of it.
#[derive(Debug)]
pub(crate) struct Examination {
    /// The file, as it was named.
    pub(crate) path: PathBuf,
    /// How people read the path.
    pub(crate) name: String,
    /// Which of the binaries in the file it is, where there are several.
    pub(crate) member: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) language: Language,
    /// Every language that shows in it.
    pub(crate) languages: Vec<Language>,
    /// Which system loads it, as far as it tells.
    pub(crate) system: System,
    /// The version of Go that made it.
    pub(crate) go: Option<String>,
    pub(crate) findings: Vec<Finding>,
}

impl Examination {
    /// The findings with one answer.
    pub(crate) fn with(&self, answer: Answer) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(move |finding| finding.answer == answer)
    }

    pub(crate) fn has(&self, answer: Answer) -> bool {
        self.with(answer).next().is_some()
    }

    /// The file, and which of the binaries in it.
    pub(crate) fn title(&self) -> String {
        match &self.member {
            Some(member) => format!("{} ({member})", self.name),
            None => self.name.clone(),
        }
    }
}

/// What is found of every binary, and of the archive, that is the file of `entry`.
pub(crate) fn of_file(entry: &Entry, rulebook: &Rulebook, log: Option<&Log>) -> Visit<Examination> {
    let ruling = rulebook.ruling(entry.path());
    let visit = match entry.is_archive() {
        true => objects::examine_archive(entry, &ruling),
        false => of_binaries(entry, rulebook, &ruling, log),
    };
    if !matches!(visit, Visit::PassedOver) {
        rulebook.met(&ruling);
    }
    visit
}

fn of_binaries(
    entry: &Entry,
    rulebook: &Rulebook,
    ruling: &Ruling<'_>,
    log: Option<&Log>,
) -> Visit<Examination> {
    let (path, name) = (entry.path(), entry.name());
    examine(entry, rulebook, ruling, log, |member, subject, findings| {
        let info = subject.build_info.as_ref();
        Ok(Examination {
            path: path.to_owned(),
            name: name.clone(),
            member,
            kind: subject.kind,
            language: subject.language,
            languages: subject.languages.clone(),
            system: subject.system,
            go: info.map(|info| info.go_version.clone()),
            findings,
        })
    })
}

/// What `each` makes of every binary in a file: it gets the name of the binary where there are
/// several, the binary, and what every rule says of it.
pub(crate) fn examine<T>(
    entry: &Entry,
    rulebook: &Rulebook,
    ruling: &Ruling<'_>,
    log: Option<&Log>,
    each: impl Fn(Option<String>, &Subject<'_>, Vec<Finding>) -> Result<T, Incomplete>,
) -> Visit<T> {
    let name = entry.name();
    visit(entry, false, |member| {
        let subject = Subject::of(member.binary, member.mode)?.on(rulebook.today);
        let subject = with_relocations(subject, &name, member.bytes)?;
        let subject = with_log(subject, log)?;
        let findings = handpie_audit::check_under(&subject, ruling)?;
        Ok(each(member.name, &subject, findings)?)
    })
}

/// What kind of file it is, or the first in it; `None` of what is not a binary.
pub(crate) fn kind_of(input: &mut Input) -> Result<Option<Kind>, Failure> {
    let mode = input.mode();
    input.look(|bytes| {
        let binary = Binary::parse(bytes).ok()?.into_iter().next()?;
        Some(Subject::of(binary, mode).ok()?.kind)
    })
}

/// An ELF object with what is found of its relocations.
fn with_relocations<'data>(
    subject: Subject<'data>,
    name: &str,
    bytes: Bytes<'data>,
) -> Result<Subject<'data>, Incomplete> {
    match (subject.kind, &subject.binary) {
        (Kind::RelocatableObject, Binary::Elf(_)) => {
            Ok(subject.with_objects(objects::of_object(name, bytes)?))
        }
        _ => Ok(subject),
    }
}

/// A program with what the log of its build says.
fn with_log<'data>(
    subject: Subject<'data>,
    log: Option<&Log>,
) -> Result<Subject<'data>, Incomplete> {
    let compiled = match &subject.binary {
        Binary::Elf(elf) => log.map(|log| log.of(elf)).transpose()?,
        Binary::MachO(_) | Binary::Pe(_) => None,
    };
    Ok(subject.with_compiled(compiled))
}
