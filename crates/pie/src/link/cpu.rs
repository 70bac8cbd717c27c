//! What differs between the CPUs that are linked for: the relocations that Go emits, the page, the
//! place of thread-local storage. One table a CPU.
//!
//! Which relocations Go emits stands in `elfreloc1` of cmd/link/internal/x86/asm.go, arm/asm.go and
//! riscv64/asm.go. What they mean: "System V ABI, Intel386 Supplement" and U. Drepper, "ELF Handling
//! For Thread-Local Storage"; "ELF for the Arm Architecture", ARM IHI 0044; "RISC-V ABIs
//! Specification", chapter 8.

use handpie_binary::elf::Class;
use object::elf::{
    EM_386, EM_ARM, EM_RISCV, Machine, R_386_32, R_386_GOT32, R_386_GOTPC, R_386_PC32,
    R_386_TLS_GOTIE, R_ARM_ABS32, R_ARM_CALL, R_ARM_GOT_PREL, R_ARM_JUMP24, R_ARM_REL32,
    R_ARM_TLS_IE32, R_RISCV_32, R_RISCV_64, R_RISCV_GOT_HI20, R_RISCV_JAL, R_RISCV_PCREL_HI20,
    R_RISCV_PCREL_LO12_I, R_RISCV_PCREL_LO12_S, R_RISCV_TLS_GOT_HI20, RelocationType,
};

use super::field::Field;
use super::startup;
use crate::arch::WithOptions;

/// A CPU that objects are linked for. All are little-endian.
pub(super) struct Cpu {
    pub(super) machine: Machine,
    pub(super) class: Class,
    /// The largest page that a kernel of this CPU may have.
    pub(super) page: u64,
    pub(super) relocations: &'static [Relocation],
    /// The word from which the thread pointer reaches a variable.
    pub(super) thread_offset: fn(offset: u64, block: Block) -> i64,
    /// The code of the start-up stub.
    pub(super) stub: &'static [u8],
    /// What moving and sealing need; `None` where neither is to be had.
    pub(super) options: Option<WithOptions>,
}

/// The thread-local variables of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) size: u64,
    pub(super) align: u64,
}

/// A kind of relocation.
pub(super) struct Relocation {
    pub(super) kind: RelocationType,
    pub(super) name: &'static str,
    pub(super) value: Value,
    pub(super) field: Field,
}

/// What a relocation stores. S is the symbol, A the addend, P the place, G the symbol's slot in the
/// global offset table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// S + A
    Absolute,
    /// S + A - P
    Relative,
    /// G + A - P, where the slot holds this.
    Slot(Slot),
    /// The start of the global offset table + A - P.
    Table,
    /// G + A - the start of the global offset table.
    SlotInTable(Slot),
    /// What the relocation at S stored, which is the upper part of the same value.
    Partner,
}

/// What a slot of the global offset table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    /// The address of the symbol.
    Address,
    /// Where the thread-local symbol is, from the thread pointer.
    ThreadOffset,
}

impl Cpu {
    pub(super) fn of_machine(machine: Machine) -> Option<&'static Self> {
        [&I386, &ARM, &RISCV64]
            .into_iter()
            .find(|cpu| cpu.machine == machine)
    }

    pub(super) fn relocation(&self, kind: RelocationType) -> Option<&'static Relocation> {
        self.relocations.iter().find(|one| one.kind == kind)
    }

    /// The size of an address, in bytes.
    pub(super) fn word(&self) -> u64 {
        self.class.word_size()
    }

    /// The field that an address fills.
    pub(super) fn word_field(&self) -> Field {
        match self.class {
            Class::Elf32 => Field::Word32,
            Class::Elf64 => Field::Word64,
        }
    }
}

macro_rules! relocations {
    ($($kind:ident $value:expr, $field:ident;)*) => {
        &[$(Relocation {
            kind: $kind,
            name: stringify!($kind),
            value: $value,
            field: Field::$field,
        }),*]
    };
}

/// Go never lets a linker of C see 386 code that finds its own address in another way than by a
/// call, so a slot is reached in two steps that share one place: `R_386_GOTPC` adds the distance to
/// the table, and the relocation after it adds the slot's place in the table.
static I386: Cpu = Cpu {
    machine: EM_386,
    class: Class::Elf32,
    // The CPU has no other for a program's own segments.
    page: 4 << 10,
    relocations: relocations! {
        R_386_32 Value::Absolute, Word32;
        R_386_PC32 Value::Relative, Word32;
        R_386_GOT32 Value::SlotInTable(Slot::Address), Word32;
        R_386_GOTPC Value::Table, Word32;
        R_386_TLS_GOTIE Value::SlotInTable(Slot::ThreadOffset), Word32;
    },
    // The block ends where the thread pointer points (variant II).
    thread_offset: |offset, block| {
        let size = block.size.checked_next_multiple_of(block.align.max(1));
        let size = size.unwrap_or(block.size);
        offset.wrapping_sub(size).cast_signed()
    },
    stub: &startup::I386,
    options: None,
};

static ARM: Cpu = Cpu {
    machine: EM_ARM,
    class: Class::Elf32,
    // 32-bit programs also run on arm64 kernels, whose pages have up to 64 KiB. Go's own linker
    // aligns segments to that too (`archinit` in cmd/link/internal/arm/obj.go).
    page: 64 << 10,
    relocations: relocations! {
        R_ARM_ABS32 Value::Absolute, Word32;
        R_ARM_REL32 Value::Relative, Word32;
        R_ARM_CALL Value::Relative, Branch24;
        R_ARM_JUMP24 Value::Relative, Branch24;
        R_ARM_GOT_PREL Value::Slot(Slot::Address), Word32;
        R_ARM_TLS_IE32 Value::Slot(Slot::ThreadOffset), Word32;
    },
    // The block starts after two words that the thread pointer points at (variant I).
    thread_offset: |offset, block| {
        let start = 8u64.checked_next_multiple_of(block.align.max(1));
        start.unwrap_or(8).wrapping_add(offset).cast_signed()
    },
    stub: &startup::ARM,
    options: None,
};

static RISCV64: Cpu = Cpu {
    machine: EM_RISCV,
    class: Class::Elf64,
    // Linux has no other on RISC-V; what is larger are huge pages, which nobody has to get.
    page: 4 << 10,
    relocations: relocations! {
        R_RISCV_32 Value::Absolute, Word32;
        R_RISCV_64 Value::Absolute, Word64;
        R_RISCV_JAL Value::Relative, Jump20;
        R_RISCV_GOT_HI20 Value::Slot(Slot::Address), High20;
        R_RISCV_TLS_GOT_HI20 Value::Slot(Slot::ThreadOffset), High20;
        R_RISCV_PCREL_HI20 Value::Relative, High20;
        R_RISCV_PCREL_LO12_I Value::Partner, LowI;
        R_RISCV_PCREL_LO12_S Value::Partner, LowS;
    },
    // The thread pointer points at the start of the block.
    thread_offset: |offset, _| offset.cast_signed(),
    stub: &startup::RISCV64,
    options: Some(WithOptions {
        stub: &startup::RISCV64_WITH_OPTIONS,
        mover: &startup::RISCV64_MOVER,
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_local_storage_is_where_each_psabi_has_it() {
        let block = Block { size: 12, align: 8 };
        assert_eq!((I386.thread_offset)(4, block), 4 - 16);
        assert_eq!((ARM.thread_offset)(4, block), 12);
        assert_eq!((RISCV64.thread_offset)(4, block), 4);
        // What Go's runtime has: one word, which is at -4(GS) on 386.
        let one = Block { size: 4, align: 4 };
        assert_eq!((I386.thread_offset)(0, one), -4);
        assert_eq!((ARM.thread_offset)(0, Block { size: 4, align: 64 }), 64);
    }
}
