//! Sections of debug information, as bytes: found by name, and uncompressed.
//!
//! What they mean is not read. The gABI's compression (`Elf64_Chdr`, chapter 4, "Section
//! Compression") and that of `.zdebug_` names (cmd/link/internal/ld/dwarf.go, `dwarfcompress`, for
//! Mach-O and PE) are undone when they are zlib's.

use std::borrow::Cow;

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use object::Endianness;
use object::elf::ELFCOMPRESS_ZLIB;

use crate::bytes::Bytes;
use crate::error::well_formed;
use crate::image::{Image, Section};
use crate::limits::MAX_UNCOMPRESSED;
use crate::partial::Incomplete;
use crate::quantity::{Offset, Size};

/// A section of debug information.
#[derive(Debug)]
pub struct DwarfSection<'data> {
    /// The name in the file, such as `.debug_line` or `__zdebug_line`.
    pub name: &'data [u8],
    /// Where it stands in the file, its compression header included.
    pub offset: Offset,
    /// Its bytes; `None` when they are compressed in a way that is not known here, or damaged. Of a
    /// very large section, the first 64 MiB.
    pub bytes: Option<Cow<'data, [u8]>>,
}

/// The section `.debug_<part>`, under the name that it has in this format.
///
/// # Errors
/// [`Incomplete`] when it has not been read.
pub fn section<'data>(
    image: &dyn Image<'data>,
    part: &str,
) -> Result<Option<DwarfSection<'data>>, Incomplete> {
    let names = [".debug_", ".zdebug_", "__debug_", "__zdebug_"];
    let names = names.map(|start| format!("{start}{part}"));
    let sections = image.sections().into_iter();
    // Mach-O cuts names to 16 bytes.
    let fits = |section: &Section<'_>| {
        names.iter().any(|name| {
            let name = name.as_bytes();
            section.name == name || (section.name.len() == 16 && name.starts_with(section.name))
        })
    };
    let mut sections = sections.filter(|section| section.data.size().0 > 0);
    let Some(section) = sections.find(fits) else {
        return Ok(None);
    };
    let bytes = match (image.is_compressed(&section), zlib_in(&section)?) {
        (true, _) => uncompressed_elf(image, &section)?,
        (false, Some(stream)) => uncompressed(stream)?,
        (false, None) => Some(Cow::Borrowed(section.data.data()?)),
    };
    Ok(Some(DwarfSection {
        name: section.name,
        offset: section.offset(),
        bytes,
    }))
}

/// The stream behind the 12 bytes that a `zdebug` section starts with: `ZLIB` and the size.
fn zlib_in<'data>(section: &Section<'data>) -> Result<Option<Bytes<'data>>, Incomplete> {
    const HEADER: u64 = 12;
    let named = [b".zdebug_".as_slice(), b"__zdebug_"];
    if !named.iter().any(|start| section.name.starts_with(start)) {
        return Ok(None);
    }
    let marked = well_formed(section.data.read::<[u8; 4]>(0, "a header"))? == Some(b"ZLIB");
    Ok(marked.then(|| behind(section.data, HEADER)).flatten())
}

fn uncompressed_elf<'data>(
    image: &dyn Image<'data>,
    section: &Section<'data>,
) -> Result<Option<Cow<'data, [u8]>>, Incomplete> {
    let Some(kind) = well_formed(section.data.read::<[u8; 4]>(0, "`ch_type`"))? else {
        return Ok(None);
    };
    let kind = match image.endian() {
        Endianness::Little => u32::from_le_bytes(*kind),
        Endianness::Big => u32::from_be_bytes(*kind),
    };
    if kind != ELFCOMPRESS_ZLIB.0 {
        return Ok(None);
    }
    // `Elf64_Chdr` and `Elf32_Chdr`: which it is, the first byte of a zlib stream tells, which
    // stands behind the shorter one or does not.
    for header in [12, 24] {
        let stream = behind(section.data, header).map(uncompressed);
        if let Some(bytes) = stream.transpose()?.flatten() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

fn behind(data: Bytes<'_>, start: u64) -> Option<Bytes<'_>> {
    let size = Size(data.size().0.checked_sub(start)?);
    data.slice(start, size, "compressed bytes").ok()
}

fn uncompressed(stream: Bytes<'_>) -> Result<Option<Cow<'_, [u8]>>, Incomplete> {
    use miniz_oxide::inflate::TINFLStatus::HasMoreOutput;
    Ok(
        match decompress_to_vec_zlib_with_limit(stream.data()?, MAX_UNCOMPRESSED) {
            Ok(bytes) => Some(Cow::Owned(bytes)),
            Err(error) if error.status == HasMoreOutput => Some(Cow::Owned(error.output)),
            Err(_) => None,
        },
    )
}
