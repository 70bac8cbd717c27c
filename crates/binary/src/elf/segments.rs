//! Program headers: gABI, chapter 5, "Program Header".

use object::Endianness;
use object::elf::{PN_XNUM, PT_NULL, ProgramFlags, ProgramType};
use object::read::elf::{FileHeader, ProgramHeader};

use super::Header;
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::limits::MAX_SEGMENTS;
use crate::quantity::{Address, Offset, Size};

/// One program header. Its file range lies inside the file and its memory range does not wrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which program header it is, from 0.
    pub index: usize,
    /// The file offset of the program header itself.
    pub header: Offset,
    /// `p_type`.
    pub kind: ProgramType,
    /// `p_flags`.
    pub flags: ProgramFlags,
    /// `p_offset`.
    pub offset: Offset,
    /// `p_vaddr`.
    pub address: Address,
    /// `p_paddr`: where a loader without virtual memory puts it; elsewhere the same or nothing.
    pub physical: Address,
    /// `p_filesz`.
    pub file_size: Size,
    /// `p_memsz`.
    pub memory_size: Size,
    /// `p_align`, in bytes; 0 and 1 both mean none.
    pub align: u64,
}

impl Segment {
    /// The first file offset after the segment.
    pub fn file_end(&self) -> Offset {
        Offset(self.offset.0.saturating_add(self.file_size.0))
    }

    /// The first address after the segment in memory.
    pub fn memory_end(&self) -> Address {
        Address(self.address.0.saturating_add(self.memory_size.0))
    }

    /// The file offset of the `size` bytes at `address`, if the segment's file part has them all.
    pub fn offset_of(&self, address: Address, size: Size) -> Option<Offset> {
        let inside = address.distance_from(self.address)?;
        let end = inside.0.checked_add(size.0)?;
        (end <= self.file_size.0)
            .then(|| self.offset.checked_add(inside))
            .flatten()
    }

    /// The address at which the byte at `offset` of the file is mapped, if the segment maps it.
    pub fn address_of(&self, offset: Offset) -> Option<Address> {
        let inside = offset.distance_from(self.offset)?;
        (inside < self.file_size)
            .then(|| self.address.checked_add(inside))
            .flatten()
    }

    /// Whether all `size` bytes at `address` are in the segment's memory.
    pub fn contains(&self, address: Address, size: Size) -> bool {
        address >= self.address
            && address
                .checked_add(size)
                .is_some_and(|end| end <= self.memory_end())
    }

    /// Whether the segment has all of these `p_flags`.
    pub fn has(&self, flags: ProgramFlags) -> bool {
        self.flags.contains(flags)
    }
}

pub(super) fn read<H>(file: Bytes<'_>, header: &Header) -> Result<Vec<Segment>, Error>
where
    H: FileHeader<Endian = Endianness>,
{
    let count = header.program_header_count;
    if count == 0 {
        return Ok(Vec::new());
    }
    let entry_size = size_of::<H::ProgramHeader>() as u64;
    let at_header = |kind, message| Err(Error::at(kind, Offset(0), message));
    if header.program_header_size != entry_size {
        return at_header(
            ErrorKind::Malformed,
            format!(
                "`e_phentsize` is {:#x}, expected {entry_size:#x}",
                header.program_header_size
            ),
        );
    }
    if count == u64::from(PN_XNUM) || count > MAX_SEGMENTS {
        return at_header(
            ErrorKind::TooLarge,
            format!("`e_phnum` is {count}; the kernel accepts at most {MAX_SEGMENTS}"),
        );
    }
    let table = file.read_table::<H::ProgramHeader>(
        header.program_headers.0,
        count,
        "the program header table",
    )?;
    let mut segments = Vec::with_capacity(table.len());
    for (index, raw) in table.iter().enumerate() {
        let position = (index as u64).saturating_mul(entry_size);
        let segment = Segment {
            index,
            header: Offset(header.program_headers.0.saturating_add(position)),
            kind: raw.p_type(header.endian),
            flags: raw.p_flags(header.endian),
            offset: Offset(raw.p_offset(header.endian).into()),
            address: Address(raw.p_vaddr(header.endian).into()),
            physical: Address(raw.p_paddr(header.endian).into()),
            file_size: Size(raw.p_filesz(header.endian).into()),
            memory_size: Size(raw.p_memsz(header.endian).into()),
            align: raw.p_align(header.endian).into(),
        };
        check(file, &segment).map_err(|error| {
            error.within(format!("program header {index} ({})", name(&segment)))
        })?;
        segments.push(segment);
    }
    Ok(segments)
}

fn check(file: Bytes<'_>, segment: &Segment) -> Result<(), Error> {
    if segment.kind == PT_NULL {
        return Ok(());
    }
    let file_size = file.size();
    match segment.offset.checked_add(segment.file_size) {
        Some(end) if end.0 <= file_size.0 || segment.file_size.0 == 0 => {}
        _ => {
            return Err(Error::at(
                ErrorKind::Truncated,
                segment.header,
                format!(
                    "file range of {} bytes from {} extends past the end of the file at \
                     {file_size}",
                    segment.file_size, segment.offset
                ),
            ));
        }
    }
    if segment.address.checked_add(segment.memory_size).is_none() {
        return Err(Error::at(
            ErrorKind::Malformed,
            segment.header,
            format!(
                "memory range of {} bytes from address {} wraps around the end of the address \
                 space",
                segment.memory_size, segment.address
            ),
        ));
    }
    Ok(())
}

fn name(segment: &Segment) -> String {
    format!("`{:?}`", segment.kind)
}
