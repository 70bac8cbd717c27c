//! Where the mover goes: into a segment of its own, behind all others in memory, so that it can run
//! while the program is being moved away from under it, and be unmapped afterwards.
//!
//! In the file it stands behind the last loaded byte; symbols and debug information, which are not
//! loaded, come after it. The program header of `PT_INTERP` becomes that of the new segment, and
//! an empty section of the loader's becomes its section, without which strip would clear it.

use handpie_binary::elf::constants::{PF_W, PF_X, SHF_ALLOC, SHT_RELA};
use handpie_binary::elf::{Elf, Segment};
use handpie_binary::{Address, Offset, Size};

use super::{Slide, new_size};
use crate::arch::{Cpu, WithOptions};
use crate::refusal::{Code, Refusal};
use crate::stub::mover::{self, MovedPiece, MoverHeader};
use crate::survey::MIN_PAGE;

/// `PROT_READ | PROT_EXEC`.
const READ_AND_EXECUTE: u64 = 5;

/// Where a mover goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MoverPlace {
    pub(crate) header: MoverHeader,
    /// In the new file.
    pub(crate) offset: Offset,
    pub(crate) size: Size,
    /// Of its segment.
    pub(crate) align: u64,
    /// The section that describes it, unless the file has none.
    pub(crate) section: Option<usize>,
    /// Header, code, and the pieces that are moved.
    pub(crate) bytes: Vec<u8>,
}

/// Plans the mover, and makes room for it in `slide`.
pub(super) fn plan(
    elf: &Elf<'_>,
    cpu: &Cpu,
    parts: &WithOptions,
    stub: Address,
    shortened: Option<(usize, Size)>,
    slide: &mut Slide,
) -> Result<MoverPlace, Refusal> {
    let refuse = |message: String| Refusal::new(Code::CannotMove, message);
    let granule = elf.loads().map(|load| load.align).max().unwrap_or(1);
    let granule = granule.max(MIN_PAGE);
    let pieces = pieces(elf, shortened, granule)?;
    let first = elf.loads().map(|load| load.address).min();
    let last = elf.loads().map(Segment::memory_end).max();
    let end = last.and_then(|end| end.0.checked_next_multiple_of(granule));
    let (Some(first), Some(end)) = (first, end) else {
        return Err(refuse(
            "the segments extend to the end of the address space".to_owned(),
        ));
    };

    let loaded = slide.loaded;
    let straddling = elf
        .sections()
        .iter()
        .find(|section| section.offset < loaded && section.file_end() > loaded);
    if let Some(section) = straddling {
        let name = section.name();
        return Err(refuse(format!("section `{name}` is only partially loaded")));
    }
    let size = mover::size(parts.mover, pieces.len());
    let offset = slide.put_in(size);

    let inside = offset.0.checked_rem(granule).unwrap_or(0);
    let ends = |flag| {
        let with = || elf.loads().filter(move |load| load.has(flag));
        let start = with().map(|load| load.address).min().unwrap_or(first);
        let end = with().map(|load| load.address.0.saturating_add(load.file_size.0));
        (start, Address(end.max().unwrap_or(start.0)))
    };
    let header = MoverHeader {
        address: Address(end.saturating_add(inside)),
        stub,
        image: (first, Size(end.saturating_sub(first.0))),
        code: ends(PF_X),
        data: ends(PF_W),
    };
    Ok(MoverPlace {
        bytes: header.with_code(parts.mover, &pieces, cpu.endian),
        header,
        offset,
        size,
        align: granule,
        section: spare_section(elf)?,
    })
}

/// The mappings that the kernel makes of the segments: the part that is in the file, and the pages
/// behind it.
fn pieces(
    elf: &Elf<'_>,
    shortened: Option<(usize, Size)>,
    granule: u64,
) -> Result<Vec<MovedPiece>, Refusal> {
    let mut pieces = Vec::new();
    for load in elf.loads() {
        if !load.address.0.is_multiple_of(granule) {
            let message = format!(
                "program header {} starts at address {}, inside a page of {granule:#x} bytes",
                load.index, load.address
            );
            return Err(Refusal::new(Code::CannotMove, message));
        }
        let size = new_size(shortened, load).unwrap_or(load.file_size);
        let file_end = Address(load.address.0.saturating_add(size.0));
        // A segment that has another size than before has all its bytes in the file.
        let memory_end = match size == load.file_size {
            true => load.memory_end(),
            false => file_end,
        };
        pieces.push(MovedPiece {
            start: load.address,
            end: file_end,
            protection: match load.has(PF_X) {
                true => READ_AND_EXECUTE,
                false => 0,
            },
        });
        pieces.push(MovedPiece {
            start: file_end,
            end: memory_end,
            protection: 0,
        });
    }
    // The first one that cannot be moved decides that all stay, so it must not be an empty one.
    pieces.retain(|piece| piece.end > piece.start);
    Ok(pieces)
}

/// An empty section that only a loader would look for: Go's linker writes `.rela.plt`, empty.
fn spare_section(elf: &Elf<'_>) -> Result<Option<usize>, Refusal> {
    if elf.sections().is_empty() {
        return Ok(None);
    }
    let spare = elf.sections().iter().find(|section| {
        section.kind == SHT_RELA && section.flags.contains(SHF_ALLOC) && section.size.0 == 0
    });
    match spare {
        Some(section) => Ok(Some(section.index)),
        None => {
            let message = "there is no spare section header for the mover";
            Err(Refusal::new(Code::CannotMove, message))
        }
    }
}
