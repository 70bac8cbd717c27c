//! Sanitizers and coverage that were left in: they help in tests, make a program slow and larger,
//! and some write files where their environment variables say, with the program's rights.

use super::symbols;
use crate::finding::{Judgement, fail, pass, unknown};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const SANITIZERS: Rule = Rule {
    code: "sanitizers",
    wish: "nothing left in it that is meant for tests",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: sanitizers,
};

/// Names that only an instrumented program has, and what they belong to. Go's runtime has functions
/// named after sanitizers in every program (`runtime.asanread`); they start otherwise.
const MARKS: [(&[u8], &str); 9] = [
    (b"__asan_init", "AddressSanitizer"),
    (b"__hwasan_init", "HWAddressSanitizer"),
    (b"__tsan_init", "ThreadSanitizer"),
    (b"__msan_init", "MemorySanitizer"),
    (b"__ubsan_handle_", "UndefinedBehaviorSanitizer"),
    (b"__sanitizer_cov_trace_pc", "coverage for fuzzers"),
    (b"__llvm_profile_write_file", "coverage (clang)"),
    (b"__gcov_dump", "coverage (gcov)"),
    (b"__gcov_init", "coverage (gcov)"),
];

fn sanitizers(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    let names = symbols::all(elf);
    for (start, what) in MARKS {
        // clang's CFI reports by way of UBSan's functions without being one.
        let is_mark =
            |name: &[u8]| name.starts_with(start) && !name.starts_with(b"__ubsan_handle_cfi_");
        if let Some(symbol) = names.iter().find(|symbol| is_mark(symbol.name)) {
            return Some(
                fail(format!("{what} is in it"))
                    .with(format!("symbol `{}`", symbols::name(symbol)))
                    .hint("build it without -fsanitize, -fprofile-instr-generate and --coverage"),
            );
        }
    }
    if names.is_empty() && !subject.language.is_go() {
        return Some(unknown("it has no symbols at all"));
    }
    Some(pass("no function of one is in it"))
}
