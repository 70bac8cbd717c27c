//! RELRO: the words that the loader writes once, the GOT and tables of pointers, become read-only
//! afterwards. Asking for it (`PT_GNU_RELRO`) and getting it are two things, and so are two rules.

use handpie_binary::elf::constants::{
    DF_1_NOW, DF_BIND_NOW, DT_BIND_NOW, DT_FLAGS, DT_FLAGS_1, DT_PLTGOT, DT_PLTRELSZ, DynamicFlags,
    DynamicFlags1, EM_MIPS, PF_W, PT_GNU_RELRO, STT_FUNC,
};
use handpie_binary::elf::{Dynamic, Elf, Section, Segment, Symbol};
use handpie_binary::{Address, Size};

use crate::finding::{Judgement, fail, not_applicable, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Kind, Libc, Subject, System};

pub(super) const RELRO: Rule = Rule {
    code: "relro",
    wish: "relocated data that becomes read-only after start-up (RELRO)",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: relro,
};

pub(super) const RELRO_APPLIED: Rule = Rule {
    code: "relro-applied",
    wish: "a loader or start-up code that applies RELRO",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: relro_applied,
};

pub(super) const BIND_NOW: Rule = Rule {
    code: "bind-now",
    wish: "all functions bound before the program starts",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: bind_now,
};

const HINT: &str = "link with -Wl,-z,relro,-z,now";
/// Go's own linker ignores what is meant for a C compiler's.
const HINT_OF_GO: &str = "build with -buildmode=pie and -ldflags=-bindnow";

fn relro(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    let dynamic = elf.dynamic().ok().flatten();
    let Some(segment) = relro_segment(elf) else {
        return Some(match (subject.kind, &dynamic) {
            // Go's linker puts what a PIE would relocate into read-only data.
            (Kind::StaticExecutable, None) if !has_pointers(elf) => {
                not_applicable("nothing is relocated at start-up, so RELRO has nothing to protect")
            }
            _ if subject.language.is_go() => fail("has no `PT_GNU_RELRO` segment").hint(HINT_OF_GO),
            _ => fail("has no `PT_GNU_RELRO` segment").hint(HINT),
        });
    };
    let evidence = format!(
        "program header {} (`PT_GNU_RELRO`, {} bytes at address {})",
        segment.index, segment.memory_size, segment.address
    );
    let hint = match subject.language.is_go() {
        true => HINT_OF_GO,
        false => HINT,
    };
    let lazy = lazy_binding(subject, elf, dynamic.as_ref());
    let is_mips = elf.header().machine == EM_MIPS;
    let judgement = match lazy {
        // MIPS calls through the GOT, whether functions are bound lazily or not.
        Lazy::Nothing | Lazy::AtStart if is_mips => {
            match writable_plt(elf, dynamic.as_ref(), segment) {
                Some(address) => warn(format!(
                    "partial RELRO: the GOT at address {address}, through which functions are \
                     called, stays writable"
                ))
                .hint(hint),
                None => pass("full RELRO"),
            }
        }
        Lazy::Nothing => {
            pass("full RELRO; no function is bound lazily, so no PLT table stays writable")
        }
        Lazy::Now => match writable_plt(elf, dynamic.as_ref(), segment) {
            Some(address) => warn(format!(
                "partial RELRO: the PLT's table of addresses (`.got.plt`) at address {address} \
                 lies outside"
            ))
            .hint(hint),
            None => pass("full RELRO"),
        },
        Lazy::AtStart => warn(
            "partial RELRO: the PLT's table of addresses (`.got.plt`) is filled at start-up \
                  and stays writable",
        )
        .hint(hint),
        // ld.so writes the addresses by way of the kernel (kbind(2)).
        Lazy::Late
            if subject.system == System::OpenBsd
                && writable_plt(elf, dynamic.as_ref(), segment).is_none() =>
        {
            pass("full RELRO; OpenBSD's loader binds functions without making their table writable")
        }
        Lazy::Late => warn(
            "partial RELRO: functions are bound lazily, so the PLT's table of addresses \
                  (`.got.plt`) stays writable",
        )
        .hint(hint),
    };
    Some(judgement.at(segment.header, evidence))
}

/// Who makes RELRO read-only: the loader, or the start-up code that is linked in.
fn relro_applied(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    let Some(segment) = relro_segment(elf) else {
        return Some(not_applicable("has no RELRO segment to apply"));
    };
    let judgement = match (subject.kind, subject.libc) {
        // usr/klibc/interp.S only jumps to the program.
        (_, Libc::Klibc) => fail("klibc never applies RELRO: the range stays writable")
            .hint("link against another libc"),
        (kind, _) if kind.needs_loader() => match subject.system {
            System::Haiku | System::Solaris => unknown(format!(
                "whether the loader of {} applies RELRO is not known",
                subject.system
            )),
            _ => pass("the dynamic loader applies RELRO"),
        },
        _ if has_handpies_start(elf) => pass("handpie's start-up code applies RELRO"),
        (_, Libc::Glibc) => pass("glibc's start-up code applies RELRO"),
        (_, Libc::Musl) => fail(
            "musl's start-up code for static programs never applies RELRO: the range stays \
                  writable",
        )
        .hint("link with `handpie link` or `handpie cc`, whose start-up code applies RELRO"),
        _ => unknown(
            "the start-up code is not recognised; `handpie prove` examines the running program",
        ),
    };
    Some(judgement.at(
        segment.header,
        format!("program header {} (`PT_GNU_RELRO`)", segment.index),
    ))
}

/// The stub of a converted program has a section; what `handpie link` links in has a note, which
/// strip leaves alone.
fn has_handpies_start(elf: &Elf<'_>) -> bool {
    elf.section(".text.handpie").is_some() || is_noted(elf)
}

fn is_noted(elf: &Elf<'_>) -> bool {
    let notes = elf.notes().unwrap_or_default();
    notes.iter().any(|note| note.name == b"handpie")
}

fn bind_now(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    let dynamic = elf.dynamic().ok().flatten();
    Some(match lazy_binding(subject, elf, dynamic.as_ref()) {
        Lazy::Nothing => pass("no function is bound lazily"),
        Lazy::Now => pass("requests immediate binding"),
        Lazy::AtStart => pass("the loader or the start-up code binds all functions at start-up"),
        Lazy::Late => {
            let offset = dynamic.map(|dynamic| dynamic.offset).unwrap_or_default();
            fail("functions are bound lazily, at their first call")
                .at(
                    offset,
                    "`DT_FLAGS` without `DF_BIND_NOW`, `DT_FLAGS_1` without `DF_1_NOW`",
                )
                .hint(match subject.language.is_go() {
                    true => HINT_OF_GO,
                    false => "link with -Wl,-z,now",
                })
        }
    })
}

fn relro_segment<'elf>(elf: &'elf Elf<'_>) -> Option<&'elf Segment> {
    let mut segments = elf.segments().iter();
    segments.find(|s| s.kind == PT_GNU_RELRO && s.memory_size.0 > 0)
}

/// When the table through which functions are called is filled.
enum Lazy {
    /// Never: there is none.
    Nothing,
    /// Before the program starts.
    Now,
    /// At start, by the program itself or by musl's loader, which binds nothing late; the table then
    /// stays writable.
    AtStart,
    /// At the first call of each function.
    Late,
}

fn lazy_binding(subject: &Subject<'_>, elf: &Elf<'_>, dynamic: Option<&Dynamic>) -> Lazy {
    let size = dynamic.and_then(|dynamic| dynamic.value(DT_PLTRELSZ));
    let has_table = size.is_some_and(|size| size > 0) || has_stubs_of_mips(subject);
    let alone = !subject.kind.needs_loader();
    if alone && !has_table {
        // What is filled are the functions that suit the CPU. lld has no other sign of them.
        return match has_table_outside_relro(elf) {
            true => Lazy::AtStart,
            false => Lazy::Nothing,
        };
    }
    let Some(dynamic) = dynamic.filter(|_| has_table) else {
        return Lazy::Nothing;
    };
    let flag = |tag, now: &dyn Fn(u64) -> bool| dynamic.value(tag).is_some_and(now);
    let now = flag(DT_BIND_NOW, &|_| true)
        || flag(DT_FLAGS, &|value| DynamicFlags(value).contains(DF_BIND_NOW))
        || flag(DT_FLAGS_1, &|value| DynamicFlags1(value).contains(DF_1_NOW));
    match now {
        true => Lazy::Now,
        // The loaders of musl and of Android bind nothing late.
        false if alone || matches!(subject.libc, Libc::Musl | Libc::Bionic) => Lazy::AtStart,
        false => Lazy::Late,
    }
}

/// Programs for MIPS bind lazily without `DT_JMPREL`: a function that is only called has a stub in
/// `.MIPS.stubs`, which asks the loader; the symbol's value is the stub's address (MIPS ABI
/// supplement, 3rd edition, "Global Offset Table" and "Procedure Linkage Table").
fn has_stubs_of_mips(subject: &Subject<'_>) -> bool {
    let Some(elf) = subject.elf().filter(|elf| elf.header().machine == EM_MIPS) else {
        return false;
    };
    if let Some(stubs) = elf.section(".MIPS.stubs") {
        return stubs.size.0 > 0;
    }
    let symbols = subject
        .symbols(elf)
        .ok()
        .map(|symbols| symbols.dynamic.iter());
    let is_stub = |symbol: &Symbol<'_>| {
        symbol.kind == STT_FUNC && symbol.section == 0 && symbol.address.0 != 0
    };
    symbols.is_some_and(|mut symbols| symbols.any(is_stub))
}

fn has_table_outside_relro(elf: &Elf<'_>) -> bool {
    /// The words that belong to the loader, or would if there were one.
    const OF_LOADER: u64 = 3;
    let words = elf.header().class.word_size().saturating_mul(OF_LOADER);
    let outside = |section: &Section<'_>| {
        relro_segment(elf).is_none_or(|relro| !relro.contains(section.address, section.size))
    };
    elf.section(".got.plt")
        .is_some_and(|section| section.size.0 > words && outside(section))
}

/// Whether it has sections of pointers that nothing but start-up code would have to write to.
fn has_pointers(elf: &Elf<'_>) -> bool {
    const SECTIONS: [&str; 5] = [
        ".data.rel.ro",
        ".init_array",
        ".fini_array",
        ".got",
        ".got.plt",
    ];
    let sections = SECTIONS.iter().filter_map(|name| elf.section(name));
    elf.sections().is_empty() || sections.into_iter().any(|section| section.size.0 > 0)
}

/// The table of functions, if it lies outside RELRO: flags promise nothing about pages.
fn writable_plt(elf: &Elf<'_>, dynamic: Option<&Dynamic>, relro: &Segment) -> Option<Address> {
    let table = Address(dynamic?.value(DT_PLTGOT)?);
    // Some CPUs point `DT_PLTGOT` into code or at the middle of the table.
    let is_writable = elf
        .loads()
        .any(|load| load.contains(table, Size(1)) && load.has(PF_W));
    (is_writable && !relro.contains(table, Size(1))).then_some(table)
}
