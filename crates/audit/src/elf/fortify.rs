//! FORTIFY: calls of libc functions that know the size of what they write to. A compiler replaces
//! `printf` by `__printf_chk` and so on, and the names of what is imported tell.

use handpie_binary::counted;
use handpie_binary::elf::Elf;

use memchr::memmem;

use super::code;
use super::functions;
use super::producers::Producers;
use super::uses;
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

/// Replaced from level 2 on, whatever is known of sizes (bits/stdio2.h, bits/syslog.h,
/// bits/wchar2.h, malloc's obstack.h).
const FROM_LEVEL_2: [&[u8]; 16] = [
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
    b"obstack_printf",
    b"obstack_vprintf",
    b"wprintf",
    b"fwprintf",
    b"vwprintf",
    b"vfwprintf",
];
/// Replaced where the compiler knows the size, or where arguments are of one form (bits/string_fortified.h,
/// bits/stdio2.h, bits/unistd.h, bits/stdlib.h, bits/socket2.h, bits/poll2.h, bits/wchar2.h,
/// bits/fcntl2.h, bits/select2.h, bits/setjmp2.h).
const WHERE_KNOWN: [&[u8]; 77] = [
    b"memcpy",
    b"memmove",
    b"mempcpy",
    b"memset",
    b"explicit_bzero",
    b"bcopy",
    b"bzero",
    b"strcpy",
    b"stpcpy",
    b"strncpy",
    b"stpncpy",
    b"strcat",
    b"strncat",
    b"strlcpy",
    b"strlcat",
    b"sprintf",
    b"snprintf",
    b"vsprintf",
    b"vsnprintf",
    b"gets",
    b"fgets",
    b"fgets_unlocked",
    b"fread",
    b"fread_unlocked",
    b"read",
    b"pread",
    b"pread64",
    b"recv",
    b"recvfrom",
    b"readlink",
    b"readlinkat",
    b"realpath",
    b"getcwd",
    b"getwd",
    b"confstr",
    b"getgroups",
    b"gethostname",
    b"getdomainname",
    b"getlogin_r",
    b"ttyname_r",
    b"ptsname_r",
    b"poll",
    b"ppoll",
    b"wcscpy",
    b"wcpcpy",
    b"wcsncpy",
    b"wcpncpy",
    b"wcscat",
    b"wcsncat",
    b"wcslcpy",
    b"wcslcat",
    b"wmemcpy",
    b"wmemmove",
    b"wmempcpy",
    b"wmemset",
    b"swprintf",
    b"vswprintf",
    b"fgetws",
    b"fgetws_unlocked",
    b"wcrtomb",
    b"wctomb",
    b"mbstowcs",
    b"wcstombs",
    b"mbsrtowcs",
    b"mbsnrtowcs",
    b"wcsrtombs",
    b"wcsnrtombs",
    b"open",
    b"open64",
    b"openat",
    b"openat64",
    b"mq_open",
    b"inet_ntop",
    b"inet_pton",
    b"longjmp",
    b"_longjmp",
    b"siglongjmp",
];
/// Variants with checks whose names end otherwise: the flags of these calls say that they create a
/// file, but they give no mode.
const CHECKED_MODES: [&[u8]; 5] = [
    b"__open_2",
    b"__open64_2",
    b"__openat_2",
    b"__openat64_2",
    b"__mq_open_2",
];

const HINT: &str = "compile with -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3";

fn fortify(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    if let Some(why) = subject.language.without_checks_of_c()
        && !calls_checked(subject, elf)?
    {
        return Some(not_applicable(why));
    }
    if subject.libc.has_fortify(subject.system) == Some(false) {
        return Some(not_applicable(format!("{} has no FORTIFY", owner(subject))));
    }
    if subject.kind.needs_loader() {
        let calls = Calls::of_imports(subject, elf)?;
        return Some(of_calls(subject, elf, &calls, true));
    }
    let table = &subject.symbols(elf).ok()?.table;
    let own = functions::own_functions(subject, table);
    let called = code::called(elf, &own, table);
    Some(match called {
        Some(called) => of_calls(subject, elf, &Calls::new(called), false),
        None => unknown(
            "the program's own calls cannot be told apart from those of libraries \
                         linked into it",
        ),
    })
}

/// Whether something in it that was compiled from C calls functions with checks: the runtime of another
/// language, a library that is linked in.
fn calls_checked<'data>(subject: &Subject<'data>, elf: &Elf<'data>) -> Option<bool> {
    let is_c = subject.languages.contains(&Language::C);
    let imports = subject.symbols(elf).ok()?.imports();
    Some(is_c && imports.iter().any(is_checked))
}

/// Whether it is a function of libc that checks sizes.
fn is_checked(name: &&[u8]) -> bool {
    (name.starts_with(b"__") && name.ends_with(b"_chk")) || CHECKED_MODES.contains(name)
}

/// Whose libc it is.
fn owner(subject: &Subject<'_>) -> String {
    match subject.libc {
        Libc::System => subject.system.to_string(),
        libc => libc.to_string(),
    }
}

/// The functions of libc that a program uses.
struct Calls<'data> {
    called: Vec<&'data [u8]>,
    /// Whose address is taken, so that whoever has it calls them without checks.
    only_taken: Vec<&'data [u8]>,
}

impl<'data> Calls<'data> {
    fn new(called: Vec<&'data [u8]>) -> Self {
        Self {
            called,
            only_taken: Vec::new(),
        }
    }

    /// What the loader has to find. Those that are replaced in every call are asked further: whether
    /// they are called at all.
    fn of_imports(subject: &Subject<'data>, elf: &Elf<'data>) -> Option<Self> {
        let symbols = subject.symbols(elf).ok()?;
        let imports = symbols.imports();
        let suspect = |name: &&[u8]| FROM_LEVEL_2.contains(name);
        if !imports.iter().any(suspect) {
            return Some(Self::new(imports));
        }
        let only_taken = uses::only_taken(elf, &symbols.dynamic, FROM_LEVEL_2.as_slice())?;
        let called = imports
            .into_iter()
            .filter(|name| !only_taken.contains(name));
        Some(Self {
            called: called.collect(),
            only_taken,
        })
    }
}

/// The judgement on a program that uses these functions of libc; `all` when it uses no others.
fn of_calls(subject: &Subject<'_>, elf: &Elf<'_>, calls: &Calls<'_>, all: bool) -> Judgement {
    let names = &calls.called;
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
    // Only glibc replaces the functions with formats in every call.
    let of_glibc = subject.libc == Libc::Glibc || subject.system.may_be_linux();
    if !of_glibc || (!checked.is_empty() && is_clangs(elf)) {
        never_checked.clear();
    }
    let judgement = match (checked.len(), never_checked.len()) {
        (0, 0) if !all => unknown(
            "no checked libc call was found among the calls that can be \
                                   resolved",
        ),
        (0, 0) if plain(&WHERE_KNOWN).is_empty() && calls.only_taken.is_empty() => {
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
