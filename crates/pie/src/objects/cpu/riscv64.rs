//! riscv64: "RISC-V ABIs Specification", chapter 8, section "Relocations", table "Relocation types".
//!
//! `R_RISCV_ADD*`, `SUB*` and `SET*` come in pairs that store the distance between two symbols.

use handpie_binary::Endianness;
use handpie_binary::elf::Class;
use object::elf::*;

use super::{Cpu, Relocation, Rule, relocations};

pub(super) static CPU: Cpu = Cpu {
    machine: EM_RISCV,
    class: Class::Elf64,
    endian: Endianness::Little,
    relocations: relocations! {
        Writable { R_RISCV_64 }
        Nowhere { R_RISCV_32 R_RISCV_HI20 R_RISCV_LO12_I R_RISCV_LO12_S R_RISCV_RVC_LUI }
        Anywhere {
            R_RISCV_NONE R_RISCV_ALIGN R_RISCV_RELAX
            R_RISCV_BRANCH R_RISCV_JAL R_RISCV_CALL R_RISCV_CALL_PLT R_RISCV_RVC_BRANCH
            R_RISCV_RVC_JUMP R_RISCV_PLT32
            R_RISCV_PCREL_HI20 R_RISCV_PCREL_LO12_I R_RISCV_PCREL_LO12_S R_RISCV_32_PCREL
            R_RISCV_GOT_HI20 R_RISCV_GOT32_PCREL
            R_RISCV_ADD8 R_RISCV_ADD16 R_RISCV_ADD32 R_RISCV_ADD64
            R_RISCV_SUB6 R_RISCV_SUB8 R_RISCV_SUB16 R_RISCV_SUB32 R_RISCV_SUB64
            R_RISCV_SET6 R_RISCV_SET8 R_RISCV_SET16 R_RISCV_SET32
            R_RISCV_SET_ULEB128 R_RISCV_SUB_ULEB128
            R_RISCV_TLS_GOT_HI20 R_RISCV_TLS_GD_HI20
            R_RISCV_TPREL_HI20 R_RISCV_TPREL_LO12_I R_RISCV_TPREL_LO12_S R_RISCV_TPREL_ADD
            R_RISCV_TLS_DTPREL32 R_RISCV_TLS_DTPREL64
            R_RISCV_TLSDESC_HI20 R_RISCV_TLSDESC_LOAD_LO12 R_RISCV_TLSDESC_ADD_LO12
            R_RISCV_TLSDESC_CALL
        }
    },
};
