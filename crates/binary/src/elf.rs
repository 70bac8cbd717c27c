//! ELF files of both classes and both byte orders, as one model with 64-bit numbers.
//!
//! Field names and values follow the System V gABI; constants come from [`object::elf`].
//! Headers are read at once, so that a value of type [`Elf`] has all its tables inside the file;
//! what they point at (dynamic section, relocations, notes, symbols) is read when asked for.

mod header;
mod image;
mod segments;
mod sections;
mod dynamic;
mod references;
mod relocs;
mod relr;
mod notes;
mod symbols;
mod kind;

pub use dynamic::{Dynamic, DynamicEntry};
pub use header::{Class, Header};
pub use kind::Kind;
pub use notes::Note;
pub use object::Endianness;
pub use object::elf as constants;
pub use references::Reference;
pub use relocs::{Rela, Relas, RelocationTable};
pub use relr::decode_relr;
pub use sections::Section;
pub use segments::Segment;
pub use symbols::Symbol;

use object::elf::{FileHeader32, FileHeader64, PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_NOTE, SHT_NOTE};

use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::identify::{FileKind, identify};
use crate::limits::{MAX_INTERPRETER, MAX_NOTES};
use crate::partial::Incomplete;
use crate::quantity::{Address, Offset, Size};

/// All magics lie in so many bytes at the start of a file.
const IDENTIFYING: u64 = 16;

/// An ELF file whose headers have been read and lie inside the file.
#[derive(Debug)]
pub struct Elf<'data> {
    file: Bytes<'data>,
    header: Header,
    segments: Vec<Segment>,
    sections: Vec<Section<'data>>,
}

impl<'data> Elf<'data> {
    /// Reads the headers of `file`.
    ///
    /// # Errors
    /// Says what is wrong with the first header that cannot be read, and at which file offset.
    pub fn parse(file: impl Into<Bytes<'data>>) -> Result<Self, Error> {
        let file = file.into();
        let start = file.slice(0, file.size().min(Size(IDENTIFYING)), "the magic")?;
        match identify(start.data()?) {
            _ if file.size().0 == 0 => {
                return Err(Error::new(ErrorKind::Empty, "the file is empty"));
            }
            FileKind::Elf => {}
            other => {
                let message = format!("not an ELF file, but {}", other.describe());
                return Err(Error::at(ErrorKind::NotElf, Offset(0), message));
            }
        }
        let parsed = match header::class_of(file)? {
            Class::Elf32 => Self::parse_class::<FileHeader32<Endianness>>(file),
            Class::Elf64 => Self::parse_class::<FileHeader64<Endianness>>(file),
        };
        file.settled(parsed)?
    }

    fn parse_class<H>(file: Bytes<'data>) -> Result<Self, Error>
    where
        H: object::read::elf::FileHeader<Endian = Endianness>,
    {
        let raw = file.read::<H>(0, "the ELF header")?;
        let header = header::read(file, raw)?;
        Ok(Self {
            segments: segments::read::<H>(file, &header)?,
            sections: sections::read::<H>(file, &header)?,
            file,
            header,
        })
    }

    /// The whole file.
    pub fn file(&self) -> Bytes<'data> {
        self.file
    }

    /// The ELF header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The program headers, in the file's order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The section headers, in the file's order, the empty first one included; none when the file
    /// was stripped of them.
    pub fn sections(&self) -> &[Section<'data>] {
        &self.sections
    }

    /// The first section of that name.
    pub fn section(&self, name: &str) -> Option<&Section<'data>> {
        self.sections
            .iter()
            .find(|section| section.name == name.as_bytes())
    }

    /// The `PT_LOAD` segments, in the file's order.
    pub fn loads(&self) -> impl DoubleEndedIterator<Item = &Segment> + Clone {
        self.segments
            .iter()
            .filter(|segment| segment.kind == PT_LOAD)
    }

    /// The file offset at which the `size` bytes at `address` stand, if one `PT_LOAD` segment has
    /// them all in its file part.
    pub fn offset_of(&self, address: Address, size: Size) -> Option<Offset> {
        self.loads()
            .find_map(|segment| segment.offset_of(address, size))
    }

    /// The bytes of a segment that are in the file.
    ///
    /// # Errors
    /// None for a segment of this file: its range was checked when the headers were read.
    pub fn segment_data(&self, segment: &Segment) -> Result<Bytes<'data>, Error> {
        self.range(segment.offset, segment.file_size, "a segment")
    }

    /// The bytes of a section; none for `SHT_NOBITS`.
    ///
    /// # Errors
    /// None for a section of this file: its range was checked when the headers were read.
    pub fn section_data(&self, section: &Section<'_>) -> Result<Bytes<'data>, Error> {
        self.range(section.offset, section.file_size(), "a section")
    }

    /// The bytes of a section; of a longer one the first `cap`.
    pub fn section_start(&self, section: &Section<'_>, cap: u64) -> Bytes<'data> {
        let size = section.file_size().min(Size(cap));
        let start = self.range(section.offset, size, "a section");
        // Its range was checked when the headers were read.
        start.unwrap_or(self.file)
    }

    /// What has no bytes may claim to be anywhere.
    fn range(&self, offset: Offset, size: Size, what: &str) -> Result<Bytes<'data>, Error> {
        let start = if size.0 == 0 { 0 } else { offset.0 };
        self.file.slice(start, size, what)
    }

    /// The path in `PT_INTERP`, without its NUL: the dynamic loader that starts this program.
    ///
    /// # Errors
    /// When the path is longer than the kernel accepts.
    pub fn interpreter(&self) -> Result<Option<&'data [u8]>, Error> {
        let Some(segment) = self.segments.iter().find(|s| s.kind == PT_INTERP) else {
            return Ok(None);
        };
        if segment.file_size.0 > MAX_INTERPRETER {
            let message = format!(
                "`PT_INTERP` of {} bytes; the kernel accepts {:#x}",
                segment.file_size, MAX_INTERPRETER
            );
            return Err(Error::at(ErrorKind::TooLarge, segment.offset, message));
        }
        let data = self.segment_data(segment)?;
        match data.c_string(0)? {
            Some(path) => Ok(Some(path)),
            None => Ok(Some(data.data()?)),
        }
    }

    /// The dynamic section, from `PT_DYNAMIC`.
    ///
    /// # Errors
    /// When it has no end or more entries than any linker writes.
    pub fn dynamic(&self) -> Result<Option<Dynamic>, Error> {
        match self.segments.iter().find(|s| s.kind == PT_DYNAMIC) {
            Some(segment) => {
                dynamic::read(self.segment_data(segment)?, &self.header, segment).map(Some)
            }
            None => Ok(None),
        }
    }

    /// The notes of all `PT_NOTE` segments, and of the sections of notes that none of them covers:
    /// Go's linker lets its segment cover the first section only. A part ends early at the first note
    /// that is malformed.
    ///
    /// # Errors
    /// [`Incomplete`] when not all of them have been read.
    pub fn notes(&self) -> Result<Vec<Note<'data>>, Incomplete> {
        let segments = self.segments.iter();
        let segments = segments.filter(|segment| segment.kind == PT_NOTE);
        let is_covered = |section: &Section<'_>| {
            segments.clone().any(|segment| {
                section.offset >= segment.offset && section.file_end() <= segment.file_end()
            })
        };
        let sections = self.sections.iter();
        let alone = sections.filter(|section| section.kind == SHT_NOTE);
        let alone = alone.take(MAX_NOTES).filter(|section| !is_covered(section));
        let alone =
            alone.filter_map(|section| Some((self.section_data(section).ok()?, section.align)));
        let parts = segments
            .clone()
            .filter_map(|segment| Some((self.segment_data(segment).ok()?, segment.align)));
        notes::read(parts.chain(alone), self.header.endian)
    }

    /// The symbols of `.symtab`; none when the file was stripped.
    ///
    /// # Errors
    /// When the table does not lie inside the file.
    pub fn symbols(&self) -> Result<Vec<Symbol<'data>>, Error> {
        symbols::read(self)
    }

    /// The symbols that a loader resolves or offers to others.
    ///
    /// # Errors
    /// When the table does not lie inside the file.
    pub fn dynamic_symbols(&self) -> Result<Vec<Symbol<'data>>, Error> {
        symbols::read_dynamic(self)
    }
}
