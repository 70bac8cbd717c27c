//! i386: "System V Application Binary Interface, Intel386 Architecture Processor Supplement", table
//! 4.9 "Relocation Types"; U. Drepper, "ELF Handling For Thread-Local Storage", section 4.1.
//!
//! `R_386_TLS_IE` stores the address of a slot. Linkers turn it into an offset from the thread
//! pointer in every program (as opposed to a library), so it stores no address in the end.
//!
//! Not seen: `R_386_GOT32` and `R_386_GOT32X` in an instruction without a base register, where they
//! store an address. GNU ld and lld refuse that.

use handpie_binary::Endianness;
use handpie_binary::elf::Class;
use object::elf::*;

use super::{Cpu, Relocation, Rule, relocations};

/// Notes of `-fvtable-gc`, which store nothing (include/elf/i386.h of binutils).
const R_386_GNU_VTINHERIT: RelocationType = RelocationType(250);
const R_386_GNU_VTENTRY: RelocationType = RelocationType(251);

pub(super) static CPU: Cpu = Cpu {
    machine: EM_386,
    class: Class::Elf32,
    endian: Endianness::Little,
    relocations: relocations! {
        Writable { R_386_32 }
        // A loader could store these; no start-up code of a static program does.
        Nowhere { R_386_16 R_386_8 }
        Anywhere {
            R_386_NONE
            R_386_PC32 R_386_PC16 R_386_PC8 R_386_PLT32
            R_386_GOT32 R_386_GOT32X R_386_GOTOFF R_386_GOTPC
            R_386_SIZE32
            R_386_TLS_IE R_386_TLS_GOTIE R_386_TLS_LE R_386_TLS_GD R_386_TLS_LDM R_386_TLS_LDO_32
            R_386_TLS_IE_32 R_386_TLS_LE_32
            R_386_TLS_GOTDESC R_386_TLS_DESC_CALL
            R_386_GNU_VTINHERIT R_386_GNU_VTENTRY
        }
    },
};
