//! What a linker made, looked at before anybody gets it: linkers and compilers were seen to give
//! something else than was asked for, without a word.

use std::path::Path;

use handpie_audit::{Answer, Kind, Subject};
use handpie_binary::elf::constants::{self, Machine, RelocationType};
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
        let counts = |code: &str| RULES.contains(&code) || (has_startup && code == RELRO_APPLIED);
        // Only these are asked: others look into all code.
        for rule in handpie_audit::rules().filter(|rule| counts(rule.code)) {
            let judgement = rule.judge(&subject)?;
            let failed = judgement.filter(|judgement| judgement.answer == Answer::Fail);
            against.extend(failed.map(|failed| format!("{}: {}", rule.code, failed.why)));
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
            let foreign = relas
                .iter()
                .filter(|rela| rela.kind.0 != 0 && !known.contains(&rela.kind));
            count = count.saturating_add(foreign.count());
        }
    }
    Ok(
        (count > 0)
            .then(|| format!("{count} of its relocations are none that it can apply itself")),
    )
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
