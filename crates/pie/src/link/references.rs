//! What the object's relocations ask for: slots in the global offset table, and words that hold
//! addresses, which the stub moves when the program starts.

use std::collections::BTreeMap;

use handpie_binary::elf::Section;
use handpie_binary::elf::constants::{
    SHF_ALLOC, SHF_TLS, SHF_WRITE, SHN_ABS, SHN_LORESERVE, SHN_UNDEF, SHT_NOBITS, STB_WEAK,
};

use super::cpu::{self, Slot, Value};
use super::error::{Code, Error, Reason, unlinkable};
use super::object::{Object, Relocation, shown};

/// The symbol that i386 code finds its global offset table by.
const TABLE: &[u8] = b"_GLOBAL_OFFSET_TABLE_";

/// What the object's relocations ask for.
#[derive(Default)]
pub(super) struct References {
    /// The slots, in the order in which they are first used.
    pub(super) slots: Vec<(Slot, u32)>,
    /// Sections and offsets of words that hold an address.
    pub(super) addresses: Vec<(usize, u64)>,
    index: BTreeMap<(Slot, u32), u64>,
}

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A place in the program: section, and distance from its start.
    Image(usize, u64),
    /// A number that stays what it is wherever the program is.
    Number(u64),
    /// A thread-local variable: its distance from the start of the block.
    Thread(u64),
    /// The global offset table.
    Table,
}

/// A relocation with what it is and where it stands.
pub(super) struct Use<'a, 'data> {
    pub(super) object: &'a Object<'data>,
    pub(super) section: &'a Section<'data>,
    pub(super) relocation: Relocation,
    pub(super) kind: &'static cpu::Relocation,
}

impl References {
    /// The number of the slot for a symbol.
    pub(super) fn slot(&self, slot: Slot, symbol: u32) -> Option<u64> {
        self.index.get(&(slot, symbol)).copied()
    }

    fn want(&mut self, slot: Slot, symbol: u32) {
        let next = self.slots.len() as u64;
        self.index.entry((slot, symbol)).or_insert_with(|| {
            self.slots.push((slot, symbol));
            next
        });
    }
}

/// Reads all relocations of sections that are loaded.
pub(super) fn collect(object: &Object<'_>) -> Result<References, Error> {
    let mut references = References::default();
    for table in &object.tables {
        let Some(section) = object.elf.sections().get(table.target) else {
            continue;
        };
        if !section.flags.contains(SHF_ALLOC) {
            continue;
        }
        for relocation in table.iter() {
            let one = Use::of(object, section, relocation)?;
            match one.kind.value {
                Value::Absolute => {
                    if let Target::Image(..) | Target::Table = one.target()? {
                        one.check_word()?;
                        references
                            .addresses
                            .push((section.index, relocation.offset));
                    }
                }
                Value::Slot(slot) | Value::SlotInTable(slot) => {
                    match (slot, one.target()?) {
                        (Slot::Address, Target::Image(..))
                        | (Slot::ThreadOffset, Target::Thread(_)) => {}
                        (_, other) => {
                            let what = format!("the symbol resolves to {other:?}");
                            return Err(one.misplaced(&what));
                        }
                    }
                    references.want(slot, relocation.symbol);
                }
                Value::Relative => match one.target()? {
                    Target::Image(..) | Target::Table => {}
                    other => {
                        let what = format!("the distance to {other:?} is not fixed");
                        return Err(one.misplaced(&what));
                    }
                },
                Value::Table | Value::Partner => {}
            }
        }
    }
    Ok(references)
}

impl<'a, 'data> Use<'a, 'data> {
    /// Checks that the relocation is one of this CPU and lies in its section.
    pub(super) fn of(
        object: &'a Object<'data>,
        section: &'a Section<'data>,
        relocation: Relocation,
    ) -> Result<Self, Error> {
        let Some(kind) = object.cpu.relocation(relocation.kind) else {
            let message = format!(
                "unsupported relocation type {:?} for {:?} at {:#x} of {}",
                relocation.kind.0,
                object.cpu.machine,
                relocation.offset,
                shown(section)
            );
            return unlinkable(Code::UnknownRelocation, message);
        };
        let one = Self {
            object,
            section,
            relocation,
            kind,
        };
        let end = relocation.offset.checked_add(kind.field.size() as u64);
        if section.kind == SHT_NOBITS || end.is_none_or(|end| end > section.size.0) {
            let size = section.file_size();
            return Err(one.misplaced(&format!("outside the section, which has {size} bytes")));
        }
        Ok(one)
    }

    /// What the symbol stands for.
    pub(super) fn target(&self) -> Result<Target, Error> {
        let index = usize::try_from(self.relocation.symbol).unwrap_or(usize::MAX);
        let symbols = &self.object.symbols;
        let Some(symbol) = symbols.get(index) else {
            let what = format!(
                "symbol does not exist; the last one is {}",
                symbols.len().saturating_sub(1)
            );
            return Err(self.misplaced(&what));
        };
        match symbol.section {
            section if section == SHN_UNDEF.0 => match () {
                () if symbol.name == TABLE => Ok(Target::Table),
                () if index == 0 || symbol.bind() == STB_WEAK => Ok(Target::Number(0)),
                () => {
                    let message = format!(
                        "`{}` is undefined; referenced by {self}",
                        symbol.shown(self.object)
                    );
                    unlinkable(Code::UndefinedSymbol, message)
                }
            },
            section if section == SHN_ABS.0 => Ok(Target::Number(symbol.value)),
            section if section >= SHN_LORESERVE => Err(self.misplaced(&format!(
                "the symbol's section is {section:#x}, which is \
                                             reserved"
            ))),
            section => {
                let section = usize::from(section);
                let sections = self.object.elf.sections();
                let flags = sections.get(section).map(|section| section.flags);
                Ok(match flags {
                    Some(flags) if flags.contains(SHF_TLS) => Target::Thread(symbol.value),
                    Some(flags) if flags.contains(SHF_ALLOC) => {
                        Target::Image(section, symbol.value)
                    }
                    // Sections that are not loaded start at 0, each.
                    _ => Target::Number(symbol.value),
                })
            }
        }
    }

    /// Checks that the stub can move the word.
    fn check_word(&self) -> Result<(), Error> {
        let cpu = self.object.cpu;
        if self.kind.field != cpu.word_field() {
            return Err(self.misplaced("the field is too narrow for an address"));
        }
        if !self.section.flags.contains(SHF_WRITE) {
            let message = format!("address in read-only {}: {self}", shown(self.section));
            return unlinkable(Code::TextRelocation, message);
        }
        if !self.relocation.offset.is_multiple_of(cpu.word())
            || !self.section.align.is_multiple_of(cpu.word())
        {
            return Err(self.misplaced("the word is not aligned"));
        }
        Ok(())
    }

    pub(super) fn misplaced(&self, why: &str) -> Error {
        Reason::new(Code::MisplacedRelocation, format!("{self}: {why}")).into()
    }
}

impl std::fmt::Display for Use<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Relocation { offset, symbol, .. } = self.relocation;
        write!(
            f,
            "`{}` at {offset:#x} of {}",
            self.kind.name,
            shown(self.section)
        )?;
        let index = usize::try_from(symbol).unwrap_or(usize::MAX);
        match self.object.symbols.get(index) {
            Some(found) if symbol > 0 => write!(f, ", symbol `{}`", found.shown(self.object)),
            _ => write!(f, ", symbol {symbol}"),
        }
    }
}
