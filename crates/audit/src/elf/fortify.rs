//! FORTIFY: calls of libc functions that know the size of what they write to. A compiler replaces
//! `printf` by `__printf_chk` and so on, and the names of what is imported tell.

use super::producers::Producers;
use super::symbols;
use crate::finding::{Judgement, fail, not_applicable, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Kind, Language, Libc, Subject};

pub(super) const FORTIFY: Rule = Rule {
    code: "fortify",
    wish: "calls of libc that check sizes",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: fortify,
};

/// Replaced wherever FORTIFY is on, whatever is known of sizes (bits/stdio2.h, bits/syslog.h).
const ALWAYS: [&[u8]; 10] = [
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

fn fortify(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    match (subject.language, subject.libc) {
        (Language::Go, _) => return Some(not_applicable("Go checks every access")),
        (Language::Rust, _) => return Some(not_applicable("Rust checks every access")),
        (_, Libc::Musl) => return Some(not_applicable("musl has no FORTIFY")),
        _ => {}
    }
    if !subject.kind.needs_loader() {
        return Some(unknown(
            "libc is linked in, and its own calls look like those of the program",
        ));
    }
    let imports = symbols::imports(elf);
    let checked: Vec<&[u8]> = imports
        .iter()
        .filter(|name| {
            name.starts_with(b"__") && name.ends_with(b"_chk") && !NO_CALLS.contains(name)
        })
        .copied()
        .collect();
    let plain = |list: &[&[u8]]| -> Vec<&[u8]> {
        imports
            .iter()
            .filter(|name| list.contains(name))
            .copied()
            .collect()
    };
    let never_checked = plain(&ALWAYS);
    let hint = "compile with -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3";
    let judgement = match (checked.len(), never_checked.len()) {
        (0, 0) if plain(&WHERE_KNOWN).is_empty() => {
            not_applicable("it calls nothing that could be checked")
        }
        (0, 0) => {
            unknown("what it calls is checked only where sizes are known, and none is checked")
        }
        (0, _) => fail(format!(
            "none of its calls is checked, {} neither",
            list(&never_checked)
        ))
        .hint(hint),
        (_, 0) => pass(checked_words(&checked, subject)),
        (_, _) => warn(format!(
            "{}, but {} {} not: some objects were built without",
            checked_words(&checked, subject),
            list(&never_checked),
            if never_checked.len() == 1 {
                "is"
            } else {
                "are"
            },
        ))
        .hint(hint),
    };
    Some(checked.iter().take(4).fold(judgement, |judgement, name| {
        judgement.with(format!("imports `{}`", String::from_utf8_lossy(name)))
    }))
}

fn checked_words(checked: &[&[u8]], subject: &Subject<'_>) -> String {
    let functions = match checked.len() {
        1 => "1 function".to_owned(),
        count => format!("{count} functions"),
    };
    let elf = subject.elf().filter(|_| subject.kind != Kind::Core);
    match elf.and_then(|elf| Producers::of(elf).fortify_level()) {
        Some(level) => format!("calls {functions} with checks, at level {level}"),
        None => format!("calls {functions} with checks; the file does not tell the level"),
    }
}

fn list(names: &[&[u8]]) -> String {
    let names = names
        .iter()
        .map(|name| format!("`{}`", String::from_utf8_lossy(name)));
    names.collect::<Vec<_>>().join(", ")
}
