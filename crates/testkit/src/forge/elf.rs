//! ELF files that say whatever a test wants, of both classes and byte orders.
//!
//! One `PT_LOAD` maps the whole file at 0, or at a base, so that addresses are offsets, or offsets from
//! there.

#![expect(
    missing_docs,
    reason = "fields and constants bear the names that the specification gives them"
)]

use handpie_binary::elf::constants::{
    DT_NULL, DT_STRSZ, DT_STRTAB, DynamicTag, EM_X86_64, ET_DYN, FileType, Machine, PF_R, PF_X,
    PT_DYNAMIC, PT_LOAD, ProgramFlags, ProgramType, SHT_STRTAB, SectionFlags, SectionType,
};

pub struct ElfFile {
    kind: FileType,
    machine: Machine,
    os_abi: u8,
    entry: u64,
    /// Added to every address, and not to offsets.
    base: u64,
    /// Added to every physical address.
    moved: u64,
    /// What the segment with the whole file may be used for.
    whole: ProgramFlags,
    wide: bool,
    little: bool,
    segments: Vec<(ProgramType, ProgramFlags, Vec<u8>)>,
    sections: Vec<Section>,
    dynamic: Option<Dynamic>,
}

/// Entries, and the bytes of `DT_STRTAB`.
type Dynamic = (Vec<(DynamicTag, u64)>, Vec<u8>);

struct Section {
    name: &'static str,
    kind: SectionType,
    flags: u64,
    data: Vec<u8>,
}

impl Default for ElfFile {
    fn default() -> Self {
        Self::new()
    }
}

impl ElfFile {
    pub fn new() -> Self {
        Self {
            kind: ET_DYN,
            machine: EM_X86_64,
            os_abi: 0,
            entry: 0,
            base: 0,
            moved: 0,
            whole: PF_R,
            wide: true,
            little: true,
            segments: Vec::new(),
            sections: Vec::new(),
            dynamic: None,
        }
    }

    pub fn kind(mut self, kind: FileType) -> Self {
        self.kind = kind;
        self
    }

    pub fn machine(mut self, machine: Machine) -> Self {
        self.machine = machine;
        self
    }

    pub fn os_abi(mut self, os_abi: u8) -> Self {
        self.os_abi = os_abi;
        self
    }

    /// Linked to be at `base`, and started somewhere in it.
    pub fn at(mut self, base: u64) -> Self {
        self.base = base;
        self.entry = base + 0x40;
        self
    }

    /// Loaded so much further up than it is linked to.
    pub fn moved(mut self, by: u64) -> Self {
        self.moved = by;
        self
    }

    pub fn executable(mut self) -> Self {
        self.whole = PF_R | PF_X;
        self
    }

    /// 32-bit, most significant byte first.
    pub fn narrow_and_big(mut self) -> Self {
        self.wide = false;
        self.little = false;
        self
    }

    pub fn segment(mut self, kind: ProgramType, flags: ProgramFlags, data: &[u8]) -> Self {
        self.segments.push((kind, flags, data.to_vec()));
        self
    }

    pub fn section(
        mut self,
        name: &'static str,
        kind: SectionType,
        flags: SectionFlags,
        data: &[u8],
    ) -> Self {
        self.sections.push(Section {
            name,
            kind,
            flags: flags.0,
            data: data.to_vec(),
        });
        self
    }

    /// A dynamic section; strings in `names` have the indices they stand at.
    pub fn dynamic(mut self, entries: &[(DynamicTag, u64)], names: &[u8]) -> Self {
        self.dynamic = Some((entries.to_vec(), names.to_vec()));
        self
    }

    pub fn build(&self) -> Vec<u8> {
        let (header, entry, section_entry) = if self.wide {
            (64, 56, 64)
        } else {
            (52, 32, 40)
        };
        let count = self.segments.len() + 1 + usize::from(self.dynamic.is_some());
        let mut file = vec![0; (header + count * entry).next_multiple_of(16)];
        let mut place = |data: &[u8]| {
            let at = file.len();
            file.extend(data);
            file.resize(file.len().next_multiple_of(16), 0);
            (at as u64, data.len() as u64)
        };
        let mut segments: Vec<_> = self
            .segments
            .iter()
            .map(|(kind, flags, data)| (*kind, *flags, place(data)))
            .collect();
        if let Some((entries, names)) = &self.dynamic {
            let (names_at, names_size) = place(names);
            let names_at = names_at + self.base;
            let mut table = entries.clone();
            table.extend([(DT_STRTAB, names_at), (DT_STRSZ, names_size), (DT_NULL, 0)]);
            let words = table
                .iter()
                .flat_map(|(tag, value)| [tag.0.cast_unsigned(), *value]);
            let bytes: Vec<u8> = words.flat_map(|word| self.word(word)).collect();
            segments.push((PT_DYNAMIC, PF_R, place(&bytes)));
        }
        let mut names = vec![0u8];
        let mut sections = vec![(0u64, SectionType(0), 0u64, (0u64, 0u64))];
        for section in &self.sections {
            let name = names.len() as u64;
            names.extend(section.name.bytes());
            names.push(0);
            sections.push((name, section.kind, section.flags, place(&section.data)));
        }
        let with_sections = !self.sections.is_empty();
        if with_sections {
            sections.push((0, SHT_STRTAB, 0, place(&names)));
        }
        let table = file.len() as u64;
        if with_sections {
            for (name, kind, flags, (at, size)) in &sections {
                let address = if *flags & 2 != 0 { *at + self.base } else { 0 };
                file.extend(self.half(*name));
                file.extend(self.half(u64::from(kind.0)));
                for word in [*flags, address, *at, *size] {
                    file.extend(self.word(word));
                }
                file.extend([self.half(0), self.half(0)].concat());
                file.extend([self.word(1), self.word(0)].concat());
            }
        }
        segments.insert(0, (PT_LOAD, self.whole, (0, file.len() as u64)));
        for (index, (kind, flags, (at, size))) in segments.iter().enumerate() {
            let fields = if self.wide {
                let mut bytes = self.half(kind.0.into());
                bytes.extend(self.half(flags.0.into()));
                bytes.extend(
                    [
                        *at,
                        *at + self.base,
                        *at + self.base + self.moved,
                        *size,
                        *size,
                        1,
                    ]
                    .iter()
                    .flat_map(|&word| self.word(word)),
                );
                bytes
            } else {
                [
                    u64::from(kind.0),
                    *at,
                    *at + self.base,
                    *at + self.base + self.moved,
                    *size,
                    *size,
                    flags.0.into(),
                    1,
                ]
                .iter()
                .flat_map(|&word| self.half(word))
                .collect()
            };
            let start = header + index * entry;
            file[start..start + entry].copy_from_slice(&fields);
        }
        let names_index = if with_sections { sections.len() - 1 } else { 0 };
        let head = self.header(
            count,
            (table, sections.len(), section_entry, names_index),
            with_sections,
        );
        file[..head.len()].copy_from_slice(&head);
        file
    }

    fn header(
        &self,
        segments: usize,
        table: (u64, usize, usize, usize),
        with_sections: bool,
    ) -> Vec<u8> {
        let (at, count, entry, names) = table;
        let (header, program) = if self.wide { (64u16, 56u16) } else { (52, 32) };
        let mut head = b"\x7fELF".to_vec();
        head.extend([1 + u8::from(self.wide), 2 - u8::from(self.little), 1]);
        head.push(self.os_abi);
        head.resize(16, 0);
        head.extend(self.short(self.kind.0));
        head.extend(self.short(self.machine.0));
        head.extend(self.half(1));
        head.extend(self.word(self.entry));
        head.extend(self.word(header.into()));
        head.extend(self.word(if with_sections { at } else { 0 }));
        head.extend(self.half(0));
        let count = if with_sections { count } else { 0 };
        for number in [header, program, u16::try_from(segments).unwrap_or(u16::MAX)] {
            head.extend(self.short(number));
        }
        for number in [entry, count, names] {
            head.extend(self.short(u16::try_from(number).unwrap_or(u16::MAX)));
        }
        head
    }

    fn short(&self, value: u16) -> Vec<u8> {
        self.ordered(&value.to_le_bytes())
    }

    fn half(&self, value: u64) -> Vec<u8> {
        self.ordered(
            &u32::try_from(value & 0xffff_ffff)
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        )
    }

    /// A word of the class.
    fn word(&self, value: u64) -> Vec<u8> {
        match self.wide {
            true => self.ordered(&value.to_le_bytes()),
            false => self.half(value),
        }
    }

    fn ordered(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        if !self.little {
            bytes.reverse();
        }
        bytes
    }
}
