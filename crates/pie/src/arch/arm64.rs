//! arm64 (AArch64), little-endian.
//!
//! Go keeps its goroutine pointer in a register (x28), so thread-local storage is not used without
//! cgo; the `PT_TLS` that its linker writes is a leftover.
//! Kernels have pages of 4, 16 or 64 KiB; Go's linker aligns segments to 64 KiB for all of them.
//! psABI: "ELF for the Arm 64-bit Architecture (AArch64)", ARM IHI 0056.

use object::Endianness;
use object::elf::{EM_AARCH64, R_AARCH64_NONE, R_AARCH64_RELATIVE};

use super::{Cpu, WithOptions};
use crate::stub;

pub(super) const CPU: Cpu = Cpu {
    name: "arm64",
    machine: EM_AARCH64,
    endian: Endianness::Little,
    relative: R_AARCH64_RELATIVE,
    none: R_AARCH64_NONE,
    stub: &stub::ARM64,
    options: Some(WithOptions {
        stub: &stub::ARM64_WITH_OPTIONS,
        mover: &stub::ARM64_MOVER,
    }),
};
