//! What is promised of every program that handpie links or builds, and whether a program keeps it.
//!
//! The one list that `link`, the linker and the compiler for other build tools, `build` and
//! `doctor --try` hold a program against. Drivers and linkers were seen to make something else than
//! was asked for, without a warning. What each promise means for users is in
//! `docs/findings/link-not-static-pie.md`.
//!
//! `convert` is deliberately absent: it holds a program against its own plan, byte by byte, and a
//! program that had no RELRO before has none afterwards.

use std::fmt;
use std::path::Path;

use handpie_audit::{Answer, Kind, Libc, Rule, Subject};
use handpie_binary::elf::constants::{self, Machine, PT_TLS, RelocationType};
use handpie_binary::elf::{Elf, RelocationTable};
use handpie_binary::{Binary, Bytes, Error, Incomplete, counted};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Input;

/// Codes that have a page and are no rules.
#[cfg(test)]
pub(crate) const CODES: [&str; 3] = [NOT_AS_PROMISED, START_RELOCATIONS, TLS_ALIGNMENT];
/// The failure of a program that breaks a promise, and the first promise: that it is a static-PIE,
/// which the kernel starts at any address.
pub(crate) const NOT_AS_PROMISED: &str = "link-not-static-pie";
/// Its start-up code applies every relocation that it has.
const START_RELOCATIONS: &str = "start-relocations";
/// Its thread-local variables are where its code looks for them.
const TLS_ALIGNMENT: &str = "tls-alignment";

/// The promises that are rules of `handpie check`, too. Only a failing answer breaks one: `unknown`
/// says that the file does not tell.
const RULES: [&str; 8] = [
    "pie",
    "no-loader",
    "needed-libraries",
    "executable-stack",
    "writable-code",
    "text-relocations",
    "relro",
    RELRO_APPLIED,
];
const RELRO_APPLIED: &str = "relro-applied";

/// How much is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Everything.
    Whole,
    /// Everything but `relro-applied`. The program brings its own start files (`-nostartfiles`), so
    /// nothing of ours is called at start. Whether RELRO gets protected is up to their author.
    OwnStartFiles,
}

/// A program, held against the promises.
#[derive(Debug)]
pub(crate) struct Inspection {
    /// What kind of file it is, for people.
    pub(crate) kind: String,
    /// In bytes.
    pub(crate) size: u64,
    /// Empty when every promise is kept.
    pub(crate) breaches: Vec<Breach>,
}

/// A promise that is not kept.
#[derive(Debug)]
pub(crate) struct Breach {
    code: &'static str,
    why: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            // The failure itself bears this code.
            NOT_AS_PROMISED => f.write_str(&self.why),
            code => write!(f, "{code}: {}", self.why),
        }
    }
}

/// Holds the program at `path` against the promises.
pub(crate) fn inspect(path: &Path, extent: Extent) -> Result<Inspection, Failure> {
    let mut input = Input::open(path)?;
    let mode = input.mode();
    let size = input.size().0;
    let inspected = input.look(|bytes| inspect_bytes(bytes, mode, extent))?;
    let (kind, breaches) = inspected.unwrap_or_else(|error| {
        let why = format!("failed to read the file: {error}");
        ("no program".to_owned(), vec![breach(NOT_AS_PROMISED, why)])
    });
    Ok(Inspection {
        kind,
        size,
        breaches,
    })
}

impl Inspection {
    /// Fails with every breach. `name` is what users call the program.
    pub(crate) fn require(self, name: &str) -> Result<Self, Failure> {
        if self.breaches.is_empty() {
            return Ok(self);
        }
        let message = format!("`{name}` is not the static-PIE that handpie promises");
        let failure = Failure::new(Exit::No, message).code(NOT_AS_PROMISED);
        Err(self.breaches.iter().fold(failure, Failure::cause))
    }
}

/// What kind of file it is, and every promise that it breaks.
fn inspect_bytes(
    bytes: Bytes<'_>,
    mode: Option<u32>,
    extent: Extent,
) -> Result<(String, Vec<Breach>), Error> {
    let mut kind = String::new();
    let mut breaches = Vec::new();
    for binary in Binary::parse(bytes)? {
        let subject = Subject::of(binary, mode)?;
        kind = subject.kind.to_string();
        if subject.kind != Kind::StaticPie {
            breaches.push(breach(NOT_AS_PROMISED, format!("the file is a {kind}")));
        }
        for rule in rules(extent) {
            breaches.extend(of_rule(rule, &subject)?);
        }
        if let Binary::Elf(elf) = &subject.binary {
            breaches.extend(foreign_relocations(elf)?);
            breaches.extend(misplaced_thread_locals(elf, subject.libc));
        }
    }
    Ok((kind, breaches))
}

/// Only these rules are asked: others search all code.
fn rules(extent: Extent) -> impl Iterator<Item = &'static Rule> {
    let is_promised = move |code| match extent {
        Extent::Whole => RULES.contains(&code),
        Extent::OwnStartFiles => RULES.contains(&code) && code != RELRO_APPLIED,
    };
    handpie_audit::rules().filter(move |rule| is_promised(rule.code))
}

fn of_rule(rule: &Rule, subject: &Subject<'_>) -> Result<Option<Breach>, Incomplete> {
    let judgement = rule.judge(subject)?;
    let failed = judgement.filter(|judgement| judgement.answer == Answer::Fail);
    Ok(failed.map(|failed| breach(rule.code, failed.why)))
}

/// The start-up code of a libc adds the load bias and calls the functions that choose an
/// implementation (IRELATIVE). It skips every other relocation without an error. Tables of 32-bit
/// programs are not read.
fn foreign_relocations(elf: &Elf<'_>) -> Result<Option<Breach>, Error> {
    let Some(dynamic) = elf.dynamic()? else {
        return Ok(None);
    };
    let Some(known) = applied(elf.header().machine) else {
        return Ok(None);
    };
    let mut count = 0_usize;
    for table in [RelocationTable::Rela, RelocationTable::JmpRel] {
        if let Some(relas) = elf.relas(&dynamic, table)? {
            let foreign = relas
                .iter()
                .filter(|rela| rela.kind.0 != 0 && !known.contains(&rela.kind));
            count = count.saturating_add(foreign.count());
        }
    }
    let why = format!(
        "{} of a type that static start-up code does not apply",
        counted(count as u64, "relocation")
    );
    Ok((count > 0).then(|| breach(START_RELOCATIONS, why)))
}

/// `R_*_RELATIVE` and `R_*_IRELATIVE`.
fn applied(machine: Machine) -> Option<[RelocationType; 2]> {
    Some(match machine {
        constants::EM_X86_64 => [constants::R_X86_64_RELATIVE, constants::R_X86_64_IRELATIVE],
        constants::EM_AARCH64 => [
            constants::R_AARCH64_RELATIVE,
            constants::R_AARCH64_IRELATIVE,
        ],
        constants::EM_RISCV => [constants::R_RISCV_RELATIVE, constants::R_RISCV_IRELATIVE],
        constants::EM_LOONGARCH => [constants::R_LARCH_RELATIVE, constants::R_LARCH_IRELATIVE],
        constants::EM_PPC64 => [constants::R_PPC64_RELATIVE, constants::R_PPC64_IRELATIVE],
        constants::EM_S390 => [constants::R_390_RELATIVE, constants::R_390_IRELATIVE],
        _ => return None,
    })
}

/// glibc's start-up code of static programs takes it that `PT_TLS` starts at a multiple of its
/// alignment (csu/libc-tls.c, `__libc_setup_tls`). libwild does not see to that, and then variables
/// read as zeros. musl allows for any start (src/env/__init_tls.c), and Go sets up its own.
fn misplaced_thread_locals(elf: &Elf<'_>, libc: Libc) -> Option<Breach> {
    let mut segments = elf.segments().iter();
    let block = segments.find(|s| s.kind == PT_TLS && s.memory_size.0 > 0)?;
    let (start, align) = (block.address, block.align.max(1));
    let why = if !align.is_power_of_two() {
        format!("the alignment of `PT_TLS` is {align:#x}, expected a power of two")
    } else if libc == Libc::Glibc && !start.0.is_multiple_of(align) {
        format!(
            "`PT_TLS` starts at address {start}, expected a multiple of its alignment {align:#x}"
        )
    } else {
        return None;
    };
    Some(breach(TLS_ALIGNMENT, why))
}

fn breach(code: &'static str, why: impl Into<String>) -> Breach {
    Breach {
        code,
        why: why.into(),
    }
}

#[cfg(test)]
mod tests;
