//! Where everything goes: four segments, one for each combination of rights, from address 0, and one
//! for the mover, if the program is to choose its own address.
//!
//! | segment | rights | what |
//! |---|---|---|
//! | code | R-X | headers, notes, stub, `.text` |
//! | constants | R | `.rodata`, `.gopclntab`, the RELR table |
//! | RELRO | RW, then R | `.data.rel.ro*`, the global offset table, the dynamic section |
//! | data | RW | everything else that is written, then what starts as zeros |
//! | mover | R-X | the mover alone: it stays where it is while the program moves |
//!
//! Within a segment, the order is the object's: Go's runtime finds things by their distance.
//! Segments stand in different pages in memory, of the largest size that a kernel may have. In the
//! file they stand in different pages of 4 KiB, so that with such pages no byte has the rights of
//! its neighbour. RELRO starts at a large page, because it is protected on its own.

use handpie_binary::elf::constants::{
    SHF_ALLOC, SHF_EXECINSTR, SHF_TLS, SHF_WRITE, SHT_NOBITS, SHT_NOTE, SHT_PROGBITS, SHT_REL,
    SHT_RELA, SHT_STRTAB, SHT_SYMTAB,
};
use handpie_binary::elf::{Class, Section};

use super::Options;
use super::cpu::Block;
use super::error::{Code, Error, unlinkable};
use super::limits::{MAX_ALIGN, MAX_IMAGE, MAX_LOADED};
use super::object::{Object, shown};
use crate::stub::ALIGN as STUB_ALIGN;

/// The page of the file, in bytes: the smallest of any CPU.
const FILE_PAGE: u64 = 4096;

/// The mover starts at a multiple of this, in bytes.
const MOVER_ALIGN: u64 = 64;

/// The one byte that every table of names starts with.
pub(super) const NAMES_SIZE: u64 = 1;

/// One of the segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Code,
    Constants,
    Relro,
    Data,
    Mover,
}

pub(super) const GROUPS: [Group; 5] = [
    Group::Code,
    Group::Constants,
    Group::Relro,
    Group::Data,
    Group::Mover,
];

/// What is placed: a section of the object, or one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Headers,
    Input(usize),
    BuildId,
    Stub,
    Relr,
    /// The names of the dynamic section: none, but readers of the file want to be told.
    Names,
    Table,
    Dynamic,
    Mover,
}

/// An item within its segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct SectionPlacement {
    pub(super) item: Item,
    /// From the start of the segment.
    pub(super) inside: u64,
    pub(super) size: u64,
    pub(super) align: u64,
}

/// One segment.
#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    pub(super) offset: u64,
    pub(super) address: u64,
    pub(super) file_size: u64,
    pub(super) memory_size: u64,
    pub(super) places: Vec<SectionPlacement>,
}

/// What each item of ours needs.
pub(super) struct Sizes {
    pub(super) headers: u64,
    pub(super) build_id: u64,
    pub(super) table: u64,
    pub(super) dynamic: u64,
    pub(super) stub: u64,
    /// 0 for no mover.
    pub(super) mover: u64,
}

/// Where everything is.
pub(super) struct Layout {
    /// In the order of [`GROUPS`].
    pub(super) segments: [Segment; 5],
    /// The thread-local variables, at the start of RELRO, where they take no room.
    pub(super) thread: Option<(usize, Block)>,
    /// Sections that are not loaded, with their file offsets.
    pub(super) unloaded: Vec<(usize, u64)>,
    /// The first file offset after all of it.
    pub(super) end: u64,
    /// The segment and the place of each section of the object.
    inputs: Vec<Option<(Group, u64)>>,
}

impl Layout {
    pub(super) fn segment(&self, group: Group) -> &Segment {
        let [code, constants, relro, data, mover] = &self.segments;
        match group {
            Group::Code => code,
            Group::Constants => constants,
            Group::Relro => relro,
            Group::Data => data,
            Group::Mover => mover,
        }
    }

    /// The address of a section of the object, if it is loaded.
    pub(super) fn address_of(&self, section: usize) -> Option<u64> {
        let (group, inside) = self.place_of(section)?;
        Some(self.segment(group).address.wrapping_add(inside))
    }

    /// The segment of a loaded section, and the distance from its start.
    pub(super) fn place_of(&self, section: usize) -> Option<(Group, u64)> {
        self.inputs.get(section).copied().flatten()
    }

    /// Address, file offset and size of an item.
    pub(super) fn find(&self, item: Item) -> Option<(u64, u64, u64)> {
        self.segments.iter().find_map(|segment| {
            let place = segment.places.iter().find(|place| place.item == item)?;
            Some((
                segment.address.wrapping_add(place.inside),
                segment.offset.wrapping_add(place.inside),
                place.size,
            ))
        })
    }
}

/// Settles the places within the segments. Their addresses come with [`Layout::settle`], when the
/// size of the RELR table is known, which depends on the distances within a segment only.
pub(super) fn arrange(
    object: &Object<'_>,
    options: &Options,
    sizes: &Sizes,
) -> Result<Layout, Error> {
    let mut layout = Layout {
        segments: Default::default(),
        thread: None,
        unloaded: Vec::new(),
        end: 0,
        inputs: vec![None; object.elf.sections().len()],
    };
    let mut notes = Vec::new();
    let mut loaded = [const { Vec::new() }; 4];
    let mut count = 0usize;
    for section in object.elf.sections() {
        if !section.flags.contains(SHF_ALLOC) {
            if is_kept(section, options) {
                layout.unloaded.push((section.index, 0));
            }
            continue;
        }
        check(section)?;
        count = count.saturating_add(1);
        if count > MAX_LOADED {
            let message = format!("more than {MAX_LOADED} loaded sections");
            return unlinkable(Code::Layout, message);
        }
        if section.flags.contains(SHF_TLS) {
            let align = section.align.max(1);
            let block = Block {
                size: section.size.0,
                align,
            };
            if block.size > MAX_IMAGE {
                let message = format!(
                    "{} has {:#x} bytes, which is too large",
                    shown(section),
                    block.size
                );
                return unlinkable(Code::TooLarge, message);
            }
            if layout.thread.replace((section.index, block)).is_some() {
                let message = format!("{} is a second thread-local section", shown(section));
                return unlinkable(Code::Layout, message);
            }
            continue;
        }
        if section.kind == SHT_NOTE {
            notes.push(section);
            continue;
        }
        let group = group_of(section)?;
        if let Some(sections) = loaded.get_mut(group as usize) {
            sections.push(section);
        }
    }
    let [code, constants, relro, data, mover] = &mut layout.segments;
    let word = object.cpu.word();
    code.push(Item::Headers, sizes.headers, 1)?;
    for note in notes {
        code.push(Item::Input(note.index), note.size.0, note.align.max(4))?;
    }
    if sizes.build_id > 0 {
        code.push(Item::BuildId, sizes.build_id, 4)?;
    }
    code.push(Item::Stub, sizes.stub, STUB_ALIGN)?;
    if sizes.mover > 0 {
        mover.push(Item::Mover, sizes.mover, MOVER_ALIGN)?;
    }
    let [
        code_sections,
        constant_sections,
        relro_sections,
        data_sections,
    ] = loaded;
    code.push_sections(&code_sections)?;
    constants.push_sections(&constant_sections)?;
    relro.push_sections(&relro_sections)?;
    relro.push(Item::Table, sizes.table, word)?;
    relro.push(Item::Dynamic, sizes.dynamic, word)?;
    data.push_sections(&data_sections)?;
    for (group, segment) in GROUPS.into_iter().zip(&layout.segments) {
        for place in &segment.places {
            if let Item::Input(index) = place.item
                && let Some(input) = layout.inputs.get_mut(index)
            {
                *input = Some((group, place.inside));
            }
        }
    }
    // Thread-local variables have no place of their own in the image.
    if let Some((index, _)) = layout.thread
        && let Some(input) = layout.inputs.get_mut(index)
    {
        *input = Some((Group::Relro, 0));
    }
    Ok(layout)
}

impl Layout {
    /// Gives the segments their addresses and file offsets.
    pub(super) fn settle(&mut self, object: &Object<'_>, relr: u64) -> Result<(), Error> {
        let page = object.cpu.page;
        let [_, constants, ..] = &mut self.segments;
        constants.push(Item::Relr, relr, object.cpu.word())?;
        constants.push(Item::Names, NAMES_SIZE, 1)?;
        let (mut offset, mut address) = (0u64, 0u64);
        for (group, segment) in GROUPS.into_iter().zip(&mut self.segments) {
            let file_align = match group {
                Group::Relro => page,
                // It has only to start in a page of its own in memory.
                Group::Mover if segment.memory_size == 0 => continue,
                Group::Mover => MOVER_ALIGN,
                _ => FILE_PAGE,
            };
            segment.offset = up(offset, file_align)?;
            // The kernel maps pages of the file, so both numbers have the same rest.
            let rest = segment.offset.checked_rem(page).unwrap_or(0);
            segment.address = up(address, page)?.saturating_add(rest);
            offset = segment.offset.saturating_add(segment.file_size);
            address = segment.address.saturating_add(segment.memory_size);
            if address > MAX_IMAGE {
                let message = format!(
                    "the program needs {address:#x} bytes of memory; at most \
                             {MAX_IMAGE:#x} are supported"
                );
                return unlinkable(Code::TooLarge, message);
            }
        }
        for (index, place) in &mut self.unloaded {
            let Some(section) = object.elf.sections().get(*index) else {
                continue;
            };
            check_align(section)?;
            *place = up(offset, section.align.max(1))?;
            offset = place.saturating_add(section.file_size().0);
        }
        self.end = offset;
        Ok(())
    }
}

impl Segment {
    fn push(&mut self, item: Item, size: u64, align: u64) -> Result<(), Error> {
        let inside = up(self.memory_size, align)?;
        let end = inside.saturating_add(size);
        if end > MAX_IMAGE {
            let message = format!(
                "a segment has {end:#x} bytes or more; at most {MAX_IMAGE:#x} \
                                   are supported"
            );
            return unlinkable(Code::TooLarge, message);
        }
        self.places.push(SectionPlacement {
            item,
            inside,
            size,
            align,
        });
        self.memory_size = end;
        self.file_size = end;
        Ok(())
    }

    /// What starts as zeros comes last, and takes no room in the file.
    fn push_sections(&mut self, sections: &[&Section<'_>]) -> Result<(), Error> {
        let is_zeros = |section: &&&Section<'_>| section.kind == SHT_NOBITS;
        for section in sections.iter().filter(|section| !is_zeros(section)) {
            self.push(
                Item::Input(section.index),
                section.size.0,
                section.align.max(1),
            )?;
        }
        let file_size = self.file_size;
        for section in sections.iter().filter(is_zeros) {
            self.push(
                Item::Input(section.index),
                section.size.0,
                section.align.max(1),
            )?;
        }
        self.file_size = file_size;
        Ok(())
    }
}

fn group_of(section: &Section<'_>) -> Result<Group, Error> {
    let writable = section.flags.contains(SHF_WRITE);
    let executable = section.flags.contains(SHF_EXECINSTR);
    let group = match (writable, executable) {
        (false, true) => Group::Code,
        (false, false) => Group::Constants,
        (true, false) if section.name.starts_with(b".data.rel.ro") => Group::Relro,
        (true, false) => Group::Data,
        (true, true) => {
            let message = format!("{} is both writable and executable", shown(section));
            return unlinkable(Code::Layout, message);
        }
    };
    if section.kind == SHT_NOBITS && group != Group::Data {
        let message = format!("{} has no file data, but is not writable", shown(section));
        return unlinkable(Code::Layout, message);
    }
    Ok(group)
}

fn check(section: &Section<'_>) -> Result<(), Error> {
    check_align(section)?;
    let thread = section.flags.contains(SHF_TLS);
    let known = match section.kind {
        SHT_NOBITS => true,
        // Thread-local variables that start as something else than zeros: Go has none.
        SHT_PROGBITS => !thread,
        SHT_NOTE => !thread && !section.flags.contains(SHF_WRITE),
        // Functions to call at start, among others: nobody would call them.
        _ => false,
    };
    if !known {
        let message = format!(
            "{} has type {:?}, which a program without a loader cannot have",
            shown(section),
            section.kind
        );
        return unlinkable(Code::Layout, message);
    }
    Ok(())
}

fn check_align(section: &Section<'_>) -> Result<(), Error> {
    let align = section.align.max(1);
    if !align.is_power_of_two() || align > MAX_ALIGN {
        let message = format!(
            "{} is aligned to {align:#x} bytes; expected a power of two up to {MAX_ALIGN:#x}",
            shown(section)
        );
        return unlinkable(Code::Layout, message);
    }
    Ok(())
}

/// Whether a section that is not loaded goes into the file.
fn is_kept(section: &Section<'_>, options: &Options) -> bool {
    let made_anew = [SHT_SYMTAB, SHT_STRTAB, SHT_REL, SHT_RELA].contains(&section.kind);
    let debugging = section.name.starts_with(b".debug_");
    section.index > 0
        && !made_anew
        // Says that the stack need not be executable, which `PT_GNU_STACK` says from here on.
        && section.name != b".note.GNU-stack"
        && !(debugging && (options.strip_debug || options.strip_all))
}

fn up(number: u64, align: u64) -> Result<u64, Error> {
    match number.checked_next_multiple_of(align) {
        Some(up) => Ok(up),
        None => unlinkable(
            Code::TooLarge,
            format!("address {number:#x} cannot be aligned to {align:#x}"),
        ),
    }
}

/// The sizes of the structures of a class: file header, program header, section header, symbol,
/// dynamic entry.
pub(super) fn structures(class: Class) -> (u64, u64, u64, u64, u64) {
    match class {
        Class::Elf32 => (52, 32, 40, 16, 8),
        Class::Elf64 => (64, 56, 64, 24, 16),
    }
}
