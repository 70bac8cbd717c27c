//! Judges objects one after the other: their CPU, whether there is machine code, their symbols, and
//! above all their relocations.

use std::collections::HashSet;

use handpie_binary::Endianness;
use handpie_binary::Offset;
use handpie_binary::elf::constants::{RelocationType, SHF_WRITE, STT_GNU_IFUNC};
use handpie_binary::elf::{Class, Section};
use object::read::elf::{Rel, Rela};

use super::cpu::{Cpu, Rule, Rules};
use super::object::{Entries, Object, Table, Trouble};
use super::offender::{Code, Group, RelocationSite, shown};
use super::reach::Link;
use super::{Libc, Survey, Unit};

/// What is known while objects are judged.
pub(super) struct Judge<'a, 'data> {
    answer: &'a mut Survey,
    libc: Libc,
    /// `None` where objects are not linked with each other.
    link: Option<Link<'data>>,
    /// The CPU of the first object, and its rules.
    cpu: Option<(&'static Cpu, Rules)>,
    /// The names of the groups that were kept.
    groups: HashSet<&'data [u8]>,
}

/// A relocation, of whatever form.
struct Entry {
    inside: u64,
    kind: RelocationType,
    symbol: u32,
}

/// The object that is judged.
struct Case<'o, 'data> {
    object: &'o Object<'data>,
    cpu: &'static Cpu,
    rules: &'o Rules,
    link: Option<&'o Link<'data>>,
    /// By the index of the symbol, whether it is a number. Looking for a name takes its time, and
    /// objects use some names thousands of times.
    numbers: Vec<Option<bool>>,
}

impl<'a, 'data> Judge<'a, 'data> {
    pub(super) fn new(answer: &'a mut Survey, libc: Libc, link: Option<Link<'data>>) -> Self {
        Self {
            answer,
            libc,
            link,
            cpu: None,
            groups: HashSet::new(),
        }
    }

    pub(super) fn judge(&mut self, unit: &Unit<'_, 'data>) {
        let mut group = Group::of(unit.file, unit.member);
        let judged = match &unit.object {
            Ok(object) => self.judge_object(object, &mut group),
            Err(trouble) => Err(trouble.clone()),
        };
        if let Err(Trouble { code, note }) = judged {
            let describe = |offender: &mut super::Offender| offender.note = note;
            group.add(self.answer, code, None, describe);
        }
    }

    fn judge_object(
        &mut self,
        object: &Object<'data>,
        group: &mut Group<'_>,
    ) -> Result<(), Trouble> {
        self.answer.objects = self.answer.objects.saturating_add(1);
        let cpu = self.check_cpu(object)?;
        if object.is_slim_lto() {
            let note = "contains only GCC's intermediate code, which is compiled at link time \
                        (LTO)";
            return Err(Trouble::new(Code::Lto, note));
        }
        let dropped = self.dropped(object)?;
        if self.libc == Libc::Musl {
            find_ifuncs(object, &dropped, group, self.answer);
        }
        let tables = object.tables()?;
        let Some((_, rules)) = &self.cpu else {
            return Ok(());
        };
        let mut case = Case {
            object,
            cpu,
            rules,
            link: self.link.as_ref(),
            numbers: Vec::new(),
        };
        for table in &tables {
            let section = object.section(table.target);
            let kept = section.filter(|section| !dropped.contains(&section.index));
            if let Some(section) = kept {
                case.judge_table(table, section, group, self.answer);
            }
        }
        Ok(())
    }

    /// The CPU of the object, which has to be that of all.
    fn check_cpu(&mut self, object: &Object<'_>) -> Result<&'static Cpu, Trouble> {
        let header = object.elf.header();
        let described = || {
            let word = match header.class {
                Class::Elf32 => 32,
                Class::Elf64 => 64,
            };
            let order = match header.endian {
                Endianness::Little => "little",
                Endianness::Big => "big",
            };
            format!("built for {:?}, {word}-bit, {order}-endian", header.machine)
        };
        self.answer.machine.get_or_insert(header.machine);
        let Some(cpu) = Cpu::of(header) else {
            return Err(Trouble::new(Code::UnknownCpu, described()));
        };
        match &self.cpu {
            None => self.cpu = Some((cpu, cpu.rules())),
            Some((first, _)) if !std::ptr::eq(*first, cpu) => {
                let note = format!("{}, unlike the first object", described());
                return Err(Trouble::new(Code::MixedCpus, note));
            }
            Some(_) => {}
        }
        Ok(cpu)
    }

    /// The sections of groups of which another object's copy is kept. None where objects are not
    /// linked with each other: any copy may be the one.
    fn dropped(&mut self, object: &Object<'data>) -> Result<HashSet<usize>, Trouble> {
        let mut dropped = HashSet::new();
        if self.link.is_some() {
            for comdat in object.groups()? {
                if !self.groups.insert(comdat.name) {
                    dropped.extend(comdat.sections);
                }
            }
        }
        Ok(dropped)
    }
}

/// The start-up code of musl relocates nothing else than words that move with the program; whoever
/// calls such a function jumps to where nothing was stored.
fn find_ifuncs(
    object: &Object<'_>,
    dropped: &HashSet<usize>,
    group: &mut Group<'_>,
    answer: &mut Survey,
) {
    for symbol in object.symbols() {
        let is_ifunc = symbol.is_defined() && symbol.info.st_type() == STT_GNU_IFUNC;
        if !is_ifunc || dropped.contains(&usize::from(symbol.section)) {
            continue;
        }
        group.add(answer, Code::Ifunc, None, |offender| {
            offender.note = format!(
                "`{}` is an ifunc (`STT_GNU_IFUNC`), whose resolver musl's start-up code does not \
                 call",
                shown(object.name(symbol))
            );
        });
    }
}

impl<'data> Case<'_, 'data> {
    fn judge_table(
        &mut self,
        table: &Table<'data>,
        section: &Section<'data>,
        group: &mut Group<'_>,
        answer: &mut Survey,
    ) {
        let endian = self.object.elf.header().endian;
        macro_rules! judge {
            ($entries:expr, $entry:ident => $kind:expr, $symbol:expr) => {{
                let entries = $entries;
                answer.relocations = answer.relocations.saturating_add(entries.len() as u64);
                for (number, $entry) in entries.iter().enumerate() {
                    let kind = $kind;
                    let Some(code) = self.offence(kind, section, || $symbol) else {
                        continue;
                    };
                    let entry = Entry {
                        inside: $entry.r_offset(endian).into(),
                        kind,
                        symbol: $symbol,
                    };
                    let size = size_of_val($entry) as u64;
                    let at = (number as u64).saturating_mul(size);
                    let offset = Offset(table.start.0.saturating_add(at));
                    group.add(answer, code, Some(offset), |offender| {
                        offender.place = Some(self.place(&entry, section));
                    });
                }
            }};
        }
        match table.entries {
            Entries::Rel32(entries) => {
                judge!(entries, it => Rel::r_type(it, endian), Rel::r_sym(it, endian));
            }
            Entries::Rel64(entries) => {
                judge!(entries, it => Rel::r_type(it, endian), Rel::r_sym(it, endian));
            }
            Entries::Rela32(entries) => judge!(
                entries, it => Rela::r_type(it, endian, false), Rela::r_sym(it, endian, false)
            ),
            Entries::Rela64(entries) => judge!(
                entries, it => Rela::r_type(it, endian, false), Rela::r_sym(it, endian, false)
            ),
            Entries::Unknown => {
                let code = Code::UnknownRelocation;
                group.add(answer, code, Some(table.start), |offender| {
                    offender.note = format!(
                        "section `{}` has relocations in an unsupported format (`SHT_CREL`)",
                        shown(section.name)
                    );
                });
            }
        }
    }

    /// What is wrong with a relocation in a section, if something is.
    fn offence(
        &mut self,
        kind: RelocationType,
        section: &Section<'_>,
        symbol: impl FnOnce() -> u32,
    ) -> Option<Code> {
        let code = match self.rules.of(kind) {
            Rule::Anywhere => return None,
            Rule::Writable if section.flags.contains(SHF_WRITE) => return None,
            Rule::Writable => Code::TextRelocation,
            Rule::Nowhere => Code::NarrowAddress,
            Rule::Unknown => return Some(Code::UnknownRelocation),
        };
        (!self.is_number(symbol())).then_some(code)
    }

    /// Whether a symbol is no address at all, but a number: then all is known when it is linked.
    fn is_number(&mut self, index: u32) -> bool {
        let Ok(at) = usize::try_from(index) else {
            return false;
        };
        if let Some(Some(known)) = self.numbers.get(at) {
            return *known;
        }
        let is_number = self.find_out(index);
        if self.numbers.len() <= at {
            self.numbers.resize(self.object.symbol_count(), None);
        }
        if let Some(known) = self.numbers.get_mut(at) {
            *known = Some(is_number);
        }
        is_number
    }

    fn find_out(&self, index: u32) -> bool {
        let Some(symbol) = self.object.symbol(index) else {
            return false;
        };
        match self.link {
            // The first symbol stands for none.
            _ if index == 0 || symbol.is_number() => true,
            Some(link) if !symbol.is_defined() => {
                link.is_number(self.object.name(symbol), symbol.is_weak())
            }
            _ => false,
        }
    }

    fn place(&self, entry: &Entry, section: &Section<'_>) -> RelocationSite {
        let symbol = self.object.symbol(entry.symbol);
        RelocationSite {
            relocation: self.cpu.name(entry.kind),
            section: shown(section.name),
            inside: entry.inside,
            symbol: shown(symbol.map_or(b"", |symbol| self.object.shown_name(symbol))),
        }
    }
}
