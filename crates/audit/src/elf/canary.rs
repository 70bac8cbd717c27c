//! Stack canaries, by function: the name `__stack_chk_fail` alone shows nothing, because every
//! static libc brings it, and its absence shows nothing, because not every function needs one.

use super::code;
use super::functions::{self, Function};
use super::producers::{Had, Producers};
use crate::finding::{Judgement, fail, not_applicable, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Kind, Language, Subject};
use handpie_binary::counted;

pub(super) const STACK_CANARY: Rule = Rule {
    code: "stack-canary",
    wish: "a stack canary in every function with a buffer on its stack",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: stack_canary,
};

const HINT: &str = "compile with -fstack-protector-strong";

fn stack_canary(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() && subject.kind != Kind::RelocatableObject {
        return None;
    }
    match subject.language {
        Language::Go => {
            return Some(not_applicable(
                "Go checks the bounds of every access to its \
                                                    stacks",
            ));
        }
        Language::Rust => {
            return Some(not_applicable(
                "Rust checks the bounds of every access, and stable rustc has no stack canaries",
            ));
        }
        Language::GoWithC | Language::RustWithC | Language::C => {}
    }
    let symbols = subject.symbols(elf).ok()?;
    let has_libc = subject.kind.is_program() && !subject.kind.needs_loader();
    let imported = symbols
        .all()
        .any(|symbol| symbol.name.starts_with(b"__stack_chk_fail") && symbol.section == 0);
    let table = &symbols.table;
    let own = match subject.language {
        Language::GoWithC => functions::c_functions_of_go(table),
        _ => functions::own_functions(table, has_libc),
    };
    // Where libc is linked in, the records may be of its objects.
    let asked = match has_libc {
        true => Had::Unrecorded,
        false => Producers::of(elf).had("-fstack-protector", "-fno-stack-protector"),
    };
    if has_libc && own.is_empty() {
        let why = "the program's own functions cannot be told apart from those of libraries \
                   linked into it";
        return Some(unknown(why));
    }
    // The sections of an object all start at address 0, so addresses tell nothing there.
    let checking = match subject.kind {
        Kind::RelocatableObject => None,
        _ if own.is_empty() || elf.sections().is_empty() => None,
        _ => code::checking_a_canary(elf, &own, table),
    };
    let count = match &checking {
        Some(checking) => Count::Of(checking.len(), own.len()),
        None => Count::Untold,
    };
    Some(match count {
        Count::Of(0, all) => recorded(asked)
            .unwrap_or_else(|| unprotected(all, &code::giving_a_local_away(elf, &own))),
        Count::Of(some, all) => pass(format!(
            "a stack canary is checked in {some} of {}",
            counted(all, "function")
        ))
        .with(named(checking.unwrap_or_default().iter())),
        Count::Untold if imported && !has_libc => pass(
            "functions call `__stack_chk_fail`, which reports a damaged stack \
                  canary",
        )
        .with("imports `__stack_chk_fail`"),
        Count::Untold if has_libc => unknown("handpie does not analyse machine code of this CPU"),
        Count::Untold => recorded(asked).unwrap_or_else(|| {
            unknown(
                "nothing calls `__stack_chk_fail`: either no function needs a stack canary, or \
                 the compiler was told not to add any",
            )
        }),
    })
}

/// What a record of the compiler's flags says where no function checks a canary.
fn recorded(asked: Had) -> Option<Judgement> {
    match asked {
        Had::Unrecorded => None,
        Had::All => Some(pass(
            "compiled with -fstack-protector; no function needs a stack canary",
        )),
        Had::Some => Some(
            warn(
                "some source files were compiled without \
                                -fstack-protector",
            )
            .hint(HINT),
        ),
        Had::None => Some(fail("compiled without -fstack-protector").hint(HINT)),
    }
}

enum Count {
    /// So many functions of so many.
    Of(usize, usize),
    /// There are no symbols, or the CPU's code is not understood.
    Untold,
}

/// No function checks a canary. Those that -fstack-protector-strong would protect tell why.
fn unprotected(all: usize, exposed: &[Function<'_>]) -> Judgement {
    if exposed.is_empty() {
        return unknown(format!(
            "no stack canary is checked in {}: either no function needs one, or the compiler was \
             told not to add any",
            counted(all, "function")
        ));
    }
    let count = exposed.len();
    fail(format!(
        "no stack canary is checked in {}, and the address of a local variable escapes from \
         {count} of them",
        counted(all, "function")
    ))
    .with(named(exposed.iter()))
    .hint(HINT)
}

fn named<'a, 'data: 'a>(functions: impl Iterator<Item = &'a Function<'data>>) -> String {
    let names = functions
        .take(3)
        .map(|function| format!("`{}`", String::from_utf8_lossy(function.name)));
    format!("functions {}", names.collect::<Vec<_>>().join(", "))
}
