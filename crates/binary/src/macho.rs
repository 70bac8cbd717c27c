//! Mach-O files of both widths and both byte orders, thin or members of a fat file, as one model
//! with 64-bit numbers.
//!
//! Field names and values follow <mach-o/loader.h> and its neighbours in Apple's SDK; constants
//! come from [`object::macho`]. Headers, load commands and section headers are read at once, so
//! that a value of type [`MachO`] has all its segments inside the file; what they point at
//! (symbols, the code signature) is read when asked for.
//!
//! Offsets in a member of a fat file count from the member's start; what is given out here always
//! counts from the start of the file.

mod commands;
mod fat;
mod header;
mod image;
mod linking;
mod segments;
mod signature;
mod symbols;

pub use commands::LoadCommand;
pub use header::Header;
pub use linking::{Encryption, PathCommand};
pub use object::macho as constants;
pub use segments::{Section, Segment};
pub use signature::{CodeDirectory, CodeSignature};
pub use symbols::Symbol;

use object::macho::{LoadCommandType, MachHeader32, MachHeader64};

use crate::bytes::Bytes;
use crate::elf::Endianness;
use crate::error::{Error, ErrorKind};
use crate::quantity::{Address, Offset, Size};

/// A Mach-O file whose headers have been read and lie inside the file.
#[derive(Debug)]
pub struct MachO<'data> {
    file: Bytes<'data>,
    header: Header,
    commands: Vec<LoadCommand<'data>>,
    segments: Vec<Segment<'data>>,
    sections: Vec<Section<'data>>,
}

impl<'data> MachO<'data> {
    /// Reads the headers of `file`, all members of a fat one.
    ///
    /// # Errors
    /// Says what is wrong with the first header that cannot be read, and at which file offset.
    pub fn parse_all(file: impl Into<Bytes<'data>>) -> Result<Vec<Self>, Error> {
        let file = file.into();
        let Some(members) = fat::members(file)? else {
            return Ok(vec![Self::parse(file)?]);
        };
        let parsed = members.into_iter().enumerate().map(|(index, member)| {
            let parsed = Self::parse(member);
            parsed.map_err(|error| error.within(format!("member {index} of a fat file")))
        });
        // What is missing of one member is read together with what is missing of the others.
        let parsed: Vec<_> = parsed.collect();
        file.settled(parsed)?.into_iter().collect()
    }

    /// Reads the headers of `file`, which is not a fat one.
    ///
    /// # Errors
    /// Says what is wrong with the first header that cannot be read, and at which file offset.
    pub fn parse(file: impl Into<Bytes<'data>>) -> Result<Self, Error> {
        let file = file.into();
        let (is_64, endian) = header::magic(file)?;
        match is_64 {
            true => Self::parse_width::<MachHeader64<Endianness>>(file, endian),
            false => Self::parse_width::<MachHeader32<Endianness>>(file, endian),
        }
    }

    fn parse_width<H>(file: Bytes<'data>, endian: Endianness) -> Result<Self, Error>
    where
        H: object::read::macho::MachHeader<Endian = Endianness>,
    {
        let header = header::read(file.read::<H>(0, "the Mach-O header")?, endian);
        let commands = commands::read(file, &header, size_of::<H>() as u64)?;
        let (segments, sections) = segments::read::<H>(file, &header, &commands)?;
        Ok(Self {
            file,
            header,
            commands,
            segments,
            sections,
        })
    }

    /// The whole file, or the whole member of a fat one.
    pub fn file(&self) -> Bytes<'data> {
        self.file
    }

    /// The Mach-O header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The error that says that nothing is known of files of this `filetype`.
    pub fn unsupported_kind(&self) -> Error {
        let at = Offset(self.file.base().0.saturating_add(Header::KIND_AT));
        let message = format!(
            "`filetype` is {:#x} ({:?}); expected an object, a core file, a program, a library or \
             a kernel extension",
            self.header.kind.0, self.header.kind
        );
        Error::at(ErrorKind::UnsupportedBinary, at, message)
    }

    /// The load commands, in the file's order.
    pub fn commands(&self) -> &[LoadCommand<'data>] {
        &self.commands
    }

    /// The first load command of that kind.
    pub fn command(&self, kind: LoadCommandType) -> Option<&LoadCommand<'data>> {
        self.commands.iter().find(|command| command.kind == kind)
    }

    /// The segments, in the file's order.
    pub fn segments(&self) -> &[Segment<'data>] {
        &self.segments
    }

    /// The sections of all segments, in the file's order.
    pub fn sections(&self) -> &[Section<'data>] {
        &self.sections
    }

    /// The symbols of `LC_SYMTAB` that are not for debuggers only; none when the file was stripped.
    ///
    /// # Errors
    /// When the table does not lie inside the file.
    pub fn symbols(&self) -> Result<Vec<Symbol<'data>>, Error> {
        symbols::all(self)
    }

    /// The symbols that the loader finds in other files: those that `LC_DYSYMTAB` says are
    /// undefined, or all without one.
    ///
    /// # Errors
    /// When the table does not lie inside the file.
    pub fn undefined_symbols(&self) -> Result<Vec<Symbol<'data>>, Error> {
        symbols::undefined(self)
    }

    /// The code signature; `None` for a file that is not signed.
    ///
    /// # Errors
    /// When it does not lie inside the file, or is not put together as Apple's tools do it.
    pub fn code_signature(&self) -> Result<Option<CodeSignature>, Error> {
        signature::read(self)
    }

    /// The file offset at which the `size` bytes at `address` stand, if one segment has them all
    /// in its file part.
    pub fn offset_of(&self, address: Address, size: Size) -> Option<Offset> {
        let mut segments = self.segments.iter();
        segments.find_map(|segment| segment.offset_of(address, size))
    }
}
