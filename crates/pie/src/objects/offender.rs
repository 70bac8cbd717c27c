//! What stands against a static-PIE. Each code has a page of that name in `docs/findings/`.

use std::fmt;

use handpie_binary::Offset;

use super::Survey;
use super::limits::{MAX_LISTED, MAX_LISTED_TOGETHER, MAX_SHOWN};
use super::object::Trouble;
use crate::codes::codes;

codes! {
    "Why an object cannot be part of a static-PIE.";
    /// Code or read-only data holds an address.
    TextRelocation = "pic-text-relocation",
        "rebuild with -fPIE or -fPIC (Rust: -C relocation-model=pic, Go: -buildmode=pie)";
    /// An address is to be stored in part, or in less than a word.
    NarrowAddress = "pic-narrow-address",
        "rebuild with -fPIE or -fPIC (Rust: -C relocation-model=pic, Go: -buildmode=pie)";
    /// A relocation that no table has.
    UnknownRelocation = "pic-unknown-relocation",
        "rebuild with an older compiler or without its newest options, and please report this";
    /// A function whose address a resolver chooses at start.
    Ifunc = "pic-ifunc",
        "link with glibc, or build the library without ifunc (its configure script may have a \
         flag)";
    /// There is no machine code yet.
    Lto = "pic-lto",
        "rebuild with -fno-lto or -ffat-lto-objects (Rust: `lto = \"off\"` in the Cargo profile)";
    /// Its CPU is not that of the first object.
    MixedCpus = "pic-mixed-cpus",
        "build all objects for the same CPU, word size and byte order";
    /// Its CPU is one that no table is about.
    UnknownCpu = "pic-unknown-cpu",
        "supported CPUs are x86-64, i386, aarch64, arm, riscv64, ppc64le, s390x and loongarch64";
    /// It is something else than an object.
    NotAnObject = "pic-not-an-object",
        "pass object files and archives";
    /// It cannot be read.
    Damaged = "pic-damaged-object",
        "rebuild the object; rebuild the archive, too, if members are missing";
}

/// Something that stands against a static-PIE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offender {
    /// Which reason.
    pub code: Code,
    /// The input, as it was named.
    pub file: String,
    /// The member, if the input is an archive.
    pub member: Option<String>,
    /// Where in the file the relocation or symbol stands; in that of the member, if the archive is a
    /// thin one. `None` when it is all of the file.
    pub offset: Option<Offset>,
    /// What is relocated how, if it is a relocation.
    pub place: Option<RelocationSite>,
    /// What there is to say without a place.
    pub note: String,
    /// How many more the object has with the same code, which are not listed.
    pub more: u64,
}

/// A relocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelocationSite {
    /// Its name in the ABI of the CPU, or its number.
    pub relocation: String,
    /// The section that is relocated.
    pub section: String,
    /// Where in the section.
    pub inside: u64,
    /// The symbol whose address is wanted; that of a section where there is none.
    pub symbol: String,
}

impl Offender {
    /// What to do next.
    pub fn hint(&self) -> String {
        let hint = self.code.hint();
        let name = self.file.rsplit('/').next().unwrap_or(&self.file);
        match hint.strip_prefix("rebuild with") {
            Some(rest) => format!("rebuild `{name}` with{rest}"),
            None => hint.to_owned(),
        }
    }

    /// What was found, without the name of the file.
    pub fn message(&self) -> String {
        let mut message = match &self.place {
            Some(place) => place.to_string(),
            None => self.note.clone(),
        };
        if self.more > 0 {
            message.push_str(&format!(", and {} more of this kind", self.more));
        }
        message
    }
}

impl fmt::Display for Offender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.member {
            Some(member) => write!(f, "{}({member})", self.file)?,
            None => write!(f, "{}", self.file)?,
        }
        write!(f, ": {}: {}", self.code.name(), self.message())
    }
}

impl fmt::Display for RelocationSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` at {:#x} of section `{}`, symbol `{}`",
            self.relocation, self.inside, self.section, self.symbol
        )
    }
}

/// A name for people, not longer than anybody reads.
pub(super) fn shown(name: &[u8]) -> String {
    let start = name.get(..MAX_SHOWN).unwrap_or(name);
    let mut text = String::from_utf8_lossy(start).into_owned();
    if start.len() < name.len() {
        text.push('…');
    }
    text
}

/// Adds what is true of a whole file or member.
pub(super) fn add_file(answer: &mut Survey, file: &str, member: Option<&[u8]>, why: &Trouble) {
    Group::of(file, member).add(answer, why.code, None, |offender| {
        offender.note.clone_from(&why.note);
    });
}

/// The offenders of one object, few of which are listed.
pub(super) struct Group<'a> {
    file: &'a str,
    member: Option<&'a [u8]>,
    /// For each code, how many there are, and the place of the last one that is listed.
    seen: Vec<(Code, u64, Option<usize>)>,
}

impl<'a> Group<'a> {
    pub(super) fn of(file: &'a str, member: Option<&'a [u8]>) -> Self {
        Self {
            file,
            member,
            seen: Vec::new(),
        }
    }

    /// Adds one; `describe` is called only if it is listed.
    pub(super) fn add(
        &mut self,
        answer: &mut Survey,
        code: Code,
        offset: Option<Offset>,
        describe: impl FnOnce(&mut Offender),
    ) {
        answer.offences = answer.offences.saturating_add(1);
        let at = match self.seen.iter().position(|(seen, ..)| *seen == code) {
            Some(at) => at,
            None => {
                self.seen.push((code, 0, None));
                self.seen.len().saturating_sub(1)
            }
        };
        let Some((_, count, last)) = self.seen.get_mut(at) else {
            return;
        };
        *count = count.saturating_add(1);
        if *count > MAX_LISTED_TOGETHER || answer.offenders.len() >= MAX_LISTED {
            let last = last.and_then(|last| answer.offenders.get_mut(last));
            if let Some(last) = last {
                last.more = last.more.saturating_add(1);
            }
            return;
        }
        let mut offender = Offender {
            code,
            file: self.file.to_owned(),
            member: self.member.map(shown),
            offset,
            place: None,
            note: String::new(),
            more: 0,
        };
        describe(&mut offender);
        *last = Some(answer.offenders.len());
        answer.offenders.push(offender);
    }
}
