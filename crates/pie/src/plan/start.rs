//! The code at which the program starts: the stub, and the mover before it if the program is to choose
//! its own address.

use handpie_binary::elf::Elf;
use handpie_binary::elf::constants::PF_W;
use handpie_binary::{Address, Size};

use super::mover::{self, MoverPlace};
use super::packing::Packing;
use super::room::{self, Room};
use super::{Slide, new_size};
use crate::arch::{Cpu, WithOptions};
use crate::options::{Aslr, Options};
use crate::refusal::{Code, Refusal};
use crate::stub::{StubHeader, StubOptions};
use crate::survey::{Program, Relro};

/// Where the program starts.
pub(super) struct Start {
    pub(super) header: StubHeader,
    /// Header, code, and the ranges that are sealed.
    pub(super) stub: Vec<u8>,
    pub(super) room: Room,
    pub(super) mover: Option<MoverPlace>,
}

/// Plans both; makes room for them in `slide`.
pub(super) fn plan(
    elf: &Elf<'_>,
    program: &Program,
    options: Options,
    packing: &Packing,
    slide: &mut Slide,
) -> Result<Start, Refusal> {
    let cpu = program.cpu;
    let parts = with_options(cpu, options)?;
    let relro = program.relro;
    // A code segment that grows to take the stub in does so within its last page, and the kernel
    // seals and moves whole pages.
    let shortened = packing.shortened;
    let seals = match options.seal {
        true => seals(elf, relro, shortened),
        false => Vec::new(),
    };
    let mut header = StubHeader {
        address: Address(0),
        relr: packing.relr,
        relr_size: packing.relr_size,
        relro: relro.map_or(Address(0), |relro| relro.address),
        relro_size: relro.map_or(Size(0), |relro| relro.size),
        entry: elf.header().entry,
        options: parts.map(|_| StubOptions {
            moved: options.aslr == Aslr::Full,
            seal_count: seals.len() as u64,
        }),
    };
    let code = parts.map_or(cpu.stub, |parts| parts.stub);
    let size = header.size_with(code);
    let room = room::find(elf, size)?;
    slide.extend(room.offset.checked_add(size).unwrap_or(room.offset));
    header.address = room.address;
    let mover = match parts.filter(|_| options.aslr == Aslr::Full) {
        Some(parts) => Some(mover::plan(
            elf,
            cpu,
            parts,
            header.code(),
            shortened,
            slide,
        )?),
        None => None,
    };
    Ok(Start {
        header,
        stub: header.with_code(code, &seals, cpu.endian),
        room,
        mover,
    })
}

/// The code for what was asked for; `None` when nothing was.
fn with_options(cpu: &Cpu, options: Options) -> Result<Option<&WithOptions>, Refusal> {
    if !options.ask_for_more() {
        return Ok(None);
    }
    cpu.options.as_ref().map(Some).ok_or_else(|| {
        let message = format!(
            "`--aslr full` and `--seal` are not supported on {} yet",
            cpu.name
        );
        Refusal::new(Code::CannotMove, message)
    })
}

/// What nothing ever has to write to again: segments that are not writable, and RELRO.
fn seals(
    elf: &Elf<'_>,
    relro: Option<Relro>,
    shortened: Option<(usize, Size)>,
) -> Vec<(Address, Size)> {
    let segments = elf
        .loads()
        .filter(|load| !load.has(PF_W) && load.memory_size.0 > 0)
        .map(|load| {
            let size = new_size(shortened, load).unwrap_or(load.memory_size);
            (load.address, size)
        });
    let relro = relro.map(|relro| (relro.address, relro.size));
    segments.chain(relro).collect()
}
