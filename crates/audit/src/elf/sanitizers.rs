//! Sanitizers and coverage that were left in: they help in tests, make a program slow and larger,
//! and some write files where their environment variables say, with the program's rights.

use handpie_binary::elf::constants::STB_WEAK;
use handpie_binary::elf::{Elf, Section, Symbol};
use handpie_binary::{Offset, Size};
use memchr::memmem;

use super::symbols;
use crate::finding::{Judgement, fail, not_applicable, pass, unknown, warn};
use crate::limits::MAX_READ_ONLY_DATA;
use crate::rule::{Level, Levels, Rule, Severity};
use crate::runtimes;
use crate::subject::{Kind, Language, Subject};

pub(super) const SANITIZERS: Rule = Rule {
    code: "sanitizers",
    wish: "no sanitizer, coverage or profiling instrumentation",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: sanitizers,
};

/// Names that only an instrumented program has, and what they belong to. Go's runtime has functions
/// named after sanitizers in every program (`runtime.asanread`); they start otherwise.
const MARKS: [(&[u8], &str); 14] = [
    (b"__asan_init", "AddressSanitizer"),
    (b"__hwasan_init", "HWAddressSanitizer"),
    (b"__tsan_init", "ThreadSanitizer"),
    (b"__msan_init", "MemorySanitizer"),
    (b"__ubsan_handle_", "UndefinedBehaviorSanitizer"),
    (b"__lsan_init", "LeakSanitizer"),
    (b"__xray_init", "XRay"),
    (b"__sanitizer_cov_trace_pc", "coverage for fuzzers"),
    (b"__llvm_profile_write_file", "coverage (clang)"),
    (b"__gcov_dump", "coverage (gcov)"),
    (b"__gcov_init", "coverage (gcov)"),
    (b"__monstartup", "profiling (gprof)"),
    (b"mcount", "profiling (gprof)"),
    (b"_mcount", "profiling (gprof)"),
];

fn sanitizers(subject: &Subject<'_>) -> Option<Judgement> {
    let Some(elf) = subject.elf() else {
        return runtimes::judge(subject);
    };
    if !subject.kind.is_loaded() {
        return None;
    }
    let symbols = subject.symbols(elf).ok()?;
    let likely: Vec<&Symbol<'_>> = symbols.all().filter(|one| may_be_mark(one.name)).collect();
    for (start, what) in MARKS {
        let found = likely.iter().find(|symbol| is_mark(symbol, start));
        // Zig links the runtime for C into programs without any, too.
        let is_unused = start.starts_with(b"__ubsan_") && subject.languages == [Language::Zig];
        let Some(symbol) = found.filter(|_| !is_unused) else {
            continue;
        };
        // Libraries leave the runtime to the program; only the runtime itself defines it.
        if subject.kind == Kind::SharedObject && symbol.section != 0 {
            return Some(not_applicable(format!(
                "the library is the runtime of {what}"
            )));
        }
        return Some(
            fail(format!("instrumented with {what}"))
                .with(format!("symbol `{}`", symbols::name(symbol)))
                .hint("build without -fsanitize, -fprofile-instr-generate, --coverage and -pg"),
        );
    }
    if symbols.table.is_empty() && !subject.language.is_go() {
        return Some(without_symbols(subject, elf, &symbols.imports()));
    }
    Some(pass(
        "has no function of a sanitizer, coverage or profiling runtime",
    ))
}

/// Most names start otherwise than all of [`MARKS`].
fn may_be_mark(name: &[u8]) -> bool {
    let letters = b"ahtmulxsg";
    matches!(name, [b'_', b'_', letter, ..] if letters.contains(letter))
        || matches!(name, b"mcount" | b"_mcount")
}

fn is_mark(symbol: &Symbol<'_>, start: &[u8]) -> bool {
    // A program may have a function `mcounter`.
    let is_whole = start.ends_with(b"mcount");
    if !symbol.name.starts_with(start) || (is_whole && symbol.name != start) {
        return false;
    }
    // What is asked for weakly may be absent: libraries ask so whether a sanitizer is there.
    let asked_weakly = symbol.section == 0 && symbol.binding == STB_WEAK;
    // clang's CFI reports by way of UBSan's functions without being one.
    let of_cfi = symbol.name.starts_with(b"__ubsan_handle_cfi_");
    // UBSan's minimal runtime is meant to be shipped.
    let is_minimal = memmem::find(symbol.name, b"_minimal").is_some();
    !asked_weakly && !of_cfi && !is_minimal
}

/// The runtimes name themselves in what they print, and read settings from the environment.
fn without_symbols(subject: &Subject<'_>, elf: &Elf<'_>, imports: &[&[u8]]) -> Judgement {
    const HINT: &str = "build without -fsanitize, -fprofile-instr-generate, --coverage and -pg";
    let data = sections(elf);
    if data.is_empty() && !subject.kind.needs_loader() {
        return unknown("has neither symbols nor sections");
    }
    if let Some((section, text)) = COUNTERS
        .iter()
        .find_map(|name| Some((elf.section(name)?, name)))
    {
        return fail("instrumented with coverage counters")
            .at(section.offset, format!("section `{text}`"))
            .hint(HINT);
    }
    // Where libc is a library, what they call is asked of it. Few programs call all of that, so the
    // data of most need not be read.
    let may_have = |functions: &[&[u8]]| {
        !subject.kind.needs_loader() || functions.iter().all(|function| imports.contains(function))
    };
    for text in &TEXTS {
        if !may_have(text.calls) {
            continue;
        }
        for section in &data {
            let Some(at) = text.find(elf, section) else {
                continue;
            };
            let shown = format!("section `{}`: `{}`", section.name(), text.shown());
            return match text.is_sure {
                true => fail(format!("instrumented with {}", text.what))
                    .at(at, shown)
                    .hint(HINT),
                // Debuggers and compilers speak of sanitizers without having one.
                false => warn(format!("read-only data mentions {}", text.what))
                    .at(at, shown)
                    .hint(HINT),
            };
        }
    }
    pass("has no message of a sanitizer, coverage or profiling runtime")
}

/// Where clang counts what was run; strip leaves sections that are loaded.
const COUNTERS: [&str; 3] = ["__llvm_prf_cnts", "__llvm_covmap", "__sancov_guards"];

/// A text that a runtime has in its read-only data.
struct Text {
    parts: &'static [&'static [u8]],
    what: &'static str,
    /// Whether nothing but the runtime has all the parts.
    is_sure: bool,
    /// The functions of libc that the runtime calls.
    calls: &'static [&'static [u8]],
}

/// From libgcc's gcov, compiler-rt's profile and sanitizer_common, zig's lib/ubsan_rt.zig, and glibc's
/// gmon. gcc's sanitizers are libraries.
const TEXTS: [Text; 8] = [
    Text {
        parts: &[b"GCOV_PREFIX_STRIP"],
        what: "coverage (gcov)",
        is_sure: true,
        calls: &[b"getenv", b"fcntl", b"fdopen", b"mkdir"],
    },
    Text {
        parts: &[b"LLVM_PROFILE_FILE", b"LLVM Profile"],
        what: "coverage (clang)",
        is_sure: true,
        calls: &[b"getenv", b"fcntl", b"prctl", b"uname"],
    },
    Text {
        parts: &[b"gmon.out", b"GMON_OUT_PREFIX"],
        what: "profiling (gprof)",
        is_sure: true,
        calls: &[b"__monstartup"],
    },
    Text {
        parts: &[
            b" misaligned address 0x",
            b"applying zero offset to null pointer",
        ],
        what: "UndefinedBehaviorSanitizer (zig)",
        is_sure: true,
        calls: &[b"dl_iterate_phdr", b"getcontext"],
    },
    Text {
        parts: &[b"UndefinedBehaviorSanitizer"],
        what: "UndefinedBehaviorSanitizer",
        is_sure: false,
        calls: OF_SANITIZERS,
    },
    Text {
        parts: &[b"AddressSanitizer"],
        what: "AddressSanitizer",
        is_sure: false,
        calls: OF_SANITIZERS,
    },
    Text {
        parts: &[b"ThreadSanitizer"],
        what: "ThreadSanitizer",
        is_sure: false,
        calls: OF_SANITIZERS,
    },
    Text {
        parts: &[b"MemorySanitizer"],
        what: "MemorySanitizer",
        is_sure: false,
        calls: OF_SANITIZERS,
    },
];
const OF_SANITIZERS: &[&[u8]] = &[b"dl_iterate_phdr", b"dlvsym"];

impl Text {
    /// Where it stands: the first of its parts, if all are there.
    fn find(&self, elf: &Elf<'_>, section: &Section<'_>) -> Option<Offset> {
        let size = section.file_size().min(Size(MAX_READ_ONLY_DATA));
        let data = elf
            .file()
            .slice(section.offset.0, size, "read-only data")
            .ok()?;
        let data = data.data().ok()?;
        let places = self.parts.iter().map(|part| memmem::find(data, part));
        let places: Option<Vec<usize>> = places.collect();
        section.offset.checked_add(Size::of(*places?.first()?))
    }

    fn shown(&self) -> String {
        let first = self.parts.first().copied().unwrap_or_default();
        String::from_utf8_lossy(first).into_owned()
    }
}

/// The sections in which linkers put the texts of programs.
fn sections<'elf, 'data>(elf: &'elf Elf<'data>) -> Vec<&'elf Section<'data>> {
    let names = [".rodata", ".rodata.str1.1", ".rodata.str1.8"];
    names.iter().filter_map(|name| elf.section(name)).collect()
}
