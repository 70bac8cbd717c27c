//! Segments and their sections: `segment_command` and `section`, and their 64-bit kinds, in
//! <mach-o/loader.h>.

use object::Endianness;
use object::macho::{
    LC_SEGMENT, LC_SEGMENT_64, MH_DSYM, S_GB_ZEROFILL, S_THREAD_LOCAL_ZEROFILL, S_ZEROFILL,
    SectionFlags, VmProt,
};
use object::read::macho::{MachHeader, Section as _, Segment as _};

use super::{Header, LoadCommand};
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::quantity::{Address, Offset, Size};

/// One segment. Its file range lies inside the file and its memory range does not wrap.
#[derive(Clone, Debug)]
pub struct Segment<'data> {
    /// The file offset of the load command.
    pub command: Offset,
    /// `segname`, without NULs.
    pub name: &'data [u8],
    /// `vmaddr`.
    pub address: Address,
    /// `vmsize`.
    pub memory_size: Size,
    /// `fileoff` and `filesize`: the bytes it has in the file.
    pub data: Bytes<'data>,
    /// `initprot`: what its memory can be used for when the program starts.
    pub protection: VmProt,
}

impl Segment<'_> {
    /// The file offset of the `size` bytes at `address`, if the segment's file part has them all.
    pub fn offset_of(&self, address: Address, size: Size) -> Option<Offset> {
        let inside = address.distance_from(self.address)?;
        let end = inside.0.checked_add(size.0)?;
        (end <= self.data.size().0 && end <= self.memory_size.0)
            .then(|| self.data.base().checked_add(inside))
            .flatten()
    }
}

/// One section. Its file range lies inside the file.
#[derive(Clone, Debug)]
pub struct Section<'data> {
    /// The file offset of the section header.
    pub header: Offset,
    /// `sectname`, without NULs.
    pub name: &'data [u8],
    /// `segname`, without NULs: in objects, another than that of the segment it is in.
    pub segment: &'data [u8],
    /// `addr`.
    pub address: Address,
    /// `size`: in memory.
    pub size: Size,
    /// The bytes it has in the file; none when it is zero.
    pub data: Bytes<'data>,
    /// `flags`: its type and its attributes.
    pub flags: SectionFlags,
    /// `initprot` of the segment it is in.
    pub protection: VmProt,
}

pub(super) fn read<'data, H>(
    file: Bytes<'data>,
    header: &Header,
    commands: &[LoadCommand<'data>],
) -> Result<(Vec<Segment<'data>>, Vec<Section<'data>>), Error>
where
    H: MachHeader<Endian = Endianness>,
{
    let (mut segments, mut sections) = (Vec::new(), Vec::new());
    let kind = match header.is_64 {
        true => LC_SEGMENT_64,
        false => LC_SEGMENT,
    };
    for command in commands.iter().filter(|command| command.kind == kind) {
        let raw = command.data.read::<H::Segment>(0, "a segment command")?;
        let named = |error: Error| {
            let name = String::from_utf8_lossy(until_nul(raw.segname())).into_owned();
            error.within(format!("segment `{name}`"))
        };
        segments.push(segment::<H>(file, header, command, raw).map_err(named)?);
        let start = size_of::<H::Segment>() as u64;
        let count = raw.nsects(header.endian);
        let table = command.data.read_table::<H::Section>(
            start,
            count.into(),
            "the section headers of a segment",
        );
        for (index, raw_section) in table.map_err(named)?.iter().enumerate() {
            let position = (index as u64)
                .saturating_mul(size_of::<H::Section>() as u64)
                .saturating_add(start);
            let at = Offset(command.offset().0.saturating_add(position));
            let protection = raw.initprot(header.endian);
            let section = section::<H>(file, header, raw_section, protection, at);
            sections.push(section.map_err(named)?);
        }
    }
    Ok((segments, sections))
}

fn segment<'data, H>(
    file: Bytes<'data>,
    header: &Header,
    command: &LoadCommand<'data>,
    raw: &'data H::Segment,
) -> Result<Segment<'data>, Error>
where
    H: MachHeader<Endian = Endianness>,
{
    let endian = header.endian;
    let (start, size) = raw.file_range(endian);
    let segment = Segment {
        command: command.offset(),
        name: until_nul(raw.segname()),
        address: Address(raw.vmaddr(endian).into()),
        memory_size: Size(raw.vmsize(endian).into()),
        data: range(file, start, Size(size), command.offset())?,
        protection: raw.initprot(endian),
    };
    if segment.address.checked_add(segment.memory_size).is_none() {
        let message = format!(
            "memory range of {} bytes from address {} wraps around the end of the address space",
            segment.memory_size, segment.address
        );
        return Err(Error::at(ErrorKind::Malformed, segment.command, message));
    }
    Ok(segment)
}

fn section<'data, H>(
    file: Bytes<'data>,
    header: &Header,
    raw: &'data H::Section,
    protection: VmProt,
    at: Offset,
) -> Result<Section<'data>, Error>
where
    H: MachHeader<Endian = Endianness>,
{
    let endian = header.endian;
    let size = Size(raw.size(endian).into());
    let flags = raw.flags(endian);
    let zero = [S_ZEROFILL, S_GB_ZEROFILL, S_THREAD_LOCAL_ZEROFILL].contains(&flags.typ());
    // A file of debug information keeps the headers of sections that it does not hold; it says so
    // by an offset that only the header itself can have.
    let elsewhere = header.kind == MH_DSYM && raw.offset(endian) == 0;
    let file_size = match zero || elsewhere {
        true => Size(0),
        false => size,
    };
    let name = until_nul(raw.sectname());
    let data = range(file, raw.offset(endian).into(), file_size, at)
        .map_err(|error| error.within(format!("section `{}`", String::from_utf8_lossy(name))))?;
    Ok(Section {
        header: at,
        name,
        segment: until_nul(raw.segname()),
        address: Address(raw.addr(endian).into()),
        size,
        data,
        flags,
        protection,
    })
}

/// The `size` bytes at `start`; what has no bytes may claim to be anywhere. `header` is where the
/// claim stands.
fn range(file: Bytes<'_>, start: u64, size: Size, header: Offset) -> Result<Bytes<'_>, Error> {
    let start = if size.0 == 0 { 0 } else { start };
    file.slice(start, size, "").map_err(|_| {
        let message = format!(
            "file range of {size} bytes from {start:#x} extends past the end of the file at {}",
            file.size()
        );
        Error::at(ErrorKind::Truncated, header, message)
    })
}

fn until_nul(name: &[u8; 16]) -> &[u8] {
    let end = name.iter().position(|&byte| byte == 0);
    end.and_then(|end| name.get(..end)).unwrap_or(name)
}
