//! The Mach-O header: `mach_header` and `mach_header_64` in <mach-o/loader.h>.

use object::Endianness;
use object::macho::{
    CPU_SUBTYPE_ARM64E, CPU_SUBTYPE_MASK, CPU_SUBTYPE_X86_64_H, CPU_TYPE_ARM, CPU_TYPE_ARM64,
    CPU_TYPE_ARM64_32, CPU_TYPE_POWERPC, CPU_TYPE_POWERPC64, CPU_TYPE_X86, CPU_TYPE_X86_64,
    CpuSubtype, CpuType, FileFlags, FileType, MH_CIGAM, MH_CIGAM_64, MH_MAGIC, MH_MAGIC_64,
};
use object::read::macho::MachHeader;

use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};

/// The Mach-O header.
#[derive(Clone, Debug)]
pub struct Header {
    /// `magic`: whether addresses have 64 bits.
    pub is_64: bool,
    /// `magic`: the byte order of everything but the code signature.
    pub endian: Endianness,
    /// `cputype`.
    pub cpu_type: CpuType,
    /// `cpusubtype`, with its capability bits.
    pub cpu_subtype: CpuSubtype,
    /// `filetype`.
    pub kind: FileType,
    /// `ncmds`.
    pub command_count: u32,
    /// `sizeofcmds`, in bytes.
    pub commands_size: u32,
    /// `flags`.
    pub flags: FileFlags,
}

impl Header {
    /// Where `filetype` stands, in bytes from the start of the header.
    pub const KIND_AT: u64 = 12;
    /// Where `flags` stands, in bytes from the start of the header.
    pub const FLAGS_AT: u64 = 24;

    /// The name that `lipo` and `-arch` have for the CPU.
    pub fn architecture(&self) -> &'static str {
        let subtype = self.cpu_subtype.0 & !CPU_SUBTYPE_MASK;
        match self.cpu_type {
            CPU_TYPE_X86_64 if subtype == CPU_SUBTYPE_X86_64_H.0 => "x86_64h",
            CPU_TYPE_X86_64 => "x86_64",
            CPU_TYPE_X86 => "i386",
            CPU_TYPE_ARM64 if subtype == CPU_SUBTYPE_ARM64E.0 => "arm64e",
            CPU_TYPE_ARM64 => "arm64",
            CPU_TYPE_ARM64_32 => "arm64_32",
            CPU_TYPE_ARM => "arm",
            CPU_TYPE_POWERPC => "ppc",
            CPU_TYPE_POWERPC64 => "ppc64",
            _ => "an unknown CPU",
        }
    }
}

/// Whether addresses have 64 bits, and the byte order.
pub(super) fn magic(file: Bytes<'_>) -> Result<(bool, Endianness), Error> {
    let magic = u32::from_be_bytes(*file.read::<[u8; 4]>(0, "the magic")?);
    match magic {
        MH_MAGIC => Ok((false, Endianness::Big)),
        MH_MAGIC_64 => Ok((true, Endianness::Big)),
        MH_CIGAM => Ok((false, Endianness::Little)),
        MH_CIGAM_64 => Ok((true, Endianness::Little)),
        other => Err(Error::at(
            ErrorKind::Malformed,
            file.base(),
            format!("the magic is {other:#x}, expected that of a Mach-O file"),
        )),
    }
}

pub(super) fn read<H>(raw: &H, endian: Endianness) -> Header
where
    H: MachHeader<Endian = Endianness>,
{
    Header {
        is_64: raw.is_type_64(),
        endian,
        cpu_type: raw.cputype(endian),
        cpu_subtype: raw.cpusubtype(endian),
        kind: raw.filetype(endian),
        command_count: raw.ncmds(endian),
        commands_size: raw.sizeofcmds(endian),
        flags: raw.flags(endian),
    }
}
