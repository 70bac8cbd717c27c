//! Links a static-PIE from the one object that Go's linker hands to an external linker: bytes in,
//! bytes out.
//!
//! Go's own linker cannot make a PIE for 386, arm and riscv64. It can write all it has as one
//! relocatable object and call a linker (`-linkmode=external`), and what is left to do then is
//! little: there is one object, no library, no archive, no start-up file, and few kinds of
//! relocations. The steps:
//!
//! 1. read the object, and check everything that points at something else;
//! 2. collect what its relocations ask for: slots in the global offset table, words that move;
//! 3. lay out four segments from address 0;
//! 4. apply the relocations; add the stub, the RELR table, the dynamic section;
//! 5. write headers and symbols.
//!
//! The same object gives the same program. Why this is here at all is in
//! `docs/design/one-object.md`.
//!
//! Not here: other inputs, other outputs, other CPUs, relaxation, garbage collection of sections.
//! Go's linker has dropped what is not used.

mod cpu;
mod error;
mod field;
mod layout;
mod limits;
mod object;
mod output;
mod references;
mod relocate;
mod startup;

use handpie_binary::elf::Endianness;
use handpie_binary::elf::constants::{SHF_ALLOC, SHF_EXECINSTR, STB_GLOBAL};
use handpie_binary::{Address, Size};

use crate::arch::WithOptions;
use crate::options::Aslr;
use crate::relr;
use crate::stub::mover::{self, MovedPiece, MoverHeader};
use crate::stub::{StubHeader, StubOptions};
use error::unlinkable;
use layout::{Group, Item, Layout, Sizes};
use object::Object;
use output::{PROGRAM_HEADERS, Writer};
use references::References;
use relocate::{Linker, length, moved_words};

pub use error::{Code, Error, Reason};

/// What was asked for beside a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-s`: no symbols and no debug information.
    pub strip_all: bool,
    /// `-S`: no debug information.
    pub strip_debug: bool,
    /// `--build-id`: the content of a note of type `NT_GNU_BUILD_ID`.
    pub build_id: Option<Vec<u8>>,
    /// What the program does when it starts, beside starting.
    pub start: crate::Options,
}

/// A program.
#[derive(Debug, PartialEq, Eq)]
pub struct Linked {
    /// The file.
    pub bytes: Vec<u8>,
    /// How many words are relocated at start.
    pub relocations: usize,
    /// The size of the table that says which, in bytes.
    pub relr_size: u64,
    /// How many bytes become read-only at start.
    pub relro_size: u64,
}

/// The symbol at which Go's linker lets a C library start a program. It takes `argc` and `argv` as
/// C's `main` does; the stub passes them.
const MAIN: &[u8] = b"main";

/// Links a program from `object`.
///
/// # Errors
/// When the object is damaged, or is not what Go's linker makes for 386, arm or riscv64.
pub fn link(object: &[u8], options: &Options) -> Result<Linked, Error> {
    let object = object::read(object)?;
    let main = main(&object)?;
    let parts = parts(&object, options)?;
    let references = references::collect(&object)?;
    let sizes = sizes(&object, options, parts, &references);
    let mut layout = layout::arrange(&object, options, &sizes)?;
    let (relro, data) = moved_words(&object, &layout, &references)?;
    // RELR says distances within a segment; only the first word of each is an address.
    let word = object.cpu.word();
    let entries = |words: &[u64], start: u64| {
        let words = words.iter().map(|word| Address(start.wrapping_add(*word)));
        relr::encode_words(words, word)
    };
    let relr_count = entries(&relro, 0)
        .len()
        .saturating_add(entries(&data, 0).len());
    let relr_size = (relr_count as u64).saturating_mul(word);
    layout.settle(&object, relr_size)?;
    // From here on every address is known, and nothing moves any more.

    let linker = Linker {
        object: &object,
        layout: &layout,
        references: &references,
    };
    let mut bytes = vec![0; length(layout.end)];
    copy_sections(&object, &layout, &mut bytes)?;
    linker.relocate(&mut bytes)?;
    let mut slots = Writer::new(object.cpu.class);
    for &(slot, symbol) in &references.slots {
        let content = linker.slot_content(slot, symbol);
        slots.word(content.cast_unsigned());
    }
    put(&layout, Item::Table, &slots.bytes, &mut bytes);
    let mut relr = Writer::new(object.cpu.class);
    for (words, group) in [(&relro, Group::Relro), (&data, Group::Data)] {
        for entry in entries(words, layout.segment(group).address) {
            relr.word(entry);
        }
    }
    put(&layout, Item::Relr, &relr.bytes, &mut bytes);
    let (relr_address, _, _) = layout.find(Item::Relr).unwrap_or_default();
    let table = (relr_size > 0).then_some((relr_address, relr_size));
    let (names, _, _) = layout.find(Item::Names).unwrap_or_default();
    let dynamic = output::dynamic(object.cpu.class, names, table);
    put(&layout, Item::Dynamic, &dynamic, &mut bytes);
    if let Some(id) = &options.build_id {
        put(&layout, Item::BuildId, &build_id_note(id), &mut bytes);
    }
    let header = stub_header(&layout, &linker, table, main, options, parts);
    let code = parts.map_or(object.cpu.stub, |parts| parts.stub);
    let seals = match options.start.seal {
        true => seals(&layout).to_vec(),
        false => Vec::new(),
    };
    let stub = header.with_code(code, &seals, Endianness::Little);
    put(&layout, Item::Stub, &stub, &mut bytes);
    let mut entry = header.code();
    if let (Aslr::Full, Some(parts)) = (options.start.aslr, parts) {
        let mover = mover_header(&layout, header.code(), object.cpu.page);
        let code = mover.with_code(parts.mover, &pieces(&layout), Endianness::Little);
        put(&layout, Item::Mover, &code, &mut bytes);
        entry = mover.start();
    }
    let tables = output::tables(&object, &layout, options, entry.0)?;
    put(&layout, Item::Headers, &tables.start, &mut bytes);
    bytes.extend(tables.end);
    Ok(Linked {
        bytes,
        relocations: relro.len().saturating_add(data.len()),
        relr_size,
        relro_size: header.relro_size.0,
    })
}

/// The code for what was asked for; `None` when nothing was.
fn parts<'cpu>(
    object: &Object<'cpu>,
    options: &Options,
) -> Result<Option<&'cpu WithOptions>, Error> {
    if !options.start.ask_for_more() {
        return Ok(None);
    }
    match &object.cpu.options {
        Some(parts) => Ok(Some(parts)),
        None => unlinkable(
            Code::Unsupported,
            "`--aslr full` and `--seal` are not supported on this CPU",
        ),
    }
}

fn sizes(
    object: &Object<'_>,
    options: &Options,
    parts: Option<&WithOptions>,
    references: &References,
) -> Sizes {
    let class = object.cpu.class;
    let (file_header, program_header, ..) = layout::structures(class);
    let slots = references.slots.len() as u64;
    Sizes {
        headers: file_header.saturating_add(program_header.saturating_mul(PROGRAM_HEADERS)),
        build_id: options
            .build_id
            .as_ref()
            .map_or(0, |id| build_id_note(id).len() as u64),
        table: slots.saturating_mul(object.cpu.word()),
        dynamic: output::dynamic(class, 0, Some((0, 0))).len() as u64,
        stub: {
            let code = parts.map_or(object.cpu.stub, |parts| parts.stub);
            empty_header(options, parts).size_with(code).0
        },
        mover: match (options.start.aslr, parts) {
            (Aslr::Full, Some(parts)) => mover::size(parts.mover, PIECES).0,
            _ => 0,
        },
    }
}

/// The section of `main`, and its distance from the start of the section.
fn main(object: &Object<'_>) -> Result<(usize, u64), Error> {
    let mut symbols = object.symbols.iter();
    let found = symbols.find(|symbol| symbol.name == MAIN && symbol.bind() == STB_GLOBAL);
    let Some(symbol) = found else {
        return unlinkable(Code::NoMain, "there is no global symbol `main`");
    };
    let section = usize::from(symbol.section);
    let code =
        object.elf.sections().get(section).filter(|section| {
            section.index > 0 && section.flags.contains(SHF_ALLOC | SHF_EXECINSTR)
        });
    match code {
        Some(code) if symbol.value < code.size.0 => Ok((section, symbol.value)),
        _ => {
            let value = symbol.value;
            let message =
                format!("`main` is at {value:#x} of section {section}, which is not executable");
            unlinkable(Code::NoMain, message)
        }
    }
}

fn copy_sections(object: &Object<'_>, layout: &Layout, file: &mut [u8]) -> Result<(), Error> {
    let loaded = layout.segments.iter().flat_map(|segment| {
        let inputs = segment.places.iter().filter_map(|place| match place.item {
            Item::Input(index) => Some((index, segment.offset.saturating_add(place.inside))),
            _ => None,
        });
        inputs.collect::<Vec<_>>()
    });
    for (index, offset) in loaded.chain(layout.unloaded.iter().copied()) {
        if let Some(section) = object.elf.sections().get(index) {
            overwrite(file, offset, object.elf.section_data(section)?.data()?);
        }
    }
    Ok(())
}

fn put(layout: &Layout, item: Item, bytes: &[u8], file: &mut [u8]) {
    if let Some((_, offset, _)) = layout.find(item) {
        overwrite(file, offset, bytes);
    }
}

fn overwrite(file: &mut [u8], offset: u64, bytes: &[u8]) {
    let start = length(offset);
    // The layout has made room for everything.
    if let Some(place) = file.get_mut(start..start.saturating_add(bytes.len())) {
        place.copy_from_slice(bytes);
    }
}

/// A stub header that says what is asked for, and not yet where anything is.
fn empty_header(options: &Options, parts: Option<&WithOptions>) -> StubHeader {
    let seal_count = if options.start.seal { SEALS as u64 } else { 0 };
    StubHeader {
        address: Address(0),
        relr: Address(0),
        relr_size: Size(0),
        relro: Address(0),
        relro_size: Size(0),
        entry: Address(0),
        options: parts.map(|_| StubOptions {
            moved: options.start.aslr == Aslr::Full,
            seal_count,
        }),
    }
}

fn stub_header(
    layout: &Layout,
    linker: &Linker<'_, '_>,
    relr: Option<(u64, u64)>,
    (section, inside): (usize, u64),
    options: &Options,
    parts: Option<&WithOptions>,
) -> StubHeader {
    let (address, _, _) = layout.find(Item::Stub).unwrap_or_default();
    let (relr, relr_size) = relr.unwrap_or_default();
    let relro = layout.segment(Group::Relro);
    StubHeader {
        address: Address(address),
        relr: Address(relr),
        relr_size: Size(relr_size),
        relro: Address(relro.address),
        relro_size: Size(relro.memory_size),
        entry: Address(linker.image(section, inside)),
        ..empty_header(options, parts)
    }
}

/// How many ranges are sealed, and how many pieces are moved.
const SEALS: usize = 3;
const PIECES: usize = 5;

/// What nothing ever has to write to again.
fn seals(layout: &Layout) -> [(Address, Size); SEALS] {
    [Group::Code, Group::Constants, Group::Relro].map(|group| {
        let segment = layout.segment(group);
        (Address(segment.address), Size(segment.memory_size))
    })
}

/// The mappings that the kernel makes of the segments.
fn pieces(layout: &Layout) -> [MovedPiece; PIECES] {
    const READ_AND_EXECUTE: u64 = 5;
    let in_file = |group, protection| {
        let segment = layout.segment(group);
        MovedPiece {
            start: Address(segment.address),
            end: Address(segment.address.saturating_add(segment.file_size)),
            protection,
        }
    };
    let data = layout.segment(Group::Data);
    let zeros = MovedPiece {
        start: Address(data.address.saturating_add(data.file_size)),
        end: Address(data.address.saturating_add(data.memory_size)),
        protection: 0,
    };
    [
        in_file(Group::Code, READ_AND_EXECUTE),
        in_file(Group::Constants, 0),
        in_file(Group::Relro, 0),
        in_file(Group::Data, 0),
        zeros,
    ]
}

fn mover_header(layout: &Layout, stub: Address, page: u64) -> MoverHeader {
    let (address, _, _) = layout.find(Item::Mover).unwrap_or_default();
    let ends = |first: Group, last: Group| {
        let (first, last) = (layout.segment(first), layout.segment(last));
        let end = last.address.saturating_add(last.file_size);
        (Address(first.address), Address(end))
    };
    let data = layout.segment(Group::Data);
    let end = data.address.saturating_add(data.memory_size);
    MoverHeader {
        address: Address(address),
        stub,
        // The layout has capped all addresses, so that nothing is cut off here.
        image: (Address(0), Size(end.next_multiple_of(page))),
        code: ends(Group::Code, Group::Code),
        data: ends(Group::Relro, Group::Data),
    }
}

/// A note as GNU ld writes it: sizes of name and content, type, name, content.
fn build_id_note(id: &[u8]) -> Vec<u8> {
    const NT_GNU_BUILD_ID: u32 = 3;
    let mut note = Vec::new();
    let size = u32::try_from(id.len()).unwrap_or(0);
    for word in [4, size, NT_GNU_BUILD_ID] {
        note.extend(word.to_le_bytes());
    }
    note.extend(b"GNU\0");
    note.extend(id);
    while !note.len().is_multiple_of(4) {
        note.push(0);
    }
    note
}
