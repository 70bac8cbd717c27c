//! The function names in Go's pclntab: runtime/symtab.go (`pcHeader`), debug/gosym/pclntab.go.
//!
//! Only the name table is read, and only to find the packages that call C. Layouts of Go 1.18 and
//! newer, of 64-bit programs.

use std::collections::BTreeSet;

use memchr::memmem;

use crate::bytes::Bytes;
use crate::elf::{Class, Elf};
use crate::quantity::Size;
use object::Endianness;

/// `pcHeader.magic` of Go 1.18 and 1.20.
const MAGICS: [u32; 2] = [0xffff_fff0, 0xffff_fff1];
/// Where `pcHeader` of a 64-bit program keeps the offsets of the name table and of what follows it.
const FUNCNAME_OFFSET_AT: u64 = 32;
const CU_OFFSET_AT: u64 = 40;
/// What cmd/cgo puts into the names of the functions it makes for each C function called.
const CALLS_C: [&[u8]; 2] = [b"._Cfunc_", b"._C2func_"];

/// The import paths of the packages that call C functions through cgo; empty when the program has
/// no readable pclntab.
pub fn packages_with_cgo_calls(elf: &Elf<'_>) -> BTreeSet<String> {
    let mut packages = BTreeSet::new();
    for name in function_names(elf).unwrap_or_default().split(|&b| b == 0) {
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
pub fn has_cgo(elf: &Elf<'_>) -> bool {
    const RUNTIME_SIDE: &[u8] = b"\0runtime/cgo.";
    function_names(elf).is_some_and(|names| memmem::find(names, RUNTIME_SIDE).is_some())
}

/// The table of NUL-ended names.
fn function_names<'data>(elf: &Elf<'data>) -> Option<&'data [u8]> {
    let section = elf
        .sections()
        .iter()
        .find(|section| section.name.ends_with(b".gopclntab"))?;
    if elf.header().class != Class::Elf64 {
        return None;
    }
    let table = elf.section_data(section).ok()?;
    let magic = word::<4>(table, 0, elf.header().endian)?;
    if !MAGICS.iter().any(|&known| u64::from(known) == magic) {
        return None;
    }
    let start = word::<8>(table, FUNCNAME_OFFSET_AT, elf.header().endian)?;
    let end = word::<8>(table, CU_OFFSET_AT, elf.header().endian)?;
    let size = Size(end.checked_sub(start)?);
    Some(table.slice(start, size, "function names").ok()?.data())
}

fn word<const N: usize>(table: Bytes<'_>, at: u64, endian: Endianness) -> Option<u64> {
    let bytes = table.read::<[u8; N]>(at, "pcHeader").ok()?;
    let fold = |value: u64, byte: &u8| value.checked_shl(8).map(|value| value | u64::from(*byte));
    match endian {
        Endianness::Little => bytes.iter().rev().try_fold(0, fold),
        Endianness::Big => bytes.iter().try_fold(0, fold),
    }
}
