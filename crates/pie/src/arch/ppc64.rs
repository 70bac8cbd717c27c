//! ppc64 and ppc64le (64-bit Power): one machine number, two byte orders.
//!
//! Go keeps its goroutine pointer in a register (r30), so thread-local storage is not used without
//! cgo. Its position-independent programs follow the ELFv2 ABI in both byte orders; under ELFv1 the
//! ELF entry point is not code but a function descriptor, so those programs are refused.
//! Kernels have pages of 4 or 64 KiB; Go's linker aligns segments to 64 KiB.
//! psABI: "64-Bit ELF V2 ABI Specification, Power Architecture".

use object::Endianness;
use object::elf::{EM_PPC64, R_PPC64_NONE, R_PPC64_RELATIVE};

use super::{Cpu, WithOptions};
use crate::stub;

pub(super) const BIG_ENDIAN: Cpu = Cpu {
    name: "ppc64",
    endian: Endianness::Big,
    stub: &stub::PPC64,
    options: Some(WithOptions {
        stub: &stub::PPC64_WITH_OPTIONS,
        mover: &stub::PPC64_MOVER,
    }),
    ..LITTLE_ENDIAN
};

pub(super) const LITTLE_ENDIAN: Cpu = Cpu {
    name: "ppc64le",
    machine: EM_PPC64,
    endian: Endianness::Little,
    relative: R_PPC64_RELATIVE,
    none: R_PPC64_NONE,
    stub: &stub::PPC64LE,
    options: Some(WithOptions {
        stub: &stub::PPC64LE_WITH_OPTIONS,
        mover: &stub::PPC64LE_MOVER,
    }),
};
