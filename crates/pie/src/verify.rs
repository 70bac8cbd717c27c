//! The fourth step: reads the new file with fresh eyes and holds it against the old one and the
//! plan. A difference is our bug, and nothing is written.
//!
//! What is checked is what users rely on: the new file says static-PIE, relocates exactly the words
//! that the loader would have relocated, and is the same in memory as the old one but for the
//! places that the plan names. What is not loaded is all there and as aligned as it was.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::ops::Range;

use handpie_binary::elf::constants::{PT_GNU_RELRO, SHF_ALLOC, SHT_NOBITS, SHT_NULL};
use handpie_binary::elf::{Elf, Kind, Segment};
use handpie_binary::{Address, Bytes, Offset, Partial, Size, read_together};
use object::Endian;

use crate::apply::Pieces;
use crate::plan::{Edit, Plan};
use crate::stub::StubHeader;
use crate::survey::{MIN_PAGE, Program};

/// What is put together at once, in bytes. Loaded bytes slide by whole pages, so a block of them lies
/// in one block of the old file, which has been read. A block of the others may reach into one that
/// has not; then it is asked for, like all that is looked at.
const BLOCK: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

pub(crate) fn verify(
    old: &Elf<'_>,
    program: &Program,
    plan: &Plan,
    output: &Pieces,
) -> Result<(), String> {
    hold(output.size() == plan.new_size, "the file size")?;
    let file = Partial::of_size(output.size(), BLOCK);
    let mut file = file.map_err(|error| error.to_string())?;
    let read = |start, room: &mut [u8]| {
        // What is missing of the old file is asked for, and then all this comes to nothing.
        _ = output.read(old.file(), Offset(start), room);
        Ok::<_, Infallible>(())
    };
    let verified = file.look(read, |file| {
        // They are sure to be looked at, so that all are put together in one go.
        let edits = plan.edits.iter().filter_map(|edit| {
            let size = Size::of(edit.bytes.len());
            file.slice(edit.offset.0, size, edit.what).ok()
        });
        read_together(edits).map_err(|incomplete| incomplete.to_string())?;
        verify_file(old, program, plan, output, file)
    });
    let Ok(verified) = verified;
    verified
}

fn verify_file(
    old: &Elf<'_>,
    program: &Program,
    plan: &Plan,
    output: &Pieces,
    file: Bytes<'_>,
) -> Result<(), String> {
    let new = Elf::parse(file).map_err(|error| error.to_string())?;
    hold(
        StubHeader::read(&new) == Some(plan.header),
        "the entry point",
    )?;
    kind(&new)?;
    // The rest is held against one another at length.
    file.settled(())
        .map_err(|incomplete| incomplete.to_string())?;
    relocations(old, &new, program, plan, output)?;
    relro(old, &new, plan)?;
    memory(old, &new, plan, output)?;
    not_loaded(old, plan, output)?;
    other_sections(old, &new, output)
}

fn hold(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn kind(new: &Elf<'_>) -> Result<(), String> {
    let kind = Kind::of(new).map_err(|error| error.to_string())?;
    hold(
        kind == Kind::StaticPie,
        &format!("the kind of file ({kind})"),
    )
}

fn relocations(
    old: &Elf<'_>,
    new: &Elf<'_>,
    program: &Program,
    plan: &Plan,
    output: &Pieces,
) -> Result<(), String> {
    let dynamic = new.dynamic().map_err(|error| error.to_string())?;
    let dynamic = dynamic.ok_or("the dynamic section is missing")?;
    let targets = new
        .relr_targets(&dynamic)
        .map_err(|error| error.to_string())?;
    let expected = program.targets.iter().map(|target| target.address);
    hold(targets.into_iter().eq(expected), "the relocated words")?;
    let offsets = program
        .targets
        .iter()
        .map(|t| plan.slide.new_offset(t.offset));
    let words = output.words(old.file(), offsets);
    for (target, word) in program.targets.iter().zip(words) {
        if program.cpu.endian.read_u64(word) != target.value {
            return Err(format!("the word at address {}", target.address));
        }
    }
    Ok(())
}

fn relro(old: &Elf<'_>, new: &Elf<'_>, plan: &Plan) -> Result<(), String> {
    let segment = new.segments().iter().find(|s| s.kind == PT_GNU_RELRO);
    let found = segment.filter(|s| s.memory_size.0 > 0).map(|s| s.address);
    // What is protected starts with the page in which the segment starts.
    let page = found.map(|address| Address(address.0 & !(MIN_PAGE.saturating_sub(1))));
    let planned = plan.relro.map(|relro| relro.address);
    let old = old.segments().iter().find(|s| s.kind == PT_GNU_RELRO);
    let size = |segment: Option<&Segment>| segment.map(|s| (s.address, s.memory_size));
    let kept = size(old) == size(segment);
    hold(kept && page == planned, "`PT_GNU_RELRO`")
}

/// Each byte of each loaded segment is what it was, but for the edits.
fn memory(old: &Elf<'_>, new: &Elf<'_>, plan: &Plan, output: &Pieces) -> Result<(), String> {
    let mut words = plan.words.iter().map(|(offset, _)| *offset).peekable();
    let mover = plan.mover.as_ref().map(|mover| mover.header.address);
    for segment in new.loads().filter(|load| Some(load.address) != mover) {
        let twin = old
            .loads()
            .find(|twin| twin.address == segment.address)
            .ok_or_else(|| format!("the segment at address {}", segment.address))?;
        let end = segment.file_end().0;
        // The edits inside this segment split it into stretches that must be the same; so do the
        // words, of which most programs have none.
        let mut changed: Vec<Range<u64>> = plan.edits.iter().map(range).collect();
        while let Some(word) = words.next_if(|word| word.0 < end) {
            changed.push(word.0..word.0.saturating_add(8));
        }
        for stretch in between(changed, segment.offset.0..end) {
            same(old, output, (twin, segment), stretch)?;
        }
        let shortened = plan.packing.shortened.map(|(index, _)| index) == Some(twin.index);
        let kept = (shortened || segment.memory_size >= twin.memory_size)
            && (segment.flags, segment.align) == (twin.flags, twin.align);
        hold(kept, &format!("the segment at {}", segment.address))?;
    }
    let expected = old.loads().count().saturating_add(mover.iter().len());
    hold(new.loads().count() == expected, "the number of segments")
}

fn range(edit: &Edit) -> Range<u64> {
    edit.offset.0..edit.end()
}

/// The stretches of `whole` that lie between the `changed` ones.
fn between(mut changed: Vec<Range<u64>>, whole: Range<u64>) -> Vec<Range<u64>> {
    changed.sort_unstable_by_key(|range| range.start);
    changed.push(whole.end..whole.end);
    let mut stretches = Vec::new();
    let mut position = whole.start;
    for range in changed {
        let stretch = position..range.start.min(whole.end);
        if !stretch.is_empty() {
            stretches.push(stretch);
        }
        position = position.max(range.end);
    }
    stretches
}

/// Whether the bytes in `range` of the new file are those of the same addresses in the old one.
fn same(
    old: &Elf<'_>,
    output: &Pieces,
    (twin, segment): (&Segment, &Segment),
    range: Range<u64>,
) -> Result<(), String> {
    let inside = Size(range.start.saturating_sub(segment.offset.0));
    let size = Size(range.end.saturating_sub(range.start));
    let start = Offset(range.start);
    let before = twin.offset.checked_add(inside);
    let same = before.is_some_and(|before| output.same(old.file(), before, start, size));
    let address = segment.address_of(start).unwrap_or(Address(0));
    hold(same, &format!("{size} bytes at address {address}"))
}

/// What stands behind the loaded bytes, with or without a section: only zeros were left out.
fn not_loaded(old: &Elf<'_>, plan: &Plan, output: &Pieces) -> Result<(), String> {
    let slide = &plan.slide;
    let left_out = slide.rest.distance_from(slide.loaded).unwrap_or_default();
    let left_out = old.file().slice(slide.loaded.0, left_out, "padding");
    let zeros = left_out.is_ok_and(|bytes| {
        bytes
            .data()
            .is_ok_and(|bytes| bytes.iter().all(|&byte| byte == 0))
    });
    hold(zeros, "the padding removed after the loaded bytes")?;

    let size = old.file().size().0.saturating_sub(slide.rest.0);
    let rest = slide.rest_at.0..slide.rest_at.0.saturating_add(size);
    let changed = plan.edits.iter().map(range).collect();
    for stretch in between(changed, rest) {
        let inside = Size(stretch.start.saturating_sub(slide.rest_at.0));
        let size = Size(stretch.end.saturating_sub(stretch.start));
        let start = Offset(stretch.start);
        let before = slide.rest.checked_add(inside);
        let same = before.is_some_and(|before| output.same(old.file(), before, start, size));
        hold(same, &format!("{size} bytes at offset {start}, not loaded"))?;
    }
    Ok(())
}

/// Symbols, debug information and whatever else is not loaded: the same bytes, wherever they slid.
fn other_sections(old: &Elf<'_>, new: &Elf<'_>, output: &Pieces) -> Result<(), String> {
    hold(
        old.sections().len() == new.sections().len(),
        "the number of sections",
    )?;
    let loaded_end = |elf: &Elf<'_>| {
        let with_bytes = elf.loads().filter(|load| load.file_size.0 > 0);
        with_bytes.map(Segment::file_end).max().unwrap_or_default()
    };
    let (old_end, new_end) = (loaded_end(old), loaded_end(new));
    for (before, after) in old.sections().iter().zip(new.sections()) {
        let loaded = before.flags.contains(SHF_ALLOC);
        if loaded || [SHT_NULL, SHT_NOBITS].contains(&before.kind) {
            continue;
        }
        // The section names alone have grown; a name that lay behind them may now be one of ours.
        let named = before.name == after.name || before.name.is_empty();
        let size = before.file_size();
        let same =
            after.file_size() >= size && output.same(old.file(), before.offset, after.offset, size);
        // What stands behind the segments must not come into one, nor lose its alignment. The
        // section names alone may be written anew.
        let behind = before.offset >= old_end && size.0 > 0;
        let moved = before.offset.0.abs_diff(after.offset.0);
        let real = before.align.is_power_of_two() && before.align <= MIN_PAGE;
        let names = before.index as u64 == old.header().section_names_index;
        let aligned = names || !real || moved.is_multiple_of(before.align);
        let placed = !behind || (after.offset >= new_end && aligned);
        let what = || {
            format!(
                "section `{}` (now at offset {})",
                before.name(),
                after.offset
            )
        };
        hold(named && same && placed, &what())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
