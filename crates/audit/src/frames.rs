//! Functions that give the address of a local variable away, which -fstack-protector-strong
//! protects: whoever has it may write past its end.
//!
//! No disassembly: what is looked for is the instruction that computes an address in the frame,
//! with a call soon behind it. Some such functions are not found (the address of an array may never
//! leave a register that was computed otherwise), so finding none shows nothing.

/// A CPU whose frames are understood.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cpu {
    X86_64,
    Arm64,
}

/// How far behind the address a call is looked for, in bytes.
const NEAR: usize = 48;
/// No frame is larger, in bytes; what looks like one is not an instruction.
const MAX_FRAME: u32 = 8 << 20;

/// Whether the code of one function, from its first instruction on, gives away an address in its
/// frame.
pub(crate) fn gives_a_local_away(cpu: Cpu, code: &[u8]) -> bool {
    match cpu {
        Cpu::X86_64 => x86_64(code, has_frame_pointer(code)),
        Cpu::Arm64 => arm64(code),
    }
}

/// The same of many functions, where it is the platform's rule that `%rbp` points at the frame.
pub(crate) fn one_gives_a_local_away(cpu: Cpu, code: &[u8]) -> bool {
    match cpu {
        Cpu::X86_64 => x86_64(code, true),
        Cpu::Arm64 => arm64(code),
    }
}

/// `push %rbp; mov %rsp,%rbp`, perhaps behind `endbr64`. Without it, `%rbp` is a register like any
/// other.
fn has_frame_pointer(code: &[u8]) -> bool {
    const PROLOGUE: &[u8] = &[0x55, 0x48, 0x89, 0xe5];
    let code = code.strip_prefix(&[0xf3, 0x0f, 0x1e, 0xfa]).unwrap_or(code);
    code.starts_with(PROLOGUE)
}

fn x86_64(code: &[u8], has_frame_pointer: bool) -> bool {
    let mut rest = code;
    while let [_, tail @ ..] = rest {
        if is_address_in_frame(rest, has_frame_pointer) && call_follows(rest) {
            return true;
        }
        rest = tail;
    }
    false
}

/// `lea disp(%rsp),%reg`, or `lea -disp(%rbp),%reg`.
fn is_address_in_frame(code: &[u8], has_frame_pointer: bool) -> bool {
    let (modrm, displacement) = match *code {
        // `mov %rsp,%reg`, for what stands at the very end; but not into `%rbp`.
        [0x48, 0x89, 0xe0..=0xe3 | 0xe6 | 0xe7, ..] | [0x49, 0x89, 0xe0..=0xe7, ..] => return true,
        [0x48 | 0x4c, 0x8d, modrm @ 0x40..=0x7f, 0x24, short, ..] if modrm & 7 == 4 => {
            (modrm, i32::from(short.cast_signed()))
        }
        [0x48 | 0x4c, 0x8d, modrm @ 0x80..=0xbf, 0x24, a, b, c, d, ..] if modrm & 7 == 4 => {
            (modrm, i32::from_le_bytes([a, b, c, d]))
        }
        // Below the frame pointer are the locals, above it the arguments.
        [0x48 | 0x4c, 0x8d, modrm @ 0x40..=0x7f, short, ..] if modrm & 7 == 5 => {
            let below = i32::from(short.cast_signed()).wrapping_neg();
            (modrm, if has_frame_pointer { below } else { -1 })
        }
        [0x48 | 0x4c, 0x8d, modrm @ 0x80..=0xbf, a, b, c, d, ..] if modrm & 7 == 5 => {
            let below = i32::from_le_bytes([a, b, c, d]).wrapping_neg();
            (modrm, if has_frame_pointer { below } else { -1 })
        }
        _ => return false,
    };
    let to_stack_pointer = code.first() == Some(&0x48) && (modrm >> 3) & 7 == 4;
    let inside = u32::try_from(displacement).is_ok_and(|size| size < MAX_FRAME);
    inside && !to_stack_pointer && !is_realignment(code)
}

/// gcc's `lea 8(%rsp),%r10`, with which it remembers the arguments where it aligns the stack.
fn is_realignment(code: &[u8]) -> bool {
    code.starts_with(&[0x4c, 0x8d, 0x54, 0x24, 0x08])
}

/// A call soon, and before it no `rep stos` or `rep movs`, which use such an address themselves.
fn call_follows(code: &[u8]) -> bool {
    let near = code.get(..NEAR.min(code.len())).unwrap_or_default();
    for at in near.windows(3).skip(4) {
        match *at {
            [0xf3, 0x48, 0xab | 0xa5] => return false,
            [0xe8, ..] | [0xff, 0xd0..=0xd7, _] | [0xff, 0x15, _] => return true,
            _ => {}
        }
    }
    false
}

fn arm64(code: &[u8]) -> bool {
    let (words, _) = code.as_chunks::<4>();
    let words = || words.iter().map(|word| u32::from_le_bytes(*word));
    words().enumerate().any(|(at, word)| {
        // ADD (immediate) of the stack pointer into a register that calls may change; x29 and SP
        // themselves belong to the frame.
        let is_address = word & 0xff80_03e0 == 0x9100_03e0 && word & 0x1f <= 17;
        let mut after = words().skip(at).take(NEAR / 4);
        // BL, and BLR.
        is_address
            && after
                .any(|word| word & 0xfc00_0000 == 0x9400_0000 || word & 0xffff_fc1f == 0xd63f_0000)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What gcc 12 -O2 makes of `void f(void) { char b[64]; gets(b); }`, and of the same without the
    /// array.
    #[test]
    fn a_call_with_an_address_in_the_frame_is_one() {
        // sub $0x48,%rsp; lea 0x10(%rsp),%rdi; call; add $0x48,%rsp; ret
        let gives = [
            0x48, 0x83, 0xec, 0x48, 0x48, 0x8d, 0x7c, 0x24, 0x10, 0xe8, 0, 0, 0, 0, 0x48, 0x83,
            0xc4, 0x48, 0xc3,
        ];
        assert!(gives_a_local_away(Cpu::X86_64, &gives));
        // lea 0x10(%rdi),%rdi; call
        let other = [0x48, 0x8d, 0x7f, 0x10, 0xe8, 0, 0, 0, 0, 0xc3];
        assert!(!gives_a_local_away(Cpu::X86_64, &other));
    }

    #[test]
    fn rbp_is_the_frame_only_where_a_function_makes_it_so() {
        // lea -0x20(%rbp),%rax; mov %rax,%rdi; call
        let call = [0x48, 0x8d, 0x45, 0xe0, 0x48, 0x89, 0xc7, 0xe8, 0, 0, 0, 0];
        assert!(!gives_a_local_away(Cpu::X86_64, &call));
        let with_prologue = [&[0x55, 0x48, 0x89, 0xe5], call.as_slice()].concat();
        assert!(gives_a_local_away(Cpu::X86_64, &with_prologue));
        let mut arguments = with_prologue;
        arguments[7] = 0x10;
        assert!(
            !gives_a_local_away(Cpu::X86_64, &arguments),
            "above the frame pointer"
        );
    }

    #[test]
    fn the_frame_itself_is_not_given_away() {
        // lea 0x28(%rsp),%rsp; call
        let pop = [0x48, 0x8d, 0x64, 0x24, 0x28, 0xe8, 0, 0, 0, 0];
        assert!(!gives_a_local_away(Cpu::X86_64, &pop));
        // lea 0x10(%rsp),%rdi; rep stos; call: set to zero
        let zero = [
            0x48, 0x8d, 0x7c, 0x24, 0x10, 0xf3, 0x48, 0xab, 0xe8, 0, 0, 0, 0,
        ];
        assert!(!gives_a_local_away(Cpu::X86_64, &zero));
    }

    #[test]
    fn arm64_adds_to_the_stack_pointer() {
        let code = |words: [u32; 2]| words.map(u32::to_le_bytes).concat();
        // add x0, sp, #16; bl
        assert!(gives_a_local_away(
            Cpu::Arm64,
            &code([0x9100_43e0, 0x9400_0001])
        ));
        // add x29, sp, #16; bl
        assert!(!gives_a_local_away(
            Cpu::Arm64,
            &code([0x9100_43fd, 0x9400_0001])
        ));
    }
}
