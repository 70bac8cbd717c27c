//! Forges the one object that Go's linker hands to an external linker, without any tool: small, but
//! with every kind of section and relocation that Go writes.

#![expect(
    missing_docs,
    reason = "fields and constants bear the names that the specification gives them"
)]

pub const EM_386: u16 = 3;
pub const EM_ARM: u16 = 40;
pub const EM_RISCV: u16 = 243;
/// Not linked for; objects of it are surveyed.
pub const EM_X86_64: u16 = 62;
pub const MACHINES: [u16; 3] = [EM_386, EM_ARM, EM_RISCV];

const PROGBITS: u32 = 1;
const NOTE: u32 = 7;
const NOBITS: u32 = 8;
const WRITE: u64 = 1;
const ALLOC: u64 = 2;
const EXEC: u64 = 4;
const TLS: u64 = 0x400;

/// Sections, by their number in the file.
pub const TEXT: usize = 1;
pub const RODATA: usize = 2;
pub const BUILD_ID: usize = 3;
pub const RELRO: usize = 4;
pub const DATA: usize = 5;
pub const BSS: usize = 6;
pub const TBSS: usize = 7;
pub const DEBUG: usize = 8;

/// Symbols, by their number in the table.
pub const FUNCTION: u32 = 1;
pub const VARIABLE: u32 = 2;
pub const CONSTANT: u32 = 3;
pub const THREAD: u32 = 4;
pub const LABEL: u32 = 5;
pub const DEBUG_SECTION: u32 = 6;
pub const OTHER_LABEL: u32 = 7;
pub const THREAD_LABEL: u32 = 8;
pub const SLOT_LABEL: u32 = 9;
pub const MAIN: u32 = 10;
pub const GOT: u32 = 11;

/// Where symbols stand in their sections.
pub const FUNCTION_AT: u64 = 0x80;
pub const VARIABLE_AT: u64 = 0x20;
pub const CONSTANT_AT: u64 = 0x10;
pub const THREAD_AT: u64 = 4;
pub const MAIN_AT: u64 = 0x40;

#[derive(Clone, Debug)]
pub struct Section {
    pub name: &'static str,
    pub kind: u32,
    pub flags: u64,
    pub align: u64,
    pub data: Vec<u8>,
    /// The size in memory, of a section without bytes.
    pub zeros: u64,
    /// `sh_info`.
    pub info: u32,
    pub relocations: Vec<Relocation>,
}

#[derive(Clone, Copy, Debug)]
pub struct Relocation {
    pub offset: u64,
    pub kind: u32,
    pub symbol: u32,
    /// Stored in the place itself on 32-bit CPUs.
    pub addend: i64,
}

#[derive(Clone, Copy, Debug)]
pub struct Symbol {
    pub name: &'static str,
    pub info: u8,
    pub section: u16,
    pub value: u64,
}

#[derive(Clone, Debug)]
pub struct Object {
    pub machine: u16,
    /// `e_type`.
    pub kind: u16,
    pub sections: Vec<Section>,
    pub symbols: Vec<Symbol>,
}

impl Object {
    /// An object with one relocation of every kind that Go writes for that CPU.
    pub fn of(machine: u16) -> Self {
        let mut object = Self::plain(machine);
        object.add_relocations();
        object
    }

    pub fn is_64(&self) -> bool {
        ![EM_386, EM_ARM].contains(&self.machine)
    }

    pub fn word(&self) -> usize {
        if self.is_64() { 8 } else { 4 }
    }

    /// The same without relocations.
    pub fn plain(machine: u16) -> Self {
        let section = |name, kind, flags, align, data: Vec<u8>, zeros| Section {
            name,
            kind,
            flags,
            align,
            data,
            zeros,
            info: 0,
            relocations: Vec::new(),
        };
        let note = [&[4, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0][..], b"Go\0\0build-id"].concat();
        let sections = vec![
            section("", 0, 0, 0, Vec::new(), 0),
            section(".text", PROGBITS, ALLOC | EXEC, 16, vec![0x90; 0x100], 0),
            section(".rodata", PROGBITS, ALLOC, 32, vec![0x52; 0x42], 0),
            section(".note.go.buildid", NOTE, ALLOC, 4, note, 0),
            section(
                ".data.rel.ro",
                PROGBITS,
                ALLOC | WRITE,
                32,
                vec![0; 0x60],
                0,
            ),
            section(".data", PROGBITS, ALLOC | WRITE, 32, vec![0; 0x90], 0),
            section(".bss", NOBITS, ALLOC | WRITE, 32, Vec::new(), 0x123),
            section(".tbss", NOBITS, ALLOC | WRITE | TLS, 8, Vec::new(), 12),
            section(".debug_info", PROGBITS, 0, 1, vec![0; 0x31], 0),
        ];
        let symbol = |name, info, section: usize, value| Symbol {
            name,
            info,
            section: section as u16,
            value,
        };
        let symbols = vec![
            symbol("", 0, 0, 0),
            symbol("main.function", 2, TEXT, FUNCTION_AT),
            symbol("main.variable", 1, DATA, VARIABLE_AT),
            symbol("main.constant", 1, RODATA, CONSTANT_AT),
            symbol("runtime.tlsg", 6, TBSS, THREAD_AT),
            symbol(".L0 ", 2, TEXT, 8),
            symbol("", 3, DEBUG, 0),
            symbol(".L1 ", 2, TEXT, 0x10),
            symbol(".L2 ", 2, TEXT, 0x18),
            symbol(".L3 ", 2, TEXT, 0x20),
            symbol("main", 0x12, TEXT, MAIN_AT),
            symbol("_GLOBAL_OFFSET_TABLE_", 0x10, 0, 0),
        ];
        Self {
            machine,
            kind: 1,
            sections,
            symbols,
        }
    }

    fn add_relocations(&mut self) {
        match self.machine {
            EM_386 => {
                // R_386_PC32 of a call; the two that share a place; R_386_32.
                self.relocate(TEXT, 4, 2, FUNCTION, -4);
                self.relocate(TEXT, 12, 10, 0, 2);
                self.relocate_again(TEXT, 12, 16, THREAD);
                self.relocate(TEXT, 20, 10, 0, 2);
                self.relocate_again(TEXT, 20, 3, VARIABLE);
            }
            EM_ARM => {
                // R_ARM_CALL, R_ARM_JUMP24, R_ARM_REL32, R_ARM_TLS_IE32, R_ARM_GOT_PREL.
                self.write(TEXT, 0, &0xeb00_0000_u32.to_le_bytes());
                self.write(TEXT, 4, &0xea00_0000_u32.to_le_bytes());
                self.relocate_instruction(TEXT, 0, 28, FUNCTION, -8);
                self.relocate_instruction(TEXT, 4, 29, FUNCTION, -8);
                self.relocate(TEXT, 8, 3, CONSTANT, 4);
                self.relocate(TEXT, 12, 107, THREAD, 4);
                self.relocate(TEXT, 16, 96, VARIABLE, 0);
            }
            _ => {
                // auipc and what uses it, twice; jal; a store; a slot.
                for (at, instruction) in [
                    (0, 0x0000_00ef_u32),
                    (8, 0x0000_0297),
                    (12, 0x0002_8293),
                    (0x10, 0x0000_0297),
                    (0x14, 0x00a2_b023),
                    (0x18, 0x0000_0297),
                    (0x1c, 0x0002_8293),
                    (0x20, 0x0000_0297),
                    (0x24, 0x0002_8293),
                ] {
                    self.write(TEXT, at, &instruction.to_le_bytes());
                }
                self.relocate(TEXT, 0, 17, FUNCTION, 0);
                self.relocate(TEXT, 8, 23, CONSTANT, 2);
                self.relocate(TEXT, 12, 24, LABEL, 0);
                self.relocate(TEXT, 0x10, 23, VARIABLE, 0);
                self.relocate(TEXT, 0x14, 25, OTHER_LABEL, 0);
                self.relocate(TEXT, 0x18, 21, THREAD, 0);
                self.relocate(TEXT, 0x1c, 24, THREAD_LABEL, 0);
                self.relocate(TEXT, 0x20, 20, VARIABLE, 0);
                self.relocate(TEXT, 0x24, 24, SLOT_LABEL, 0);
            }
        }
        let absolute = self.absolute();
        let word = self.word() as u64;
        self.relocate(RELRO, 0, absolute, FUNCTION, 1);
        self.relocate(RELRO, word, absolute, CONSTANT, 0);
        self.relocate(RELRO, 0x20, absolute, VARIABLE, 0);
        for index in 0..8 {
            self.relocate(DATA, 0x40 + index * word, absolute, VARIABLE, index as i64);
        }
        self.relocate(DEBUG, 1, absolute, FUNCTION, 3);
        // R_RISCV_32 beside the word.
        let narrow = if self.is_64() { 1 } else { absolute };
        self.relocate(DEBUG, 0x11, narrow, DEBUG_SECTION, 0x21);
    }

    /// `R_*_64` or `R_*_32`.
    pub fn absolute(&self) -> u32 {
        match self.machine {
            EM_386 => 1,
            _ => 2,
        }
    }

    pub fn relocate(&mut self, section: usize, offset: u64, kind: u32, symbol: u32, addend: i64) {
        if !self.is_64() {
            self.write(section, offset as usize, &(addend as i32).to_le_bytes());
        }
        self.sections[section].relocations.push(Relocation {
            offset,
            kind,
            symbol,
            addend,
        });
    }

    /// A second relocation of the same place, whose addend the first has seen to.
    fn relocate_again(&mut self, section: usize, offset: u64, kind: u32, symbol: u32) {
        self.sections[section].relocations.push(Relocation {
            offset,
            kind,
            symbol,
            addend: 0,
        });
    }

    /// An ARM branch, whose addend is counted in words.
    fn relocate_instruction(
        &mut self,
        section: usize,
        offset: u64,
        kind: u32,
        symbol: u32,
        addend: i32,
    ) {
        let at = offset as usize;
        let bits = ((addend >> 2) as u32) & 0x00ff_ffff;
        self.sections[section].data[at..at + 3].copy_from_slice(&bits.to_le_bytes()[..3]);
        self.relocate_again(section, offset, kind, symbol);
    }

    fn write(&mut self, section: usize, at: usize, bytes: &[u8]) {
        self.sections[section].data[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let mut writer = Writer {
            bytes: Vec::new(),
            word: self.word(),
        };
        let (file_header, section_header, symbol_size) = match self.is_64() {
            true => (64, 64, 24),
            false => (52, 40, 16),
        };
        writer.bytes.resize(file_header, 0);
        // name, kind, flags, offset, size, link, info, align, entry size
        let mut headers: Vec<[u64; 9]> = Vec::new();
        let mut names = vec![0u8];
        let mut name = |text: &str| {
            let at = names.len() as u64;
            names.extend(text.bytes());
            names.push(0);
            at
        };
        let symbols_at = self.sections.len() as u64;
        for section in &self.sections {
            writer.align();
            let offset = writer.bytes.len() as u64;
            writer.bytes.extend(&section.data);
            let size = section.data.len() as u64 + section.zeros;
            headers.push([
                name(section.name),
                section.kind.into(),
                section.flags,
                offset,
                size,
                0,
                section.info.into(),
                section.align,
                0,
            ]);
        }
        let mut strings = vec![0u8];
        writer.align();
        let offset = writer.bytes.len() as u64;
        for symbol in &self.symbols {
            writer.u32(strings.len() as u32);
            strings.extend(symbol.name.bytes());
            strings.push(0);
            if !self.is_64() {
                writer.word(symbol.value);
                writer.word(4);
            }
            writer.bytes.extend([symbol.info, 0]);
            writer.u16(symbol.section);
            if self.is_64() {
                writer.word(symbol.value);
                writer.word(4);
            }
        }
        let size = writer.bytes.len() as u64 - offset;
        let locals = self
            .symbols
            .iter()
            .take_while(|one| one.info < 0x10)
            .count() as u64;
        headers.push([
            name(".symtab"),
            2,
            0,
            offset,
            size,
            symbols_at + 1,
            locals,
            8,
            symbol_size,
        ]);
        headers.push([
            name(".strtab"),
            3,
            0,
            writer.bytes.len() as u64,
            strings.len() as u64,
            0,
            0,
            1,
            0,
        ]);
        writer.bytes.extend(&strings);
        for (index, section) in self.sections.iter().enumerate() {
            if section.relocations.is_empty() {
                continue;
            }
            writer.align();
            let offset = writer.bytes.len() as u64;
            for one in &section.relocations {
                writer.word(one.offset);
                if self.is_64() {
                    writer.word(u64::from(one.symbol) << 32 | u64::from(one.kind));
                    writer.word(one.addend as u64);
                } else {
                    writer.u32(one.symbol << 8 | one.kind);
                }
            }
            let (kind, entry) = if self.is_64() { (4, 24) } else { (9, 8) };
            let size = writer.bytes.len() as u64 - offset;
            headers.push([
                name(&format!(".rel{}", section.name)),
                kind,
                0,
                offset,
                size,
                symbols_at,
                index as u64,
                8,
                entry,
            ]);
        }
        let own = name(".shstrtab");
        headers.push([
            own,
            3,
            0,
            writer.bytes.len() as u64,
            names.len() as u64,
            0,
            0,
            1,
            0,
        ]);
        writer.bytes.extend(&names);
        writer.align();
        let headers_at = writer.bytes.len() as u64;
        for [name, kind, flags, offset, size, link, info, align, entry] in &headers {
            writer.u32(*name as u32);
            writer.u32(*kind as u32);
            for word in [*flags, 0, *offset, *size] {
                writer.word(word);
            }
            writer.u32(*link as u32);
            writer.u32(*info as u32);
            writer.word(*align);
            writer.word(*entry);
        }
        let mut header = Writer {
            bytes: Vec::new(),
            word: self.word(),
        };
        let class = if self.is_64() { 2 } else { 1 };
        header
            .bytes
            .extend([0x7f, b'E', b'L', b'F', class, 1, 1, 0]);
        header.bytes.extend([0; 8]);
        header.u16(self.kind);
        header.u16(self.machine);
        header.u32(1);
        header.word(0);
        header.word(0);
        header.word(headers_at);
        header.u32(0x0500_0002);
        for short in [
            file_header as u16,
            0,
            0,
            section_header,
            headers.len() as u16,
        ] {
            header.u16(short);
        }
        header.u16(headers.len() as u16 - 1);
        writer.bytes[..file_header].copy_from_slice(&header.bytes);
        writer.bytes
    }
}

struct Writer {
    bytes: Vec<u8>,
    word: usize,
}

impl Writer {
    fn u16(&mut self, value: u16) {
        self.bytes.extend(value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes.extend(value.to_le_bytes());
    }

    fn word(&mut self, value: u64) {
        self.bytes.extend(&value.to_le_bytes()[..self.word]);
    }

    fn align(&mut self) {
        while !self.bytes.len().is_multiple_of(16) {
            self.bytes.push(0);
        }
    }
}
