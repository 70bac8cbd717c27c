//! The dynamic section: out goes what only a loader reads about relocations, in comes RELR.
//!
//! The symbol, string and hash tables stay, empty as they are, because the gABI asks for them and
//! tools look there. `DT_DEBUG` stays for debuggers.

use handpie_binary::elf::Elf;
use handpie_binary::elf::constants::{
    DF_1_NOW, DF_1_PIE, DF_BIND_NOW, DT_BIND_NOW, DT_FLAGS, DT_FLAGS_1, DT_GNU_HASH, DT_HASH,
    DT_JMPREL, DT_PLTGOT, DT_PLTREL, DT_PLTRELSZ, DT_RELA, DT_RELACOUNT, DT_RELAENT, DT_RELASZ,
    DT_RELR, DT_RELRENT, DT_RELRSZ, DT_STRTAB, DT_SYMTAB, DT_VERNEED, DT_VERSYM, DynamicTag,
};

use object::Endian;

use super::packing::{Moved, Packing};
use super::{Edit, Slide};
use crate::refusal::{Code, Refusal};
use crate::relr::WORD;
use crate::survey::Program;

/// What a loader reads to relocate; and what is written anew below.
const DROPPED: [DynamicTag; 14] = [
    DT_RELA,
    DT_RELASZ,
    DT_RELAENT,
    DT_RELACOUNT,
    DT_RELR,
    DT_RELRSZ,
    DT_RELRENT,
    DT_JMPREL,
    DT_PLTREL,
    DT_PLTRELSZ,
    DT_PLTGOT,
    DT_BIND_NOW,
    DT_FLAGS,
    DT_FLAGS_1,
];

/// Tags whose value is the address of one of the small tables that may move.
const ADDRESSES: [DynamicTag; 6] = [
    DT_HASH,
    DT_GNU_HASH,
    DT_STRTAB,
    DT_SYMTAB,
    DT_VERSYM,
    DT_VERNEED,
];

/// The size of an entry, in bytes.
const ENTRY: usize = 16;

pub(super) fn plan(
    elf: &Elf<'_>,
    program: &Program,
    packing: &Packing,
    moved: &[Moved],
    slide: &Slide,
) -> Result<Edit, Refusal> {
    let old = &program.dynamic;
    let endian = elf.header().endian;
    let mut entries: Vec<(DynamicTag, u64)> = Vec::new();
    for entry in &old.entries {
        if DROPPED.contains(&entry.tag) {
            continue;
        }
        let moves = ADDRESSES.contains(&entry.tag);
        let value = match moves.then(|| new_address(moved, entry.value)).flatten() {
            Some(new) => new,
            None => entry.value,
        };
        entries.push((entry.tag, value));
    }
    entries.push((DT_RELR, packing.relr.0));
    entries.push((DT_RELRSZ, packing.relr_size.0));
    entries.push((DT_RELRENT, WORD));
    let flags_1 = old.value(DT_FLAGS_1).unwrap_or(0);
    entries.push((DT_FLAGS_1, flags_1 | DF_1_NOW.0 | DF_1_PIE.0));
    // One place is for DT_NULL. Where room is short, DT_FLAGS is the one that says nothing new.
    let room = old.capacity.saturating_sub(1);
    if entries.len() < room {
        let flags = old.value(DT_FLAGS).unwrap_or(0);
        entries.push((DT_FLAGS, flags | DF_BIND_NOW.0));
    }
    if entries.len() > room {
        let message = format!(
            "the dynamic section (at offset {}) has space for {room} entries, but needs {}",
            old.offset,
            entries.len()
        );
        return Err(Refusal::new(Code::NoRoomInDynamic, message));
    }
    let mut bytes = Vec::with_capacity(old.capacity.saturating_mul(ENTRY));
    for (tag, value) in entries {
        bytes.extend(endian.write_i64(tag.0));
        bytes.extend(endian.write_u64(value));
    }
    bytes.resize(old.capacity.saturating_mul(ENTRY), 0);
    Ok(Edit {
        offset: slide.new_offset(old.offset),
        bytes,
        what: "the dynamic section",
    })
}

/// Several tables may share an address where all but one are empty; they moved there together.
fn new_address(moved: &[Moved], address: u64) -> Option<u64> {
    let at = |table: &&Moved| table.old.0 == address;
    let full = moved.iter().filter(at).find(|table| table.size.0 > 0);
    full.or_else(|| moved.iter().find(at))
        .map(|table| table.new.0)
}
