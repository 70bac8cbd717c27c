//! Objects that are linked into programs: start-up code that a libc leaves out.
//!
//! musl's start-up code relocates a static-PIE and never makes RELRO read-only (musl
//! ldso/dlstart.c and src/env/__libc_start_main.c). The object does, as the first function of
//! `.init_array`; its source is `startup/relro.c`.

use handpie_binary::elf::constants::{
    EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64, Machine,
};
use handpie_binary::elf::{Class, Endianness, Header};

mod amd64;
mod arm;
mod arm64;
#[path = "startup/386.rs"]
mod i386;
mod loong64;
mod ppc64le;
mod riscv64;
mod s390x;

/// An object that makes RELRO read-only when the program starts, for programs of the CPU of this
/// header; `None` on CPUs for which there is none.
pub fn relro_object(header: &Header) -> Option<&'static [u8]> {
    object_for(header.machine, header.class, header.endian)
}

fn object_for(machine: Machine, class: Class, endian: Endianness) -> Option<&'static [u8]> {
    use Class::{Elf32, Elf64};
    use Endianness::{Big, Little};
    Some(match (machine, class, endian) {
        (EM_X86_64, Elf64, Little) => &amd64::OBJECT,
        (EM_386, Elf32, Little) => &i386::OBJECT,
        (EM_AARCH64, Elf64, Little) => &arm64::OBJECT,
        (EM_ARM, Elf32, Little) => &arm::OBJECT,
        (EM_RISCV, Elf64, Little) => &riscv64::OBJECT,
        (EM_LOONGARCH, Elf64, Little) => &loong64::OBJECT,
        (EM_PPC64, Elf64, Little) => &ppc64le::OBJECT,
        (EM_S390, Elf64, Big) => &s390x::OBJECT,
        _ => return None,
    })
}
