//! RELA becomes RELR, a fiftieth of its size, and the file shrinks by what is saved.
//!
//! Go's linker writes `.rela` near the end of the read-only segment, followed only by a few small
//! tables for the loader. So the segment can end earlier: those tables move up behind RELR, and the
//! rest of the file slides down. It slides by a multiple of the largest segment alignment, because
//! a segment's file offset and address must stay the same modulo its alignment. Addresses outside
//! those small tables do not change.
//!
//! Where another linker laid out the file, RELR goes into the place of RELA and the rest of that
//! place is cleared.

use handpie_binary::elf::constants::{
    PF_W, PT_LOAD, PT_NULL, SHF_ALLOC, SHT_DYNSYM, SHT_GNU_HASH, SHT_GNU_VERNEED, SHT_GNU_VERSYM,
    SHT_HASH, SHT_NOBITS, SHT_NULL, SHT_RELA, SHT_STRTAB,
};
use handpie_binary::elf::{Elf, RelocationTable, Section, Segment};
use handpie_binary::{Address, Offset, Size};
use object::Endian;

use super::Edit;
use super::slide::{Cut, Slide};
use crate::refusal::{Code, Refusal};
use crate::relr::{self, WORD};
use crate::survey::Program;

/// What becomes of the relocation table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    /// The address of the RELR table, which is that of the old table.
    pub relr: Address,
    /// Where it stands, in the old file and in the new one.
    pub offset: Offset,
    /// The size of the RELR table.
    pub relr_size: Size,
    /// The size of the table it replaces.
    pub old_size: Size,
    /// By how much the table's shrinking lets the rest of the file slide down.
    pub saved: Size,
    /// The read-only segment's program header and its new size, where the file shrinks.
    pub(crate) shortened: Option<(usize, Size)>,
}

/// What this step hands on.
pub(super) struct Packed {
    pub(super) packing: Packing,
    pub(super) slide: Slide,
    pub(super) edits: Vec<Edit>,
    pub(super) moved: Vec<Moved>,
}

/// A small table that moves up behind RELR.
pub(super) struct Moved {
    pub(super) section: usize,
    pub(super) size: Size,
    pub(super) old: Address,
    pub(super) new: Address,
    pub(super) new_offset: Offset,
}

/// The place of the old table.
struct Home {
    address: Address,
    offset: Offset,
    size: Size,
}

impl Home {
    fn end(&self) -> Offset {
        Offset(self.offset.0.saturating_add(self.size.0))
    }
}

pub(super) fn plan(elf: &Elf<'_>, program: &Program) -> Result<Packed, Refusal> {
    let home = home(elf, program)?;
    let words = relr::encode(program.targets.iter().map(|target| target.address));
    let mut bytes = Vec::with_capacity(words.len().saturating_mul(8));
    for word in words {
        bytes.extend(program.cpu.endian.write_u64(word));
    }
    let relr_size = Size::of(bytes.len());
    if relr_size > home.size {
        let message = format!(
            "RELR needs {relr_size} bytes, but the relocation table at offset {} has {}",
            home.offset, home.size
        );
        return Err(Refusal::new(Code::UnpackableRelocation, message));
    }
    Ok(shrunk(elf, &home, &bytes).unwrap_or_else(|| in_place(elf, &home, bytes)))
}

fn home(elf: &Elf<'_>, program: &Program) -> Result<Home, Refusal> {
    // Both were read by the survey, so neither fails here.
    let rela = elf.relas(&program.dynamic, RelocationTable::Rela).ok();
    let home = match rela.flatten() {
        Some(rela) => Some(Home {
            address: rela.address,
            offset: rela.offset,
            size: rela.size(),
        }),
        None => program.dynamic.relr_range(elf).and_then(|(offset, size)| {
            let address = elf.loads().find_map(|load| load.address_of(offset))?;
            Some(Home {
                address,
                offset,
                size,
            })
        }),
    };
    home.filter(|home| home.address.0.is_multiple_of(WORD))
        .ok_or_else(|| {
            let message = "there is no aligned relocation table that RELR could replace";
            Refusal::new(Code::UnpackableRelocation, message)
        })
}

fn in_place(elf: &Elf<'_>, home: &Home, mut bytes: Vec<u8>) -> Packed {
    let packing = Packing {
        relr: home.address,
        offset: home.offset,
        relr_size: Size::of(bytes.len()),
        old_size: home.size,
        saved: Size(0),
        shortened: None,
    };
    // A table lies inside the file, so its size fits a usize.
    bytes.resize(usize::try_from(home.size.0).unwrap_or(bytes.len()), 0);
    Packed {
        packing,
        slide: Slide::plan(elf, None),
        edits: vec![Edit {
            offset: home.offset,
            bytes,
            what: "RELR in the place of RELA",
        }],
        moved: Vec::new(),
    }
}

/// `None` when the file is not laid out so that it can shrink, or too little would be gained.
fn shrunk(elf: &Elf<'_>, home: &Home, relr: &[u8]) -> Option<Packed> {
    let segment = elf
        .loads()
        .find(|load| load.offset_of(home.address, home.size).is_some())?;
    if segment.has(PF_W) || segment.file_size != segment.memory_size {
        return None;
    }
    let tail = tail_tables(elf, home, segment)?;
    let resume = next_content(elf, home, segment)?;

    // The new end of the segment: RELR, then the small tables.
    let mut bytes = relr.to_vec();
    let mut moved = Vec::new();
    for section in tail {
        let align = usize::try_from(section.align.clamp(1, 64)).ok()?;
        bytes.resize(bytes.len().checked_next_multiple_of(align)?, 0);
        let inside = Size::of(bytes.len());
        moved.push(Moved {
            section: section.index,
            size: section.size,
            old: section.address,
            new: home.address.checked_add(inside)?,
            new_offset: home.offset.checked_add(inside)?,
        });
        bytes.extend(elf.section_data(section).ok()?.data().ok()?);
    }
    let new_end = home.offset.checked_add(Size::of(bytes.len()))?;
    let granule = elf.loads().map(|load| load.align).max()?.max(WORD);
    let by = resume.distance_from(new_end)?.0.checked_div(granule)?;
    let by = by.checked_mul(granule).filter(|&by| by > 0)?;
    Some(Packed {
        packing: Packing {
            relr: home.address,
            offset: home.offset,
            relr_size: Size::of(relr.len()),
            old_size: home.size,
            saved: Size(by),
            shortened: Some((segment.index, new_end.distance_from(segment.offset)?)),
        },
        slide: Slide::plan(
            elf,
            Some(Cut {
                keep: home.offset,
                resume,
                by: Size(by),
            }),
        ),
        edits: vec![Edit {
            offset: home.offset,
            bytes,
            what: "RELR and the loader's small tables",
        }],
        moved,
    })
}

/// The tables behind the relocation table, to the end of the segment, in order of address; `None`
/// when anything else lies there, which code might refer to.
fn tail_tables<'elf, 'data>(
    elf: &'elf Elf<'data>,
    home: &Home,
    segment: &Segment,
) -> Option<Vec<&'elf Section<'data>>> {
    if elf.sections().is_empty() {
        return None;
    }
    let mut tail = Vec::new();
    let mut covered = home.end();
    let mut inside: Vec<_> = elf
        .sections()
        .iter()
        .filter(|section| section.flags.contains(SHF_ALLOC) && section.kind != SHT_NOBITS)
        .filter(|section| section.file_end() > home.offset && section.offset <= segment.file_end())
        .filter(|section| section.address >= home.address || section.file_size().0 > 0)
        .collect();
    inside.sort_by_key(|section| (section.offset, section.index));
    for section in inside {
        if section.offset == home.offset && section.kind == SHT_RELA && section.size == home.size {
            continue;
        }
        // The file's bytes must be where the section's address says they are.
        let consistent = segment.offset_of(section.address, section.size) == Some(section.offset);
        if !consistent && section.size.0 == 0 {
            // An empty section of the segment behind, which starts where this one ends.
            continue;
        }
        if !consistent || section.offset < covered || !is_loaders_table(section) {
            return None;
        }
        if !is_zero(elf, covered, section.offset) {
            return None;
        }
        covered = section.file_end();
        tail.push(section);
    }
    is_zero(elf, covered, segment.file_end()).then_some(tail)
}

/// Tables that only a dynamic loader reads, and only through the dynamic section.
fn is_loaders_table(section: &Section<'_>) -> bool {
    let kinds = [
        SHT_DYNSYM,
        SHT_STRTAB,
        SHT_HASH,
        SHT_GNU_HASH,
        SHT_GNU_VERSYM,
        SHT_GNU_VERNEED,
    ];
    kinds.contains(&section.kind)
        || (section.kind == SHT_RELA && section.size.0 == 0)
        // Go's linker gives these the type SHT_PROGBITS.
        || [&b".gnu.version"[..], b".gnu.version_r"].contains(&section.name)
}

fn is_zero(elf: &Elf<'_>, start: Offset, end: Offset) -> bool {
    let size = end.distance_from(start).unwrap_or_default();
    elf.file()
        .slice(start.0, size, "padding")
        .is_ok_and(|padding| {
            padding
                .data()
                .is_ok_and(|bytes| bytes.iter().all(|&byte| byte == 0))
        })
}

/// Where the file goes on after the segment; `None` when something lies in its tail after all.
fn next_content(elf: &Elf<'_>, home: &Home, segment: &Segment) -> Option<Offset> {
    let header = elf.header();
    let segments = elf
        .segments()
        .iter()
        .filter(|other| other.index != segment.index && other.kind != PT_NULL)
        .filter(|other| other.file_size.0 > 0 || other.kind == PT_LOAD)
        .map(|other| (other.offset, other.file_end()));
    let sections = elf
        .sections()
        .iter()
        .filter(|section| section.kind != SHT_NULL && section.file_size().0 > 0)
        // Those loaded with the segment have been judged with its tail.
        .filter(|section| {
            !section.flags.contains(SHF_ALLOC) || section.offset >= segment.file_end()
        })
        .map(|section| (section.offset, section.file_end()));
    let table = |start: Offset, count: u64, size: u64| {
        let size = Size(count.saturating_mul(size));
        (start, start.checked_add(size).unwrap_or(start))
    };
    let tables = [
        table(
            header.program_headers,
            header.program_header_count,
            header.program_header_size,
        ),
        table(
            header.section_headers,
            elf.sections().len() as u64,
            header.section_header_size,
        ),
    ];
    let mut next = Offset(elf.file().size().0);
    for (start, end) in segments.chain(sections).chain(tables) {
        if start >= segment.file_end() {
            next = next.min(start);
        } else if end > home.offset {
            return None;
        }
    }
    Some(next)
}
