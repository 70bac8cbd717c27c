//! Where the bytes of the old file stand in the new one.
//!
//! Two stretches of the old file are left out: the unused part of the relocation table (`packing`
//! says which), and the zeros between what is loaded and what is not. Go's linker starts the latter
//! where one more segment could start, at a multiple of 64 KiB on most CPUs (`layout` in
//! cmd/link/internal/ld/data.go). But nothing maps symbols and debug information, so they follow
//! the last loaded byte, or the mover, which is put in there.
//!
//! Zeros that a table claims, or that no alignment explains, stay. So does everything where there
//! are no sections: nothing would tell padding from a table of zeros.

use handpie_binary::elf::constants::SHF_ALLOC;
use handpie_binary::elf::{Elf, Segment};
use handpie_binary::{Bytes, Offset, Size};

use super::room;
use crate::survey::MIN_PAGE;

/// What follows in the file keeps at least this alignment, in bytes.
const ALIGN: u64 = 64;

/// Where the bytes of the old file stand in the new one.
///
/// Those up to `keep` stay; those from `resume` to `loaded` slide down by `by`; those from `rest` on
/// stand from `rest_at` on. What lies between in the new file is zero where no edit writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slide {
    pub(crate) keep: Offset,
    pub(crate) resume: Offset,
    pub(crate) by: Size,
    /// The end of the loaded bytes.
    pub(crate) loaded: Offset,
    /// The first byte behind them that means anything.
    pub(crate) rest: Offset,
    pub(crate) rest_at: Offset,
    /// `rest` and `rest_at` are the same modulo this.
    align: u64,
}

/// The unused part of the relocation table: the bytes up to `keep` stay, those from `resume` on
/// slide down by `by`.
pub(super) struct Cut {
    pub(super) keep: Offset,
    pub(super) resume: Offset,
    pub(super) by: Size,
}

impl Slide {
    pub(super) fn plan(elf: &Elf<'_>, cut: Option<Cut>) -> Self {
        // What has no bytes may claim to be anywhere.
        let with_bytes = elf.loads().filter(|load| load.file_size.0 > 0);
        let loaded = with_bytes.map(Segment::file_end).max().unwrap_or_default();
        let cut = cut.unwrap_or(Cut {
            keep: loaded,
            resume: loaded,
            by: Size(0),
        });
        // What is left out may be the last that was loaded.
        let loaded = loaded.max(cut.resume);
        let rest = rest(elf, loaded).unwrap_or(loaded);
        let mut slide = Self {
            keep: cut.keep,
            resume: cut.resume,
            by: cut.by,
            loaded,
            rest,
            rest_at: rest,
            align: align(elf, rest),
        };
        slide.rest_at = slide.behind(slide.slid(loaded));
        slide
    }

    /// The old bytes up to `end` become loaded ones, because the stub takes them.
    pub(super) fn extend(&mut self, end: Offset) {
        if end > self.loaded {
            self.loaded = end;
            self.rest = self.rest.max(end);
            self.rest_at = self.behind(self.slid(end));
        }
    }

    /// Makes room for `size` bytes behind what is loaded, and returns where they start.
    pub(super) fn put_in(&mut self, size: Size) -> Offset {
        let start = Offset(self.slid(self.loaded).0.next_multiple_of(ALIGN));
        self.rest_at = self.behind(Offset(start.0.saturating_add(size.0)));
        start
    }

    /// Where the byte at `offset` of the old file stands in the new one.
    pub(crate) fn new_offset(&self, offset: Offset) -> Offset {
        match offset.distance_from(self.rest) {
            Some(inside) => Offset(self.rest_at.0.saturating_add(inside.0)),
            None => self.slid(offset),
        }
    }

    /// The same for what has no bytes and only seems to stand there, such as `SHT_NOBITS` sections.
    pub(crate) fn slid(&self, offset: Offset) -> Offset {
        match offset >= self.resume {
            true => Offset(offset.0.saturating_sub(self.by.0)),
            false => offset,
        }
    }

    /// The first place from `end` on where the rest of the file is aligned as it was.
    fn behind(&self, end: Offset) -> Offset {
        let phase = self.rest.0.checked_rem(self.align).unwrap_or(0);
        let start = end.0.saturating_sub(phase).next_multiple_of(self.align);
        Offset(start.saturating_add(phase))
    }
}

/// What the plan and its verification rest on besides what the survey does: padding, and what comes to
/// stand beside the mover; the first byte of it. `None` where nothing is behind what is loaded.
pub(crate) fn behind_loaded<'data>(elf: &Elf<'data>) -> Option<Bytes<'data>> {
    let rest = Slide::plan(elf, None).rest;
    elf.file().slice(rest.0, Size(1), "what is not loaded").ok()
}

/// The first byte behind the loaded ones that means anything; `None` when that is the very next.
fn rest(elf: &Elf<'_>, loaded: Offset) -> Option<Offset> {
    if elf.sections().is_empty() {
        return None;
    }
    let mut rest = elf.file().size().0;
    for (start, end) in room::occupied(elf) {
        if start >= loaded.0 {
            rest = rest.min(start);
        } else if end > loaded.0 {
            return None;
        }
    }
    let padding = Size(rest.checked_sub(loaded.0)?);
    let granule = elf.loads().map(|load| load.align).max()?;
    if padding.0 >= granule {
        return None;
    }
    let padding = elf.file().slice(loaded.0, padding, "padding").ok()?;
    // Where it has not been read, what follows it is most likely asked for next, so it is at once.
    let padding = padding.data().unwrap_or_default();
    let zeros = padding.iter().all(|&byte| byte == 0);
    zeros.then_some(Offset(rest))
}

/// The largest alignment that a section from `rest` on asks for. None of those that are not loaded
/// has reason to ask for more than a page.
fn align(elf: &Elf<'_>, rest: Offset) -> u64 {
    let sections = elf.sections().iter().filter(|section| {
        !section.flags.contains(SHF_ALLOC) && section.file_size().0 > 0 && section.offset >= rest
    });
    sections
        .map(|section| section.align)
        .filter(|align| align.is_power_of_two() && *align <= MIN_PAGE)
        .fold(ALIGN, u64::max)
}
