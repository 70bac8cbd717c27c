//! A small ELF file, field by field, that can lie.
//!
//! [`Program::of_c`] is an honest program that is converted; a test changes one thing and looks at
//! what is said about it. Everything has a fixed place:
//!
//! ```text
//! 0x000  ELF header, program headers at 0x40          `-- PT_LOAD, R X, 0x000..0xa00
//! 0x400  the loader's path
//! 0x480  strings, 0x500 symbols
//! 0x600  relocations
//! 0x900  code: the entry point                        the rest of the page is empty: the stub
//! 0x1000 dynamic section                              `-- PT_LOAD, RW, 0x1000..0x1800
//! 0x1200 data: two words that are relocated
//! 0x1400 Go build info, if any
//! ```

#![expect(
    missing_docs,
    reason = "fields and constants bear the names that the specification gives them"
)]

use super::put;

pub const DATA: u64 = 0x1200;
pub const CODE: u64 = 0x900;

const PROGRAM_HEADERS: usize = 0x40;
const INTERPRETER: usize = 0x400;
const STRINGS: usize = 0x480;
const SYMBOLS: usize = 0x500;
const RELOCATIONS: usize = 0x600;
const DYNAMIC: usize = 0x1000;
const BUILD_INFO: usize = 0x1400;
const SIZE: usize = 0x1800;

pub const PT_LOAD: u32 = 1;
pub const PT_TLS: u32 = 7;
pub const PT_GNU_STACK: u32 = 0x6474_e551;
pub const PT_GNU_EH_FRAME: u32 = 0x6474_e550;
pub const PT_GNU_RELRO: u32 = 0x6474_e552;
pub const R_X86_64_64: u64 = 1;
pub const R_X86_64_GLOB_DAT: u64 = 6;
pub const R_X86_64_RELATIVE: u64 = 8;
pub const DT_INIT: u64 = 12;
pub const DT_SONAME: u64 = 14;
pub const DT_TEXTREL: u64 = 22;
pub const DT_INIT_ARRAY: u64 = 25;
pub const DT_INIT_ARRAYSZ: u64 = 27;
pub const DT_FLAGS_1: u64 = 0x6fff_fffb;
pub const DF_1_PIE: u64 = 0x0800_0000;

const READ: u32 = 4;
const WRITE: u32 = 2;
const EXECUTE: u32 = 1;

#[derive(Clone)]
pub struct Segment {
    pub kind: u32,
    pub flags: u32,
    pub offset: u64,
    pub address: u64,
    pub file_size: u64,
    pub memory_size: u64,
    pub align: u64,
}

impl Segment {
    /// A segment whose bytes have the same place in the file and in memory.
    pub fn new(kind: u32, flags: u32, start: u64, size: u64) -> Segment {
        Segment {
            kind,
            flags,
            offset: start,
            address: start,
            file_size: size,
            memory_size: size,
            align: if kind == PT_LOAD { 0x1000 } else { 8 },
        }
    }

    pub fn readable(kind: u32, start: u64, size: u64) -> Segment {
        Segment::new(kind, READ, start, size)
    }
}

#[derive(Clone)]
pub struct Relocation {
    pub target: u64,
    pub kind: u64,
    pub symbol: u64,
    pub addend: u64,
}

impl Relocation {
    pub fn relative(target: u64) -> Relocation {
        Relocation {
            target,
            kind: R_X86_64_RELATIVE,
            symbol: 0,
            addend: CODE,
        }
    }
}

pub struct Program {
    pub class: u8,
    pub data: u8,
    pub version: u8,
    pub os_abi: u8,
    pub kind: u16,
    pub machine: u16,
    pub entry: u64,
    /// `e_phentsize`; the right one unless it is set.
    pub header_size: Option<u16>,
    /// `e_phnum`; the right one unless it is set.
    pub header_count: Option<u16>,
    pub section_headers: u64,
    pub interpreter: Option<&'static str>,
    pub loads: [Segment; 2],
    pub segments: Vec<Segment>,
    pub needed: Vec<&'static str>,
    /// More entries of the dynamic section.
    pub tags: Vec<(u64, u64)>,
    /// How many entries the dynamic section has room for.
    pub capacity: u64,
    pub relocations: Vec<Relocation>,
    /// The one symbol's name.
    pub symbol: &'static str,
    /// The settings of a Go build info.
    pub go: Option<&'static str>,
    /// Bytes that are written over all that.
    pub patches: Vec<(usize, &'static [u8])>,
    /// Where the file ends.
    pub size: usize,
}

impl Program {
    pub fn of_c() -> Program {
        Program {
            class: 2,
            data: 1,
            version: 1,
            os_abi: 0,
            kind: 3,
            machine: 62,
            entry: CODE,
            header_size: None,
            header_count: None,
            section_headers: 0,
            interpreter: Some("/lib64/ld-linux-x86-64.so.2"),
            loads: [
                Segment::new(PT_LOAD, READ | EXECUTE, 0, 0xa00),
                Segment::new(PT_LOAD, READ | WRITE, DYNAMIC as u64, 0x800),
            ],
            segments: Vec::new(),
            needed: Vec::new(),
            tags: vec![(DT_FLAGS_1, DF_1_PIE)],
            capacity: 32,
            relocations: vec![Relocation::relative(DATA), Relocation::relative(DATA + 8)],
            symbol: "absent",
            go: None,
            patches: Vec::new(),
            size: SIZE,
        }
    }

    /// The same program as if Go's linker had made it.
    pub fn of_go(settings: &'static str) -> Program {
        Program {
            go: Some(settings),
            ..Program::of_c()
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut file = vec![0; SIZE];
        let (strings, needed) = self.strings();
        put(&mut file, STRINGS, &strings);
        let segments = self.all_segments();
        put(&mut file, 0, &self.elf_header(segments.len() as u16));
        for (index, segment) in segments.iter().enumerate() {
            let header = self.program_header(segment);
            put(&mut file, PROGRAM_HEADERS + index * header.len(), &header);
        }
        if let Some(path) = self.interpreter {
            put(&mut file, INTERPRETER, path.as_bytes());
        }
        // The first symbol is the empty one; only the name of the second is set.
        put(&mut file, SYMBOLS + 24, &self.number(1, 4));
        for (index, relocation) in self.relocations.iter().enumerate() {
            let info = relocation.symbol << 32 | relocation.kind;
            let words = [relocation.target, info, relocation.addend];
            put(&mut file, RELOCATIONS + index * 24, &self.words(&words));
        }
        let mut entries = needed.map(|name| (1, name)).collect::<Vec<_>>();
        entries.extend([(5, STRINGS as u64), (10, strings.len() as u64)]);
        entries.push((6, SYMBOLS as u64));
        if !self.relocations.is_empty() {
            let size = self.relocations.len() as u64 * 24;
            entries.extend([(7, RELOCATIONS as u64), (8, size)]);
        }
        entries.extend(&self.tags);
        for (index, (tag, value)) in entries.into_iter().enumerate() {
            let entry = self.words(&[tag, value]);
            put(&mut file, DYNAMIC + index * entry.len(), &entry);
        }
        if let Some(settings) = self.go {
            put(&mut file, BUILD_INFO, &build_info(settings));
        }
        for (offset, bytes) in &self.patches {
            put(&mut file, *offset, bytes);
        }
        file.truncate(self.size);
        file
    }

    /// The string table, and where in it the names of the libraries are.
    fn strings(&self) -> (Vec<u8>, impl Iterator<Item = u64>) {
        let mut strings = vec![0];
        let mut places = Vec::new();
        for name in [self.symbol].iter().chain(&self.needed) {
            places.push(strings.len() as u64);
            strings.extend(name.as_bytes());
            strings.push(0);
        }
        (strings, places.into_iter().skip(1))
    }

    fn all_segments(&self) -> Vec<Segment> {
        let mut segments = self.loads.to_vec();
        if let Some(path) = self.interpreter {
            let size = path.len() as u64 + 1;
            segments.push(Segment::readable(3, INTERPRETER as u64, size));
        }
        let size = self.capacity * if self.class == 1 { 8 } else { 16 };
        segments.push(Segment::readable(2, DYNAMIC as u64, size));
        segments.extend(self.segments.iter().cloned());
        segments
    }

    fn elf_header(&self, count: u16) -> Vec<u8> {
        let [header, entry, section] = if self.class == 1 {
            [52, 32, 40]
        } else {
            [64, 56, 64]
        };
        let mut bytes = b"\x7fELF".to_vec();
        bytes.extend([self.class, self.data, self.version, self.os_abi]);
        bytes.resize(16, 0);
        let half = |value: u16| self.number(value.into(), 2);
        bytes.extend([half(self.kind), half(self.machine)].concat());
        bytes.extend(self.number(1, 4));
        bytes.extend(self.words(&[self.entry, PROGRAM_HEADERS as u64, self.section_headers]));
        bytes.extend(self.number(0, 4));
        bytes.extend(half(header));
        bytes.extend(half(self.header_size.unwrap_or(entry)));
        bytes.extend(half(self.header_count.unwrap_or(count)));
        bytes.extend([half(section), half(0), half(0)].concat());
        bytes
    }

    fn program_header(&self, segment: &Segment) -> Vec<u8> {
        let kind = self.number(segment.kind.into(), 4);
        let flags = self.number(segment.flags.into(), 4);
        let places = [segment.offset, segment.address, segment.address];
        let places = self.words(&places);
        let sizes = self.words(&[segment.file_size, segment.memory_size]);
        let align = self.words(&[segment.align]);
        // The two classes have the flags in different places.
        if self.class == 1 {
            [kind, places, sizes, flags, align].concat()
        } else {
            [kind, flags, places, sizes, align].concat()
        }
    }

    fn words(&self, values: &[u64]) -> Vec<u8> {
        let size = if self.class == 1 { 4 } else { 8 };
        let words = values.iter().flat_map(|value| self.number(*value, size));
        words.collect()
    }

    fn number(&self, value: u64, size: usize) -> Vec<u8> {
        if self.data == 2 {
            value.to_be_bytes()[8 - size..].to_vec()
        } else {
            value.to_le_bytes()[..size].to_vec()
        }
    }
}

/// Go's build info with these settings, in the format that Go writes since 1.18.
fn build_info(settings: &str) -> Vec<u8> {
    let mut bytes = b"\xff Go buildinf:\x08\x02".to_vec();
    bytes.resize(32, 0);
    let modules = format!("0123456789abcdefpath\tforged\n{settings}0123456789abcdef");
    for text in ["go1.26.0", &modules] {
        assert!(text.len() < 128, "one byte says how long it is");
        bytes.push(text.len() as u8);
        bytes.extend(text.as_bytes());
    }
    bytes
}
