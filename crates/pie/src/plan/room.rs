//! Finds executable room for the stub: padding that no table claims, in a page that holds code.
//!
//! Go's linker keeps 4 KiB for headers (`ELFRESERVE` in cmd/link/internal/ld/elf.go) and leaves
//! over 600 of them empty, in the executable segment. Failing that, the last page of the code
//! segment usually has a rest. Either way strip leaves the stub alone only because it gets a
//! section header of its own.

use handpie_binary::elf::constants::{PF_X, PT_LOAD, PT_NULL};
use handpie_binary::elf::{Elf, Segment};
use handpie_binary::{Address, Offset, Size};

use crate::refusal::{Code, Refusal};
use crate::stub::ALIGN;
use crate::survey::MIN_PAGE;

/// What linkers fill code segments with: zeros, or on x86 the instruction that traps (lld).
const PADDING: [u8; 2] = [0, 0xcc];

/// Where the stub can go.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// In the old file.
    pub(super) offset: Offset,
    pub(super) address: Address,
    /// The program header that has to grow to take the stub in, and its new size.
    pub(super) extends: Option<(usize, Size)>,
}

pub(super) fn find(elf: &Elf<'_>, size: Size) -> Result<Room, Refusal> {
    let occupied = occupied(elf);
    let mut largest = 0;
    for segment in elf.loads().filter(|segment| segment.has(PF_X)) {
        for (start, end, extends) in gaps(elf, segment, &occupied) {
            let Some(start) = start.checked_next_multiple_of(ALIGN) else {
                continue;
            };
            let Some(gap) = end.checked_sub(start) else {
                continue;
            };
            let empty = elf.file().slice(start, Size(gap.min(size.0)), "room");
            if !empty.is_ok_and(|room| {
                room.data()
                    .is_ok_and(|room| room.iter().all(|byte| PADDING.contains(byte)))
            }) {
                continue;
            }
            largest = largest.max(gap);
            if gap < size.0 {
                continue;
            }
            let inside = Size(start.saturating_sub(segment.offset.0));
            if let Some(address) = segment.address.checked_add(inside)
                && address.0.is_multiple_of(ALIGN)
            {
                let new_size = Size(inside.0.saturating_add(size.0));
                return Ok(Room {
                    offset: Offset(start),
                    address,
                    extends: extends.then_some((segment.index, new_size)),
                });
            }
        }
    }
    let message = format!(
        "the start-up stub needs {size} unused executable bytes; the largest gap has {largest:#x}"
    );
    Err(Refusal::new(Code::NoRoomForStub, message))
}

/// The file ranges that something claims, but for loaded segments as a whole; ascending.
pub(super) fn occupied(elf: &Elf<'_>) -> Vec<(u64, u64)> {
    let header = elf.header();
    let range = |start: Offset, size: u64| (start.0, start.0.saturating_add(size));
    let segments = elf
        .segments()
        .iter()
        .filter(|segment| segment.kind != PT_LOAD && segment.kind != PT_NULL)
        .map(|segment| range(segment.offset, segment.file_size.0));
    let sections = elf
        .sections()
        .iter()
        .map(|section| range(section.offset, section.file_size().0));
    let tables = [
        range(Offset(0), 64),
        range(
            header.program_headers,
            header
                .program_header_count
                .saturating_mul(header.program_header_size),
        ),
        range(
            header.section_headers,
            (elf.sections().len() as u64).saturating_mul(header.section_header_size),
        ),
    ];
    let mut occupied: Vec<_> = segments
        .chain(sections)
        .chain(tables)
        .filter(|(start, end)| start < end)
        .collect();
    occupied.sort_unstable();
    occupied
}

/// The gaps of a segment in file order: those inside, then the rest of its last page, for which the
/// segment has to grow.
fn gaps(elf: &Elf<'_>, segment: &Segment, occupied: &[(u64, u64)]) -> Vec<(u64, u64, bool)> {
    let mut gaps = Vec::new();
    let end = segment.file_end().0;
    // Without section headers nothing tells a gap from a table of zeros.
    if !elf.sections().is_empty() {
        let mut position = segment.offset.0;
        for &(from, to) in occupied {
            if from > position && position < end {
                gaps.push((position, from.min(end), false));
            }
            position = position.max(to);
        }
        if position < end {
            gaps.push((position, end, false));
        }
    }
    if segment.file_size == segment.memory_size {
        let page_end = segment.memory_end().0.checked_next_multiple_of(MIN_PAGE);
        let rest = page_end.map_or(0, |page| page.saturating_sub(segment.memory_end().0));
        // The next thing in the file ends the room, and so does the next segment in memory.
        let next_in_file = occupied
            .iter()
            .map(|&(from, _)| from)
            .chain(elf.loads().map(|load| load.offset.0))
            .chain([elf.file().size().0])
            .filter(|&from| from >= end)
            .min()
            .unwrap_or(end);
        let next_in_memory = elf
            .loads()
            .filter(|load| load.address >= segment.memory_end())
            .map(|load| load.address.0.saturating_sub(segment.memory_end().0))
            .min()
            .unwrap_or(rest);
        let room = rest.min(next_in_memory);
        gaps.push((end, next_in_file.min(end.saturating_add(room)), true));
    }
    gaps
}
