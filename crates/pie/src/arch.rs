//! What differs between CPUs. One file a CPU, the same items in each.

mod amd64;
mod arm64;

use std::fmt;

use object::Endianness;
use object::elf::{Machine, RelocationType};

/// A CPU that programs can be converted for.
pub struct Cpu {
    /// Its name as Go spells it (`GOARCH`).
    pub name: &'static str,
    /// `e_machine`.
    pub machine: Machine,
    /// The byte order of its Linux programs.
    pub endian: Endianness,
    /// The relocation that adds the load bias to a word: the only kind that is converted.
    pub relative: RelocationType,
    /// A relocation that asks for nothing and is dropped.
    pub none: RelocationType,
    /// The code of the start-up stub.
    pub(crate) stub: &'static [u8],
}

/// The CPUs, in the order of their names.
pub const CPUS: [&Cpu; 2] = [&amd64::CPU, &arm64::CPU];

impl Cpu {
    /// The CPU of an `e_machine`.
    pub fn of_machine(machine: Machine) -> Option<&'static Self> {
        CPUS.into_iter().find(|cpu| cpu.machine == machine)
    }
}

impl fmt::Debug for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Cpu {
    fn eq(&self, other: &Self) -> bool {
        self.machine == other.machine
    }
}

impl Eq for Cpu {}
