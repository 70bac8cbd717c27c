//! amd64 (x86-64).
//!
//! Go keeps its goroutine pointer in thread-local storage here and sets the FS base itself when it
//! runs without cgo (`settls` in runtime/sys_linux_amd64.s), so nothing is lost with the loader.
//! Pages are 4 KiB, and Go's linker aligns segments to just that.
//! psABI: "System V Application Binary Interface, AMD64 Architecture Processor Supplement".

use object::Endianness;
use object::elf::{EM_X86_64, R_X86_64_NONE, R_X86_64_RELATIVE};

use super::{Cpu, WithOptions};
use crate::stub;

pub(super) const CPU: Cpu = Cpu {
    name: "amd64",
    machine: EM_X86_64,
    endian: Endianness::Little,
    relative: R_X86_64_RELATIVE,
    none: R_X86_64_NONE,
    stub: &stub::AMD64,
    options: Some(WithOptions {
        stub: &stub::AMD64_WITH_OPTIONS,
        mover: &stub::AMD64_MOVER,
    }),
};
