//! What differs between CPUs. One file a CPU, the same items in each.

mod amd64;
mod arm64;
mod loong64;
mod ppc64;
mod s390x;

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
    /// What the options need; `None` on a CPU that has none yet.
    pub(crate) options: Option<WithOptions>,
}

/// The code that a program with options needs.
pub(crate) struct WithOptions {
    /// The start-up stub that can seal and be moved.
    pub(crate) stub: &'static [u8],
    /// The mover.
    pub(crate) mover: &'static [u8],
}

/// The CPUs, in the order of their names.
pub const CPUS: [&Cpu; 6] = [
    &amd64::CPU,
    &arm64::CPU,
    &loong64::CPU,
    &ppc64::BIG_ENDIAN,
    &ppc64::LITTLE_ENDIAN,
    &s390x::CPU,
];

impl Cpu {
    /// Whether programs for it can move and seal themselves.
    pub fn has_options(&self) -> bool {
        self.options.is_some()
    }

    /// The CPU of an `e_machine` and, where that has programs of both byte orders, of this one.
    pub fn of_machine(machine: Machine, endian: Endianness) -> Option<&'static Self> {
        let of_machine = || CPUS.into_iter().filter(|cpu| cpu.machine == machine);
        let same_order = of_machine().find(|cpu| cpu.endian == endian);
        same_order.or_else(|| of_machine().next())
    }
}

impl fmt::Debug for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Cpu {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Cpu {}
