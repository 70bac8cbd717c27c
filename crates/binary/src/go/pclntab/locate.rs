//! Finds the function table (pclntab) by section name, or by its magic.

use object::Endianness;

use super::Pclntab;
use crate::bytes::Bytes;
use crate::image::Image;
use crate::limits::MAX_PCLNTAB_TRIES;
use crate::partial::Incomplete;
use crate::quantity::{Address, Size};

/// The name of its section: `.gopclntab`, `.data.rel.ro.gopclntab`, `__gopclntab`.
const SECTION: &[u8] = b"gopclntab";

pub(super) fn locate<'data>(image: &dyn Image<'data>) -> Option<Pclntab<'data>> {
    let sections = image.sections().into_iter();
    let mut named = sections.filter(|section| section.name.ends_with(SECTION));
    named
        .find_map(|section| Pclntab::parse(section.data))
        .or_else(|| search(image))
}

/// The section that GNU ld merges `.data.rel.ro.gopclntab` into.
const MERGED: &[u8] = b".data.rel.ro";

/// In PE files there is no section for it; GNU ld merges it into another; and some tools cut off all
/// section headers. Code comes last: it is large, and the table is in it only where a linker has put
/// what is read and what is run into one segment.
fn search<'data>(image: &dyn Image<'data>) -> Option<Pclntab<'data>> {
    let merged = image.sections().into_iter();
    let merged = merged.filter(|section| section.name == MERGED && section.address.0 > 0);
    let merged = merged.map(|section| (section.address, section.data));
    let (code, others): (Vec<_>, Vec<_>) =
        image.loaded().into_iter().partition(|part| part.executable);
    let loaded = others.into_iter().chain(code);
    let loaded = loaded.map(|part| (part.address, part.data));
    let mut tries = MAX_PCLNTAB_TRIES;
    for (address, data) in merged.chain(loaded) {
        // What has not been read is read before anything else is looked at.
        match search_in(image.endian(), address, data, &mut tries) {
            Ok(None) => {}
            Ok(found) => return found,
            Err(Incomplete(())) => return None,
        }
    }
    None
}

/// Linkers align the table to 32 bytes, and its header starts with a magic whose bytes but one all
/// layouts have in common: in little-endian programs `?? ff ff ff 00 00`, in others `ff ff ff ?? 00 00`.
fn search_in<'data>(
    endian: Endianness,
    address: Address,
    data: Bytes<'data>,
    tries: &mut u32,
) -> Result<Option<Pclntab<'data>>, Incomplete> {
    let (mask, magic) = match endian {
        Endianness::Little => (0x0000_ffff_ffff_ff00, 0x0000_0000_ffff_ff00),
        Endianness::Big => (0x0000_ffff_00ff_ffff, 0x0000_0000_00ff_ffff),
    };
    let found = data.search_words(
        address,
        |word| word & mask == magic,
        |at| {
            let table = from(data, at)?;
            if !Pclntab::has_magic(table) {
                return None;
            }
            let Some(left) = tries.checked_sub(1) else {
                return Some(None);
            };
            *tries = left;
            Pclntab::parse(table).map(Some)
        },
    );
    Ok(found?.flatten())
}

fn from(data: Bytes<'_>, start: u64) -> Option<Bytes<'_>> {
    let size = Size(data.size().0.checked_sub(start)?);
    data.slice(start, size, "pclntab").ok()
}
