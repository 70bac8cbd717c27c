//! Sanitizers and coverage that were left in: they help in tests, make a program slow and larger,
//! and some write files where their environment variables say, with the program's rights.

use handpie_binary::Offset;
use handpie_binary::elf::constants::STB_WEAK;
use handpie_binary::elf::{Elf, Section, Symbol};
use memchr::memmem;

use super::segments::named;
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

const HINT: &str = "build without -fsanitize, -fprofile-instr-generate, --coverage and -pg";

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
                .hint(HINT),
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
    if let Some(section) = COUNTERS.iter().find_map(|name| elf.section(name)) {
        return fail("instrumented with coverage counters")
            .at(section.offset, named(section))
            .hint(HINT);
    }
    // Where libc is a library, what they call is asked of it. Few programs call all of that, so the
    // data of most need not be read.
    let may_have = |text: &&Text| {
        !subject.kind.needs_loader() || text.calls.iter().all(|call| imports.contains(call))
    };
    let possible: Vec<&Text> = TEXTS.iter().filter(may_have).collect();
    let Some(section) = elf.section(".rodata") else {
        return match possible.is_empty() {
            true => pass(NONE),
            false => unknown("has neither symbols nor a section of read-only data to search"),
        };
    };
    let mut found = possible.into_iter();
    let found = found.find_map(|text| Some((text, text.find(elf, section)?)));
    let Some((text, at)) = found else {
        return pass(NONE);
    };
    let shown = format!("{}: `{}`", named(section), text.shown());
    let judgement = match text.is_sure {
        true => fail(format!("instrumented with {}", text.what)),
        // Debuggers and compilers speak of sanitizers without having one.
        false => warn(format!("read-only data mentions {}", text.what)),
    };
    judgement.at(at, shown).hint(HINT)
}

const NONE: &str = "has no message of a sanitizer, coverage or profiling runtime";

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
        let data = elf.section_start(section, MAX_READ_ONLY_DATA);
        let mut parts = self.parts.iter();
        let all = parts.all(|part| data.contains(part).is_ok_and(|found| found));
        data.find(self.parts.first().filter(|_| all)?)
            .ok()
            .flatten()
    }

    fn shown(&self) -> String {
        let first = self.parts.first().copied().unwrap_or_default();
        String::from_utf8_lossy(first).into_owned()
    }
}
