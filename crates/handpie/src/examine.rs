//! One file, looked at: which binaries are in it, and what every rule says of each.

use handpie_audit::{Finding, Kind, Ruling, Subject};
use handpie_binary::{Binary, Bytes, Error, ErrorKind, Incomplete};

use crate::evidence::Log;
use crate::failure::Failure;
use crate::files::Found;
use crate::input::Input;
use crate::objects;
use crate::policy::Rulebook;
use crate::report::check::Unread;

/// What `each` makes of every binary in a file; it gets the name of the binary where there are
/// several. `None` for what was only met on the way and is no binary.
pub(crate) fn examine<T>(
    found: &Found,
    rulebook: &Rulebook,
    ruling: &Ruling<'_>,
    log: Option<&Log>,
    each: impl Fn(Option<String>, &Subject<'_>, Vec<Finding>) -> Result<T, Incomplete>,
) -> Option<Result<Vec<T>, Unread>> {
    let (path, name) = (found.path(), found.name());
    let mut input = match found.open() {
        Ok(input) => input?,
        Err(failure) => return Some(Err(Unread::of(path.to_owned(), name, failure))),
    };
    let mode = input.mode();
    let looked = input.look(|bytes| {
        let binaries = Binary::parse(bytes)?;
        let several = binaries.len() > 1;
        let seen = binaries.into_iter().zip(1..).map(|(binary, number)| {
            let member = several.then(|| member(&binary, number));
            let subject = Subject::of(binary, mode)?.on(rulebook.today);
            let subject = with_relocations(subject, &name, bytes)?;
            let subject = with_log(subject, log)?;
            let findings = handpie_audit::check_under(&subject, ruling)?;
            Ok(each(member, &subject, findings)?)
        });
        seen.collect::<Result<Vec<T>, Error>>()
    });
    Some(match looked {
        Ok(Ok(seen)) => Ok(seen),
        // The first bytes say nearly always, and not always, what a file is.
        Ok(Err(error)) if !found.was_named() && error.kind() == ErrorKind::NotBinary => {
            return None;
        }
        Ok(Err(error)) => Err(Unread::unreadable(path.to_owned(), name, &error)),
        Err(failure) => Err(Unread::of(path.to_owned(), name, failure)),
    })
}

/// What kind of file it is, or the first in it; `None` of what is no binary.
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

/// How one of several binaries in a file is told from the others.
pub(crate) fn member(binary: &Binary<'_>, number: usize) -> String {
    match binary {
        Binary::MachO(macho) => macho.header().architecture().to_owned(),
        Binary::Elf(_) | Binary::Pe(_) => number.to_string(),
    }
}
