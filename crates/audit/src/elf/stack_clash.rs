//! Stack clash protection: a frame larger than a page touches each page on its way, so that it
//! cannot jump over the guard page. gcc and clang do it with one instruction after each step.

use handpie_binary::counted;
use handpie_binary::elf::constants::{
    EM_386, EM_AARCH64, EM_PPC, EM_PPC64, EM_S390, EM_X86_64, Machine,
};
use handpie_binary::{Address, Elf, Size};
use memchr::memmem;

use super::code;
use super::functions;
use super::producers::{Had, Producers};
use crate::finding::{Answer, Judgement, fail, not_applicable, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Language, Subject};

pub(super) const STACK_CLASH: Rule = Rule {
    code: "stack-clash",
    wish: "large stack frames that touch every page",
    severity: Severity::Low,
    levels: Levels::all(Level::Warn),
    judge: stack_clash,
};

const HINT: &str = "compile with -fstack-clash-protection";
/// `sub $imm32,%rsp`.
const SUBTRACT: &[u8] = &[0x48, 0x81, 0xec];
/// `orq $0,(%rsp)`, gcc's touch; `movq $0,(%rsp)`, clang's.
const TOUCHES: [&[u8]; 2] = [
    &[0x48, 0x83, 0x0c, 0x24, 0],
    &[0x48, 0xc7, 0x04, 0x24, 0, 0, 0, 0],
];
/// `orq $0,0xff8(%rsp)`, gcc's touch where the size is known only as the program runs (alloca).
const TOUCH_OF_ALLOCA: &[u8] = &[0x48, 0x83, 0x8c, 0x24, 0xf8, 0x0f, 0, 0, 0];
const PAGE: u32 = 0x1000;
/// No frame is larger, in bytes; what looks like one is not an instruction.
const MAX_FRAME: u32 = 8 << 20;

/// Targets of rustc with stack probes (compiler/rustc_target/src/spec/targets).
const PROBED_BY_RUSTC: [Machine; 6] = [EM_X86_64, EM_386, EM_AARCH64, EM_S390, EM_PPC64, EM_PPC];

fn stack_clash(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    match subject.language {
        Language::Go => {
            let why = "Go's stacks grow by copying and have no guard page to jump over";
            return Some(not_applicable(why));
        }
        Language::Rust if PROBED_BY_RUSTC.contains(&elf.header().machine) => {
            return Some(pass("rustc emits stack probes on this CPU"));
        }
        Language::Rust => return Some(unknown("rustc does not emit stack probes on every CPU")),
        _ => {}
    }
    let has_libc = !subject.kind.needs_loader();
    let recorded = match has_libc {
        true => None,
        false => recorded(&Producers::of(elf)),
    };
    if elf.header().machine != EM_X86_64 {
        let why = "handpie does not analyse machine code of this CPU, and no compiler flags were \
                   recorded";
        return Some(recorded.unwrap_or_else(|| unknown(why)));
    }
    let code = in_code(subject, elf, has_libc)?;
    Some(match recorded {
        None => code,
        Some(recorded) if recorded.answer != Answer::Pass => recorded,
        // A file that recorded nothing hides among those that did, and its code does not.
        Some(recorded) => match code.answer {
            Answer::Fail | Answer::Warn => Judgement {
                answer: Answer::Warn,
                ..code
            },
            _ => recorded,
        },
    })
}

/// What the code says, as far as it is that of the program; `None` while not all of it has been read.
fn in_code<'data>(subject: &Subject<'data>, elf: &Elf<'data>, has_libc: bool) -> Option<Judgement> {
    // Else all code is that of the program.
    let told_apart = has_libc || subject.language == Language::GoWithC;
    if !told_apart {
        return code::stretches(elf).ok().map(of_code);
    }
    let table = &subject.symbols(elf).ok()?.table;
    let own = functions::own_functions(subject, table);
    if own.is_empty() {
        let why = "the program's own functions cannot be told apart from those of libraries \
                   linked into it";
        return Some(unknown(why));
    }
    let stretches = own.iter().filter_map(|function| function.code(elf));
    Some(of_code(stretches.collect()))
}

fn recorded(producers: &Producers<'_>) -> Option<Judgement> {
    match producers.had("-fstack-clash-protection", "-fno-stack-clash-protection") {
        Had::All => Some(pass("compiled with -fstack-clash-protection")),
        Had::Some => Some(
            warn(
                "some source files were compiled without \
                       -fstack-clash-protection",
            )
            .hint(HINT),
        ),
        Had::None => Some(fail("compiled without -fstack-clash-protection").hint(HINT)),
        Had::Unrecorded => None,
    }
}

fn of_code(stretches: Vec<(Address, &[u8])>) -> Judgement {
    let (mut touched, mut jumps) = (0usize, Vec::new());
    for (start, bytes) in &stretches {
        for at in memmem::find_iter(bytes, SUBTRACT) {
            let Some((size, after)) = frame(bytes, at) else {
                continue;
            };
            if size == PAGE && TOUCHES.iter().any(|touch| after.starts_with(touch)) {
                touched = touched.saturating_add(1);
            } else if size > PAGE && size < MAX_FRAME && size.is_multiple_of(8) {
                jumps.extend(start.checked_add(Size::of(at)).map(|at| (at, size)));
            }
        }
    }
    if touched == 0 && jumps.is_empty() {
        let alloca = stretches
            .iter()
            .map(|(_, bytes)| memmem::find_iter(bytes, TOUCH_OF_ALLOCA));
        touched = alloca.map(Iterator::count).sum();
    }
    match (touched, jumps.first()) {
        (0, None) => unknown("no function has a stack frame larger than a page"),
        (_, None) => pass(format!(
            "large stack frames touch every page ({})",
            counted(touched, "stack probe")
        )),
        (_, Some((address, size))) => {
            let jumping = match jumps.len() {
                1 => "1 large stack frame does".to_owned(),
                count => format!("{count} large stack frames do"),
            };
            let judgement = match touched {
                0 => fail(format!("{jumping} not touch every page")),
                _ => warn(format!(
                    "{jumping} not touch every page, although others do"
                )),
            };
            judgement
                .with(format!(
                    "a stack frame of {size} bytes at address {address}"
                ))
                .hint(HINT)
        }
    }
}

/// The size of the frame that the instruction at `at` makes, and the code behind it.
fn frame(code: &[u8], at: usize) -> Option<(u32, &[u8])> {
    let rest = code.get(at.checked_add(SUBTRACT.len())?..)?;
    let (size, after) = rest.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*size), after))
}
