//! Forges a small PIE laid out as Go's linker lays one out, without any tool. It cannot be run; it
//! can be read, converted and, above all, damaged.

#![expect(
    missing_docs,
    reason = "fields and constants bear the names that the specification gives them"
)]

use super::put;

/// Where things stand in the forged file, in bytes from its start. Addresses are `BASE` higher.
pub const PROGRAM_HEADERS: usize = 0x40;
pub const SECTION_HEADERS: usize = 0x2a8;
pub const NOTE: usize = 0xf80;
pub const INTERP: usize = 0xfe4;
pub const TEXT: usize = 0x1000;
pub const RODATA: usize = 0x2000;
pub const RELA: usize = 0x2100;
pub const BASE: u64 = 0x40_0000;

const TEXT_SIZE: usize = 0x200;
const DYNAMIC_SIZE: usize = 0xc0;
const DATA_SIZE: usize = 0x800;
const LOADER: &[u8] = b"/lib64/ld-linux-x86-64.so.2\0";

/// What can be varied.
#[derive(Clone, Debug)]
pub struct GoPie {
    /// How many words are relocated; from 300 on, RELA fills a page and the file can shrink.
    pub relocations: usize,
    /// `e_machine`: 62 for amd64, 183 for arm64.
    pub machine: u16,
    /// Whether there are section headers.
    pub sections: bool,
    /// Whether they stand at the end of the file, where strip puts them.
    pub sections_last: bool,
}

impl Default for GoPie {
    fn default() -> Self {
        Self {
            relocations: 400,
            machine: 62,
            sections: true,
            sections_last: false,
        }
    }
}

impl GoPie {
    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let rela_size = self.relocations * 24;
        let dynstr = RELA + rela_size;
        let dynsym = (dynstr + 1).next_multiple_of(8);
        let rodata_end = dynsym + 24;
        // The words to relocate, then the dynamic section, in RELRO; then plain data.
        let relro = rodata_end.next_multiple_of(0x1000);
        let dynamic = relro + (self.relocations * 16).next_multiple_of(16);
        let relro_end = dynamic + DYNAMIC_SIZE;
        let data = relro_end.next_multiple_of(0x1000);
        // What is not loaded starts where one more segment could start.
        let names_at = (data + DATA_SIZE).next_multiple_of(0x1000);

        let mut file = vec![0u8; names_at];
        let address = |offset: usize| BASE + offset as u64;
        put(&mut file, TEXT, &[0x90; TEXT_SIZE]);
        put(&mut file, RODATA, &[0x52; RELA - RODATA]);
        put(&mut file, INTERP, LOADER);
        put(&mut file, NOTE, &note());
        let kind: u64 = if self.machine == 183 { 1027 } else { 8 };
        for index in 0..self.relocations {
            // Mostly neighbours, with gaps, and out of order now and then, as Go's linker does.
            let swapped = index % 16 / 2 == 1 && index + 1 < self.relocations;
            let slot = index ^ usize::from(swapped);
            let target = relro + slot * 8 + if slot > 40 { (slot / 40) * 8 } else { 0 };
            let value = address(TEXT + slot % TEXT_SIZE);
            put(&mut file, target, &value.to_le_bytes());
            let entry = [address(target), kind, value]
                .map(u64::to_le_bytes)
                .concat();
            put(&mut file, RELA + index * 24, &entry);
        }
        let tags: [(u64, u64); 10] = [
            (6, address(dynsym)),
            (11, 24),
            (5, address(dynstr)),
            (10, 1),
            (7, address(RELA)),
            (8, rela_size as u64),
            (9, 24),
            (21, 0),
            (0x6fff_fffb, 0x0800_0001),
            (0, 0),
        ];
        for (index, (tag, value)) in tags.into_iter().enumerate() {
            let entry = [tag, value].map(u64::to_le_bytes).concat();
            put(&mut file, dynamic + index * 16, &entry);
        }

        let segment = |kind, flags, start: usize, end: usize, align| Header {
            kind,
            flags,
            start,
            size: (end - start) as u64,
            memory: (end - start) as u64,
            align,
        };
        let mut segments = vec![
            segment(6, 4, PROGRAM_HEADERS, PROGRAM_HEADERS + 9 * 56, 0x1000),
            segment(3, 4, INTERP, INTERP + LOADER.len(), 1),
            segment(4, 4, NOTE, NOTE + note().len(), 4),
            segment(1, 5, 0, TEXT + TEXT_SIZE, 0x1000),
            segment(1, 4, RODATA, rodata_end, 0x1000),
            segment(1, 6, relro, relro_end, 0x1000),
            segment(0x6474_e552, 4, relro, relro_end, 0x1000),
            segment(1, 6, data, data + DATA_SIZE, 0x1000),
            segment(2, 6, dynamic, relro_end, 8),
        ];
        segments[7].memory += 0x5000;
        for (index, header) in segments.iter().enumerate() {
            let at = PROGRAM_HEADERS + index * 56;
            put(&mut file, at, &header.kind.to_le_bytes());
            put(&mut file, at + 4, &header.flags.to_le_bytes());
            let start = address(header.start);
            let fields = [
                header.start as u64,
                start,
                start,
                header.size,
                header.memory,
            ];
            put(&mut file, at + 8, &fields.map(u64::to_le_bytes).concat());
            put(&mut file, at + 48, &header.align.to_le_bytes());
        }

        let mut section_count = 0;
        if self.sections {
            let sections: [(&str, u32, u64, usize, usize, u64); 12] = [
                ("", 0, 0, 0, 0, 0),
                (".note.go.buildid", 7, 2, NOTE, note().len(), 4),
                (".interp", 1, 2, INTERP, LOADER.len(), 1),
                (".text", 1, 6, TEXT, TEXT_SIZE, 64),
                (".rodata", 1, 2, RODATA, RELA - RODATA, 32),
                (".rela", 4, 2, RELA, rela_size, 8),
                (".rela.plt", 4, 2, dynstr, 0, 8),
                (".dynstr", 3, 2, dynstr, 1, 1),
                (".dynsym", 11, 2, dynsym, 24, 8),
                (".data.rel.ro", 1, 3, relro, dynamic - relro, 32),
                (".dynamic", 6, 3, dynamic, DYNAMIC_SIZE, 8),
                (".data", 1, 3, data, DATA_SIZE, 32),
            ];
            let mut names = Vec::new();
            for (index, (name, kind, flags, offset, size, align)) in sections.iter().enumerate() {
                let at = SECTION_HEADERS + index * 64;
                let header = section(names.len(), *kind, *flags, *offset, *size, *align);
                put(&mut file, at, &header);
                names.extend(name.bytes().chain([0]));
            }
            let at = SECTION_HEADERS + sections.len() * 64;
            let own_name = names.len();
            names.extend(b".shstrtab\0");
            put(
                &mut file,
                at,
                &section(own_name, 3, 0, names_at, names.len(), 1),
            );
            file.extend(names);
            section_count = sections.len() as u16 + 1;
        }
        self.elf_header(&mut file, segments.len() as u16, section_count);
        if self.sections && self.sections_last {
            file.resize(file.len().next_multiple_of(8), 0);
            let table = SECTION_HEADERS..SECTION_HEADERS + usize::from(section_count) * 64;
            let start = file.len() as u64;
            file.extend_from_within(table.clone());
            file[table].fill(0);
            put(&mut file, 40, &start.to_le_bytes());
        }
        file
    }

    fn elf_header(&self, file: &mut [u8], segments: u16, sections: u16) {
        put(file, 0, b"\x7fELF\x02\x01\x01");
        put(file, 16, &3u16.to_le_bytes());
        put(file, 18, &self.machine.to_le_bytes());
        put(file, 20, &1u32.to_le_bytes());
        put(file, 24, &(BASE + TEXT as u64).to_le_bytes());
        put(file, 32, &(PROGRAM_HEADERS as u64).to_le_bytes());
        let table = if sections == 0 {
            0
        } else {
            SECTION_HEADERS as u64
        };
        put(file, 40, &table.to_le_bytes());
        let sizes = [64, 56, segments, 64, sections, sections.saturating_sub(1)];
        put(file, 52, &sizes.map(u16::to_le_bytes).concat());
    }
}

struct Header {
    kind: u32,
    flags: u32,
    start: usize,
    size: u64,
    memory: u64,
    align: u64,
}

fn section(name: usize, kind: u32, flags: u64, offset: usize, size: usize, align: u64) -> Vec<u8> {
    let address = if flags & 2 == 2 {
        BASE + offset as u64
    } else {
        0
    };
    let mut header = [name as u32, kind].map(u32::to_le_bytes).concat();
    header.extend(
        [flags, address, offset as u64, size as u64, 0, align, 0]
            .map(u64::to_le_bytes)
            .concat(),
    );
    header
}

fn note() -> Vec<u8> {
    let mut note = [4u32, 12, 4].map(u32::to_le_bytes).concat();
    note.extend(b"Go\0\0abcd/efgh/ij");
    note
}
