//! loong64 (LoongArch, 64 bits), little-endian.
//!
//! Go keeps its goroutine pointer in a register (r22), so thread-local storage is not used without
//! cgo; the `PT_TLS` that its linker writes is a leftover.
//! Kernels mostly have pages of 16 KiB; Go's linker aligns segments to 64 KiB.
//! psABI: "ELF for the LoongArch Architecture" (loongson/la-abi-specs, laelf).

use object::Endianness;
use object::elf::{EM_LOONGARCH, R_LARCH_NONE, R_LARCH_RELATIVE};

use super::{Cpu, WithOptions};
use crate::stub;

pub(super) const CPU: Cpu = Cpu {
    name: "loong64",
    machine: EM_LOONGARCH,
    endian: Endianness::Little,
    relative: R_LARCH_RELATIVE,
    none: R_LARCH_NONE,
    stub: &stub::LOONG64,
    options: Some(WithOptions {
        stub: &stub::LOONG64_WITH_OPTIONS,
        mover: &stub::LOONG64_MOVER,
    }),
};
