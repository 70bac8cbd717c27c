//! What a linker made, looked at before anybody gets it: linkers and compilers were seen to give
//! something else than was asked for, without a word.

use std::path::Path;

use handpie_audit::{Answer, Kind, Subject};
use handpie_binary::elf::constants::{
    EM_AARCH64, EM_LOONGARCH, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64, Machine,
};
use handpie_binary::elf::{Elf, RelocationTable};
use handpie_binary::{Binary, Bytes, Error};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Input;

/// The result is not what was asked for.
pub(super) const NOT_AS_ASKED: &str = "link-not-static-pie";

/// What has to be true of every program that is linked here.
const RULES: [&str; 6] = [
    "pie",
    "needed-libraries",
    "executable-stack",
    "relro",
    "writable-code",
    "text-relocations",
];
/// True of those that have start-up code of ours.
const RELRO_APPLIED: &str = "relro-applied";

/// The size of the program in bytes, if it is what it should be.
pub(super) fn verify(program: &Path, name: &Path, has_startup: bool) -> Result<u64, Failure> {
    let mut input = Input::open(program)?;
    let mode = input.mode();
    let judged = input.look(|bytes| judge(bytes, mode, has_startup))?;
    let against = match judged {
        Ok(against) => against,
        Err(error) => vec![format!("it cannot be read: {error}")],
    };
    if against.is_empty() {
        let size = std::fs::metadata(program).map(|metadata| metadata.len());
        return Ok(size.unwrap_or_default());
    }
    let message = format!(
        "what the linker made of `{}` is not a static-PIE as asked",
        name.display()
    );
    let mut failure = Failure::new(Exit::No, message).code(NOT_AS_ASKED);
    for one in against {
        failure = failure.cause(one);
    }
    Err(failure.hint("nothing was written; a flag or an object asks for something else"))
}

/// Everything that is wrong with it.
fn judge(bytes: Bytes<'_>, mode: Option<u32>, has_startup: bool) -> Result<Vec<String>, Error> {
    let mut against = Vec::new();
    for binary in Binary::parse(bytes)? {
        if let Binary::Elf(elf) = &binary {
            against.extend(foreign_relocations(elf)?);
        }
        let subject = Subject::of(binary, mode)?;
        if subject.kind != Kind::StaticPie {
            against.push(format!("it is a {}", subject.kind));
        }
        for finding in handpie_audit::check(&subject) {
            let code = finding.rule.code;
            let counts = RULES.contains(&code) || (has_startup && code == RELRO_APPLIED);
            if counts && finding.judgement.answer == Answer::Fail {
                against.push(format!("{code}: {}", finding.judgement.why));
            }
        }
    }
    Ok(against)
}

/// Relocations that the start-up code of no libc applies: it adds the load bias, and calls the
/// functions that choose (IRELATIVE).
fn foreign_relocations(elf: &Elf<'_>) -> Result<Option<String>, Error> {
    let Some(dynamic) = elf.dynamic()? else {
        return Ok(None);
    };
    let Some(known) = applied(elf.header().machine) else {
        return Ok(None);
    };
    let mut count = 0_usize;
    for table in [RelocationTable::Rela, RelocationTable::JmpRel] {
        if let Some(relas) = elf.relas(&dynamic, table)? {
            let foreign = relas.iter().filter(|rela| {
                let kind = rela.kind.0;
                kind != 0 && !known.contains(&kind)
            });
            count = count.saturating_add(foreign.count());
        }
    }
    Ok(
        (count > 0)
            .then(|| format!("{count} of its relocations are none that it can apply itself")),
    )
}

/// `R_*_RELATIVE` and `R_*_IRELATIVE`.
fn applied(machine: Machine) -> Option<[u32; 2]> {
    Some(match machine {
        EM_X86_64 => [8, 37],
        EM_AARCH64 => [1027, 1032],
        EM_RISCV => [3, 58],
        EM_LOONGARCH => [3, 12],
        EM_PPC64 => [22, 248],
        EM_S390 => [12, 61],
        _ => return None,
    })
}
