//! Stack canaries, by function: the name `__stack_chk_fail` alone shows nothing, because every
//! static libc brings it, and its absence shows nothing, because not every function needs one.

use handpie_binary::{Elf, counted};

use super::code;
use super::functions::{self, Function};
use super::producers::{Had, Producers};
use super::symbols::{self, Symbols};
use crate::finding::{Judgement, fail, not_applicable, pass, unknown, warn};
use crate::limits::MAX_READ_ONLY_DATA;
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Kind, Language, Subject};

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
    let symbols = subject.symbols(elf).ok()?;
    let mark = Mark::of(subject, symbols);
    let is_c = subject.languages.contains(&Language::C);
    if let Some(why) = subject.language.without_checks_of_c()
        && !(is_c && mark.is_some())
    {
        return Some(not_applicable(why));
    }
    let table = &symbols.table;
    let own = functions::own_functions(subject, table);
    let has_libc = subject.has_libc();
    if has_libc && own.is_empty() {
        let why = "the program's own functions cannot be told apart from those of libraries \
                   linked into it";
        return Some(unknown(why));
    }
    // Where libc is linked in, the records may be of its objects.
    let asked = match has_libc {
        true => Had::Unrecorded,
        false => Producers::of(elf).had("-fstack-protector", "-fno-stack-protector"),
    };
    // The sections of an object all start at address 0, so addresses tell nothing there.
    let is_placed = subject.kind != Kind::RelocatableObject && !elf.sections().is_empty();
    let checking = match is_placed && !own.is_empty() {
        true => code::checking_a_canary(elf, &own, table),
        false => None,
    };
    Some(match (checking, mark) {
        (Some(checking), _) if !checking.is_empty() => counted_by_function(elf, &own, &checking),
        (checking, Some(mark)) if !has_libc => {
            let runtimes = functions::of_runtimes(table, &own);
            let by_runtimes = checking
                .is_some()
                .then(|| code::checking_a_canary(elf, &runtimes, table));
            match by_runtimes.flatten().is_some_and(|by| !by.is_empty()) {
                true => recorded(asked).unwrap_or_else(|| unprotected(subject, elf, &own)),
                false => mark.judgement(subject, own.is_empty()),
            }
        }
        (Some(_), _) => recorded(asked).unwrap_or_else(|| unprotected(subject, elf, &own)),
        (None, _) if has_libc => unknown("handpie does not analyse machine code of this CPU"),
        (None, _) => recorded(asked).unwrap_or_else(|| {
            unknown(
                "nothing calls `__stack_chk_fail`: either no function needs a stack canary, or \
                 the compiler was told not to add any",
            )
        }),
    })
}

/// A name that shows that some function checks a canary, wherever its value is kept.
enum Mark {
    /// The function that is called when a canary is dead, or the variable with its value: what
    /// others define.
    Import(String),
    /// OpenBSD's compilers mix the return address with random data of the file instead
    /// (-fret-protector).
    Retguard,
}

impl Mark {
    fn of(subject: &Subject<'_>, symbols: &Symbols<'_>) -> Option<Self> {
        let mut undefined = symbols.all().filter(|symbol| symbol.section == 0);
        if let Some(symbol) = undefined.find(|symbol| is_canary_failure(symbol.name)) {
            let name = symbols::name(symbol);
            let plain = name.split('@').next().unwrap_or(&name);
            return Some(Self::Import(plain.to_owned()));
        }
        let retguard = symbols
            .table
            .iter()
            .any(|one| one.name.starts_with(b"__retguard_"));
        // The section has the value of the canary, too, which alone takes a word.
        let section = subject.elf()?.section(".openbsd.randomdata");
        let is_large = section.is_some_and(|section| section.size.0 > 8);
        (retguard || is_large).then_some(Self::Retguard)
    }

    /// What it shows where no function is known to check.
    fn judgement(&self, subject: &Subject<'_>, stripped: bool) -> Judgement {
        match self {
            Self::Import(name) if stripped && may_hide_a_runtime(subject) => unknown(format!(
                "functions call `{name}`, but these may be of the C++ library that is linked in"
            ))
            .with(format!("imports `{name}`")),
            Self::Import(name) => pass(format!(
                "functions check a stack canary; the file does not show which (`{name}`)"
            ))
            .with(format!("imports `{name}`")),
            Self::Retguard => pass(
                "functions check their return addresses against random data (retguard); the file \
                 does not show which",
            )
            .with("section `.openbsd.randomdata`"),
        }
    }
}

/// Whether a stripped file has a C++ library in it, whose objects are compiled with canaries by those
/// who distribute compilers. The names of its classes stand in its read-only data. It unwinds stacks,
/// which few others do.
fn may_hide_a_runtime(subject: &Subject<'_>) -> bool {
    const CLASS: &[u8] = b"N10__cxxabiv1";
    let look = || {
        let elf = subject.elf()?;
        let dynamic = elf.dynamic().ok().flatten()?;
        let needed = dynamic.needed(elf).ok()?;
        let needs = |start: &str| needed.iter().any(|name| name.starts_with(start));
        let imports = subject.symbols(elf).ok()?.imports();
        let unwinds = needs("libgcc_s") || imports.contains(&b"dl_iterate_phdr".as_slice());
        if needs("libstdc++") || needs("libc++") || !unwinds {
            return Some(false);
        }
        let section = elf.section(".rodata")?;
        let data = elf.section_start(section, MAX_READ_ONLY_DATA);
        data.contains(CLASS).ok()
    };
    look().unwrap_or_default()
}

/// Whether a function, or variable, with this name serves nothing but the check of a canary. The first
/// is that of gcc's and clang's -fstack-protector, the second of OpenBSD's and of old ones; the
/// third has the value where it is no field of the thread: on FreeBSD, NetBSD, and on CPUs without one.
pub(crate) fn is_canary_failure(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 3] = [
        b"__stack_chk_fail",
        b"__stack_smash_handler",
        b"__stack_chk_guard",
    ];
    if !name.starts_with(b"__stack_") {
        return false;
    }
    // A name may have a version behind it, and i386 calls `__stack_chk_fail_local`.
    let is_one = |known: &&[u8]| {
        let rest = name.strip_prefix(*known);
        rest.is_some_and(|rest| matches!(rest, [] | [b'@', ..] | b"_local" | b"_local_hidden"))
    };
    NAMES.iter().any(is_one)
}

/// So many functions of so many check one. Of those that do not, some may have to.
fn counted_by_function(
    elf: &Elf<'_>,
    own: &[Function<'_>],
    checking: &[Function<'_>],
) -> Judgement {
    let checks = format!(
        "a stack canary is checked in {} of {}",
        checking.len(),
        counted(own.len(), "function")
    );
    let exposed = code::giving_a_local_away(elf, own);
    let is_checking = |function: &&Function<'_>| {
        checking
            .binary_search_by_key(&function.start(), |one| one.start())
            .is_ok()
    };
    let (safe, bare): (Vec<_>, Vec<_>) = exposed.iter().partition(is_checking);
    // Of files that were compiled with -fstack-protector-strong throughout, at most a quarter of the
    // functions that seem to need a canary have none; of files that were not, more than half.
    if bare.len().saturating_mul(2) <= safe.len() {
        return pass(checks).with(named(checking.iter()));
    }
    warn(format!(
        "{checks}, but not in {} of the {} from which the address of a local variable escapes",
        bare.len(),
        exposed.len()
    ))
    .with(named(bare.into_iter()))
    .hint(HINT)
}

/// What a record of the compiler's flags says where no function checks a canary.
fn recorded(asked: Had) -> Option<Judgement> {
    match asked {
        Had::Unrecorded => None,
        Had::All => Some(pass(
            "compiled with -fstack-protector; no function needs a stack canary",
        )),
        Had::Some => {
            Some(warn("some source files were compiled without -fstack-protector").hint(HINT))
        }
        Had::None => Some(fail("compiled without -fstack-protector").hint(HINT)),
    }
}

/// No function checks a canary. Those that -fstack-protector-strong would protect tell why.
fn unprotected(subject: &Subject<'_>, elf: &Elf<'_>, own: &[Function<'_>]) -> Judgement {
    let all = counted(own.len(), "function");
    let exposed = code::giving_a_local_away(elf, own);
    // Rust's functions may have names of C, and a library exports them.
    let may_be_rusts = subject.language.is_rust() && subject.kind.is_library();
    if exposed.is_empty() || may_be_rusts {
        return unknown(format!(
            "no stack canary is checked in {all}: either no function needs one, or the compiler was \
             told not to add any"
        ));
    }
    let count = exposed.len();
    fail(format!(
        "no stack canary is checked in {all}, and the address of a local variable escapes from \
         {count} of them"
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
