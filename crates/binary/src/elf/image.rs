//! ELF files as sections and symbols.

use object::Endianness;
use object::elf::{PF_W, PF_X, SHF_COMPRESSED, SHF_EXECINSTR, SHF_WRITE, SHT_NULL};

use super::{Elf, RelocationTable};
use crate::bytes::Bytes;
use crate::error::{Error, well_formed};
use crate::image::{Format, Image, Loaded, Section, Symbol};
use crate::partial::Incomplete;
use crate::quantity::{Address, Offset, Size};

impl<'data> Image<'data> for Elf<'data> {
    fn format(&self) -> Format {
        Format::Elf
    }

    fn file(&self) -> Bytes<'data> {
        self.file
    }

    fn endian(&self) -> Endianness {
        self.header.endian
    }

    fn sections(&self) -> Vec<Section<'data>> {
        let sections = self.sections.iter().filter(|s| s.kind != SHT_NULL);
        let sections = sections.filter_map(|section| {
            Some(Section {
                name: section.name,
                address: section.address,
                size: section.size,
                data: self.section_data(section).ok()?,
                executable: section.flags.contains(SHF_EXECINSTR),
                writable: section.flags.contains(SHF_WRITE),
            })
        });
        sections.collect()
    }

    fn symbols(&self) -> Result<Vec<Symbol<'data>>, Error> {
        let symbols = self.symbols()?.into_iter().map(|symbol| Symbol {
            name: symbol.name,
            address: (symbol.section != 0).then_some(symbol.address),
            size: Some(symbol.size),
        });
        Ok(symbols.collect())
    }

    fn loaded(&self) -> Vec<Loaded<'data>> {
        let parts = self.loads().filter_map(|segment| {
            Some(Loaded {
                address: segment.address,
                data: self.segment_data(segment).ok()?,
                writable: segment.has(PF_W),
                executable: segment.has(PF_X),
            })
        });
        parts.collect()
    }

    fn relative(&self) -> Result<Vec<(Address, Address)>, Incomplete> {
        let Some(dynamic) = well_formed(self.dynamic())?.flatten() else {
            return Ok(Vec::new());
        };
        let relas = self.relas(&dynamic, RelocationTable::Rela);
        let Some(relas) = well_formed(relas)?.flatten() else {
            return Ok(Vec::new());
        };
        // Those that name a symbol are about another file.
        let relative = relas.iter().filter(|rela| rela.symbol == 0);
        Ok(relative
            .map(|rela| (rela.target, Address(rela.addend.cast_unsigned())))
            .collect())
    }

    fn is_compressed(&self, section: &Section<'data>) -> bool {
        let same =
            |it: &&super::Section<'_>| it.offset == section.offset() && it.name == section.name;
        let found = self.sections.iter().find(same);
        found.is_some_and(|found| found.flags.contains(SHF_COMPRESSED))
    }

    fn offset_of(&self, address: Address, size: Size) -> Option<Offset> {
        self.offset_of(address, size)
    }
}
