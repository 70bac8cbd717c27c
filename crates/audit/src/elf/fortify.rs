//! FORTIFY: calls of libc functions that know the size of what they write to. A compiler replaces
//! `printf` by `__printf_chk` and so on, and the names of what is imported tell.

use handpie_binary::counted;
use handpie_binary::elf::Elf;

use memchr::memmem;

use super::code;
use super::functions;
use super::producers::Producers;
use crate::finding::{Judgement, fail, not_applicable, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Language, Libc, Subject};

pub(super) const FORTIFY: Rule = Rule {
    code: "fortify",
    wish: "libc calls that check buffer sizes (FORTIFY)",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: fortify,
};

/// Replaced from level 2 on, whatever is known of sizes (bits/stdio2.h, bits/syslog.h).
const FROM_LEVEL_2: [&[u8]; 10] = [
    b"printf",
    b"fprintf",
    b"vprintf",
    b"vfprintf",
    b"dprintf",
    b"vdprintf",
    b"syslog",
    b"vsyslog",
    b"asprintf",
    b"vasprintf",
];
/// Replaced where the compiler knows the size.
const WHERE_KNOWN: [&[u8]; 30] = [
    b"memcpy",
    b"memmove",
    b"mempcpy",
    b"memset",
    b"strcpy",
    b"stpcpy",
    b"strncpy",
    b"stpncpy",
    b"strcat",
    b"strncat",
    b"sprintf",
    b"snprintf",
    b"vsprintf",
    b"vsnprintf",
    b"gets",
    b"fgets",
    b"fread",
    b"read",
    b"pread",
    b"pread64",
    b"recv",
    b"recvfrom",
    b"readlink",
    b"readlinkat",
    b"realpath",
    b"getcwd",
    b"confstr",
    b"getgroups",
    b"gethostname",
    b"poll",
];
/// End with the mark and mean something else.
const NO_CALLS: [&[u8]; 2] = [b"__stack_chk_fail", b"__longjmp_chk"];

const HINT: &str = "compile with -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3";

fn fortify(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    match (subject.language, subject.libc) {
        (Language::Go, _) => return Some(not_applicable("Go checks the bounds of every access")),
        (Language::Rust, _) => {
            return Some(not_applicable(
                "Rust checks the bounds of every \
                                                           access",
            ));
        }
        (_, Libc::Musl) => return Some(not_applicable("musl has no FORTIFY")),
        _ => {}
    }
    if subject.kind.needs_loader() {
        return Some(of_calls(elf, &subject.symbols(elf).ok()?.imports(), true));
    }
    let table = &subject.symbols(elf).ok()?.table;
    let own = match subject.language {
        Language::GoWithC => functions::c_functions_of_go(table),
        _ => functions::own_functions(table, true),
    };
    let called = code::called(elf, &own, table);
    Some(match called {
        Some(called) => of_calls(elf, &called, false),
        None => unknown(
            "the program's own calls cannot be told apart from those of libraries \
                         linked into it",
        ),
    })
}

/// The judgement on a program that calls these functions of glibc; `all` when it calls no others.
fn of_calls(elf: &Elf<'_>, names: &[&[u8]], all: bool) -> Judgement {
    let is_checked = |name: &&[u8]| {
        name.starts_with(b"__") && name.ends_with(b"_chk") && !NO_CALLS.contains(name)
    };
    let checked: Vec<&[u8]> = names
        .iter()
        .filter(|name| is_checked(name))
        .copied()
        .collect();
    let plain = |list: &[&[u8]]| -> Vec<&[u8]> {
        names
            .iter()
            .filter(|name| list.contains(name))
            .copied()
            .collect()
    };
    let mut never_checked = plain(&FROM_LEVEL_2);
    if !checked.is_empty() && is_clangs(elf) {
        never_checked.clear();
    }
    let judgement = match (checked.len(), never_checked.len()) {
        (0, 0) if !all => unknown(
            "no checked libc call was found among the calls that can be \
                                   resolved",
        ),
        (0, 0) if plain(&WHERE_KNOWN).is_empty() => {
            not_applicable("calls no libc function that has a checked variant")
        }
        (0, 0) => unknown(
            "no libc call is checked; those used are checked only where the compiler \
                     knows the buffer's size",
        ),
        (0, _) => fail(format!(
            "no libc call is checked, not even {}",
            list(&never_checked)
        ))
        .hint(HINT),
        (count, 0) => pass(format!(
            "{}, {}",
            checked_calls(count),
            level(elf, &checked)
        )),
        (count, _) => warn(format!(
            "{}, but not {}: FORTIFY level 1, or some objects were compiled without FORTIFY",
            checked_calls(count),
            list(&never_checked),
        ))
        .hint(HINT),
    };
    checked.iter().take(4).fold(judgement, |judgement, name| {
        judgement.with(format!("calls `{}`", String::from_utf8_lossy(name)))
    })
}

/// With glibc before 2.40, clang cannot replace functions with a variable number of arguments.
fn is_clangs(elf: &Elf<'_>) -> bool {
    let comment = elf
        .section(".comment")
        .and_then(|section| elf.section_data(section).ok());
    let comment = comment.and_then(|comment| comment.data().ok());
    comment.is_some_and(|comment| memmem::find(comment, b"clang version").is_some())
}

fn checked_calls(count: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!(
        "{} {verb} called with size checks",
        counted(count, "libc function")
    )
}

/// gcc and clang turn a call with checks back into the plain one where level 1 would check nothing.
/// Level 3 differs from level 2 only in which sizes are known.
fn level(elf: &Elf<'_>, checked: &[&[u8]]) -> String {
    if let Some(level) = Producers::of(elf).fortify_level() {
        return format!("FORTIFY level {level}");
    }
    let plain_names = |name: &&[u8]| {
        let plain = name
            .strip_prefix(b"__")
            .and_then(|name| name.strip_suffix(b"_chk"));
        plain.is_some_and(|plain| FROM_LEVEL_2.contains(&plain))
    };
    match checked.iter().any(plain_names) {
        true => "FORTIFY level 2 or 3".to_owned(),
        false => "FORTIFY level unknown".to_owned(),
    }
}

fn list(names: &[&[u8]]) -> String {
    let names = names
        .iter()
        .map(|name| format!("`{}`", String::from_utf8_lossy(name)));
    names.collect::<Vec<_>>().join(", ")
}
