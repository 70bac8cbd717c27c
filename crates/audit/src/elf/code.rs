//! Machine code, as far as single instructions tell something.
//!
//! No disassembly: an instruction is searched by its bytes. What is searched for is long enough not
//! to turn up by accident.

use std::collections::BTreeSet;

use handpie_binary::elf::constants::{
    EM_386, EM_AARCH64, EM_X86_64, PF_X, SHF_EXECINSTR, STT_FUNC,
};
use handpie_binary::elf::{Class, Elf, Symbol};
use handpie_binary::{Address, Bytes, Incomplete, Offset, Size, read_together};
use memchr::memmem;

use super::canary::is_canary_failure;
use super::functions::Function;
use crate::frames;
use crate::limits::{MAX_CODE, MAX_CODE_OF_FUNCTIONS};

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
    let (machine, class) = (elf.header().machine, elf.header().class);
    let failures = failures(elf, symbols)?;
    let mut checking = Vec::new();
    let mut left = MAX_CODE_OF_FUNCTIONS;
    // Function by function: the C of a large Go program lies behind megabytes of Go.
    for function in functions {
        let Some((start, code)) = function.code(elf) else {
            continue;
        };
        left = left.checked_sub(code.len())?;
        let checks = if machine == EM_X86_64 && class == Class::Elf64 {
            has_from_segment(code, &[0x25, 0x28, 0, 0, 0], 4, is_canary_of_x86_64)
                || calls_failure_on_x86(start, code, &failures)
        } else if machine == EM_X86_64 {
            has_from_segment(code, &[0x25, 0x18, 0, 0, 0], 3, is_canary_of_x32)
                || calls_failure_on_x86(start, code, &failures)
        } else if machine == EM_386 {
            has_from_segment(code, &[0x14, 0, 0, 0], 3, is_canary_of_386)
                || calls_failure_on_x86(start, code, &failures)
        } else if machine == EM_AARCH64 {
            calls_failure_on_arm64(start, code, &failures)
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

/// The same of `%fs:0x18`, where the ABI of x32 has the canary: 64, opcode, ModRM with SIB; into the
/// upper registers, a REX prefix stands behind 64.
fn is_canary_of_x32(code: &[u8]) -> bool {
    matches!(
        code,
        [0x64, 0x8b | 0x2b | 0x33 | 0x3b, modrm, ..] if modrm & 0xc7 == 0x04
    ) || matches!(code, [0x44, 0x8b | 0x2b | 0x33 | 0x3b, modrm, ..] if modrm & 0xc7 == 0x04)
}

/// The same of `%gs:0x14`: 65, opcode, ModRM; into %eax, 65 a1 is a byte shorter.
fn is_canary_of_386(code: &[u8]) -> bool {
    matches!(code, [_, 0x65, 0xa1, ..])
        || matches!(code, [0x65, 0x8b | 0x2b | 0x33 | 0x3b, modrm, ..] if modrm & 0xc7 == 0x05)
}

/// Where the functions that report a dead canary are, or the stubs through which they are called. They
/// are found however the compiler was told to keep the canary (-mstack-protector-guard).
fn failures(elf: &Elf<'_>, symbols: &[Symbol<'_>]) -> Option<BTreeSet<u64>> {
    let failures = symbols.iter().filter(|symbol| {
        symbol.section != 0 && symbol.kind == STT_FUNC && is_canary_failure(symbol.name)
    });
    let mut places: BTreeSet<u64> = failures.map(|symbol| symbol.address.0).collect();
    if elf.header().machine != EM_AARCH64 {
        return Some(places);
    }
    let (Some(dynamic), Some(plt)) = (elf.dynamic().ok().flatten(), elf.section(".plt")) else {
        return Some(places);
    };
    let named = elf.dynamic_symbols().ok()?;
    let is_failure = |index: u32| {
        let symbol = usize::try_from(index)
            .ok()
            .and_then(|index| named.get(index));
        symbol.is_some_and(|symbol| is_canary_failure(symbol.name))
    };
    let references = elf.references(&dynamic).ok()?.into_iter();
    let calls = references.filter(|one| one.is_call && is_failure(one.symbol));
    let slots: BTreeSet<u64> = calls.map(|call| call.target.0).collect();
    let code = elf.section_start(plt, MAX_CODE).data().ok()?;
    places.extend(stubs_on_arm64(plt.address, code, &slots));
    Some(places)
}

/// Whether a CALL with a distance of 32 bits leads to one of `failures`.
fn calls_failure_on_x86(start: Address, code: &[u8], failures: &BTreeSet<u64>) -> bool {
    if failures.is_empty() {
        return false;
    }
    let mut calls = memchr::memchr_iter(0xe8, code);
    calls.any(|at| {
        let distance = code.get(at..).and_then(|call| call.get(1..5));
        let Some(distance) = distance.and_then(|bytes| bytes.first_chunk::<4>()) else {
            return false;
        };
        let next = start.0.wrapping_add(at as u64).wrapping_add(5);
        let target = next.wrapping_add_signed(i64::from(i32::from_le_bytes(*distance)));
        failures.contains(&target)
    })
}

/// On AArch64 the canary is a variable like any other; but only functions that check one call what
/// reports a dead one.
fn calls_failure_on_arm64(start: Address, code: &[u8], failures: &BTreeSet<u64>) -> bool {
    let (words, _) = code.as_chunks::<4>();
    words.iter().zip(0u64..).any(|(word, index)| {
        let word = u32::from_le_bytes(*word);
        // BL: 100101 and 26 bits of distance in words.
        let is_call = word & 0xfc00_0000 == 0x9400_0000;
        let distance = i64::from((word << 6).cast_signed() >> 6).wrapping_mul(4);
        let here = start.0.wrapping_add(index.wrapping_mul(4));
        is_call && failures.contains(&here.wrapping_add_signed(distance))
    })
}

/// The stubs of an AArch64 PLT through which calls of these words go: `adrp x16, page`, `ldr x17,
/// [x16, #offset]` (AArch64 ELF ABI, "PLT Sequences and Usage Models").
fn stubs_on_arm64(start: Address, code: &[u8], slots: &BTreeSet<u64>) -> Vec<u64> {
    let (words, _) = code.as_chunks::<4>();
    let pairs = words.windows(2).zip(0u64..);
    let stubs = pairs.filter_map(|(pair, index)| {
        let [page, load] = pair else {
            return None;
        };
        let (page, load) = (u32::from_le_bytes(*page), u32::from_le_bytes(*load));
        if page & 0x9f00_001f != 0x9000_0010 || load & 0xffc0_03ff != 0xf940_0211 {
            return None;
        }
        let here = start.0.wrapping_add(index.wrapping_mul(4));
        // 19 high bits and 2 low ones, in pages of 4 KiB.
        let high = i64::from((page << 8).cast_signed() >> 13).wrapping_mul(4);
        let pages = high.wrapping_add(i64::from((page >> 29) & 3));
        let base = (here & !0xfff).wrapping_add_signed(pages.wrapping_mul(0x1000));
        let slot = base.wrapping_add(u64::from((load >> 10) & 0xfff).wrapping_mul(8));
        slots.contains(&slot).then_some(here)
    });
    // With -z force-bti, a landing pad of one word stands in front.
    stubs.flat_map(|at| [at, at.wrapping_sub(4)]).collect()
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
    let mut left = MAX_CODE_OF_FUNCTIONS;
    let mut giving = Vec::new();
    for function in functions {
        let Some((_, code)) = function.code(elf) else {
            continue;
        };
        let Some(rest) = left.checked_sub(code.len()) else {
            break;
        };
        left = rest;
        if frames::gives_a_local_away(cpu, code) {
            giving.push(*function);
        }
    }
    giving
}

/// The words through which code of x86-64 calls or jumps: `call *disp(%rip)` and `jmp *disp(%rip)`.
pub(super) fn called_through(stretches: &[(Address, &[u8])]) -> BTreeSet<Address> {
    let mut words = BTreeSet::new();
    for (start, code) in stretches {
        for at in memchr::memchr_iter(0xff, code) {
            let instruction = code.get(at..).and_then(|code| code.first_chunk::<6>());
            if let Some([_, 0x15 | 0x25, a, b, c, d]) = instruction {
                let next = start.0.wrapping_add(at as u64).wrapping_add(6);
                let distance = i64::from(i32::from_le_bytes([*a, *b, *c, *d]));
                words.insert(Address(next.wrapping_add_signed(distance)));
            }
        }
    }
    words
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
    fn a_stub_of_arm64_is_found_by_the_word_it_loads() {
        // adrp x16, 0x20000 from 0x10000; ldr x17, [x16, #0x18]; add x16, x16, #0x18; br x17
        let code = [0x9000_0090u32, 0xf940_0e11, 0x9100_6210, 0xd61f_0220].map(u32::to_le_bytes);
        let slots = BTreeSet::from([0x20018]);
        let found = stubs_on_arm64(Address(0x10000), &code.concat(), &slots);
        assert!(found.contains(&0x10000), "{found:?}");
        let others = BTreeSet::from([0x20020]);
        assert!(stubs_on_arm64(Address(0x10000), &code.concat(), &others).is_empty());
    }

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
