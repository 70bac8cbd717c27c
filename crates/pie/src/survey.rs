//! The first step: what the file is, and every reason why it cannot be converted.
//!
//! A program passes when the loader would do no more for it than add the load bias to words and
//! protect RELRO: no library, no symbol to look up, no function to call, no thread-local storage.

mod loader_work;
mod layout;
mod relocations;

use handpie_binary::elf::constants::{
    EF_PPC64_ABI, ELFOSABI_GNU, ELFOSABI_NONE, EM_PPC64, ET_CORE, ET_DYN, ET_REL, Machine,
    PT_DYNAMIC, PT_INTERP,
};
use handpie_binary::elf::{Class, Dynamic, Elf, Endianness, Kind};
use handpie_binary::go::BuildInfo;
use handpie_binary::{Bytes, Error, Size, read_together};

use crate::arch::Cpu;
use crate::refusal::{Code, Refusal};
use crate::stub::StubHeader;

pub(crate) use layout::MIN_PAGE;
pub use layout::Relro;
pub(crate) use relocations::Target;

/// What a file is and what can be done with it.
#[derive(Debug)]
pub struct Survey<'data> {
    /// The file.
    pub elf: Elf<'data>,
    /// Its kind.
    pub kind: Kind,
    /// What Go's toolchain wrote into it; `None` in a program of another language.
    pub go: Option<BuildInfo>,
    /// Whether it can be converted.
    pub answer: Convertibility,
}

/// Whether a file can be converted.
#[derive(Debug)]
pub enum Convertibility {
    /// It can.
    Convertible(Program),
    /// It needs no conversion.
    AlreadyStaticPie {
        /// Whether it starts at a stub of ours.
        by_us: bool,
    },
    /// It cannot: all reasons, never none.
    Refused(Vec<Refusal>),
}

/// What the plan needs to know of a program that can be converted.
#[derive(Debug)]
pub struct Program {
    pub(crate) cpu: &'static Cpu,
    pub(crate) dynamic: Dynamic,
    /// The words to relocate, ascending by address, a word or more apart.
    pub(crate) targets: Vec<Target>,
    pub(crate) relro: Option<Relro>,
}

/// Reads what the headers of `elf` point at.
///
/// # Errors
/// When what they point at cannot be read.
pub fn survey(elf: Elf<'_>) -> Result<Survey<'_>, Error> {
    read_together(headings(&elf))?;
    let kind = Kind::of(&elf)?;
    let go = BuildInfo::read(&elf)?;
    let answer = answer(&elf, &kind, go.as_ref());
    let answer = elf.file().settled(answer)??;
    Ok(Survey {
        elf,
        kind,
        go,
        answer,
    })
}

/// What every survey reads of a program: who loads it, what it asks the loader for, and what Go's
/// toolchain wrote into it.
fn headings<'data>(elf: &Elf<'data>) -> Vec<Bytes<'data>> {
    let segments = elf.segments().iter();
    let segments = segments.filter(|segment| [PT_INTERP, PT_DYNAMIC].contains(&segment.kind));
    let segments = segments.filter_map(|segment| elf.segment_data(segment).ok());
    let build_info = elf.section(".go.buildinfo");
    let build_info = build_info.and_then(|section| elf.section_data(section).ok());
    segments.chain(build_info).collect()
}

fn answer(elf: &Elf<'_>, kind: &Kind, go: Option<&BuildInfo>) -> Result<Convertibility, Error> {
    let is_go = go.is_some() || elf.section(".note.go.buildid").is_some();
    if let Some(refusal) = no_program(elf, kind) {
        return Ok(Convertibility::Refused(vec![refusal]));
    }
    if *kind == Kind::StaticPie {
        let by_us = StubHeader::read(elf).is_some();
        // Ours may have no relocations: when all that it had asked for nothing.
        if by_us || starts_by_itself(elf, is_go)? {
            return Ok(Convertibility::AlreadyStaticPie { by_us });
        }
    }
    let mut refusals = Vec::new();
    if matches!(
        kind,
        Kind::StaticExecutable | Kind::DynamicExecutable { .. }
    ) {
        let message = format!("the file is a {kind}, linked to run at a fixed address");
        let refusal = Refusal::new(Code::PositionDependent, message);
        refusals.push(if is_go {
            refusal
        } else {
            refusal.hint("compile with -fPIE and link with -static-pie")
        });
    }
    let cpu = cpu(elf, &mut refusals);
    let dynamic = elf.dynamic()?;
    loader_work::collect(elf, kind, go, is_go, dynamic.as_ref(), &mut refusals)?;
    // The tables of another CPU, or of none, cannot be judged.
    if let (Some(cpu), Some(dynamic), ET_DYN) = (cpu, dynamic, elf.header().kind) {
        layout::collect(elf, &mut refusals);
        let relro = layout::relro(elf, &mut refusals);
        let targets = relocations::collect(elf, cpu, &dynamic, &mut refusals)?;
        if refusals.is_empty() {
            return Ok(Convertibility::Convertible(Program {
                cpu,
                dynamic,
                targets,
                relro,
            }));
        }
    }
    refusals.sort_by_key(|refusal| refusal.code);
    // Each kind of file that reaches this line was refused by a line above.
    debug_assert!(!refusals.is_empty());
    Ok(Convertibility::Refused(refusals))
}

/// Whether a file without a loader needs none. Linkers can be told to leave the loader out of a
/// program that cannot do without one.
fn starts_by_itself(elf: &Elf<'_>, is_go: bool) -> Result<bool, Error> {
    let needs_libraries = match elf.dynamic()? {
        Some(dynamic) => !dynamic.needed(elf)?.is_empty(),
        None => false,
    };
    if needs_libraries {
        return Ok(false);
    }
    Ok(!is_go || !loader_work::lacks_relocations(elf)?)
}

/// Files that are not programs, and programs that are hidden.
fn no_program(elf: &Elf<'_>, kind: &Kind) -> Option<Refusal> {
    let refuse = |code, message: String| Some(Refusal::new(code, message));
    if is_upx_packed(elf.file()) && elf.section(".text").is_none() {
        return refuse(
            Code::UpxPacked,
            "the program is packed with UPX, which unpacks it into memory at start-up".into(),
        );
    }
    match elf.header().kind {
        ET_CORE => refuse(
            Code::CoreFile,
            "the file is a core dump, not a program".into(),
        ),
        ET_REL => refuse(
            Code::RelocatableObject,
            "the file is an object file that has not been linked".into(),
        ),
        _ if *kind == Kind::SharedObject => refuse(
            Code::SharedObject,
            "the file is a shared library, not a program".into(),
        ),
        _ => None,
    }
}

/// UPX writes its magic into a header of its own right after the program headers, and again at the
/// end of the file (`l_info` in UPX's src/stub/src/include/linux.h).
fn is_upx_packed(file: Bytes<'_>) -> bool {
    const MAGIC: &[u8] = b"UPX!";
    const NEAR: u64 = 1024;
    let size = file.size().0;
    let part = Size(size.min(NEAR));
    [0, size.saturating_sub(NEAR)].into_iter().any(|start| {
        file.slice(start, part, "UPX's magic")
            .and_then(|part| Ok(part.data()?))
            .is_ok_and(|part| part.windows(MAGIC.len()).any(|found| found == MAGIC))
    })
}

/// Of `EF_PPC64_ABI`.
const ELF_V2: u32 = 2;

fn cpu(elf: &Elf<'_>, refusals: &mut Vec<Refusal>) -> Option<&'static Cpu> {
    let header = elf.header();
    if header.os_abi != ELFOSABI_NONE.0 && header.os_abi != ELFOSABI_GNU.0 {
        let message = format!(
            "`EI_OSABI` is {}, which is not Linux (at offset 0x7)",
            header.os_abi
        );
        refusals.push(Refusal::new(Code::ForeignSystem, message));
    }
    let Some(cpu) = Cpu::of_machine(header.machine, header.endian) else {
        let message = format!(
            "`e_machine` is {} (at offset 0x12), which is not supported",
            machine_name(header.machine)
        );
        refusals.push(Refusal::new(Code::UnsupportedCpu, message));
        return None;
    };
    let abi = header.flags.0 & EF_PPC64_ABI;
    if cpu.machine == EM_PPC64 && header.endian == Endianness::Big && abi != ELF_V2 {
        let message = format!(
            "the program is built for the ELFv{abi} ABI (`e_flags`, at offset 0x30), whose entry \
             point is a function descriptor; expected ELFv2"
        );
        refusals.push(Refusal::new(Code::UnsupportedCpu, message));
        return None;
    }
    if header.class != Class::Elf64 {
        let message = format!(
            "the file is 32-bit (`ELFCLASS32`, at offset 0x4) for {}; expected `ELFCLASS64`",
            cpu.name
        );
        refusals.push(Refusal::new(Code::WrongClass, message));
        return None;
    }
    if header.endian != cpu.endian {
        let message = format!(
            "the file is {:?}-endian (`EI_DATA`, at offset 0x5); expected {:?}-endian for {}",
            header.endian, cpu.endian, cpu.name
        );
        refusals.push(Refusal::new(Code::WrongEndianness, message));
        return None;
    }
    Some(cpu)
}

fn machine_name(machine: Machine) -> String {
    format!("{machine:?}")
}
