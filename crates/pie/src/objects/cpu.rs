//! What each CPU's relocations store: one table a CPU, from its psABI.
//!
//! A table has every relocation that an object may have. Those that only a linker makes, for loaders
//! (`R_*_COPY`, `R_*_RELATIVE`), are not in it; an object that has one is refused like one with a
//! number that nobody knows.

mod aarch64;
mod arm;
mod i386;
mod loongarch64;
mod ppc64le;
mod riscv64;
mod s390x;
mod x86_64;

use handpie_binary::Endianness;
use handpie_binary::elf::constants::{Machine, RelocationType};
use handpie_binary::elf::{Class, Header};

/// A CPU whose objects are judged.
pub(super) struct Cpu {
    machine: Machine,
    class: Class,
    endian: Endianness,
    relocations: &'static [Relocation],
}

/// A kind of relocation.
struct Relocation {
    kind: RelocationType,
    name: &'static str,
    rule: Rule,
}

/// Where a relocation may stand in what becomes a static-PIE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Anywhere: it stores no address, or what it stores is the same at every address.
    Anywhere,
    /// It stores an address in a whole word, which has to be writable when the program starts.
    Writable,
    /// Nowhere: it stores part of an address, or an address in less than a word.
    Nowhere,
    /// Nobody knows what it stores.
    Unknown,
}

/// Every CPU.
static CPUS: [&Cpu; 8] = [
    &x86_64::CPU,
    &i386::CPU,
    &aarch64::CPU,
    &arm::CPU,
    &riscv64::CPU,
    &ppc64le::CPU,
    &s390x::CPU,
    &loongarch64::CPU,
];

impl Cpu {
    /// The CPU of an object; `None` when no table is about it. Another word size or byte order is
    /// another ABI (x32, ILP32, big-endian).
    pub(super) fn of(header: &Header) -> Option<&'static Self> {
        CPUS.into_iter().find(|cpu| {
            (cpu.machine, cpu.class, cpu.endian) == (header.machine, header.class, header.endian)
        })
    }

    /// The rules by number. Objects have hundreds of thousands of relocations.
    pub(super) fn rules(&self) -> Rules {
        let last = self.relocations.iter().map(|one| number(one.kind)).max();
        let mut rules = vec![Rule::Unknown; last.map_or(0, |last| last.saturating_add(1))];
        for relocation in self.relocations {
            if let Some(rule) = rules.get_mut(number(relocation.kind)) {
                *rule = relocation.rule;
            }
        }
        Rules(rules)
    }

    /// The name of a relocation, or its number.
    pub(super) fn name(&self, kind: RelocationType) -> String {
        let known = self.relocations.iter().find(|one| one.kind == kind);
        match known {
            Some(relocation) => relocation.name.to_owned(),
            None => format!("relocation {} of {:?}", kind.0, self.machine),
        }
    }
}

/// The rules of a CPU, by the number of the relocation.
pub(super) struct Rules(Vec<Rule>);

impl Rules {
    pub(super) fn of(&self, kind: RelocationType) -> Rule {
        self.0.get(number(kind)).copied().unwrap_or(Rule::Unknown)
    }
}

fn number(kind: RelocationType) -> usize {
    usize::try_from(kind.0).unwrap_or(usize::MAX)
}

/// A table: after each rule, the relocations that it is about.
macro_rules! relocations {
    ($($rule:ident { $($kind:ident)* })*) => {
        &[$($(Relocation { kind: $kind, name: stringify!($kind), rule: Rule::$rule },)*)*]
    };
}
use relocations;

#[cfg(test)]
mod tests {
    use super::*;
    use object::elf;
    use std::collections::BTreeMap;

    #[test]
    fn no_table_has_a_number_twice() {
        for cpu in CPUS {
            let mut names = BTreeMap::new();
            for relocation in cpu.relocations {
                let before = names.insert(relocation.kind.0, relocation.name);
                assert_eq!(before, None, "{}", relocation.name);
            }
        }
    }

    /// What only linkers make: for loaders, or when they relax code.
    const OF_LINKERS: [&str; 30] = [
        "COPY",
        "GLOB_DAT",
        "JUMP_SLOT",
        "JMP_SLOT",
        "RELATIVE",
        "RELATIVE64",
        "IRELATIVE",
        "JMP_IREL",
        "DTPMOD64",
        "DTPMOD32",
        "TLS_DTPMOD",
        "TLS_DTPMOD64",
        "TLS_DTPMOD32",
        "TLS_DTPREL",
        "TLS_DTPOFF",
        "TLS_DTPOFF32",
        "TLS_TPREL",
        "TLS_TPREL64",
        "TLS_TPREL32",
        "TLS_TPOFF",
        "TLS_TPOFF32",
        "TLSDESC",
        "TLS_DESC",
        "TLS_DESC32",
        "TLS_DESC64",
        "DELETE",
        "GPREL_I",
        "GPREL_S",
        "TPREL_I",
        "TPREL_S",
    ];

    /// Of other ABIs, and what no compiler for Linux emits.
    const OF_OTHERS: [&str; 26] = [
        // ILP32.
        "R_AARCH64_P32_",
        // The first ABI, in which they work on a stack.
        "R_LARCH_SOP_",
        // Solaris.
        "R_386_32PLT",
        "R_386_TLS_GD_",
        "R_386_TLS_LDM_",
        // A static base that is not the global offset table; what the ABI marks as obsolete.
        "R_ARM_SBREL",
        "R_ARM_LDR_SB",
        "R_ARM_ALU_SB",
        "R_ARM_LDRS_SB_",
        "R_ARM_LDC_SB_",
        "R_ARM_MOVW_BREL",
        "R_ARM_MOVT_BREL",
        "R_ARM_THM_MOVW_BREL",
        "R_ARM_THM_MOVT_BREL",
        "R_ARM_AMP_VCALL9",
        "R_ARM_SWI24",
        "R_ARM_THM_SWI8",
        "R_ARM_XPC25",
        "R_ARM_THM_XPC22",
        "R_ARM_ALU_PCREL_",
        "R_ARM_GOTRELAX",
        "R_ARM_ME_TOO",
        "R_ARM_R",
        "R_ARM_THM_RPC22",
        // A table of functions with addresses in it, and one word that nobody uses.
        "R_PPC64_PLT",
        "R_PPC64_ADDR30",
    ];

    /// The crate `object` names what the psABIs have, in their words.
    #[test]
    fn every_relocation_with_a_name_is_in_its_table_or_known_to_be_left_out() {
        let mut absent = Vec::new();
        for cpu in CPUS {
            let names = &elf::machine_names(cpu.machine);
            for number in 0..2048 {
                let kind = RelocationType(number);
                let Some(name) = names.r.name(kind) else {
                    continue;
                };
                let known = cpu.relocations.iter().any(|one| one.kind == kind);
                let end = name.splitn(3, '_').nth(2).unwrap_or_default();
                let end = end.strip_prefix("64_").unwrap_or(end);
                let of_others = OF_OTHERS.iter().any(|start| name.starts_with(start));
                if !known && !OF_LINKERS.contains(&end) && !of_others {
                    absent.push(name);
                }
            }
        }
        assert_eq!(absent, [""; 0]);
    }

    #[test]
    fn another_number_is_unknown() {
        for cpu in CPUS {
            let rules = cpu.rules();
            assert_eq!(
                rules.of(RelocationType(0)),
                Rule::Anywhere,
                "{:?}",
                cpu.machine
            );
            for number in [240 << 8, u32::MAX] {
                assert_eq!(rules.of(RelocationType(number)), Rule::Unknown);
            }
        }
    }
}
