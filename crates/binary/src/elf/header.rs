//! The ELF header: gABI, chapter 4, "ELF Header".

use object::Endianness;
use object::elf::{ELFCLASS32, ELFCLASS64, ELFDATA2LSB, ELFDATA2MSB, FileFlags, FileType, Machine};
use object::read::elf::FileHeader;

use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::quantity::{Address, Offset};

/// `EI_CLASS`: how wide addresses are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `ELFCLASS32`.
    Elf32,
    /// `ELFCLASS64`.
    Elf64,
}

impl Class {
    /// The size of an address, a RELR entry and a word of the dynamic section, in bytes.
    pub fn word_size(self) -> u64 {
        match self {
            Self::Elf32 => 4,
            Self::Elf64 => 8,
        }
    }
}

/// The ELF header.
#[derive(Clone, Debug)]
pub struct Header {
    /// `EI_CLASS`.
    pub class: Class,
    /// `EI_DATA`: the byte order of everything in the file.
    pub endian: Endianness,
    /// `EI_OSABI`.
    pub os_abi: u8,
    /// `e_type`.
    pub kind: FileType,
    /// `e_machine`.
    pub machine: Machine,
    /// `e_flags`: meaning depends on the machine.
    pub flags: FileFlags,
    /// `e_entry`: where the program starts.
    pub entry: Address,
    /// `e_phoff`: where the program headers are.
    pub program_headers: Offset,
    /// `e_phnum`.
    pub program_header_count: u64,
    /// `e_phentsize`, in bytes.
    pub program_header_size: u64,
    /// `e_shoff`: where the section headers are; zero when there are none.
    pub section_headers: Offset,
    /// `e_shnum`, as it stands in the header: zero may mean "see section 0".
    pub section_header_count: u64,
    /// `e_shentsize`, in bytes.
    pub section_header_size: u64,
    /// `e_shstrndx`: the section that holds the section names.
    pub section_names_index: u64,
}

const EI_CLASS: u64 = 4;
const EI_DATA: u64 = 5;
const EI_VERSION: u64 = 6;
const E_IDENT_SIZE: usize = 16;

/// The class, from the first 16 bytes, which are the same in both.
pub(super) fn class_of(file: Bytes<'_>) -> Result<Class, Error> {
    let ident = file.read::<[u8; E_IDENT_SIZE]>(0, "`e_ident`")?;
    let [_, _, _, _, class, data, version, ..] = *ident;
    let wrong = |offset, what: &str, found: u8, expected: &str| {
        Err(Error::at(
            ErrorKind::Malformed,
            Offset(offset),
            format!("`{what}` is {found}, expected {expected}"),
        ))
    };
    if data != ELFDATA2LSB.0 && data != ELFDATA2MSB.0 {
        return wrong(
            EI_DATA,
            "EI_DATA",
            data,
            "1 (little-endian) or 2 (big-endian)",
        );
    }
    if version != 1 {
        return wrong(EI_VERSION, "EI_VERSION", version, "1");
    }
    match class {
        class if class == ELFCLASS32.0 => Ok(Class::Elf32),
        class if class == ELFCLASS64.0 => Ok(Class::Elf64),
        class => wrong(EI_CLASS, "EI_CLASS", class, "1 (32-bit) or 2 (64-bit)"),
    }
}

pub(super) fn read<H>(file: Bytes<'_>, raw: &H) -> Result<Header, Error>
where
    H: FileHeader<Endian = Endianness>,
{
    let endian = match raw.e_ident().data {
        ELFDATA2MSB => Endianness::Big,
        _ => Endianness::Little,
    };
    let class = class_of(file)?;
    let header = Header {
        class,
        endian,
        os_abi: raw.e_ident().os_abi.0,
        kind: raw.e_type(endian),
        machine: raw.e_machine(endian),
        flags: raw.e_flags(endian),
        entry: Address(raw.e_entry(endian).into()),
        program_headers: Offset(raw.e_phoff(endian).into()),
        program_header_count: raw.e_phnum(endian).into(),
        program_header_size: raw.e_phentsize(endian).into(),
        section_headers: Offset(raw.e_shoff(endian).into()),
        section_header_count: raw.e_shnum(endian).into(),
        section_header_size: raw.e_shentsize(endian).into(),
        section_names_index: raw.e_shstrndx(endian).0.into(),
    };
    Ok(header)
}
