//! Mach-O files as sections and symbols.

use object::Endianness;
use object::macho::{VM_PROT_EXECUTE, VM_PROT_WRITE};

use super::MachO;
use crate::bytes::Bytes;
use crate::error::Error;
use crate::image::{Format, Image, Loaded, Section, Symbol};
use crate::quantity::{Address, Offset, Size};

impl<'data> Image<'data> for MachO<'data> {
    fn format(&self) -> Format {
        Format::MachO
    }

    fn file(&self) -> Bytes<'data> {
        self.file
    }

    fn endian(&self) -> Endianness {
        self.header.endian
    }

    fn sections(&self) -> Vec<Section<'data>> {
        let sections = self.sections.iter().map(|section| Section {
            name: section.name,
            address: section.address,
            size: section.size,
            data: section.data,
            executable: section.protection.contains(VM_PROT_EXECUTE),
            writable: section.protection.contains(VM_PROT_WRITE),
        });
        sections.collect()
    }

    fn symbols(&self) -> Result<Vec<Symbol<'data>>, Error> {
        let symbols = self.symbols()?.into_iter().map(|symbol| Symbol {
            name: symbol.name,
            address: (!symbol.is_undefined()).then_some(symbol.address),
            size: None,
        });
        Ok(symbols.collect())
    }

    fn loaded(&self) -> Vec<Loaded<'data>> {
        let parts = self.segments.iter().map(|segment| Loaded {
            address: segment.address,
            data: segment.data,
            writable: segment.protection.contains(VM_PROT_WRITE),
            executable: segment.protection.contains(VM_PROT_EXECUTE),
        });
        parts.collect()
    }

    fn offset_of(&self, address: Address, size: Size) -> Option<Offset> {
        self.offset_of(address, size)
    }
}
