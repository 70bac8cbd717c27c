//! What every format has, under one name each: sections, symbols, and addresses whose bytes stand
//! somewhere in the file.
//!
//! For what is looked for in the same way in all of them, such as what a Go toolchain left behind.
//! What only one format has is asked of its own type.

use object::Endianness;

use crate::bytes::Bytes;
use crate::error::Error;
use crate::partial::Incomplete;
use crate::quantity::{Address, Offset, Size};

/// A binary of any format, as sections and symbols.
///
/// Every [`Offset`] counts from the first byte of the file, for a member of a fat file, too. Every
/// [`Address`] is the one that the linker wrote: in PE files, the image base is in it.
pub trait Image<'data> {
    /// The format.
    fn format(&self) -> Format;

    /// The binary's bytes: the whole file, or a member of a fat file.
    fn file(&self) -> Bytes<'data>;

    /// The byte order of everything in it.
    fn endian(&self) -> Endianness;

    /// The sections, in the file's order.
    fn sections(&self) -> Vec<Section<'data>>;

    /// The symbols, in the file's order and without those that are for debuggers only; none when
    /// the file was stripped.
    ///
    /// # Errors
    /// When the table does not lie inside the file.
    fn symbols(&self) -> Result<Vec<Symbol<'data>>, Error>;

    /// The parts of the file that are loaded, each where the loader puts it: segments, and in PE
    /// files sections. Files that were stripped of their section headers have them, too.
    fn loaded(&self) -> Vec<Loaded<'data>>;

    /// The file offset at which the `size` bytes at `address` stand, if the loader maps them all
    /// from one stretch of the file.
    fn offset_of(&self, address: Address, size: Size) -> Option<Offset>;

    /// The `size` bytes at `address`, if the loader maps them all from one stretch of the file.
    fn data_at(&self, address: Address, size: Size) -> Option<Bytes<'data>> {
        let offset = self.offset_of(address, size)?;
        let start = offset.distance_from(self.file().base())?;
        self.file().slice(start.0, size, "data").ok()
    }

    /// Words that get an address when the program is loaded, and the address that the linker wrote
    /// for them elsewhere than in their place: the table of relative relocations with addends. Only
    /// 64-bit ELF files have it.
    ///
    /// # Errors
    /// [`Incomplete`] when it has not been read.
    fn relative(&self) -> Result<Vec<(Address, Address)>, Incomplete> {
        Ok(Vec::new())
    }

    /// Whether a section of this binary is compressed in the way of its format. Mach-O and PE have
    /// none; there, the name tells.
    fn is_compressed(&self, _section: &Section<'data>) -> bool {
        false
    }

    /// The first section of that name.
    fn section(&self, name: &str) -> Option<Section<'data>> {
        let mut sections = self.sections().into_iter();
        sections.find(|section| section.name == name.as_bytes())
    }
}

/// Bytes of the file that the loader maps.
#[derive(Clone, Copy, Debug)]
pub struct Loaded<'data> {
    /// Where they start in memory.
    pub address: Address,
    /// The bytes.
    pub data: Bytes<'data>,
    /// Whether their memory can be written to.
    pub writable: bool,
    /// Whether what is there can be run.
    pub executable: bool,
}

/// A format of executables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// The Executable and Linkable Format.
    Elf,
    /// Mach-O.
    MachO,
    /// The Portable Executable of Windows.
    Pe,
}

/// A section of any format.
#[derive(Clone, Copy, Debug)]
pub struct Section<'data> {
    /// The name, without its NULs; in Mach-O without that of the segment.
    pub name: &'data [u8],
    /// Where it starts in memory; 0 when it is not loaded.
    pub address: Address,
    /// How large it is in memory, in bytes.
    pub size: Size,
    /// The bytes it has in the file, as far as they are loaded: fewer than `size` when the rest is
    /// zero.
    pub data: Bytes<'data>,
    /// Whether its memory can be run.
    pub executable: bool,
    /// Whether its memory can be written to.
    pub writable: bool,
}

impl<'data> Section<'data> {
    /// Where its bytes stand in the file.
    pub fn offset(&self) -> Offset {
        self.data.base()
    }

    /// Its bytes in the file; of a longer section the first `cap`.
    pub fn start(&self, cap: u64) -> Bytes<'data> {
        let size = self.data.size().min(Size(cap));
        // Not longer than the section.
        self.data.slice(0, size, "a section").unwrap_or(self.data)
    }
}

/// A symbol of any format.
#[derive(Clone, Copy, Debug)]
pub struct Symbol<'data> {
    /// The name, without its NUL.
    pub name: &'data [u8],
    /// Where it is; `None` for one that the loader finds in another file.
    pub address: Option<Address>,
    /// The size of what it names; only ELF knows it.
    pub size: Option<Size>,
}
