//! Machine code, as far as single instructions tell something.
//!
//! No disassembly: an instruction is searched by its bytes. What is searched for is long enough not
//! to turn up by accident.

use std::collections::BTreeSet;

use handpie_binary::elf::constants::{EM_386, EM_AARCH64, EM_X86_64, PF_X, SHF_EXECINSTR};
use handpie_binary::elf::{Elf, Symbol};
use handpie_binary::{Address, Bytes, Incomplete, Offset, Size, read_together};
use memchr::memmem;

use super::functions::Function;
use crate::frames;
use crate::limits::MAX_CODE;

/// The stretches of code: sections, or segments in a file without section headers. Of very long ones
/// the start.
pub(super) fn stretches<'data>(
    elf: &Elf<'data>,
) -> Result<Vec<(Address, &'data [u8])>, Incomplete> {
    let part = |address, offset: Offset, size: Size| {
        let size = size.min(Size(MAX_CODE));
        Some((address, elf.file().slice(offset.0, size, "code").ok()?))
    };
    let parts: Vec<(Address, Bytes<'data>)> = if elf.sections().is_empty() {
        let code = elf.loads().filter(|load| load.has(PF_X));
        code.filter_map(|load| part(load.address, load.offset, load.file_size))
            .collect()
    } else {
        let sections = elf.sections().iter();
        let code = sections.filter(|section| section.flags.contains(SHF_EXECINSTR));
        code.filter_map(|section| part(section.address, section.offset, section.file_size()))
            .collect()
    };
    read_together(parts.iter().map(|(_, part)| *part))?;
    let parts = parts.into_iter();
    parts
        .map(|(address, part)| Ok((address, part.data()?)))
        .collect()
}

/// Those of the functions that read the canary; `None` on CPUs where a single instruction does not
/// tell.
pub(super) fn checking_a_canary<'data>(
    elf: &Elf<'_>,
    functions: &[Function<'data>],
    symbols: &[Symbol<'_>],
) -> Option<Vec<Function<'data>>> {
    let machine = elf.header().machine;
    let mut checking = Vec::new();
    // Function by function: the C of a large Go program lies behind megabytes of Go.
    for function in functions {
        let Some((start, code)) = function.code(elf) else {
            continue;
        };
        let checks = if machine == EM_X86_64 {
            has_from_segment(code, &[0x25, 0x28, 0, 0, 0], 4, is_canary_of_x86_64)
        } else if machine == EM_386 {
            has_from_segment(code, &[0x14, 0, 0, 0], 3, is_canary_of_386)
        } else if machine == EM_AARCH64 {
            calls_failure(start, code, symbols)?
        } else {
            return None;
        };
        if checks {
            checking.push(*function);
        }
    }
    Some(checking)
}

/// Whether there is an instruction that ends with `displacement` and is told by the `before` bytes in
/// front of it.
fn has_from_segment(
    code: &[u8],
    displacement: &[u8],
    before: usize,
    is_one: fn(&[u8]) -> bool,
) -> bool {
    let mut found = memmem::find_iter(code, displacement).filter_map(|at| at.checked_sub(before));
    found.any(|start| code.get(start..).is_some_and(is_one))
}

/// `mov %fs:0x28,%reg`, and `sub`, `xor` and `cmp` of it: 64, REX.W, opcode, ModRM with SIB.
fn is_canary_of_x86_64(code: &[u8]) -> bool {
    matches!(
        code,
        [0x64, 0x48 | 0x4c, 0x8b | 0x2b | 0x33 | 0x3b, modrm, ..] if modrm & 0xc7 == 0x04
    )
}

/// The same of `%gs:0x14`: 65, opcode, ModRM; into %eax, 65 a1 is a byte shorter.
fn is_canary_of_386(code: &[u8]) -> bool {
    matches!(code, [_, 0x65, 0xa1, ..])
        || matches!(code, [0x65, 0x8b | 0x2b | 0x33 | 0x3b, modrm, ..] if modrm & 0xc7 == 0x05)
}

/// On AArch64 the canary is a variable like any other; but only functions that check one call
/// `__stack_chk_fail`. `None` when that is somewhere else, and the calls go through a table.
fn calls_failure(start: Address, code: &[u8], symbols: &[Symbol<'_>]) -> Option<bool> {
    // A name may have a version behind it, `@GLIBC_2.17`.
    let named = |symbol: &&Symbol<'_>| symbol.name.starts_with(b"__stack_chk_fail");
    let Some(failure) = symbols.iter().find(named) else {
        return Some(false);
    };
    if failure.address.0 == 0 {
        return None;
    }
    let (words, _) = code.as_chunks::<4>();
    Some(words.iter().enumerate().any(|(index, word)| {
        let word = u32::from_le_bytes(*word);
        // BL: 100101 and 26 bits of distance in words.
        let is_call = word & 0xfc00_0000 == 0x9400_0000;
        let distance = i64::from((word << 6).cast_signed() >> 6).wrapping_mul(4);
        let here = start.0.wrapping_add((index as u64).wrapping_mul(4));
        is_call && here.wrapping_add_signed(distance) == failure.address.0
    }))
}

/// The functions that give the address of a local variable away, without being protected.
pub(super) fn giving_a_local_away<'data>(
    elf: &Elf<'_>,
    functions: &[Function<'data>],
) -> Vec<Function<'data>> {
    let machine = elf.header().machine;
    let cpu = if machine == EM_X86_64 {
        frames::Cpu::X86_64
    } else if machine == EM_AARCH64 {
        frames::Cpu::Arm64
    } else {
        return Vec::new();
    };
    let gives = |function: &Function<'_>| {
        let code = function.code(elf);
        code.is_some_and(|(_, code)| frames::gives_a_local_away(cpu, code))
    };
    functions.iter().copied().filter(gives).collect()
}

/// The names of the functions that `functions` call directly; `None` on CPUs whose calls are not
/// understood.
pub(super) fn called<'data>(
    elf: &Elf<'_>,
    functions: &[Function<'_>],
    symbols: &[Symbol<'data>],
) -> Option<Vec<&'data [u8]>> {
    if elf.header().machine != EM_X86_64 || functions.is_empty() {
        return None;
    }
    let mut targets = BTreeSet::new();
    for function in functions {
        let (start, code) = function.code(elf)?;
        for (at, instruction) in code.windows(5).enumerate() {
            // CALL and JMP with a distance of 32 bits. What only looks like one leads nowhere.
            if let [0xe8 | 0xe9, distance @ ..] = instruction {
                let distance = <[u8; 4]>::try_from(distance).map(i32::from_le_bytes).ok()?;
                let next = start.0.wrapping_add(at as u64).wrapping_add(5);
                targets.insert(next.wrapping_add_signed(i64::from(distance)));
            }
        }
    }
    let called = symbols
        .iter()
        .filter(|symbol| symbol.section != 0 && targets.contains(&symbol.address.0));
    Some(called.map(|symbol| symbol.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_reads_of_the_canary_and_nothing_else() {
        // mov %fs:0x28,%rax; mov %fs:0x10,%rax; sub %fs:0x28,%rdx; mov 0x28,%eax
        let code = [
            0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0, 0x64, 0x48, 0x8b, 0x04, 0x25, 0x10, 0, 0,
            0, 0x64, 0x48, 0x2b, 0x14, 0x25, 0x28, 0, 0, 0, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0,
        ];
        let is_found =
            |code| has_from_segment(code, &[0x25, 0x28, 0, 0, 0], 4, is_canary_of_x86_64);
        assert!(is_found(&code[..9]), "mov %fs:0x28,%rax");
        assert!(!is_found(&code[9..18]), "mov %fs:0x10,%rax");
        assert!(is_found(&code[18..27]), "sub %fs:0x28,%rdx");
        assert!(!is_found(&code[27..]), "mov 0x28,%eax");
    }
}
