//! PE files, 32 bits wide (PE32) and 64 (PE32+), as one model with 64-bit numbers.
//!
//! Field names and values follow <winnt.h> and Microsoft's "PE Format" specification; constants
//! come from [`object::pe`]. Headers, data directories and section headers are read at once, so
//! that a value of type [`Pe`] has all its sections inside the file; what directories point at
//! (load configuration, relocations, debug entries, signature) is read when asked for.
//!
//! The file speaks of relative virtual addresses (RVA). What is given out here are addresses: the
//! image base is in them. Everything is little-endian.

mod directories;
mod header;
mod image;
mod load_config;
mod sections;
mod symbols;

pub use directories::{Certificate, ExtendedDllCharacteristics};
pub use header::{Directory, Header};
pub use load_config::LoadConfig;
pub use object::pe as constants;
pub use sections::Section;
pub use symbols::Symbol;

use object::pe::{ImageOptionalHeader32, ImageOptionalHeader64};

use crate::bytes::Bytes;
use crate::error::Error;
use crate::quantity::{Address, Offset, Size};

/// A PE file whose headers have been read and lie inside the file.
#[derive(Debug)]
pub struct Pe<'data> {
    file: Bytes<'data>,
    header: Header,
    directories: Vec<Directory>,
    sections: Vec<Section<'data>>,
}

impl<'data> Pe<'data> {
    /// Reads the headers of `file`.
    ///
    /// # Errors
    /// Says what is wrong with the first header that cannot be read, and at which file offset.
    pub fn parse(file: impl Into<Bytes<'data>>) -> Result<Self, Error> {
        let file = file.into();
        let start = file.settled(header::find(file))??;
        match header::is_64(file, start)? {
            true => Self::parse_width::<ImageOptionalHeader64>(file, start),
            false => Self::parse_width::<ImageOptionalHeader32>(file, start),
        }
    }

    fn parse_width<O>(file: Bytes<'data>, start: Offset) -> Result<Self, Error>
    where
        O: object::read::pe::ImageOptionalHeader,
    {
        let (header, directories) = header::read::<O>(file, start)?;
        Ok(Self {
            sections: sections::read(file, &header)?,
            file,
            header,
            directories,
        })
    }

    /// The whole file.
    pub fn file(&self) -> Bytes<'data> {
        self.file
    }

    /// The file header and the optional header, which no image lacks.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The sections, in the file's order.
    pub fn sections(&self) -> &[Section<'data>] {
        &self.sections
    }

    /// A data directory, by its `IMAGE_DIRECTORY_ENTRY_*`; `None` when the file has none of that
    /// number, or an empty one.
    pub fn directory(&self, index: usize) -> Option<&Directory> {
        let directory = self.directories.get(index);
        directory.filter(|directory| directory.rva != 0 && directory.size.0 != 0)
    }

    /// The bytes of a data directory, as far as one section has them in the file; `None` for one
    /// that starts in no section. Not for `IMAGE_DIRECTORY_ENTRY_SECURITY`, which is not in memory.
    pub fn directory_data(&self, directory: &Directory) -> Option<Bytes<'data>> {
        let rest = self.data_from(self.address_of(directory.rva))?;
        rest.slice(0, rest.size().min(directory.size), "a directory")
            .ok()
    }

    /// The symbols of the COFF symbol table; none when the file was stripped.
    ///
    /// # Errors
    /// When the table does not lie inside the file.
    pub fn symbols(&self) -> Result<Vec<Symbol<'data>>, Error> {
        symbols::read(self)
    }

    /// The file offset at which the `size` bytes at `address` stand, if one section or the headers
    /// have them all in their file part.
    pub fn offset_of(&self, address: Address, size: Size) -> Option<Offset> {
        let rest = self.data_from(address)?;
        (size <= rest.size()).then_some(rest.base())
    }

    /// The section whose memory has the byte at `address`.
    pub fn section_at(&self, address: Address) -> Option<&Section<'data>> {
        self.sections.iter().find(|section| {
            let inside = address.distance_from(section.address);
            inside.is_some_and(|inside| inside < section.memory_size)
        })
    }

    /// The address of what stands at `rva` bytes from the image base.
    pub fn address_of(&self, rva: u32) -> Address {
        // Cannot saturate: the header was refused if the highest address of an image could.
        Address(self.header.image_base.0.saturating_add(rva.into()))
    }

    /// The bytes from `address` to the end of the file part of its section, or of the headers.
    fn data_from(&self, address: Address) -> Option<Bytes<'data>> {
        let (data, start) = match self.section_at(address) {
            Some(section) => (section.data, section.address),
            None => {
                let size = Size(self.header.headers_size.into());
                let headers = self.file.slice(0, size, "the headers").ok()?;
                (headers, self.header.image_base)
            }
        };
        let inside = address.distance_from(start)?;
        let rest = Size(data.size().0.checked_sub(inside.0)?);
        data.slice(inside.0, rest, "data").ok()
    }
}
