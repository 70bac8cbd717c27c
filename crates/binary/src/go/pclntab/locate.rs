//! Where the table of functions is: by name, or by its magic.

use object::Endianness;

use super::{MAGICS, Pclntab};
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
    let mut tries = MAX_PCLNTAB_TRIES;
    for part in image.loaded() {
        for (last, _) in MAGICS {
            let magic = match image.endian() {
                Endianness::Little => [last, 0xff, 0xff, 0xff, 0, 0],
                Endianness::Big => [0xff, 0xff, 0xff, last, 0, 0],
            };
            let found = part.data.search(&magic, |start| {
                let Some(left) = tries.checked_sub(1) else {
                    return Some(None);
                };
                tries = left;
                let size = Size(part.data.size().0.checked_sub(start)?);
                let table = part.data.slice(start, size, "pclntab").ok()?;
                Pclntab::parse(table).map(Some)
            });
            if let Some(found) = found {
                return found;
            }
        }
    }
    None
}
