//! The second step: where everything goes. Plain data; no byte is touched.
//!
//! ```text
//! before                               after
//! ELF header, program headers          ELF header, program headers less PT_INTERP
//! section headers                      section headers, .interp's and .rela's re-used
//! (room)                               start-up stub
//! notes, .interp                       notes
//! code                                 code
//! read-only data                       read-only data
//! .rela, small loader tables           .relr.dyn, small loader tables
//!                                      -- the rest of the file slides down by whole pages --
//! data                                 data
//!                                      mover, if the program is to choose its own address
//! (up to 64 KiB of zeros)              -- what is not loaded slides down right behind it --
//! symbols, debug information           symbols, debug information
//! ```

mod packing;
mod slide;
mod room;
mod dynamic;
mod headers;
mod mover;
mod start;

pub(crate) use mover::MoverPlace;
pub use packing::Packing;
pub(crate) use slide::{Slide, behind_loaded};

use handpie_binary::elf::constants::{PF_X, SHF_ALLOC};
use handpie_binary::elf::{Elf, Segment};
use handpie_binary::{Offset, Size};
use object::Endian;

use crate::arch::Cpu;
use crate::options::Options;
use crate::refusal::{Code, Refusal};
use crate::relr::WORD;
use crate::stub::{StubHeader, StubPlace};
use crate::survey::{Program, Target};

pub use crate::survey::Relro;

/// What a conversion does.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// The CPU.
    pub cpu: &'static Cpu,
    /// The loader that is needed no more.
    pub interpreter: String,
    /// How many words are relocated when the program starts.
    pub relocations: usize,
    /// What becomes of the relocation table.
    pub packing: Packing,
    /// Where the stub goes.
    pub stub: StubPlace,
    /// The constants of the stub; among them the old entry point.
    pub header: StubHeader,
    /// The pages that become read-only when the program starts.
    pub relro: Option<Relro>,
    /// What was asked for.
    pub options: Options,
    /// The size of the file before.
    pub old_size: Size,
    /// The size of the file after.
    pub new_size: Size,
    /// Words that do not hold their link-time value yet, in the new file.
    pub(crate) words: Vec<(Offset, [u8; 8])>,
    /// All other bytes that are written, ascending, in the new file.
    pub(crate) edits: Vec<Edit>,
    /// Where the bytes of the old file stand in the new one.
    pub(crate) slide: Slide,
    /// The mover, if the program chooses its own address.
    pub(crate) mover: Option<MoverPlace>,
}

/// Bytes to write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Where, in the new file.
    pub(crate) offset: Offset,
    pub(crate) bytes: Vec<u8>,
    /// What they are.
    pub(crate) what: &'static str,
}

impl Edit {
    pub(crate) fn end(&self) -> u64 {
        self.offset.0.saturating_add(self.bytes.len() as u64)
    }
}

/// Plans the conversion of `program`, which the survey has found convertible.
///
/// # Errors
/// When the linker left no room for what has to be added.
pub fn plan(elf: &Elf<'_>, program: &Program, options: Options) -> Result<Plan, Refusal> {
    let cpu = program.cpu;
    let code = elf.loads().any(|segment| {
        segment.has(PF_X) && segment.offset_of(elf.header().entry, Size(1)).is_some()
    });
    if !code {
        let message = format!(
            "the entry point {} does not lie inside code",
            elf.header().entry
        );
        return Err(Refusal::new(Code::SegmentLayout, message));
    }

    let packed = packing::plan(elf, program)?;
    let mut slide = packed.slide;
    let start = start::plan(elf, program, options, &packed.packing, &mut slide)?;
    // From here on, every file offset of the new file is known: `slide` gives it.
    let stub = StubPlace {
        offset: slide.new_offset(start.room.offset),
        address: start.room.address,
        size: Size::of(start.stub.len()),
    };

    let mut edits = packed.edits;
    edits.push(Edit {
        offset: stub.offset,
        bytes: start.stub,
        what: "the start-up stub",
    });
    edits.extend(start.mover.as_ref().map(|mover| Edit {
        offset: mover.offset,
        bytes: mover.bytes.clone(),
        what: "the mover",
    }));
    edits.push(dynamic::plan(
        elf,
        program,
        &packed.packing,
        &packed.moved,
        &slide,
    )?);
    let changes = headers::Changes {
        slide,
        packing: &packed.packing,
        moved: &packed.moved,
        stub,
        entry: match &start.mover {
            Some(mover) => mover.header.start(),
            None => start.header.code(),
        },
        mover: start.mover.as_ref(),
        extended_code: start.room.extends,
    };
    let new_size = headers::plan(elf, &changes, &mut edits)?;
    edits.sort_by_key(|edit| edit.offset);
    refuse_overlaps(elf, &edits, program, &slide)?;

    Ok(Plan {
        cpu,
        interpreter: interpreter(elf),
        relocations: program.targets.len(),
        packing: packed.packing,
        stub,
        header: start.header,
        relro: program.relro,
        old_size: elf.file().size(),
        new_size,
        words: words(elf, program, &slide),
        edits,
        slide,
        mover: start.mover,
        options,
    })
}

/// The size of a segment in the file and in memory, if it is another one than before.
fn new_size(resized: Option<(usize, Size)>, segment: &Segment) -> Option<Size> {
    resized
        .filter(|(index, _)| *index == segment.index)
        .map(|(_, size)| size)
}

/// In a file whose tables contradict one another, two of the places to write may be the same, or a
/// word to relocate or a section that is kept may lie in one.
fn refuse_overlaps(
    elf: &Elf<'_>,
    edits: &[Edit],
    program: &Program,
    slide: &Slide,
) -> Result<(), Refusal> {
    for (edit, next) in edits.iter().zip(edits.iter().skip(1)) {
        if edit.end() > next.offset.0 {
            let message = format!(
                "{} and {} overlap at offset {} of the new file",
                edit.what, next.what, next.offset
            );
            return Err(Refusal::new(Code::SegmentLayout, message));
        }
    }
    for edit in edits {
        let reach = edit.offset.0.saturating_sub(WORD.saturating_sub(1));
        let new_offset = |target: &Target| slide.new_offset(target.offset).0;
        let targets = &program.targets;
        let first = targets.partition_point(|target| new_offset(target) < reach);
        if let Some(target) = targets.get(first).filter(|t| new_offset(t) < edit.end()) {
            let message = format!(
                "a relocation at address {} lies inside {}",
                target.address, edit.what
            );
            return Err(Refusal::new(Code::UnpackableRelocation, message));
        }
    }
    let kept = elf
        .sections()
        .iter()
        .filter(|section| !section.flags.contains(SHF_ALLOC) && section.file_size().0 > 0);
    for section in kept {
        let start = slide.new_offset(section.offset).0;
        let end = start.saturating_add(section.file_size().0);
        let edit = edits
            .iter()
            .find(|edit| edit.offset.0 < end && edit.end() > start);
        if let Some(edit) = edit {
            let message = format!(
                "section `{}` (header at offset {}) lies inside {}",
                section.name(),
                section.header,
                edit.what
            );
            return Err(Refusal::new(Code::SegmentLayout, message));
        }
    }
    Ok(())
}

fn interpreter(elf: &Elf<'_>) -> String {
    let path = elf.interpreter().ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(path).into_owned()
}

/// RELR keeps the addend in the word itself. Go's linker has stored it there already; other linkers
/// may leave zero.
fn words(elf: &Elf<'_>, program: &Program, slide: &Slide) -> Vec<(Offset, [u8; 8])> {
    let file = elf.file();
    let endian = program.cpu.endian;
    let targets = program.targets.iter();
    let differing = targets.filter_map(|target| {
        let value = endian.write_u64(target.value);
        let stored = file.read::<[u8; 8]>(target.offset.0, "a word").ok();
        (stored != Some(&value)).then(|| (slide.new_offset(target.offset), value))
    });
    differing.collect()
}
