//! Machine code, as far as single instructions tell something, and whose functions they are in.
//!
//! No disassembly: an instruction is searched by its bytes. What is searched for is long enough not
//! to turn up by accident.

use handpie_binary::elf::constants::{
    EM_386, EM_AARCH64, EM_X86_64, PF_X, SHF_EXECINSTR, STB_LOCAL, STT_FILE, STT_FUNC,
};
use handpie_binary::elf::{Elf, Symbol};
use handpie_binary::{Address, Offset, Size};
use memchr::memmem;

use crate::limits::MAX_CODE;

/// The stretches of code: sections, or segments in a file without section headers. Of very long ones
/// the start.
pub(super) fn stretches<'data>(elf: &Elf<'data>) -> Vec<(Address, &'data [u8])> {
    let part = |address, offset: Offset, size: Size| {
        let size = size.min(Size(MAX_CODE));
        let bytes = elf.file().slice(offset.0, size, "code").ok()?;
        Some((address, bytes.data()))
    };
    if elf.sections().is_empty() {
        let code = elf.loads().filter(|load| load.has(PF_X));
        return code
            .filter_map(|load| part(load.address, load.offset, load.file_size))
            .collect();
    }
    let sections = elf.sections().iter();
    let code = sections.filter(|section| section.flags.contains(SHF_EXECINSTR));
    code.filter_map(|section| part(section.address, section.offset, section.file_size()))
        .collect()
}

/// Where code reads the canary, ascending; `None` on CPUs where a single instruction does not tell.
pub(super) fn canary_reads(elf: &Elf<'_>, symbols: &[Symbol<'_>]) -> Option<Vec<Address>> {
    let machine = elf.header().machine;
    let mut reads = Vec::new();
    for (start, code) in stretches(elf) {
        let found: Vec<usize> = if machine == EM_X86_64 {
            from_segment(code, &[0x25, 0x28, 0, 0, 0], 4, is_canary_of_x86_64)
        } else if machine == EM_386 {
            from_segment(code, &[0x14, 0, 0, 0], 3, is_canary_of_386)
        } else if machine == EM_AARCH64 {
            calls_of_failure(start, code, symbols)?
        } else {
            return None;
        };
        let place = |inside| start.checked_add(Size::of(inside));
        reads.extend(found.into_iter().filter_map(place));
    }
    reads.sort_unstable();
    Some(reads)
}

/// Instructions that end with `displacement` and are told by the `before` bytes in front of it.
fn from_segment(
    code: &[u8],
    displacement: &[u8],
    before: usize,
    is_one: fn(&[u8]) -> bool,
) -> Vec<usize> {
    let found = memmem::find_iter(code, displacement);
    found
        .filter_map(|at| at.checked_sub(before))
        .filter(|&start| code.get(start..).is_some_and(is_one))
        .collect()
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
/// `__stack_chk_fail`. `None` when it is not among the symbols.
fn calls_of_failure(start: Address, code: &[u8], symbols: &[Symbol<'_>]) -> Option<Vec<usize>> {
    let failure = symbols
        .iter()
        .find(|symbol| symbol.name == b"__stack_chk_fail" && symbol.address.0 != 0)?;
    let calls = code.chunks_exact(4).enumerate().filter(|(index, word)| {
        let Ok(word) = <[u8; 4]>::try_from(*word) else {
            return false;
        };
        let word = u32::from_le_bytes(word);
        // BL: 100101 and 26 bits of distance in words.
        let is_call = word & 0xfc00_0000 == 0x9400_0000;
        let distance = i64::from((word << 6).cast_signed() >> 6).wrapping_mul(4);
        let here = start.0.wrapping_add((*index as u64).wrapping_mul(4));
        is_call && here.wrapping_add_signed(distance) == failure.address.0
    });
    Some(calls.map(|(index, _)| index.saturating_mul(4)).collect())
}

/// A function of the program and not of its libc.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function<'data> {
    pub(super) name: &'data [u8],
    start: Address,
    end: Address,
}

impl Function<'_> {
    pub(super) fn has_one_of(&self, addresses: &[Address]) -> bool {
        let first = addresses.partition_point(|address| *address < self.start);
        addresses
            .get(first)
            .is_some_and(|address| *address < self.end)
    }
}

/// The functions of a C program that its author wrote, or that come from libraries other than libc.
///
/// Where libc is not linked in, these are all but those of the start files. Else the linker has put
/// the objects into the order of its command line: start files, those of the program, libraries. So
/// the program's are those around `main`, up to a start file on one side and libc on the other.
pub(super) fn own_functions<'data>(
    symbols: &[Symbol<'data>],
    has_libc: bool,
) -> Vec<Function<'data>> {
    let mut functions = Vec::new();
    let mut of_archive = false;
    for symbol in symbols {
        if symbol.kind == STT_FILE {
            // Archives of libc are built so that their files are called so; a compiler writes `.c`.
            of_archive = symbol.name.ends_with(b".o");
        } else if symbol.kind == STT_FUNC && symbol.section != 0 && symbol.size.0 > 0 {
            let local = symbol.binding == STB_LOCAL;
            functions.push((
                Function {
                    name: symbol.name,
                    start: symbol.address,
                    end: Address(symbol.address.0.saturating_add(symbol.size.0)),
                },
                is_of_start_files(symbol.name) || (local && of_archive),
            ));
        }
    }
    functions.sort_by_key(|(function, _)| function.start);
    if !has_libc {
        functions.retain(|(_, foreign)| !foreign);
        return functions
            .into_iter()
            .map(|(function, _)| function)
            .collect();
    }
    let Some(main) = functions
        .iter()
        .position(|(function, _)| function.name == b"main")
    else {
        return Vec::new();
    };
    let is_border =
        |(function, foreign): &&(Function<'_>, bool)| *foreign || function.name.starts_with(b"_");
    let before = functions
        .iter()
        .take(main)
        .rev()
        .take_while(|one| !is_border(one));
    let after = functions
        .iter()
        .skip(main)
        .take_while(|one| !is_border(one));
    before.chain(after).map(|(function, _)| *function).collect()
}

fn is_of_start_files(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 12] = [
        b"_start",
        b"_init",
        b"_fini",
        b"deregister_tm_clones",
        b"register_tm_clones",
        b"__do_global_dtors_aux",
        b"frame_dummy",
        b"_dl_relocate_static_pie",
        b"__libc_csu_init",
        b"__libc_csu_fini",
        b"_start_c",
        b"atexit",
    ];
    NAMES.contains(&name)
}

/// The functions of a Go program that a C compiler made: Go's have dots in their names.
pub(super) fn c_functions_of_go<'data>(
    symbols: &[Symbol<'data>],
    has_libc: bool,
) -> Vec<Function<'data>> {
    let wrapper =
        |name: &[u8]| name.starts_with(b"_cgo_") && memmem::find(name, b"func_").is_some();
    let of_runtime = |name: &[u8]| {
        let starts: [&[u8]; 5] = [b"x_cgo_", b"_cgo_", b"crosscall", b"_rt0_", b"gosave"];
        starts.iter().any(|start| name.starts_with(start)) || memmem::find(name, b"cgo_").is_some()
    };
    let mut functions = own_functions(symbols, false);
    functions.retain(|function| {
        let name = function.name;
        let c = !name.contains(&b'.') && !name.contains(&b'/');
        c && (wrapper(name) || (!has_libc && !of_runtime(name)))
    });
    functions
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
        let found = from_segment(&code, &[0x25, 0x28, 0, 0, 0], 4, is_canary_of_x86_64);
        assert_eq!(found, [0, 18]);
    }
}
