//! Sanitizers and coverage that were left in: they help in tests, make a program slow and larger,
//! and some write files where their environment variables say, with the program's rights.

use handpie_binary::Size;
use handpie_binary::elf::constants::STB_WEAK;
use handpie_binary::elf::{Elf, Symbol};
use memchr::memmem;

use super::segments::named;
use super::symbols;
use crate::finding::{Judgement, fail, not_applicable, pass, unknown, warn};
use crate::limits::MAX_READ_ONLY_DATA;
use crate::rule::{Level, Levels, Rule, Severity};
use crate::runtimes;
use crate::subject::{Kind, Subject};

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
    for (start, what) in MARKS {
        let found = symbols.all().find(|symbol| is_mark(symbol, start));
        let Some(symbol) = found else {
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
    let stripped = symbols.table.is_empty() && !subject.language.is_go();
    // The runtimes of most sanitizers offer their functions to libraries.
    if stripped && !subject.kind.needs_loader() {
        return Some(without_symbols(elf));
    }
    if stripped {
        let why = "no sanitizer runtime is present or imported; coverage counters cannot be \
                   detected in a stripped file";
        return Some(pass(why));
    }
    Some(pass(
        "has no function of a sanitizer, coverage or profiling runtime",
    ))
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

/// The runtimes name themselves in what they print.
fn without_symbols(elf: &Elf<'_>) -> Judgement {
    /// What they name themselves, in front of "Sanitizer".
    const KINDS: [&[u8]; 5] = [
        b"Address",
        b"Thread",
        b"Memory",
        b"UndefinedBehavior",
        b"Leak",
    ];
    const OF_COVERAGE: [&[u8]; 2] = [b"GCOV_PREFIX", b"LLVM_PROFILE_FILE"];
    let Some(section) = elf.section(".rodata") else {
        return unknown("has neither symbols nor sections");
    };
    let size = section.file_size().min(Size(MAX_READ_ONLY_DATA));
    let data = elf.file().slice(section.offset.0, size, "read-only data");
    let data = data.and_then(|data| Ok(data.data()?)).unwrap_or_default();
    let named_sanitizers = memmem::find_iter(data, b"Sanitizer").filter_map(|at| {
        let before = data.get(..at)?;
        KINDS.iter().find(|kind| before.ends_with(kind))
    });
    let of_coverage = OF_COVERAGE
        .iter()
        .find(|name| memmem::find(data, name).is_some());
    let name = named_sanitizers
        .map(|kind| format!("{}Sanitizer", String::from_utf8_lossy(kind)))
        .next()
        .or(of_coverage.map(|name| String::from_utf8_lossy(name).into_owned()));
    match name {
        // Debuggers and compilers speak of sanitizers without having one.
        Some(name) => {
            warn(format!("read-only data mentions {name}")).at(section.offset, named(section))
        }
        None => pass("has no message of a sanitizer or coverage runtime"),
    }
}
