//! arm: "ELF for the Arm Architecture", ARM IHI 0044, section "Relocation types", table of codes.
//!
//! `R_ARM_TARGET1` and `R_ARM_TARGET2` are what the platform makes of them: on Linux the first is
//! `R_ARM_ABS32` and the second `R_ARM_GOT_PREL` ("ELF for the Arm Architecture", "Static
//! miscellaneous relocations"; GNU ld manual, `--target1-abs`).

use handpie_binary::Endianness;
use handpie_binary::elf::Class;
use object::elf::*;

use super::{Cpu, Relocation, Rule, relocations};

/// `MOVS` and `ADDS` of a part of an address, for Armv6-M.
const R_ARM_THM_ALU_ABS_G0_NC: RelocationType = RelocationType(132);
const R_ARM_THM_ALU_ABS_G1_NC: RelocationType = RelocationType(133);
const R_ARM_THM_ALU_ABS_G2_NC: RelocationType = RelocationType(134);
const R_ARM_THM_ALU_ABS_G3: RelocationType = RelocationType(135);

pub(super) static CPU: Cpu = Cpu {
    machine: EM_ARM,
    class: Class::Elf32,
    endian: Endianness::Little,
    relocations: relocations! {
        Writable { R_ARM_ABS32 R_ARM_ABS32_NOI R_ARM_TARGET1 R_ARM_PLT32_ABS }
        Nowhere {
            R_ARM_ABS16 R_ARM_ABS12 R_ARM_ABS8 R_ARM_THM_ABS5
            R_ARM_MOVW_ABS_NC R_ARM_MOVT_ABS R_ARM_THM_MOVW_ABS_NC R_ARM_THM_MOVT_ABS
            R_ARM_THM_ALU_ABS_G0_NC R_ARM_THM_ALU_ABS_G1_NC R_ARM_THM_ALU_ABS_G2_NC
            R_ARM_THM_ALU_ABS_G3
            R_ARM_BASE_ABS R_ARM_GOT_ABS
        }
        Anywhere {
            R_ARM_NONE
            R_ARM_V4BX
            R_ARM_REL32 R_ARM_REL32_NOI R_ARM_PREL31 R_ARM_TARGET2
            R_ARM_PC24 R_ARM_PLT32 R_ARM_CALL R_ARM_JUMP24
            R_ARM_THM_PC22 R_ARM_THM_JUMP24 R_ARM_THM_JUMP19 R_ARM_THM_JUMP6 R_ARM_THM_PC11
            R_ARM_THM_PC9 R_ARM_THM_PC8 R_ARM_THM_PC12 R_ARM_THM_ALU_PREL_11_0
            R_ARM_PC13 R_ARM_ALU_PC_G0_NC R_ARM_ALU_PC_G0 R_ARM_ALU_PC_G1_NC R_ARM_ALU_PC_G1
            R_ARM_ALU_PC_G2 R_ARM_LDR_PC_G1 R_ARM_LDR_PC_G2 R_ARM_LDRS_PC_G0 R_ARM_LDRS_PC_G1
            R_ARM_LDRS_PC_G2 R_ARM_LDC_PC_G0 R_ARM_LDC_PC_G1 R_ARM_LDC_PC_G2
            R_ARM_MOVW_PREL_NC R_ARM_MOVT_PREL R_ARM_THM_MOVW_PREL_NC R_ARM_THM_MOVT_PREL
            R_ARM_GOTOFF R_ARM_GOTPC R_ARM_GOT32 R_ARM_GOT_PREL R_ARM_GOT_BREL12 R_ARM_GOTOFF12
            R_ARM_THM_GOT_BREL12
            R_ARM_TLS_GD32 R_ARM_TLS_LDM32 R_ARM_TLS_LDO32 R_ARM_TLS_IE32 R_ARM_TLS_LE32
            R_ARM_TLS_LDO12 R_ARM_TLS_LE12 R_ARM_TLS_IE12GP
            R_ARM_TLS_GOTDESC R_ARM_TLS_CALL R_ARM_TLS_DESCSEQ R_ARM_THM_TLS_CALL
            R_ARM_THM_TLS_DESCSEQ16 R_ARM_THM_TLS_DESCSEQ32
            R_ARM_GNU_VTENTRY R_ARM_GNU_VTINHERIT
        }
    },
};
