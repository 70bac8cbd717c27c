//! Writes the tables of the file: ELF header, program headers, section headers, symbols.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use handpie_binary::elf::constants::{
    DF_1_NOW, DF_1_PIE, DF_BIND_NOW, DT_FLAGS, DT_FLAGS_1, DT_NULL, DT_RELR, DT_RELRENT, DT_RELRSZ,
    DT_STRSZ, DT_STRTAB, ET_DYN, EV_CURRENT, PF_R, PF_W, PF_X, PT_DYNAMIC, PT_GNU_RELRO,
    PT_GNU_STACK, PT_LOAD, PT_NOTE, PT_PHDR, PT_TLS, ProgramFlags, ProgramType, SHF_ALLOC,
    SHF_EXECINSTR, SHF_WRITE, SHN_LORESERVE, SHN_UNDEF, SHT_DYNAMIC, SHT_NOTE, SHT_PROGBITS,
    SHT_RELR, SHT_STRTAB, SHT_SYMTAB, STB_LOCAL, STT_SECTION, STT_TLS, SectionFlags, SectionType,
};
use handpie_binary::elf::{Class, Section};

use super::Options;
use super::error::{Code, Error, unlinkable};
use super::layout::{
    GROUPS, Group, Item, Layout, NAMES_SIZE, SectionPlacement, Segment, structures,
};
use super::object::{Object, Symbol, is_label};

/// The most program headers that are written; so much room is kept for them.
pub(super) const PROGRAM_HEADERS: u64 = 11;

/// Bytes in the making, with words of the class.
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    class: Class,
}

impl Writer {
    pub(super) fn new(class: Class) -> Self {
        Self {
            bytes: Vec::new(),
            class,
        }
    }

    fn u16(&mut self, value: u16) {
        self.bytes.extend(value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes.extend(value.to_le_bytes());
    }

    /// An address, an offset or a size: what is written fits, because the whole file does.
    pub(super) fn word(&mut self, value: u64) {
        let bytes = value.to_le_bytes();
        let size = match self.class {
            Class::Elf32 => 4,
            Class::Elf64 => 8,
        };
        self.bytes.extend(bytes.get(..size).unwrap_or_default());
    }
}

/// A section of the file.
struct Written<'data> {
    name: &'data [u8],
    kind: SectionType,
    flags: SectionFlags,
    address: u64,
    offset: u64,
    size: u64,
    link: u32,
    info: u32,
    align: u64,
    entry_size: u64,
    /// Which section of the object it is.
    input: Option<usize>,
}

/// All tables of a file that has its sections in place.
pub(super) struct Tables {
    /// ELF header and program headers.
    pub(super) start: Vec<u8>,
    /// Symbols, names and section headers, from the end of the layout on.
    pub(super) end: Vec<u8>,
}

pub(super) fn tables(
    object: &Object<'_>,
    layout: &Layout,
    options: &Options,
    entry: u64,
) -> Result<Tables, Error> {
    let class = object.cpu.class;
    let mut sections = sections(object, layout);
    let mut numbered = (1u32..).zip(&sections);
    let names = numbered.find(|(_, section)| section.name == b".dynstr");
    let names = names.map_or(0, |(number, _)| number);
    for section in sections.iter_mut().filter(|one| one.kind == SHT_DYNAMIC) {
        section.link = names;
    }
    let mut end = Writer::new(class);
    let here = |end: &Writer| layout.end.saturating_add(end.bytes.len() as u64);
    if !options.strip_all {
        pad(&mut end, layout.end);
        let offset = here(&end);
        let symbols = symbols(object, layout, &sections);
        let locals = symbols
            .iter()
            .take_while(|one| one.symbol.bind() == STB_LOCAL);
        let locals = count(locals.count())?.saturating_add(1);
        let old_names = match object.elf.sections().get(object.names) {
            Some(names) => object.elf.section_data(names)?.data()?,
            None => &[],
        };
        let names = Names::of(&symbols, old_names)?;
        write_symbols(&mut end, &symbols, &names);
        let size = here(&end).saturating_sub(offset);
        sections.push(Written {
            // The section after this one; the first has number 1.
            link: count(sections.len())?.saturating_add(2),
            info: locals,
            entry_size: structures(class).3,
            align: object.cpu.word(),
            ..unloaded(b".symtab", SHT_SYMTAB, offset, size)
        });
        let offset = here(&end);
        end.bytes.extend(&names.bytes);
        let size = names.bytes.len() as u64;
        sections.push(unloaded(b".strtab", SHT_STRTAB, offset, size));
    }
    let mut names = vec![0];
    let name_offsets: Result<Vec<u32>, Error> = sections
        .iter()
        .map(|section| section.name)
        .chain([&b".shstrtab"[..]])
        .map(|name| {
            let offset = count(names.len());
            names.extend(name);
            names.push(0);
            offset
        })
        .collect();
    let offset = here(&end);
    sections.push(unloaded(
        b".shstrtab",
        SHT_STRTAB,
        offset,
        names.len() as u64,
    ));
    end.bytes.extend(&names);
    pad(&mut end, layout.end);
    let section_headers = here(&end);
    let (_, _, header_size, _, _) = structures(class);
    end.bytes.extend(std::iter::repeat_n(
        0,
        usize::try_from(header_size).unwrap_or(0),
    ));
    for (section, name) in sections.iter().zip(name_offsets?) {
        write_section(&mut end, section, name);
    }
    let section_count = count(sections.len())?.saturating_add(1);
    let start = start(object, layout, entry, section_headers, section_count)?;
    Ok(Tables {
        start,
        end: end.bytes,
    })
}

/// The dynamic section: nobody relocates or binds anything at run time but the program itself, and
/// readers of the file learn that from here.
pub(super) fn dynamic(class: Class, names: u64, relr: Option<(u64, u64)>) -> Vec<u8> {
    let mut entries = vec![(DT_STRTAB, names), (DT_STRSZ, NAMES_SIZE)];
    if let Some((address, size)) = relr {
        entries.extend([(DT_RELR, address), (DT_RELRSZ, size)]);
        entries.push((DT_RELRENT, class.word_size()));
    }
    entries.push((DT_FLAGS, DF_BIND_NOW.0));
    entries.push((DT_FLAGS_1, (DF_1_NOW | DF_1_PIE).0));
    entries.push((DT_NULL, 0));
    let mut writer = Writer::new(class);
    for (tag, value) in entries {
        writer.word(tag.0.cast_unsigned());
        writer.word(value);
    }
    writer.bytes
}

fn start(
    object: &Object<'_>,
    layout: &Layout,
    entry: u64,
    section_headers: u64,
    section_count: u32,
) -> Result<Vec<u8>, Error> {
    let cpu = object.cpu;
    let (file_header, program_header, section_header, ..) = structures(cpu.class);
    let headers = program_headers(object, layout);
    let mut start = Writer::new(cpu.class);
    start.bytes.extend(b"\x7fELF");
    let class = match cpu.class {
        Class::Elf32 => 1,
        Class::Elf64 => 2,
    };
    start.bytes.extend([class, 1, EV_CURRENT.0, 0]);
    start.bytes.extend([0; 8]);
    start.u16(ET_DYN.0);
    start.u16(cpu.machine.0);
    start.u32(EV_CURRENT.0.into());
    start.word(entry);
    start.word(file_header);
    start.word(section_headers);
    start.u32(object.elf.header().flags.0);
    start.u16(short(file_header)?);
    start.u16(short(program_header)?);
    start.u16(short(headers.len() as u64)?);
    start.u16(short(section_header)?);
    start.u16(short(section_count.into())?);
    start.u16(short(section_count.saturating_sub(1).into())?);
    for header in &headers {
        write_program_header(&mut start, header);
    }
    Ok(start.bytes)
}

struct ProgramHeader {
    kind: ProgramType,
    flags: ProgramFlags,
    offset: u64,
    address: u64,
    file_size: u64,
    memory_size: u64,
    align: u64,
}

fn program_headers(object: &Object<'_>, layout: &Layout) -> Vec<ProgramHeader> {
    let class = object.cpu.class;
    let of_item = |kind, flags, item, align| {
        let (address, offset, size) = layout.find(item)?;
        (size > 0).then_some(ProgramHeader {
            kind,
            flags,
            offset,
            address,
            file_size: size,
            memory_size: size,
            align,
        })
    };
    let of_segment = |kind, flags, segment: &Segment, align| ProgramHeader {
        kind,
        flags,
        offset: segment.offset,
        address: segment.address,
        file_size: segment.file_size,
        memory_size: segment.memory_size,
        align,
    };
    let mut headers = Vec::new();
    headers.extend(notes(object, layout));
    for (group, segment) in GROUPS.into_iter().zip(&layout.segments) {
        let flags = match group {
            Group::Code | Group::Mover => PF_R | PF_X,
            Group::Constants => PF_R,
            Group::Relro | Group::Data => PF_R | PF_W,
        };
        if segment.memory_size > 0 {
            headers.push(of_segment(PT_LOAD, flags, segment, object.cpu.page));
        }
    }
    let word = class.word_size();
    headers.extend(of_item(PT_DYNAMIC, PF_R | PF_W, Item::Dynamic, word));
    let relro = layout.segment(Group::Relro);
    headers.push(of_segment(PT_GNU_RELRO, PF_R, relro, 1));
    if let Some((_, block)) = layout.thread {
        headers.push(ProgramHeader {
            file_size: 0,
            memory_size: block.size,
            ..of_segment(PT_TLS, PF_R, relro, block.align)
        });
    }
    headers.push(ProgramHeader {
        offset: 0,
        address: 0,
        file_size: 0,
        memory_size: 0,
        ..of_segment(PT_GNU_STACK, PF_R | PF_W, relro, 16)
    });
    let (file_header, program_header, ..) = structures(class);
    // The kernel takes the address of this table from its first entry.
    let count = (headers.len() as u64).saturating_add(1);
    let size = count.saturating_mul(program_header);
    headers.insert(
        0,
        ProgramHeader {
            kind: PT_PHDR,
            flags: PF_R,
            offset: file_header,
            address: file_header,
            file_size: size,
            memory_size: size,
            align: word,
        },
    );
    headers
}

/// One header for all notes: they stand together.
fn notes(object: &Object<'_>, layout: &Layout) -> Option<ProgramHeader> {
    let code = layout.segment(Group::Code);
    let is_note = |place: &&SectionPlacement| match place.item {
        Item::BuildId => true,
        Item::Input(index) => object
            .elf
            .sections()
            .get(index)
            .is_some_and(|section| section.kind == SHT_NOTE),
        _ => false,
    };
    let mut notes = code.places.iter().filter(is_note);
    let first = notes.next()?;
    let last = notes.next_back().unwrap_or(first);
    let size = last
        .inside
        .saturating_add(last.size)
        .saturating_sub(first.inside);
    Some(ProgramHeader {
        kind: PT_NOTE,
        flags: PF_R,
        offset: code.offset.saturating_add(first.inside),
        address: code.address.saturating_add(first.inside),
        file_size: size,
        memory_size: size,
        align: 4,
    })
}

fn write_program_header(writer: &mut Writer, header: &ProgramHeader) {
    writer.u32(header.kind.0);
    if writer.class == Class::Elf64 {
        writer.u32(header.flags.0);
    }
    writer.word(header.offset);
    writer.word(header.address);
    writer.word(header.address);
    writer.word(header.file_size);
    writer.word(header.memory_size);
    if writer.class == Class::Elf32 {
        writer.u32(header.flags.0);
    }
    writer.word(header.align);
}

/// The sections of the object and ours, in the order of the file.
fn sections<'data>(object: &Object<'data>, layout: &Layout) -> Vec<Written<'data>> {
    let inputs = object.elf.sections();
    let mut sections = Vec::new();
    for (group, segment) in GROUPS.into_iter().zip(&layout.segments) {
        if group == Group::Relro
            && let Some((index, _)) = layout.thread
            && let Some(input) = inputs.get(index)
        {
            sections.push(of_input(input, segment.address, segment.offset));
        }
        for place in &segment.places {
            let address = segment.address.saturating_add(place.inside);
            let offset = segment.offset.saturating_add(place.inside);
            match place.item {
                Item::Headers => {}
                Item::Input(index) => {
                    sections.extend(inputs.get(index).map(|one| of_input(one, address, offset)));
                }
                item => sections.extend(of_ours(object, item, place, address, offset)),
            }
        }
    }
    for &(index, offset) in &layout.unloaded {
        sections.extend(inputs.get(index).map(|one| of_input(one, 0, offset)));
    }
    sections
}

fn of_input<'data>(input: &Section<'data>, address: u64, offset: u64) -> Written<'data> {
    Written {
        name: input.name,
        kind: input.kind,
        flags: input.flags,
        address,
        offset,
        size: input.size.0,
        link: 0,
        info: 0,
        align: input.align,
        entry_size: input.entry_size,
        input: Some(input.index),
    }
}

fn of_ours<'data>(
    object: &Object<'_>,
    item: Item,
    place: &SectionPlacement,
    address: u64,
    offset: u64,
) -> Option<Written<'data>> {
    let word = object.cpu.word();
    let (name, kind, flags, entry_size): (&[u8], _, _, _) = match item {
        Item::BuildId => (b".note.gnu.build-id", SHT_NOTE, SHF_ALLOC, 0),
        // A header of its own: strip and objcopy clear what none covers.
        Item::Stub => (b".text.handpie", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0),
        Item::Mover => (
            b".text.handpie.move",
            SHT_PROGBITS,
            SHF_ALLOC | SHF_EXECINSTR,
            0,
        ),
        Item::Relr => (b".relr.dyn", SHT_RELR, SHF_ALLOC, word),
        Item::Names => (b".dynstr", SHT_STRTAB, SHF_ALLOC, 0),
        Item::Table => (b".got", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, word),
        Item::Dynamic => (
            b".dynamic",
            SHT_DYNAMIC,
            SHF_ALLOC | SHF_WRITE,
            structures(object.cpu.class).4,
        ),
        Item::Headers | Item::Input(_) => return None,
    };
    (place.size > 0).then_some(Written {
        flags,
        address,
        align: place.align,
        entry_size,
        ..unloaded(name, kind, offset, place.size)
    })
}

fn unloaded(name: &[u8], kind: SectionType, offset: u64, size: u64) -> Written<'_> {
    Written {
        name,
        kind,
        flags: SectionFlags(0),
        address: 0,
        offset,
        size,
        link: 0,
        info: 0,
        align: 1,
        entry_size: 0,
        input: None,
    }
}

fn write_section(writer: &mut Writer, section: &Written<'_>, name: u32) {
    writer.u32(name);
    writer.u32(section.kind.0);
    writer.word(section.flags.0);
    writer.word(section.address);
    writer.word(section.offset);
    writer.word(section.size);
    writer.u32(section.link);
    writer.u32(section.info);
    writer.word(section.align);
    writer.word(section.entry_size);
}

/// A symbol of the file.
struct Placed<'a, 'data> {
    symbol: &'a Symbol<'data>,
    section: u16,
    value: u64,
}

/// Local symbols first, as the gABI wants it. Symbols of sections that are not kept go, and so do
/// labels and the symbols of sections, which only relocations use.
fn symbols<'a, 'data>(
    object: &'a Object<'data>,
    layout: &Layout,
    sections: &[Written<'_>],
) -> Vec<Placed<'a, 'data>> {
    let mut numbers = vec![None; object.elf.sections().len()];
    for (number, section) in (1u16..).zip(sections) {
        if let Some(entry) = section.input.and_then(|input| numbers.get_mut(input)) {
            *entry = Some(number);
        }
    }
    let base = layout.segment(Group::Relro).address;
    let mut symbols: Vec<_> = object
        .symbols
        .iter()
        .filter(|symbol| symbol.section != SHN_UNDEF.0 && symbol.kind() != STT_SECTION)
        .filter(|symbol| !is_label(symbol))
        .filter_map(|symbol| {
            if symbol.section >= SHN_LORESERVE {
                return Some(Placed {
                    symbol,
                    section: symbol.section,
                    value: symbol.value,
                });
            }
            let input = usize::from(symbol.section);
            let section = numbers.get(input).copied().flatten()?;
            let address = layout.address_of(input).unwrap_or(0);
            // Thread-local symbols count from the start of their block.
            let start = if symbol.kind() == STT_TLS { base } else { 0 };
            Some(Placed {
                symbol,
                section,
                value: address.wrapping_sub(start).wrapping_add(symbol.value),
            })
        })
        .collect();
    symbols.sort_by_key(|one| one.symbol.bind() != STB_LOCAL);
    symbols
}

/// The names of the symbols that are kept.
struct Names {
    bytes: Vec<u8>,
    /// From the old offset to the new one; none when the old table is kept as it is.
    moved: Option<BTreeMap<u32, u32>>,
}

impl Names {
    fn of(symbols: &[Placed<'_, '_>], old: &[u8]) -> Result<Self, Error> {
        let mut bytes = vec![0];
        let mut moved = BTreeMap::from([(0, 0)]);
        for Placed { symbol, .. } in symbols {
            if let Entry::Vacant(entry) = moved.entry(symbol.name_offset) {
                entry.insert(count(bytes.len())?);
                bytes.extend(symbol.name);
                bytes.push(0);
            }
            // Names that share bytes, which Go does not write, could become a table without end.
            if bytes.len() > old.len() {
                let bytes = old.to_vec();
                return Ok(Self { bytes, moved: None });
            }
        }
        Ok(Self {
            bytes,
            moved: Some(moved),
        })
    }

    fn offset(&self, old: u32) -> u32 {
        match &self.moved {
            Some(moved) => moved.get(&old).copied().unwrap_or(0),
            None => old,
        }
    }
}

fn write_symbols(writer: &mut Writer, symbols: &[Placed<'_, '_>], names: &Names) {
    let size = structures(writer.class).3;
    writer
        .bytes
        .extend(std::iter::repeat_n(0, usize::try_from(size).unwrap_or(0)));
    for Placed {
        symbol,
        section,
        value,
    } in symbols
    {
        writer.u32(names.offset(symbol.name_offset));
        if writer.class == Class::Elf32 {
            writer.word(*value);
            writer.word(symbol.size);
        }
        writer.bytes.extend([symbol.info.0, symbol.other.0]);
        writer.u16(*section);
        if writer.class == Class::Elf64 {
            writer.word(*value);
            writer.word(symbol.size);
        }
    }
}

/// Tables of words start at a multiple of 8 of the file.
fn pad(writer: &mut Writer, base: u64) {
    while !base
        .saturating_add(writer.bytes.len() as u64)
        .is_multiple_of(8)
    {
        writer.bytes.push(0);
    }
}

fn count(number: usize) -> Result<u32, Error> {
    match u32::try_from(number) {
        Ok(number) => Ok(number),
        Err(_) => unlinkable(
            Code::TooLarge,
            format!(
                "a table has {number} entries, which is too \
                                                      many"
            ),
        ),
    }
}

fn short(number: u64) -> Result<u16, Error> {
    match u16::try_from(number) {
        Ok(number) => Ok(number),
        Err(_) => unlinkable(Code::TooLarge, format!("{number} headers are too many")),
    }
}
