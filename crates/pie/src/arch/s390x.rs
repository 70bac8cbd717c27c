//! s390x (z/Architecture, 64 bits), big-endian.
//!
//! Go keeps its goroutine pointer in a register (r13), so thread-local storage is not used without
//! cgo; the `PT_TLS` that its linker writes is a leftover.
//! Pages are 4 KiB; Go's linker aligns segments to 64 KiB.
//! psABI: "ELF Application Binary Interface, s390x Supplement" (IBM/s390x-abi).

use object::Endianness;
use object::elf::{EM_S390, R_390_NONE, R_390_RELATIVE};

use super::{Cpu, WithOptions};
use crate::stub;

pub(super) const CPU: Cpu = Cpu {
    name: "s390x",
    machine: EM_S390,
    endian: Endianness::Big,
    relative: R_390_RELATIVE,
    none: R_390_NONE,
    stub: &stub::S390X,
    options: Some(WithOptions {
        stub: &stub::S390X_WITH_OPTIONS,
        mover: &stub::S390X_MOVER,
    }),
};
