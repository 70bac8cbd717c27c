//! Section headers: gABI, chapter 4, "Sections". A program runs without them, and tools such as
//! strip believe them, so both views are kept.

use object::Endianness;
use object::elf::{SHT_NOBITS, SHT_NULL, SectionFlags, SectionType};
use object::read::elf::{FileHeader, SectionHeader};

use super::Header;
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::limits::MAX_SECTIONS;
use crate::partial::all;
use crate::quantity::{Address, Offset, Size};

/// One section header. Its file range lies inside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section<'data> {
    /// Which section it is, from 0.
    pub index: usize,
    /// The file offset of the section header itself.
    pub header: Offset,
    /// The name, without its NUL; empty when there is none.
    pub name: &'data [u8],
    /// `sh_type`.
    pub kind: SectionType,
    /// `sh_flags`.
    pub flags: SectionFlags,
    /// `sh_addr`.
    pub address: Address,
    /// `sh_offset`.
    pub offset: Offset,
    /// `sh_size`: in memory; in the file too unless the kind is `SHT_NOBITS`.
    pub size: Size,
    /// `sh_link`: another section, by index.
    pub link: u32,
    /// `sh_info`: what it means depends on the kind.
    pub info: u32,
    /// `sh_addralign`, in bytes.
    pub align: u64,
    /// `sh_entsize`, in bytes.
    pub entry_size: u64,
}

impl Section<'_> {
    /// The bytes the section has in the file.
    pub fn file_size(&self) -> Size {
        if self.kind == SHT_NOBITS || self.kind == SHT_NULL {
            Size(0)
        } else {
            self.size
        }
    }

    /// The first file offset after the section.
    pub fn file_end(&self) -> Offset {
        Offset(self.offset.0.saturating_add(self.file_size().0))
    }

    /// The name for people.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }
}

pub(super) fn read<'data, H>(
    file: Bytes<'data>,
    header: &Header,
) -> Result<Vec<Section<'data>>, Error>
where
    H: FileHeader<Endian = Endianness>,
{
    let start = header.section_headers;
    if start.0 == 0 {
        return Ok(Vec::new());
    }
    let endian = header.endian;
    let entry_size = size_of::<H::SectionHeader>() as u64;
    if header.section_header_size != entry_size {
        let message = format!(
            "`e_shentsize` is {:#x}, expected {entry_size:#x}",
            header.section_header_size
        );
        return Err(Error::at(ErrorKind::Malformed, Offset(0), message));
    }
    // With 0xff00 sections or more, the real numbers stand in section 0 (gABI, "e_shnum").
    let first = file.read::<H::SectionHeader>(start.0, "section header 0")?;
    let count = match header.section_header_count {
        0 => first.sh_size(endian).into(),
        count => count,
    };
    let names_index = match header.section_names_index {
        0xffff => first.sh_link(endian).into(),
        index => index,
    };
    if count > MAX_SECTIONS {
        let message = format!("{count} section headers; at most {MAX_SECTIONS} are read");
        return Err(Error::at(ErrorKind::TooLarge, start, message));
    }
    let table = file.read_table::<H::SectionHeader>(start.0, count, "the section header table")?;
    let mut sections = Vec::with_capacity(table.len());
    for (index, raw) in table.iter().enumerate() {
        let position = (index as u64).saturating_mul(entry_size);
        let section = Section {
            index,
            header: Offset(start.0.saturating_add(position)),
            name: b"",
            kind: raw.sh_type(endian),
            flags: raw.sh_flags(endian),
            address: Address(raw.sh_addr(endian).into()),
            offset: Offset(raw.sh_offset(endian).into()),
            size: Size(raw.sh_size(endian).into()),
            link: raw.sh_link(endian),
            info: raw.sh_info(endian),
            align: raw.sh_addralign(endian).into(),
            entry_size: raw.sh_entsize(endian).into(),
        };
        check(file, &section).map_err(|error| error.within(format!("section header {index}")))?;
        sections.push(section);
    }
    name_sections::<H>(file, header, names_index, table, &mut sections)?;
    Ok(sections)
}

fn check(file: Bytes<'_>, section: &Section<'_>) -> Result<(), Error> {
    let size = section.file_size();
    if size.0 == 0 {
        return Ok(());
    }
    match section.offset.checked_add(size) {
        Some(end) if end.0 <= file.size().0 => Ok(()),
        _ => Err(Error::at(
            ErrorKind::Truncated,
            section.header,
            format!(
                "file range of {size} bytes from {} extends past the end of the file at {}",
                section.offset,
                file.size()
            ),
        )),
    }
}

fn name_sections<'data, H>(
    file: Bytes<'data>,
    header: &Header,
    names_index: u64,
    table: &[H::SectionHeader],
    sections: &mut [Section<'data>],
) -> Result<(), Error>
where
    H: FileHeader<Endian = Endianness>,
{
    if names_index == 0 {
        return Ok(());
    }
    let names = usize::try_from(names_index)
        .ok()
        .and_then(|index| sections.get(index))
        .ok_or_else(|| {
            let message = format!("`e_shstrndx` is {names_index}, past the last section header");
            Error::at(ErrorKind::Malformed, Offset(0), message)
        })?;
    let names = file.slice(names.offset.0, names.file_size(), "the section names")?;
    let found = table
        .iter()
        .map(|raw| names.c_string(raw.sh_name(header.endian).into()));
    for (section, name) in sections.iter_mut().zip(all(found)?) {
        // A name out of range hurts nobody: the section just has none.
        section.name = name.unwrap_or_default();
    }
    Ok(())
}
