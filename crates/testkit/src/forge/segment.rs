//! Forges ELF files for tests: one loaded segment, no section headers.

/// Where the segment stands in the file and in memory, in bytes.
pub const DATA: usize = 0x1000;

/// A 64-bit little-endian file with one segment that can be written to.
pub fn elf_of_one_segment(data: &[u8]) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(0x10, 0);
    file.extend([2u16, 62].map(u16::to_le_bytes).concat());
    file.extend(1u32.to_le_bytes());
    // Entry, program headers, section headers.
    file.extend([DATA as u64, 0x40, 0].map(u64::to_le_bytes).concat());
    file.extend(0u32.to_le_bytes());
    file.extend(
        [0x40u16, 0x38, 1, 0x40, 0, 0]
            .map(u16::to_le_bytes)
            .concat(),
    );
    file.extend([1u32, 6].map(u32::to_le_bytes).concat());
    let (start, size) = (DATA as u64, data.len() as u64);
    let header = [start, start, start, size, size, 0x1000];
    file.extend(header.map(u64::to_le_bytes).concat());
    file.resize(DATA, 0);
    file.extend(data);
    file
}
