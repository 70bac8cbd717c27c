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

use handpie_binary::Address;
use handpie_binary::elf::constants::{SHF_ALLOC, SHF_EXECINSTR, STB_GLOBAL};

use crate::relr;
use error::unlinkable;
use layout::{Group, Item, Layout, Sizes};
use object::Object;
use output::{PROGRAM_HEADERS, Writer};
use references::References;
use relocate::{Linker, length, moved_words};
use startup::{HEADER_SIZE, Startup};

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
    let references = references::collect(&object)?;
    let mut layout = layout::arrange(&object, options, &sizes(&object, options, &references))?;
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
    let startup = startup(&layout, &linker, table, main);
    let stub = startup.with_code(object.cpu.stub);
    put(&layout, Item::Stub, &stub, &mut bytes);
    let entry = startup.address.saturating_add(HEADER_SIZE);
    let tables = output::tables(&object, &layout, options, entry)?;
    put(&layout, Item::Headers, &tables.start, &mut bytes);
    bytes.extend(tables.end);
    Ok(Linked {
        bytes,
        relocations: relro.len().saturating_add(data.len()),
        relr_size,
        relro_size: startup.relro_size,
    })
}

fn sizes(object: &Object<'_>, options: &Options, references: &References) -> Sizes {
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
    }
}

/// The section of `main`, and its distance from the start of the section.
fn main(object: &Object<'_>) -> Result<(usize, u64), Error> {
    let mut symbols = object.symbols.iter();
    let found = symbols.find(|symbol| symbol.name == MAIN && symbol.bind() == STB_GLOBAL);
    let Some(symbol) = found else {
        return unlinkable(Code::NoMain, "no global symbol is called `main`");
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
                format!("`main` is at {value:#x} of section {section}, which is not code");
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
            overwrite(file, offset, object.elf.section_data(section)?.data());
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

fn startup(
    layout: &Layout,
    linker: &Linker<'_, '_>,
    relr: Option<(u64, u64)>,
    (section, inside): (usize, u64),
) -> Startup {
    let (address, _, _) = layout.find(Item::Stub).unwrap_or_default();
    let (relr, relr_size) = relr.unwrap_or_default();
    let relro = layout.segment(Group::Relro);
    Startup {
        address,
        relr,
        relr_size,
        relro: relro.address,
        relro_size: relro.memory_size,
        entry: linker.image(section, inside),
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
