//! A small PE file.

#![expect(
    missing_docs,
    reason = "fields and constants bear the names that the specification gives them"
)]

use super::writer::Writer;

pub const I386: u16 = 0x14c;
pub const AMD64: u16 = 0x8664;
pub const ARM64: u16 = 0xaa64;

pub const RELOCS_STRIPPED: u16 = 1;
pub const EXECUTABLE_IMAGE: u16 = 2;
pub const LARGE_ADDRESS_AWARE: u16 = 0x20;
pub const DLL: u16 = 0x2000;

pub const HIGH_ENTROPY_VA: u16 = 0x20;
pub const DYNAMIC_BASE: u16 = 0x40;
pub const NX_COMPAT: u16 = 0x100;
pub const NO_SEH: u16 = 0x400;
pub const GUARD_CF: u16 = 0x4000;

pub const CONSOLE: u16 = 3;
pub const EFI_APPLICATION: u16 = 10;

pub const CF_INSTRUMENTED: u32 = 0x100;
pub const CF_TABLE: u32 = 0x400;
pub const COOKIE_UNUSED: u32 = 0x800;

/// Where `IMAGE_NT_HEADERS` stands, and the sections, which lie in memory as they do in the file.
pub const NT_HEADERS: usize = 0x80;
pub const SECTION_HEADERS: usize = 0x188;
const TEXT: usize = 0x400;
pub const RDATA: usize = 0x600;
const DATA: usize = 0xa00;
pub const RELOC: usize = 0xc00;
const END: usize = 0xe00;

/// Places in `.rdata`.
const LOAD_CONFIG: usize = RDATA;
const DEBUG: usize = RDATA + 0x120;
const CET: usize = RDATA + 0x140;
const CLR: usize = RDATA + 0x150;
const IMPORTS: usize = RDATA + 0x1a0;
const NAMES: usize = RDATA + 0x200;
const TABLES: usize = RDATA + 0x280;
const CONSTANTS: usize = RDATA + 0x300;

/// What stands in the directory of base relocations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Relocations {
    /// No directory.
    None,
    /// A block whose only entries fill it up.
    Padding,
    /// A relocation, after some padding.
    Real,
    /// A directory that leads out of the image.
    Elsewhere,
}

/// The load configuration. Addresses are places in the file; see [`Pe::address`].
#[derive(Clone, Debug)]
pub struct LoadConfig {
    pub size: u32,
    pub cookie: u64,
    pub handlers: (u64, u64),
    pub check: u64,
    pub dispatch: u64,
    pub functions: (u64, u64),
    pub flags: u32,
}

/// What can be varied.
#[derive(Clone, Debug)]
pub struct Pe {
    pub machine: u16,
    pub characteristics: u16,
    pub dll_characteristics: u16,
    pub subsystem: u16,
    /// `Characteristics` of `.text` and `.data`.
    pub text: u32,
    pub data: u32,
    pub relocations: Relocations,
    pub load_config: Option<LoadConfig>,
    /// The extended DLL characteristics.
    pub cet: Option<u32>,
    /// `wCertificateType` and `dwLength`.
    pub certificate: Option<(u16, u32)>,
    pub symbols: Vec<&'static str>,
    pub imports: Vec<&'static str>,
    pub il_only: bool,
    /// What stands in `.rdata` behind the tables.
    pub constants: Vec<u8>,
    /// What stands in `.data`.
    pub variables: Vec<u8>,
}

impl Default for Pe {
    /// A program with everything that Microsoft's tools have.
    fn default() -> Self {
        Self::of(AMD64)
    }
}

impl Pe {
    pub fn of(machine: u16) -> Self {
        let mut pe = Self {
            machine,
            characteristics: EXECUTABLE_IMAGE | LARGE_ADDRESS_AWARE,
            dll_characteristics: HIGH_ENTROPY_VA | DYNAMIC_BASE | NX_COMPAT | GUARD_CF,
            subsystem: CONSOLE,
            text: 0x6000_0020,
            data: 0xc000_0040,
            relocations: Relocations::Real,
            load_config: None,
            cet: Some(1),
            certificate: Some((2, 0x20)),
            symbols: Vec::new(),
            imports: vec!["KERNEL32.dll"],
            il_only: false,
            constants: Vec::new(),
            variables: Vec::new(),
        };
        pe.load_config = Some(LoadConfig {
            size: if pe.is_64() { 0x118 } else { 0xa0 },
            cookie: pe.address(DATA + 0x40),
            handlers: (pe.address(TABLES), 2),
            check: pe.address(RDATA + 0x100),
            dispatch: 0,
            functions: (pe.address(TABLES + 0x20), 3),
            flags: CF_INSTRUMENTED | CF_TABLE,
        });
        pe
    }

    fn is_64(&self) -> bool {
        self.machine != I386
    }

    fn base(&self) -> u64 {
        if self.is_64() {
            0x1_4000_0000
        } else {
            0x40_0000
        }
    }

    /// The address of a place in the file.
    pub fn address(&self, place: usize) -> u64 {
        self.base() + Self::rva(place) as u64
    }

    /// Sections lie a page apart in memory.
    fn rva(place: usize) -> usize {
        let starts = [TEXT, RDATA, DATA, RELOC];
        let index = starts.iter().rposition(|start| *start <= place).unwrap();
        0x1000 * (index + 1) + place - starts[index]
    }

    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let mut file = Writer::new(false);
        file.name("MZ", 0x3c).u32(NT_HEADERS as u32).pad(NT_HEADERS);
        self.headers(&mut file);
        file.pad(TEXT).bytes.extend([0xcc; 0x100]);
        self.load_configuration(file.pad(LOAD_CONFIG));
        file.pad(DEBUG);
        for field in [0, 0, 0, 20, 4, Self::rva(CET) as u32, CET as u32] {
            file.u32(field);
        }
        file.pad(CET).u32(self.cet.unwrap_or(0));
        file.pad(CLR).u32(72).u16(2).u16(5).u64(0).u32(1);
        let mut at = NAMES;
        file.pad(IMPORTS);
        for name in &self.imports {
            file.u64(0).u32(0).u32(Self::rva(at) as u32).u32(0x1000);
            at += name.len() + 1;
        }
        file.pad(NAMES);
        for name in &self.imports {
            file.name(name, name.len() + 1);
        }
        file.pad(CONSTANTS).bytes.extend(&self.constants);
        file.pad(DATA).bytes.extend(&self.variables);
        file.pad(RELOC);
        let entries = match self.relocations {
            Relocations::Padding => [0, 0],
            _ => [0, 0xa010],
        };
        file.u32(0x1000).u32(12).u16(entries[0]).u16(entries[1]);
        file.pad(END);
        self.symbol_table(&mut file);
        let aligned = file.bytes.len().next_multiple_of(8);
        file.pad(aligned);
        if let Some((kind, length)) = self.certificate {
            assert_eq!(file.bytes.len(), self.certificate_at());
            let end = file.bytes.len() + 0x20;
            file.u32(length).u16(0x200).u16(kind).pad(end);
        }
        file.bytes
    }

    fn certificate_at(&self) -> usize {
        let names: usize = self.symbols.iter().map(|name| name.len() + 1).sum();
        let size = match self.symbols.is_empty() {
            true => 0,
            false => self.symbols.len() * 36 + 4 + names,
        };
        (END + size).next_multiple_of(8)
    }

    fn headers(&self, file: &mut Writer) {
        let is_64 = self.is_64();
        let symbols = (self.symbols.len() * 2) as u32;
        file.name("PE", 4)
            .u16(self.machine)
            .u16(4)
            .u32(0)
            .u32(if symbols == 0 { 0 } else { END as u32 })
            .u32(symbols)
            .u16(if is_64 { 240 } else { 224 })
            .u16(self.characteristics);
        file.u16(if is_64 { 0x20b } else { 0x10b });
        file.u16(14).u32(0).u32(0).u32(0).u32(0x1000).u32(0x1000);
        if !is_64 {
            file.u32(0x2000);
        }
        file.word(is_64, self.base()).u32(0x1000).u32(0x200);
        file.u64(6).u64(6).u32(0x5000).u32(TEXT as u32).u32(0);
        file.u16(self.subsystem).u16(self.dll_characteristics);
        for size in [0x10_0000, 0x1000, 0x10_0000, 0x1000] {
            file.word(is_64, size);
        }
        file.u32(0).u32(16);
        let mut directories = [(0, 0); 16];
        let mut set = |index: usize, present: bool, place: usize, size: u32| {
            if present {
                directories[index] = (Self::rva(place) as u32, size);
            }
        };
        set(1, !self.imports.is_empty(), IMPORTS, 0x60);
        set(5, self.relocations != Relocations::None, RELOC, 12);
        set(6, self.cet.is_some(), DEBUG, 28);
        set(10, self.load_config.is_some(), LOAD_CONFIG, 0x40);
        set(14, self.il_only, CLR, 72);
        if self.relocations == Relocations::Elsewhere {
            directories[5].0 = 0x9000_0000;
        }
        if self.certificate.is_some() {
            directories[4] = (self.certificate_at() as u32, 0x20);
        }
        for (rva, size) in directories {
            file.u32(rva).u32(size);
        }
        // In 32-bit files, these stand a little earlier.
        let sections = [
            (".text", TEXT, RDATA, self.text),
            (".rdata", RDATA, DATA, 0x4000_0040),
            (".data", DATA, RELOC, self.data),
            (".reloc", RELOC, END, 0x4200_0040),
        ];
        for (name, start, end, characteristics) in sections {
            file.name(name, 8)
                .u32((end - start) as u32)
                .u32(Self::rva(start) as u32)
                .u32((end - start) as u32)
                .u32(start as u32)
                .u64(0)
                .u32(0)
                .u32(characteristics);
        }
    }

    fn load_configuration(&self, file: &mut Writer) {
        let Some(config) = &self.load_config else {
            return;
        };
        let start = file.bytes.len();
        let is_64 = self.is_64();
        file.u32(config.size)
            .pad(start + if is_64 { 88 } else { 60 });
        for value in [
            config.cookie,
            config.handlers.0,
            config.handlers.1,
            config.check,
            config.dispatch,
            config.functions.0,
            config.functions.1,
        ] {
            file.word(is_64, value);
        }
        file.u32(config.flags);
    }

    /// Each symbol with one more entry of details, as functions have it.
    fn symbol_table(&self, file: &mut Writer) {
        if self.symbols.is_empty() {
            return;
        }
        let mut at = 4;
        for name in &self.symbols {
            file.u32(0).u32(at).u32(0x10).u16(1).u16(0x20).u8(2).u8(1);
            file.u64(u64::MAX).u64(u64::MAX).u16(u16::MAX);
            at += name.len() as u32 + 1;
        }
        file.u32(at);
        for name in &self.symbols {
            file.name(name, name.len() + 1);
        }
    }
}
