//! The function names in Go's pclntab: runtime/symtab.go (`pcHeader`), debug/gosym/pclntab.go.
//!
//! Only the name table is read, and only to find the packages that call C. Layouts of Go 1.18 and
//! newer.

use std::collections::BTreeSet;

use memchr::memmem;
use object::Endianness;

use crate::bytes::Bytes;
use crate::image::{Format, Image};
use crate::quantity::Size;

/// `pcHeader.magic` of Go 1.18 and 1.20.
const MAGICS: [u32; 2] = [0xffff_fff0, 0xffff_fff1];
/// Where `pcHeader` keeps the size of a pointer; from the next byte on, all fields have that size.
const POINTER_SIZE_AT: u64 = 7;
const FIELDS_AT: u64 = 8;
/// Which fields are the number of functions, and the offsets of the name table and of what
/// follows it.
const FUNCTION_COUNT: u64 = 0;
const FUNCNAME_OFFSET: u64 = 3;
const CU_OFFSET: u64 = 4;
/// What cmd/cgo puts into the names of the functions it makes for each C function called.
const CALLS_C: [&[u8]; 2] = [b"._Cfunc_", b"._C2func_"];

/// The import paths of the packages that call C functions through cgo; empty when the program has
/// no readable pclntab.
pub fn packages_with_cgo_calls(image: &dyn Image<'_>) -> BTreeSet<String> {
    let mut packages = BTreeSet::new();
    for name in function_names(image).unwrap_or_default().split(|&b| b == 0) {
        let call = CALLS_C
            .iter()
            .find_map(|marker| name.windows(marker.len()).position(|part| part == *marker));
        if let Some(package) = call.and_then(|end| name.get(..end)) {
            packages.insert(String::from_utf8_lossy(package).replace("%2e", "."));
        }
    }
    packages
}

/// Whether the program is linked with the runtime's side of cgo, and so with C.
pub fn has_cgo(image: &dyn Image<'_>) -> bool {
    const RUNTIME_SIDE: &[u8] = b"\0runtime/cgo.";
    function_names(image).is_some_and(|names| memmem::find(names, RUNTIME_SIDE).is_some())
}

/// The table of NUL-ended names.
fn function_names<'data>(image: &dyn Image<'data>) -> Option<&'data [u8]> {
    let endian = image.endian();
    if image.format() == Format::Pe {
        // There is no section for it. It is read-only data.
        let sections = image.sections().into_iter();
        let mut sections = sections.filter(|section| !section.executable && !section.writable);
        return sections.find_map(|section| {
            MAGICS.iter().find_map(|magic| {
                // Six bytes, with the padding behind the magic.
                let start = (u64::from(*magic)).to_le_bytes();
                section.data.search(start.get(..6)?, |start| {
                    let size = Size(section.data.size().0.checked_sub(start)?);
                    names_of(section.data.slice(start, size, "pcHeader").ok()?, endian)
                })
            })
        });
    }
    let mut sections = image.sections().into_iter();
    let section = sections.find(|section| section.name.ends_with(b"gopclntab"))?;
    names_of(section.data, endian)
}

/// The names of the table that starts with these bytes; `None` where there is no such table.
fn names_of(table: Bytes<'_>, endian: Endianness) -> Option<&[u8]> {
    let magic = number(table, 0, 4, endian)?;
    if !MAGICS.iter().any(|&known| u64::from(known) == magic) {
        return None;
    }
    let width = number(table, POINTER_SIZE_AT, 1, endian)?;
    if width != 4 && width != 8 {
        return None;
    }
    let field = |index: u64| {
        let at = index.checked_mul(width)?.checked_add(FIELDS_AT)?;
        number(table, at, width, endian)
    };
    let start = field(FUNCNAME_OFFSET)?;
    let size = Size(field(CU_OFFSET)?.checked_sub(start)?);
    // Every function has a name, the NUL at least.
    if start <= FIELDS_AT || field(FUNCTION_COUNT)? > size.0 {
        return None;
    }
    Some(table.slice(start, size, "function names").ok()?.data())
}

/// The number of `size` bytes, 8 at most, that stands at `at`.
fn number(table: Bytes<'_>, at: u64, size: u64, endian: Endianness) -> Option<u64> {
    let bytes = table.slice(at, Size(size), "pcHeader").ok()?.data();
    let fold = |value: u64, byte: &u8| value.checked_shl(8).map(|value| value | u64::from(*byte));
    match endian {
        Endianness::Little => bytes.iter().rev().try_fold(0, fold),
        Endianness::Big => bytes.iter().try_fold(0, fold),
    }
}
