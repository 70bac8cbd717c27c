//! Section headers: `IMAGE_SECTION_HEADER` in <winnt.h>; PE Format, "Section Table".

use object::pe::{ImageSectionHeader, ImageSymbol, SectionFlags};

use super::Header;
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::partial::{Incomplete, all};
use crate::quantity::{Address, Offset, Size};

/// One section. Its file range lies inside the file.
#[derive(Clone, Debug)]
pub struct Section<'data> {
    /// The file offset of the section header.
    pub header: Offset,
    /// `Name`, without NULs; where it says so, from the string table.
    pub name: &'data [u8],
    /// `VirtualAddress` behind the image base.
    pub address: Address,
    /// `VirtualSize`: how large it is in memory; that of the file part where it is 0.
    pub memory_size: Size,
    /// The part of `SizeOfRawData` at `PointerToRawData` that is loaded: no more than the memory
    /// holds.
    pub data: Bytes<'data>,
    /// `Characteristics`.
    pub characteristics: SectionFlags,
}

pub(super) fn read<'data>(
    file: Bytes<'data>,
    header: &Header,
) -> Result<Vec<Section<'data>>, Error> {
    const ENTRY: u64 = size_of::<ImageSectionHeader>() as u64;
    let table = file.read_table::<ImageSectionHeader>(
        header.section_headers.0,
        header.section_count.into(),
        "the section headers",
    )?;
    let long_names = long_names(file, header);
    let names = all(table.iter().map(|raw| name(&raw.name, long_names)))?;
    let mut sections = Vec::with_capacity(table.len());
    for ((raw, name), index) in table.iter().zip(names).zip(0u64..) {
        let position = index.saturating_mul(ENTRY);
        let at = Offset(header.section_headers.0.saturating_add(position));
        let section = section(file, header, raw, at, name)
            .map_err(|error| error.within(format!("section `{}`", String::from_utf8_lossy(name))));
        sections.push(section?);
    }
    Ok(sections)
}

fn section<'data>(
    file: Bytes<'data>,
    header: &Header,
    raw: &ImageSectionHeader,
    at: Offset,
    name: &'data [u8],
) -> Result<Section<'data>, Error> {
    let endian = object::LittleEndian;
    let start = raw.pointer_to_raw_data.get(endian);
    // Without a place, what is announced is not in the file (PE Format, "PointerToRawData").
    let file_size = match start {
        0 => 0,
        _ => raw.size_of_raw_data.get(endian),
    };
    let memory_size = match raw.virtual_size.get(endian) {
        0 => file_size,
        size => size,
    };
    let start = if file_size == 0 { 0 } else { start };
    let whole = file.slice(start.into(), Size(file_size.into()), "");
    let whole = whole.map_err(|_| {
        let message = format!(
            "file range of {file_size:#x} bytes from {start:#x} extends past the end of the file \
             at {}",
            file.size()
        );
        Error::at(ErrorKind::Truncated, at, message)
    })?;
    let rva = u64::from(raw.virtual_address.get(endian));
    Ok(Section {
        header: at,
        name,
        // Cannot saturate: see where the header is read.
        address: Address(header.image_base.0.saturating_add(rva)),
        memory_size: Size(memory_size.into()),
        data: whole.slice(0, Size(file_size.min(memory_size).into()), "a section")?,
        characteristics: raw.characteristics.get(endian),
    })
}

/// The strings behind the COFF symbol table; `None` when there is none.
fn long_names<'data>(file: Bytes<'data>, header: &Header) -> Option<Bytes<'data>> {
    if header.symbol_table.0 == 0 {
        return None;
    }
    let symbols = u64::from(header.symbol_count).checked_mul(size_of::<ImageSymbol>() as u64)?;
    let start = header.symbol_table.0.checked_add(symbols)?;
    let rest = file.size().0.checked_sub(start)?;
    file.slice(start, Size(rest), "the string table").ok()
}

/// A name of up to eight bytes, or `/` and the place of a longer one in the string table.
fn name<'data>(
    short: &'data [u8; 8],
    long_names: Option<Bytes<'data>>,
) -> Result<&'data [u8], Incomplete> {
    /// No linker writes longer ones, and this many are looked at for each section.
    const LONGEST: u64 = 256;
    let end = short.iter().position(|&byte| byte == 0);
    let short = end.and_then(|end| short.get(..end)).unwrap_or(short);
    let long = || {
        let digits = std::str::from_utf8(short.strip_prefix(b"/")?).ok()?;
        let start = digits.parse::<u64>().ok()?;
        let table = long_names?;
        let size = table.size().0.checked_sub(start)?.min(LONGEST);
        table.slice(start, Size(size), "a name").ok()
    };
    match long() {
        Some(long) => Ok(long.c_string(0)?.unwrap_or(short)),
        None => Ok(short),
    }
}
