//! A small Mach-O file, thin or a member of a fat one.

#![expect(
    missing_docs,
    reason = "fields and constants bear the names that the specification gives them"
)]

use super::writer::Writer;

pub const X86: u32 = 7;
pub const X86_64: u32 = 0x0100_0007;
pub const ARM64: u32 = 0x0100_000c;
pub const POWERPC: u32 = 18;

pub const OBJECT: u32 = 1;
pub const EXECUTE: u32 = 2;
pub const CORE: u32 = 4;
pub const DYLIB: u32 = 6;
pub const BUNDLE: u32 = 8;
pub const FILESET: u32 = 12;

pub const DYLDLINK: u32 = 4;
pub const ALLOW_STACK_EXECUTION: u32 = 0x2_0000;
pub const PIE: u32 = 0x20_0000;
pub const NO_HEAP_EXECUTION: u32 = 0x100_0000;

pub const CS_ADHOC: u32 = 2;
pub const CS_RUNTIME: u32 = 0x1_0000;
pub const CS_LINKER_SIGNED: u32 = 0x2_0000;

/// Where the first byte of the first section stands, in bytes from the start of the member.
pub const TEXT: usize = 0x800;
const SECTION_SIZE: usize = 0x100;
/// Where `__LINKEDIT` starts: symbols, their names, the signature.
pub const LINKEDIT: usize = TEXT + 4 * SECTION_SIZE;
const BASE: u64 = 0x1000;

/// What can be varied.
#[derive(Clone, Debug)]
pub struct MachO {
    pub big_endian: bool,
    pub cpu_type: u32,
    pub kind: u32,
    pub flags: u32,
    /// `initprot` of `__DATA`.
    pub data_protection: u32,
    /// `platform` of `LC_BUILD_VERSION`.
    pub platform: Option<u32>,
    pub rpaths: Vec<&'static str>,
    pub libraries: Vec<&'static str>,
    /// Names that the loader finds elsewhere; `None` for no symbol table at all.
    pub undefined: Option<Vec<&'static str>>,
    /// Whether `LC_DYSYMTAB` says which symbols these are.
    pub dysymtab: bool,
    /// What `LC_CODE_SIGNATURE` points at.
    pub signature: Option<Vec<u8>>,
    /// `cryptid`.
    pub encryption: Option<u32>,
    /// What stands in `__const`.
    pub constants: Vec<u8>,
    /// What stands in `__go_buildinfo`; without, there is no such section.
    pub build_info: Option<Vec<u8>>,
}

impl Default for MachO {
    fn default() -> Self {
        Self {
            big_endian: false,
            cpu_type: ARM64,
            kind: EXECUTE,
            flags: DYLDLINK | PIE,
            data_protection: 3,
            platform: None,
            rpaths: Vec::new(),
            libraries: vec!["/usr/lib/libSystem.B.dylib"],
            undefined: Some(vec!["_printf", "___stack_chk_fail"]),
            dysymtab: true,
            signature: Some(signature(CS_RUNTIME, true)),
            encryption: None,
            constants: Vec::new(),
            build_info: None,
        }
    }
}

impl MachO {
    fn is_64(&self) -> bool {
        self.cpu_type & 0x0100_0000 != 0
    }

    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let header_size = if self.is_64() { 32 } else { 28 };
        let linkedit = self.linkedit();
        let commands = self.commands(linkedit.len());
        let mut file = Writer::new(self.big_endian);
        file.u32(if self.is_64() {
            0xfeed_facf
        } else {
            0xfeed_face
        })
        .u32(self.cpu_type)
        .u32(0)
        .u32(self.kind)
        .u32(commands.len() as u32)
        .u32(commands.iter().map(Vec::len).sum::<usize>() as u32)
        .u32(self.flags)
        .pad(header_size);
        for command in commands {
            file.bytes.extend(command);
        }
        let parts = [
            vec![0x90; SECTION_SIZE],
            self.constants.clone(),
            vec![1; SECTION_SIZE],
            self.build_info.clone().unwrap_or_default(),
            linkedit,
        ];
        for (index, part) in parts.into_iter().enumerate() {
            file.pad(TEXT + index * SECTION_SIZE);
            file.bytes.extend(part);
        }
        file.bytes
    }

    fn names(&self) -> Vec<&'static str> {
        let defined = ["_main", "_helper"].into_iter();
        defined
            .chain(self.undefined.iter().flatten().copied())
            .collect()
    }

    fn entry_size(&self) -> usize {
        if self.is_64() { 16 } else { 12 }
    }

    /// Symbols, names and signature.
    fn linkedit(&self) -> Vec<u8> {
        let mut part = Writer::new(self.big_endian);
        if self.undefined.is_some() {
            let mut at = 1;
            for (index, name) in self.names().into_iter().enumerate() {
                let (kind, section, value) = match index {
                    0 | 1 => (0x0f, 1, BASE + TEXT as u64),
                    _ => (0x01, 0, 0),
                };
                part.u32(at)
                    .u8(kind)
                    .u8(section)
                    .u16(0)
                    .word(self.is_64(), value);
                at += name.len() as u32 + 1;
            }
            part.u8(0);
            for name in self.names() {
                part.name(name, name.len() + 1);
            }
        }
        let aligned = part.bytes.len().next_multiple_of(16);
        part.pad(aligned);
        part.bytes.extend(self.signature.iter().flatten());
        part.bytes
    }

    fn commands(&self, linkedit_size: usize) -> Vec<Vec<u8>> {
        let mut commands = vec![
            self.segment(
                "__TEXT",
                5,
                0,
                TEXT + 2 * SECTION_SIZE,
                &["__text", "__const"],
            ),
            self.segment(
                "__DATA",
                self.data_protection,
                TEXT + 2 * SECTION_SIZE,
                2 * SECTION_SIZE,
                match self.build_info {
                    Some(_) => &["__data", "__go_buildinfo"],
                    None => &["__data"],
                },
            ),
            self.segment("__LINKEDIT", 1, LINKEDIT, linkedit_size, &[]),
        ];
        let symbols = self.names().len();
        let names_at = LINKEDIT + symbols * self.entry_size();
        let names_size: usize = 1 + self
            .names()
            .iter()
            .map(|name| name.len() + 1)
            .sum::<usize>();
        if self.undefined.is_some() {
            let table = [LINKEDIT, symbols, names_at, names_size];
            commands.push(self.command(2, &table.map(|number| number as u32)));
            if self.dysymtab {
                let mut fields = [0; 18];
                fields[2] = 0;
                fields[3] = 2;
                fields[4] = 2;
                fields[5] = symbols as u32 - 2;
                commands.push(self.command(0xb, &fields));
            }
        }
        if let Some(platform) = self.platform {
            let mut command = Writer::new(self.big_endian);
            command.u32(0x32).u32(24).u32(platform).pad(24);
            commands.push(command.bytes);
        }
        for path in &self.rpaths {
            let mut command = Writer::new(self.big_endian);
            let size = (12 + path.len() + 1).next_multiple_of(8);
            command.u32(0x8000_001c).u32(size as u32).u32(12);
            command.bytes.extend(path.bytes());
            command.pad(size);
            commands.push(command.bytes);
        }
        for path in &self.libraries {
            let mut command = Writer::new(self.big_endian);
            let size = (24 + path.len() + 1).next_multiple_of(8);
            command.u32(0xc).u32(size as u32).u32(24).pad(24);
            command.bytes.extend(path.bytes());
            command.pad(size);
            commands.push(command.bytes);
        }
        if let Some(system) = self.encryption {
            commands.push(self.command(0x2c, &[TEXT as u32, 0x100, system, 0]));
        }
        if let Some(signature) = &self.signature {
            let at = LINKEDIT + linkedit_size - signature.len();
            commands.push(self.command(0x1d, &[at as u32, signature.len() as u32]));
        }
        commands
    }

    fn command(&self, kind: u32, fields: &[u32]) -> Vec<u8> {
        let mut command = Writer::new(self.big_endian);
        command.u32(kind).u32(8 + 4 * fields.len() as u32);
        for field in fields {
            command.u32(*field);
        }
        command.bytes
    }

    fn segment(
        &self,
        name: &str,
        protection: u32,
        start: usize,
        size: usize,
        sections: &[&str],
    ) -> Vec<u8> {
        let is_64 = self.is_64();
        let (own, each) = if is_64 { (72, 80) } else { (56, 68) };
        let mut command = Writer::new(self.big_endian);
        command
            .u32(if is_64 { 0x19 } else { 1 })
            .u32((own + each * sections.len()) as u32)
            .name(name, 16)
            .word(is_64, BASE + start as u64)
            .word(is_64, size as u64)
            .word(is_64, start as u64)
            .word(is_64, size as u64)
            .u32(7)
            .u32(protection)
            .u32(sections.len() as u32)
            .u32(0);
        let first = if start == 0 { TEXT } else { start };
        for (index, section) in sections.iter().enumerate() {
            let at = first + index * SECTION_SIZE;
            command
                .name(section, 16)
                .name(name, 16)
                .word(is_64, BASE + at as u64)
                .word(is_64, SECTION_SIZE as u64)
                .u32(at as u32)
                .pad(own + each * (index + 1));
        }
        command.bytes
    }
}

/// A superblob with two code directories of these flags and a CMS message, which is empty without a
/// certificate.
pub fn signature(flags: u32, certificate: bool) -> Vec<u8> {
    let mut blob = Writer::new(true);
    let message: &[u8] = if certificate { b"CMS" } else { b"" };
    let (first, second, third) = (12 + 3 * 8, 12 + 3 * 8 + 44, 12 + 3 * 8 + 88);
    let size = third + 8 + message.len();
    blob.u32(0xfade_0cc0).u32(size as u32).u32(3);
    for (slot, at) in [(0, first), (0x1000, second), (0x1_0000, third)] {
        blob.u32(slot).u32(at as u32);
    }
    for end in [second, third] {
        blob.u32(0xfade_0c02)
            .u32(44)
            .u32(0x2_0500)
            .u32(flags)
            .pad(end);
    }
    blob.u32(0xfade_0b01).u32(8 + message.len() as u32);
    blob.bytes.extend(message);
    blob.bytes
}

/// Several files in a fat one, with 32-bit or 64-bit offsets in its table.
pub fn fat(members: &[Vec<u8>], is_64: bool) -> Vec<u8> {
    const ALIGN: usize = 0x100;
    let mut file = Writer::new(true);
    file.u32(if is_64 { 0xcafe_babf } else { 0xcafe_babe })
        .u32(members.len() as u32);
    let mut at = ALIGN.max(8 + members.len() * 32).next_multiple_of(ALIGN);
    for member in members {
        file.u32(ARM64)
            .u32(0)
            .word(is_64, at as u64)
            .word(is_64, member.len() as u64)
            .u32(8);
        if is_64 {
            file.u32(0);
        }
        at = (at + member.len()).next_multiple_of(ALIGN);
    }
    for member in members {
        let start = file.bytes.len().max(ALIGN).next_multiple_of(ALIGN);
        file.pad(start);
        file.bytes.extend(member);
    }
    file.bytes
}
