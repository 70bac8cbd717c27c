//! s390x: "ELF Application Binary Interface s390x Supplement", section "Relocation", table
//! "Relocation Types".
//!
//! `R_390_TLS_IE64` stores the address of a slot, in the pool of constants of code that is not
//! position-independent.

use handpie_binary::Endianness;
use handpie_binary::elf::Class;
use object::elf::*;

use super::{Cpu, Relocation, Rule, relocations};

/// Newer than most tables: distances of z10 and later (include/elf/s390.h of binutils).
const R_390_PC12DBL: RelocationType = RelocationType(62);
const R_390_PLT12DBL: RelocationType = RelocationType(63);
const R_390_PC24DBL: RelocationType = RelocationType(64);
const R_390_PLT24DBL: RelocationType = RelocationType(65);
/// Notes of `-fvtable-gc`, which store nothing.
const R_390_GNU_VTINHERIT: RelocationType = RelocationType(250);
const R_390_GNU_VTENTRY: RelocationType = RelocationType(251);

pub(super) static CPU: Cpu = Cpu {
    machine: EM_S390,
    class: Class::Elf64,
    endian: Endianness::Big,
    relocations: relocations! {
        Writable { R_390_64 R_390_TLS_IE64 }
        Nowhere { R_390_8 R_390_12 R_390_16 R_390_20 R_390_32 R_390_TLS_IE32 }
        Anywhere {
            R_390_NONE
            R_390_PC16 R_390_PC16DBL R_390_PC32 R_390_PC32DBL R_390_PC64 R_390_PC12DBL R_390_PC24DBL
            R_390_PLT16DBL R_390_PLT32 R_390_PLT32DBL R_390_PLT64 R_390_PLT12DBL R_390_PLT24DBL
            R_390_PLTOFF16 R_390_PLTOFF32 R_390_PLTOFF64
            R_390_GOT12 R_390_GOT16 R_390_GOT20 R_390_GOT32 R_390_GOT64 R_390_GOTENT
            R_390_GOTPLT12 R_390_GOTPLT16 R_390_GOTPLT20 R_390_GOTPLT32 R_390_GOTPLT64
            R_390_GOTPLTENT
            R_390_GOTOFF16 R_390_GOTOFF32 R_390_GOTOFF64 R_390_GOTPC R_390_GOTPCDBL
            R_390_TLS_LOAD R_390_TLS_GDCALL R_390_TLS_LDCALL R_390_TLS_GD32 R_390_TLS_GD64
            R_390_TLS_GOTIE12 R_390_TLS_GOTIE20 R_390_TLS_GOTIE32 R_390_TLS_GOTIE64
            R_390_TLS_LDM32 R_390_TLS_LDM64 R_390_TLS_IEENT R_390_TLS_LE32 R_390_TLS_LE64
            R_390_TLS_LDO32 R_390_TLS_LDO64
            R_390_GNU_VTINHERIT R_390_GNU_VTENTRY
        }
    },
};
