//! The headers in front of the sections: `IMAGE_DOS_HEADER`, `IMAGE_FILE_HEADER`,
//! `IMAGE_OPTIONAL_HEADER32` and `IMAGE_OPTIONAL_HEADER64` in <winnt.h>; PE Format, "File Headers".

use object::pe::{
    DllFlags, FileFlags, IMAGE_NT_OPTIONAL_HDR32_MAGIC, IMAGE_NT_OPTIONAL_HDR64_MAGIC,
    IMAGE_NT_SIGNATURE, ImageDataDirectory, ImageDosHeader, ImageFileHeader, Machine, Subsystem,
};
use object::read::pe::ImageOptionalHeader;

use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::quantity::{Address, Offset, Size};

/// The file header and the optional header.
#[derive(Clone, Debug)]
pub struct Header {
    /// The file offset of `IMAGE_NT_HEADERS`: where `e_lfanew` of the DOS header points.
    pub start: Offset,
    /// Whether it is PE32+, with 64-bit addresses.
    pub is_64: bool,
    /// `Machine`.
    pub machine: Machine,
    /// `Characteristics` of the file header.
    pub characteristics: FileFlags,
    /// `NumberOfSections`.
    pub section_count: u16,
    /// `PointerToSymbolTable`: zero when there is none.
    pub symbol_table: Offset,
    /// `NumberOfSymbols`.
    pub symbol_count: u32,
    /// `ImageBase`: where the linker thought the image would be.
    pub image_base: Address,
    /// `SizeOfHeaders`, in bytes.
    pub headers_size: u32,
    /// `Subsystem`.
    pub subsystem: Subsystem,
    /// `DllCharacteristics`.
    pub dll_characteristics: DllFlags,
    /// Where the section headers start.
    pub section_headers: Offset,
}

impl Header {
    /// Where `Characteristics` stands in the file.
    pub fn characteristics_at(&self) -> Offset {
        Offset(
            self.start
                .0
                .saturating_add(SIGNATURE_SIZE)
                .saturating_add(18),
        )
    }

    /// Where `DllCharacteristics` stands in the file: at the same place in both widths.
    pub fn dll_characteristics_at(&self) -> Offset {
        Offset(optional_header(self.start).saturating_add(70))
    }
}

/// An entry of the optional header's table of directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The file offset of the entry itself.
    pub entry: Offset,
    /// `VirtualAddress`: from the image base; for `IMAGE_DIRECTORY_ENTRY_SECURITY`, a file offset.
    pub rva: u32,
    /// `Size`.
    pub size: Size,
}

const SIGNATURE_SIZE: u64 = 4;

fn optional_header(start: Offset) -> u64 {
    start
        .0
        .saturating_add(SIGNATURE_SIZE)
        .saturating_add(size_of::<ImageFileHeader>() as u64)
}

/// Where `IMAGE_NT_HEADERS` starts.
pub(super) fn find(file: Bytes<'_>) -> Result<Offset, Error> {
    let dos = file.read::<ImageDosHeader>(0, "the DOS header")?;
    let start = u64::from(dos.e_lfanew.get(object::LittleEndian));
    let signature = file
        .slice(start, Size(SIGNATURE_SIZE), "the PE signature")
        .and_then(|part| part.read::<[u8; 4]>(0, ""));
    match signature {
        Ok(bytes) if u32::from_le_bytes(*bytes) == IMAGE_NT_SIGNATURE => Ok(Offset(start)),
        // A DOS program may have anything there.
        _ => {
            let message = "`e_lfanew` does not lead to a PE signature; the file is a DOS program, \
                           or truncated";
            Err(Error::at(ErrorKind::NotBinary, Offset(start), message))
        }
    }
}

/// Whether it is PE32+, from `Magic` of the optional header.
pub(super) fn is_64(file: Bytes<'_>, start: Offset) -> Result<bool, Error> {
    let at = optional_header(start);
    let magic = file.read::<[u8; 2]>(at, "`Magic` of the optional header")?;
    match u16::from_le_bytes(*magic) {
        IMAGE_NT_OPTIONAL_HDR64_MAGIC => Ok(true),
        IMAGE_NT_OPTIONAL_HDR32_MAGIC => Ok(false),
        other => {
            let message = format!(
                "`Magic` of the optional header is {other:#x}, expected \
                 {IMAGE_NT_OPTIONAL_HDR32_MAGIC:#x} (PE32) or {IMAGE_NT_OPTIONAL_HDR64_MAGIC:#x} \
                 (PE32+)"
            );
            Err(Error::at(ErrorKind::Malformed, Offset(at), message))
        }
    }
}

pub(super) fn read<O>(file: Bytes<'_>, start: Offset) -> Result<(Header, Vec<Directory>), Error>
where
    O: ImageOptionalHeader,
{
    let endian = object::LittleEndian;
    let file_header = file.read::<ImageFileHeader>(
        start.0.saturating_add(SIGNATURE_SIZE),
        "`IMAGE_FILE_HEADER`",
    )?;
    let at = optional_header(start);
    let size = u64::from(file_header.size_of_optional_header.get(endian));
    let optional = file.slice(at, Size(size), "the optional header")?;
    let raw = optional.read::<O>(0, "`IMAGE_OPTIONAL_HEADER`")?;
    let header = Header {
        start,
        is_64: raw.magic() == IMAGE_NT_OPTIONAL_HDR64_MAGIC,
        machine: file_header.machine.get(endian),
        characteristics: file_header.characteristics.get(endian),
        section_count: file_header.number_of_sections.get(endian),
        symbol_table: Offset(file_header.pointer_to_symbol_table.get(endian).into()),
        symbol_count: file_header.number_of_symbols.get(endian),
        image_base: Address(raw.image_base()),
        headers_size: raw.size_of_headers(),
        subsystem: raw.subsystem(),
        dll_characteristics: raw.dll_characteristics(),
        section_headers: Offset(at.saturating_add(size)),
    };
    // Twice: an address in the image, and a size from there on.
    let reach = Size(u64::from(u32::MAX).saturating_mul(2));
    if header.image_base.checked_add(reach).is_none() {
        let message = format!(
            "`ImageBase` is {}, so the image could wrap around the end of the address space",
            header.image_base
        );
        return Err(Error::at(ErrorKind::Malformed, Offset(at), message));
    }
    let directories = directories(optional, raw)?;
    Ok((header, directories))
}

/// The table behind the optional header. Windows reads no more than 16 entries, and fewer when the
/// header says so or ends sooner.
fn directories<O: ImageOptionalHeader>(
    optional: Bytes<'_>,
    raw: &O,
) -> Result<Vec<Directory>, Error> {
    const MOST: u64 = object::pe::IMAGE_NUMBEROF_DIRECTORY_ENTRIES as u64;
    const ENTRY: u64 = size_of::<ImageDataDirectory>() as u64;
    let start = size_of::<O>() as u64;
    let room = optional.size().0.saturating_sub(start) / ENTRY;
    let count = u64::from(raw.number_of_rva_and_sizes()).min(MOST).min(room);
    let table = optional.read_table::<ImageDataDirectory>(start, count, "the data directories")?;
    let directories = table.iter().zip(0u64..).map(|(entry, index)| {
        let position = start.saturating_add(index.saturating_mul(ENTRY));
        Directory {
            entry: Offset(optional.base().0.saturating_add(position)),
            rva: entry.virtual_address.get(object::LittleEndian),
            size: Size(entry.size.get(object::LittleEndian).into()),
        }
    });
    Ok(directories.collect())
}
