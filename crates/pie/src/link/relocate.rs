//! Puts values into places: each relocation of each section that goes into the file.
//!
//! Words that hold an address get the address at which the program is linked, although the stub
//! adds the load bias to them later: Go's linker hashes them where they stand for the FIPS 140
//! self-test (`elffips` in cmd/link/internal/ld/fips140.go), and RELR has no other place for it.

use handpie_binary::elf::Section;
use handpie_binary::elf::constants::SHF_ALLOC;

use super::cpu::{Block, Slot, Value};
use super::error::{Code, Error, unlinkable};
use super::field::Field;
use super::layout::{Group, Item, Layout};
use super::object::{Object, Table};
use super::references::{References, Target, Use};

/// What is needed to work out values.
pub(super) struct Linker<'a, 'data> {
    pub(super) object: &'a Object<'data>,
    pub(super) layout: &'a Layout,
    pub(super) references: &'a References,
}

impl Linker<'_, '_> {
    /// Applies every relocation to the sections in `file`.
    pub(super) fn relocate(&self, file: &mut [u8]) -> Result<(), Error> {
        for table in &self.object.tables {
            let Some(section) = self.object.elf.sections().get(table.target) else {
                continue;
            };
            let Some(start) = self.file_offset(section) else {
                continue;
            };
            let start = length(start);
            let end = start.saturating_add(length(section.file_size().0));
            let Some(bytes) = file.get_mut(start..end) else {
                continue;
            };
            self.relocate_section(table, section, bytes)?;
        }
        Ok(())
    }

    fn relocate_section(
        &self,
        table: &Table<'_>,
        section: &Section<'_>,
        bytes: &mut [u8],
    ) -> Result<(), Error> {
        let address = self.layout.address_of(section.index).unwrap_or(0);
        let upper = self.upper_parts(table, section, address)?;
        for relocation in table.iter() {
            let one = Use::of(self.object, section, relocation)?;
            let start = length(relocation.offset);
            let place = bytes.get_mut(start..start.saturating_add(one.kind.field.size()));
            let Some(place) = place else { continue };
            let addend = relocation
                .addend
                .unwrap_or_else(|| one.kind.field.addend(place));
            let value = match one.kind.value {
                Value::Partner => self.partner(&one, &upper)?,
                _ => self.value(&one, address.wrapping_add(relocation.offset), addend)?,
            };
            if one.kind.field.store(place, value).is_err() {
                let message = format!("{one}: value {value:#x} does not fit into the field");
                return unlinkable(Code::OutOfRange, message);
            }
        }
        Ok(())
    }

    /// S, A, P and G as in [`Value`].
    fn value(&self, one: &Use<'_, '_>, place: u64, addend: i64) -> Result<i64, Error> {
        let relative = |target: u64| target.wrapping_sub(place).cast_signed();
        let value = match one.kind.value {
            Value::Absolute => self.number(one)?.cast_signed(),
            Value::Relative => relative(self.number(one)?),
            Value::Slot(slot) => relative(self.slot(one, slot)?),
            Value::Table => relative(self.table()),
            Value::SlotInTable(slot) => {
                let slot = self.slot(one, slot)?;
                slot.wrapping_sub(self.table()).cast_signed()
            }
            Value::Partner => 0,
        };
        let value = value.wrapping_add(addend);
        // On a 32-bit CPU, all that is worked out at run time is so modulo 2^32.
        match self.object.cpu.word() {
            4 if one.kind.field == Field::Word32 => {
                let [a, b, c, d, ..] = value.to_le_bytes();
                Ok(i32::from_le_bytes([a, b, c, d]).into())
            }
            _ => Ok(value),
        }
    }

    /// The number that the symbol stands for, as linked.
    fn number(&self, one: &Use<'_, '_>) -> Result<u64, Error> {
        Ok(match one.target()? {
            Target::Image(section, inside) => self.image(section, inside),
            Target::Number(number) => number,
            Target::Thread(inside) => inside,
            Target::Table => self.table(),
        })
    }

    pub(super) fn image(&self, section: usize, inside: u64) -> u64 {
        let address = self.layout.address_of(section).unwrap_or(0);
        address.wrapping_add(inside)
    }

    /// The address of the global offset table.
    pub(super) fn table(&self) -> u64 {
        self.layout.find(Item::Table).map_or(0, |found| found.0)
    }

    fn slot(&self, one: &Use<'_, '_>, slot: Slot) -> Result<u64, Error> {
        let Some(number) = self.references.slot(slot, one.relocation.symbol) else {
            return Err(one.misplaced(
                "a section that is not loaded refers to the global offset \
                                      table",
            ));
        };
        let inside = number.saturating_mul(self.object.cpu.word());
        Ok(self.table().wrapping_add(inside))
    }

    /// What a slot of the global offset table holds.
    pub(super) fn slot_content(&self, slot: Slot, symbol: u32) -> i64 {
        let index = usize::try_from(symbol).unwrap_or(usize::MAX);
        let Some(symbol) = self.object.symbols.get(index) else {
            return 0;
        };
        match slot {
            Slot::Address => self
                .image(usize::from(symbol.section), symbol.value)
                .cast_signed(),
            Slot::ThreadOffset => {
                let block = self.layout.thread.map_or(Block::default(), |found| found.1);
                (self.object.cpu.thread_offset)(symbol.value, block)
            }
        }
    }

    /// The values whose upper part is stored in this section, by the offset of the instruction.
    fn upper_parts(
        &self,
        table: &Table<'_>,
        section: &Section<'_>,
        address: u64,
    ) -> Result<Vec<(u64, i64)>, Error> {
        let mut upper = Vec::new();
        for relocation in table.iter() {
            let one = Use::of(self.object, section, relocation)?;
            if one.kind.field == Field::High20 {
                let place = address.wrapping_add(relocation.offset);
                let addend = relocation.addend.unwrap_or(0);
                upper.push((relocation.offset, self.value(&one, place, addend)?));
            }
        }
        upper.sort_by_key(|(offset, _)| *offset);
        Ok(upper)
    }

    /// The value whose upper part stands at the symbol.
    fn partner(&self, one: &Use<'_, '_>, upper: &[(u64, i64)]) -> Result<i64, Error> {
        let found = match one.target()? {
            Target::Image(section, inside) if section == one.section.index => upper
                .binary_search_by_key(&inside, |(offset, _)| *offset)
                .ok()
                .and_then(|index| upper.get(index)),
            _ => None,
        };
        match found {
            Some((_, value)) => Ok(*value),
            None => Err(one.misplaced("the matching high-part relocation is missing")),
        }
    }

    fn file_offset(&self, section: &Section<'_>) -> Option<u64> {
        if section.flags.contains(SHF_ALLOC) {
            let (group, inside) = self.layout.place_of(section.index)?;
            return Some(self.layout.segment(group).offset.saturating_add(inside));
        }
        let mut unloaded = self.layout.unloaded.iter();
        unloaded
            .find(|(index, _)| *index == section.index)
            .map(|(_, offset)| *offset)
    }
}

/// The words that the stub moves, by their distance from the start of their segment: those of
/// RELRO, and those of the data.
pub(super) fn moved_words(
    object: &Object<'_>,
    layout: &Layout,
    references: &References,
) -> Result<(Vec<u64>, Vec<u64>), Error> {
    let (mut relro, mut data) = (Vec::new(), Vec::new());
    for &(section, offset) in &references.addresses {
        let Some((group, inside)) = layout.place_of(section) else {
            continue;
        };
        let word = inside.saturating_add(offset);
        match group {
            Group::Relro => relro.push(word),
            _ => data.push(word),
        }
    }
    let word = object.cpu.word();
    let table = layout.segment(Group::Relro).places.iter();
    let table = table.clone().find(|place| place.item == Item::Table);
    let table = table.map_or(0, |place| place.inside);
    for (number, (slot, _)) in references.slots.iter().enumerate() {
        if *slot == Slot::Address {
            relro.push(table.saturating_add((number as u64).saturating_mul(word)));
        }
    }
    for words in [&mut relro, &mut data] {
        words.sort_unstable();
        let twice = |pair: &[u64]| matches!(pair, [one, next] if next.saturating_sub(*one) < word);
        if let Some([_, second]) = words.windows(2).find(|pair| twice(pair)) {
            let message = format!("overlapping relocations at offset {second:#x} of the segment");
            return unlinkable(Code::MisplacedRelocation, message);
        }
    }
    Ok((relro, data))
}

pub(super) fn length(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}
