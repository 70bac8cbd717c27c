//! Finds the function table (pclntab) by section name, or by its magic.

use object::Endianness;

use super::Pclntab;
use crate::bytes::Bytes;
use crate::image::Image;
use crate::limits::MAX_PCLNTAB_TRIES;
use crate::quantity::Size;

/// The name of its section: `.gopclntab`, `.data.rel.ro.gopclntab`, `__gopclntab`.
const SECTION: &[u8] = b"gopclntab";

pub(super) fn locate<'data>(image: &dyn Image<'data>) -> Option<Pclntab<'data>> {
    let sections = image.sections().into_iter();
    let mut named = sections.filter(|section| section.name.ends_with(SECTION));
    named
        .find_map(|section| Pclntab::parse(section.data))
        .or_else(|| search(image))
}

/// In PE files there is no section for it; GNU ld puts `.data.rel.ro.gopclntab` into `.data.rel.ro`;
/// and some tools cut off all section headers.
fn search<'data>(image: &dyn Image<'data>) -> Option<Pclntab<'data>> {
    // What all magics have in common with the zeros behind them, and how far in it starts.
    let (common, inside): (&[u8], u64) = match image.endian() {
        Endianness::Little => (&[0xff, 0xff, 0xff, 0, 0], 1),
        Endianness::Big => (&[0xff, 0xff, 0xff], 0),
    };
    let mut tries = MAX_PCLNTAB_TRIES;
    image.loaded().into_iter().find_map(|part| {
        let found = part.data.search(common, |hit| {
            let table = from(part.data, hit.checked_sub(inside)?)?;
            if !Pclntab::has_magic(table) {
                return None;
            }
            let Some(left) = tries.checked_sub(1) else {
                return Some(None);
            };
            tries = left;
            Pclntab::parse(table).map(Some)
        });
        found.ok()?.flatten()
    })
}

fn from(data: Bytes<'_>, start: u64) -> Option<Bytes<'_>> {
    let size = Size(data.size().0.checked_sub(start)?);
    data.slice(start, size, "pclntab").ok()
}
