//! Relocations: is each one just "add the load bias to this word", and can RELR say it?

use handpie_binary::elf::constants::{
    DF_TEXTREL, DT_ANDROID_REL, DT_ANDROID_RELA, DT_FLAGS, DT_REL, DT_RELSZ, DT_TEXTREL,
    DynamicFlags, PF_W, machine_names,
};
use handpie_binary::elf::{Dynamic, Elf, Rela, RelocationTable, Segment};
use handpie_binary::{Address, Error, Offset, Size, read_together};
use object::Endian;

use crate::arch::Cpu;
use crate::refusal::{Code, Refusal};
use crate::relr::WORD;

/// How many relocations of one sort are named before the rest is only counted.
const NAMED: usize = 3;

/// A word to relocate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Where it is.
    pub(crate) address: Address,
    /// Where it stands in the file.
    pub(crate) offset: Offset,
    /// What stands there before the load bias is added.
    pub(crate) value: u64,
}

/// All words to relocate, ascending; what cannot be converted goes to `refusals`.
pub(super) fn collect(
    elf: &Elf<'_>,
    cpu: &Cpu,
    dynamic: &Dynamic,
    refusals: &mut Vec<Refusal>,
) -> Result<Vec<Target>, Error> {
    // Whatever is relocated stands there, and is looked at sooner or later.
    let writable = elf.loads().filter(|segment| segment.has(PF_W));
    let words = read_together(writable.filter_map(|segment| elf.segment_data(segment).ok()));
    let tables = [RelocationTable::Rela, RelocationTable::JmpRel];
    let tables = tables.map(|table| elf.relas(dynamic, table));
    let packed = elf.relr_targets(dynamic);
    words?;
    let mut wrong = Wrong::default();
    let mut targets = Vec::new();
    for table in tables {
        let Some(relas) = table? else {
            continue;
        };
        targets.reserve(relas.len());
        let mut home = None;
        for rela in relas.iter() {
            if rela.kind == cpu.none {
                continue;
            }
            if rela.kind != cpu.relative || rela.symbol != 0 {
                wrong.kind.add(|| describe(elf, dynamic, &rela));
                continue;
            }
            match place(elf, &mut home, rela.target) {
                WordLocation::Word(offset) => targets.push(Target {
                    address: rela.target,
                    offset,
                    value: rela.addend.cast_unsigned(),
                }),
                WordLocation::ReadOnly => wrong.read_only.add(|| describe(elf, dynamic, &rela)),
                WordLocation::Nowhere => wrong.nowhere.add(|| describe(elf, dynamic, &rela)),
            }
        }
    }
    // A file may have both tables: the linker then packed what it could.
    let mut home = None;
    for address in packed? {
        match place(elf, &mut home, address) {
            WordLocation::Word(offset) => targets.push(Target {
                address,
                offset,
                value: word_at(elf, offset),
            }),
            WordLocation::ReadOnly => wrong.read_only.add(|| format!("address {address}")),
            WordLocation::Nowhere => wrong.nowhere.add(|| format!("address {address}")),
        }
    }
    targets.sort_unstable_by_key(|target| target.address);
    wrong.report(dynamic, &targets, refusals);
    Ok(targets)
}

/// Where a word to relocate lies.
enum WordLocation {
    /// In the file part of a writable segment, at this file offset.
    Word(Offset),
    /// In a segment that is not writable.
    ReadOnly,
    /// Outside the file, or at an address that RELR cannot hold.
    Nowhere,
}

/// `home` is the segment of the word before: most words have the same.
fn place<'elf>(
    elf: &'elf Elf<'_>,
    home: &mut Option<&'elf Segment>,
    address: Address,
) -> WordLocation {
    let inside = |segment: &Segment| segment.contains(address, Size(WORD));
    if !home.is_some_and(inside) {
        *home = elf.loads().find(|segment| inside(segment));
    }
    match *home {
        Some(segment) if !segment.has(PF_W) => WordLocation::ReadOnly,
        Some(segment) if address.0.is_multiple_of(2) => segment
            .offset_of(address, Size(WORD))
            .map_or(WordLocation::Nowhere, WordLocation::Word),
        _ => WordLocation::Nowhere,
    }
}

/// A relocation in the words of its specification: its type, the symbol it asks for, and where.
fn describe(elf: &Elf<'_>, dynamic: &Dynamic, rela: &Rela) -> String {
    let names = machine_names(elf.header().machine).r;
    let kind = match names.name(rela.kind) {
        Some(name) => format!("`{name}`"),
        None => format!("type {}", rela.kind.0),
    };
    let symbol = match rela.symbol {
        0 => String::new(),
        index => match dynamic.symbol_name(elf, index).unwrap_or_default() {
            Some(name) => format!(" of `{name}`"),
            None => format!(" of symbol {index}"),
        },
    };
    format!(
        "{kind}{symbol} for address {} (at offset {})",
        rela.target, rela.offset
    )
}

fn word_at(elf: &Elf<'_>, offset: Offset) -> u64 {
    // `place` found the word inside the file.
    let word = elf.file().read::<[u8; 8]>(offset.0, "a word to relocate");
    word.map_or(0, |bytes| elf.header().endian.read_u64(*bytes))
}

#[derive(Default)]
struct Wrong {
    kind: Named,
    read_only: Named,
    nowhere: Named,
}

impl Wrong {
    fn report(self, dynamic: &Dynamic, targets: &[Target], refusals: &mut Vec<Refusal>) {
        let mut refuse = |code, message: String| refusals.push(Refusal::new(code, message));
        let flags = DynamicFlags(dynamic.value(DT_FLAGS).unwrap_or(0));
        let announced = dynamic.value(DT_TEXTREL).is_some() || flags.contains(DF_TEXTREL);
        match (self.read_only.list(), announced) {
            (Some(list), _) => {
                let message = format!("relocations in memory that is not writable: {list}");
                refuse(Code::TextRelocations, message);
            }
            (None, true) => {
                let message = "`DT_TEXTREL` announces relocations in read-only segments";
                refuse(Code::TextRelocations, message.into());
            }
            (None, false) => {}
        }
        let mut unread = Vec::new();
        if let Some(list) = self.kind.list() {
            unread.push(format!(
                "relocations that require symbol lookup or function calls: {list}"
            ));
        }
        for (tag, size) in [
            (DT_REL, dynamic.value(DT_RELSZ).unwrap_or(0)),
            (DT_ANDROID_REL, 1),
            (DT_ANDROID_RELA, 1),
        ] {
            if dynamic.value(tag).is_some() && size > 0 {
                unread.push(format!("relocations in `{tag:?}` are not supported"));
            }
        }
        if !unread.is_empty() {
            refuse(Code::NonRelativeRelocation, unread.join("; "));
        }
        let mut unpackable = Vec::new();
        if let Some(list) = self.nowhere.list() {
            unpackable.push(format!(
                "relocations outside the file data or at unaligned addresses: {list}"
            ));
        }
        // RELR adds where RELA overwrites: a word named twice would be moved twice.
        let overlap = targets.windows(2).find_map(|pair| match pair {
            [first, second] => (second.address.0.saturating_sub(first.address.0) < WORD)
                .then_some((first.address, second.address)),
            _ => None,
        });
        if let Some((first, second)) = overlap {
            unpackable.push(format!(
                "overlapping relocations at addresses {first} and {second}"
            ));
        }
        if !unpackable.is_empty() {
            refuse(Code::UnpackableRelocation, unpackable.join("; "));
        }
    }
}

/// The first few of something, and how many there were.
#[derive(Default)]
struct Named {
    first: Vec<String>,
    count: usize,
}

impl Named {
    fn add(&mut self, describe: impl FnOnce() -> String) {
        if self.first.len() < NAMED {
            self.first.push(describe());
        }
        self.count = self.count.saturating_add(1);
    }

    fn list(&self) -> Option<String> {
        let rest = self.count.saturating_sub(self.first.len());
        let list = self.first.join("; ");
        match (self.count, rest) {
            (0, _) => None,
            (_, 0) => Some(list),
            (_, rest) => Some(format!("{list}; and {rest} more")),
        }
    }
}
