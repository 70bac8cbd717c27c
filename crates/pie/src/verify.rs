//! The fourth step: reads the new file with fresh eyes and holds it against the old one and the
//! plan. A difference is our bug, and nothing is written.
//!
//! What is checked is what users rely on: the new file says static-PIE, relocates exactly the words
//! that the loader would have relocated, and is the same in memory as the old one but for the
//! places that the plan names.

use handpie_binary::elf::constants::{PT_GNU_RELRO, SHF_ALLOC, SHT_NOBITS, SHT_NULL};
use handpie_binary::elf::{Elf, Kind, Segment};
use handpie_binary::{Address, Offset, Size};

use crate::plan::{Edit, Plan};
use crate::stub::StubHeader;
use crate::survey::{MIN_PAGE, Program};

pub(crate) fn verify(
    old: &Elf<'_>,
    program: &Program,
    plan: &Plan,
    output: &[u8],
) -> Result<(), String> {
    let new = Elf::parse(output).map_err(|error| error.to_string())?;
    hold(output.len() as u64 == plan.new_size.0, "its size")?;
    hold(
        StubHeader::read(&new) == Some(plan.header),
        "its entry point",
    )?;
    kind(&new)?;
    relocations(&new, program, plan)?;
    relro(old, &new, plan)?;
    memory(old, &new, plan)?;
    other_sections(old, &new)
}

fn hold(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn kind(new: &Elf<'_>) -> Result<(), String> {
    let kind = Kind::of(new).map_err(|error| error.to_string())?;
    hold(kind == Kind::StaticPie, &format!("it is a {kind}"))
}

fn relocations(new: &Elf<'_>, program: &Program, plan: &Plan) -> Result<(), String> {
    let dynamic = new.dynamic().map_err(|error| error.to_string())?;
    let dynamic = dynamic.ok_or("it has no dynamic section")?;
    let targets = new
        .relr_targets(&dynamic)
        .map_err(|error| error.to_string())?;
    let expected = program.targets.iter().map(|target| target.address);
    hold(targets.into_iter().eq(expected), "the relocated words")?;
    for target in &program.targets {
        let offset = plan.slide.new_offset(target.offset);
        let word = new.file().read::<[u8; 8]>(offset.0, "a word");
        let word = word.map_err(|error| error.to_string())?;
        if *word != target.value.to_le_bytes() {
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
fn memory(old: &Elf<'_>, new: &Elf<'_>, plan: &Plan) -> Result<(), String> {
    let mut words = plan.words.iter().map(|(offset, _)| *offset).peekable();
    for segment in new.loads() {
        let twin = old
            .loads()
            .find(|twin| twin.address == segment.address)
            .ok_or_else(|| format!("the segment at address {}", segment.address))?;
        let end = segment.file_end().0;
        let mut position = segment.offset.0;
        // The edits inside this segment split it into stretches that must be the same; so do the
        // words, of which most programs have none.
        let edits = plan
            .edits
            .iter()
            .map(|edit: &Edit| (edit.offset.0, edit.end()));
        let mut changed: Vec<(u64, u64)> = edits.filter(|(start, _)| *start < end).collect();
        while let Some(word) = words.next_if(|word| word.0 < end) {
            changed.push((word.0, word.0.saturating_add(8)));
        }
        changed.sort_unstable();
        for (start, stop) in changed.into_iter().chain([(end, end)]) {
            if start > position {
                same(old, new, twin, segment, position, start.min(end))?;
            }
            position = position.max(stop);
        }
        let shortened = plan.packing.shortened.map(|(index, _)| index) == Some(twin.index);
        let kept = (shortened || segment.memory_size >= twin.memory_size)
            && (segment.flags, segment.align) == (twin.flags, twin.align);
        hold(kept, &format!("the segment at {}", segment.address))?;
    }
    hold(new.loads().count() == old.loads().count(), "its segments")
}

fn same(
    old: &Elf<'_>,
    new: &Elf<'_>,
    old_segment: &Segment,
    new_segment: &Segment,
    start: u64,
    end: u64,
) -> Result<(), String> {
    let inside = start.saturating_sub(new_segment.offset.0);
    let size = Size(end.saturating_sub(start));
    let old_start = old_segment.offset.0.saturating_add(inside);
    let before = old.file().slice(old_start, size, "the old bytes");
    let after = new.file().slice(start, size, "the new bytes");
    let same = matches!((before, after), (Ok(before), Ok(after)) if before.data() == after.data());
    let address = new_segment.address_of(Offset(start)).unwrap_or(Address(0));
    hold(same, &format!("{size} bytes at address {address}"))
}

/// Symbols, debug information and whatever else is not loaded: the same bytes, wherever they slid.
fn other_sections(old: &Elf<'_>, new: &Elf<'_>) -> Result<(), String> {
    hold(old.sections().len() == new.sections().len(), "its sections")?;
    for (before, after) in old.sections().iter().zip(new.sections()) {
        let loaded = before.flags.contains(SHF_ALLOC);
        if loaded || [SHT_NULL, SHT_NOBITS].contains(&before.kind) {
            continue;
        }
        let old_data = old
            .section_data(before)
            .map_err(|error| error.to_string())?;
        let new_data = new.section_data(after).map_err(|error| error.to_string())?;
        // The section names alone have grown; a name that lay behind them may now be one of ours.
        let named = before.name == after.name || before.name.is_empty();
        let same = named && new_data.data().starts_with(old_data.data());
        hold(same, &format!("section `{}`", before.name()))?;
    }
    Ok(())
}
