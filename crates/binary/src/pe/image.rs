//! PE files as sections and symbols.

use object::Endianness;
use object::pe::{IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_WRITE};

use super::Pe;
use crate::bytes::Bytes;
use crate::error::Error;
use crate::image::{Format, Image, Loaded, Section, Symbol};
use crate::quantity::{Address, Offset, Size};

impl<'data> Image<'data> for Pe<'data> {
    fn format(&self) -> Format {
        Format::Pe
    }

    fn file(&self) -> Bytes<'data> {
        self.file
    }

    fn endian(&self) -> Endianness {
        Endianness::Little
    }

    fn sections(&self) -> Vec<Section<'data>> {
        let sections = self.sections.iter().map(|section| Section {
            name: section.name,
            address: section.address,
            size: section.memory_size,
            data: section.data,
            executable: section.characteristics.contains(IMAGE_SCN_MEM_EXECUTE),
            writable: section.characteristics.contains(IMAGE_SCN_MEM_WRITE),
        });
        sections.collect()
    }

    fn symbols(&self) -> Result<Vec<Symbol<'data>>, Error> {
        let symbols = self.symbols()?.into_iter().map(|symbol| Symbol {
            name: symbol.name,
            address: symbol.address,
            size: None,
        });
        Ok(symbols.collect())
    }

    fn loaded(&self) -> Vec<Loaded<'data>> {
        let parts = self.sections.iter().map(|section| Loaded {
            address: section.address,
            data: section.data,
            writable: section.characteristics.contains(IMAGE_SCN_MEM_WRITE),
            executable: section.characteristics.contains(IMAGE_SCN_MEM_EXECUTE),
        });
        parts.collect()
    }

    fn offset_of(&self, address: Address, size: Size) -> Option<Offset> {
        self.offset_of(address, size)
    }
}
