//! Stack clash protection: a frame larger than a page touches each page on its way, so that it
//! cannot jump over the guard page. gcc and clang do it with one instruction after each step.

use handpie_binary::elf::constants::EM_X86_64;
use handpie_binary::{Address, Size};
use memchr::memmem;

use super::code;
use super::functions;
use super::producers::{Had, Producers};
use crate::finding::{Judgement, fail, not_applicable, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Language, Subject};

pub(super) const STACK_CLASH: Rule = Rule {
    code: "stack-clash",
    wish: "large frames that touch every page",
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
const PAGE: u32 = 0x1000;
/// No frame is larger, in bytes; what looks like one is no instruction.
const MAX_FRAME: u32 = 8 << 20;

fn stack_clash(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    match subject.language {
        Language::Go => {
            return Some(not_applicable(
                "Go's stacks grow by copying and have no guard page to jump over",
            ));
        }
        Language::Rust => {
            return Some(pass(
                "rustc probes large frames on all CPUs it is common on",
            ));
        }
        _ => {}
    }
    if subject.kind.needs_loader()
        && let Some(judgement) = recorded(&Producers::of(elf))
    {
        return Some(judgement);
    }
    if elf.header().machine != EM_X86_64 {
        return Some(unknown(
            "the code of this CPU is not looked at, and no flags were recorded",
        ));
    }
    let code = match subject.kind.needs_loader() {
        true => code::stretches(elf),
        false => {
            let table = elf.symbols().unwrap_or_default();
            let own = functions::own_functions(&table, true);
            if own.is_empty() {
                let why = "libc is linked in, and its frames look like those of the program";
                return Some(unknown(why));
            }
            own.iter()
                .filter_map(|function| function.code(elf))
                .collect()
        }
    };
    Some(of_code(code))
}

fn recorded(producers: &Producers<'_>) -> Option<Judgement> {
    match producers.had("-fstack-clash-protection", "-fno-stack-clash-protection") {
        Had::All => Some(pass("it was compiled with -fstack-clash-protection")),
        Had::Some => {
            Some(warn("part of it was compiled without -fstack-clash-protection").hint(HINT))
        }
        Had::None => Some(fail("it was compiled without -fstack-clash-protection").hint(HINT)),
        Had::Unrecorded => None,
    }
}

fn of_code(stretches: Vec<(Address, &[u8])>) -> Judgement {
    let (mut touched, mut jumps) = (0usize, Vec::new());
    for (start, bytes) in stretches {
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
    match (touched, jumps.first()) {
        (0, None) => unknown("no function has a frame larger than a page"),
        (_, None) => pass(format!("{touched} large frames touch every page")),
        (_, Some((address, size))) => {
            let all = jumps.len();
            let judgement = match touched {
                0 => fail(format!("{all} large frames do not touch their pages")),
                _ => warn(format!(
                    "{touched} large frames touch their pages, {all} do not"
                )),
            };
            judgement
                .with(format!("a frame of {size} bytes at address {address}"))
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
