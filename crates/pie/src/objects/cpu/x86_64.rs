//! x86-64: "System V Application Binary Interface, AMD64 Architecture Processor Supplement", table
//! 4.9 and 4.4.1 "Relocation Types"; thread-local storage in its section 4.4.2.

use handpie_binary::Endianness;
use handpie_binary::elf::Class;
use object::elf::*;

use super::{Cpu, Relocation, Rule, relocations};

/// Of MPX, which is gone; old assemblers wrote them for distances and calls.
const R_X86_64_PC32_BND: RelocationType = RelocationType(39);
const R_X86_64_PLT32_BND: RelocationType = RelocationType(40);
/// Notes of `-fvtable-gc`, which store nothing (include/elf/x86-64.h of binutils).
const R_X86_64_GNU_VTINHERIT: RelocationType = RelocationType(250);
const R_X86_64_GNU_VTENTRY: RelocationType = RelocationType(251);

pub(super) static CPU: Cpu = Cpu {
    machine: EM_X86_64,
    class: Class::Elf64,
    endian: Endianness::Little,
    relocations: relocations! {
        Writable { R_X86_64_64 }
        Nowhere { R_X86_64_8 R_X86_64_16 R_X86_64_32 R_X86_64_32S }
        Anywhere {
            R_X86_64_NONE
            R_X86_64_PC8 R_X86_64_PC16 R_X86_64_PC32 R_X86_64_PC64 R_X86_64_PLT32
            R_X86_64_PC32_BND R_X86_64_PLT32_BND
            R_X86_64_GOT32 R_X86_64_GOT64 R_X86_64_GOTPLT64 R_X86_64_GOTOFF64 R_X86_64_PLTOFF64
            R_X86_64_GOTPC32 R_X86_64_GOTPC64 R_X86_64_GOTPCREL R_X86_64_GOTPCREL64
            R_X86_64_GOTPCRELX R_X86_64_REX_GOTPCRELX
            R_X86_64_CODE_4_GOTPCRELX R_X86_64_CODE_5_GOTPCRELX R_X86_64_CODE_6_GOTPCRELX
            R_X86_64_SIZE32 R_X86_64_SIZE64
            R_X86_64_TLSGD R_X86_64_TLSLD R_X86_64_DTPOFF32 R_X86_64_DTPOFF64
            R_X86_64_GOTTPOFF R_X86_64_TPOFF32 R_X86_64_TPOFF64
            R_X86_64_CODE_4_GOTTPOFF R_X86_64_CODE_5_GOTTPOFF R_X86_64_CODE_6_GOTTPOFF
            R_X86_64_GOTPC32_TLSDESC R_X86_64_TLSDESC_CALL
            R_X86_64_CODE_4_GOTPC32_TLSDESC R_X86_64_CODE_5_GOTPC32_TLSDESC
            R_X86_64_CODE_6_GOTPC32_TLSDESC
            R_X86_64_GNU_VTINHERIT R_X86_64_GNU_VTENTRY
        }
    },
};
