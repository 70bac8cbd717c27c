//! The runtimes of sanitizers in Mach-O and PE files. There they are libraries, and the file says
//! which ones it asks for. Functions that are named after sanitizers show nothing: Go's runtime has
//! them in every program (`runtime.asanread`).

use handpie_binary::{Image, Offset};
use memchr::memmem;

use crate::finding::{Judgement, fail, pass, warn};
use crate::limits::MAX_READ_ONLY_DATA;
use crate::subject::Subject;

/// Parts of the names of libraries: of clang's, of Rust's, of MinGW's GCC.
const LIBRARIES: [(&[u8], &str); 12] = [
    (b"clang_rt.asan", "AddressSanitizer"),
    (b"_rt.asan.", "AddressSanitizer"),
    (b"libasan", "AddressSanitizer"),
    (b"clang_rt.tsan", "ThreadSanitizer"),
    (b"_rt.tsan.", "ThreadSanitizer"),
    (b"clang_rt.ubsan_osx", "UndefinedBehaviorSanitizer"),
    (b"clang_rt.ubsan_standalone", "UndefinedBehaviorSanitizer"),
    (b"clang_rt.lsan", "LeakSanitizer"),
    (b"_rt.lsan.", "LeakSanitizer"),
    (b"clang_rt.rtsan", "RealtimeSanitizer"),
    (b"_rt.rtsan.", "RealtimeSanitizer"),
    (b"clang_rt.fuzzer", "a fuzzer"),
];

/// Where clang and rustc count what was run, in Mach-O and in PE.
const COVERAGE: [&str; 2] = ["__llvm_prf_cnts", ".lprfc"];

/// How Windows' runtime of AddressSanitizer starts its reports when it is linked in.
const MESSAGE: &[u8] = b"==%d==ERROR: AddressSanitizer";

const HINT: &str = "build without -fsanitize and -fprofile-instr-generate; with Microsoft's \
                    compiler, without /fsanitize";

/// What is left of tests in a Mach-O or PE file; `None` for other files.
pub(crate) fn judge(subject: &Subject<'_>) -> Option<Judgement> {
    let libraries = libraries(subject)?;
    if !subject.kind.is_loaded() {
        return None;
    }
    for (library, at) in &libraries {
        let is_part = |part: &[u8]| memmem::find(library, part).is_some();
        let Some((_, what)) = LIBRARIES.iter().find(|(part, _)| is_part(part)) else {
            continue;
        };
        let shown = format!("loads `{}`", String::from_utf8_lossy(library));
        let judgement = fail(format!("instrumented with {what}")).hint(HINT);
        return Some(match at {
            Some(at) => judgement.at(*at, shown),
            None => judgement.with(shown),
        });
    }
    let binary = &subject.binary;
    if let Some(section) = COVERAGE.iter().find_map(|name| binary.section(name)) {
        let name = String::from_utf8_lossy(section.name);
        let shown = format!("section `{name}`");
        return Some(
            fail("instrumented with coverage counters")
                .at(section.offset(), shown)
                .hint(HINT),
        );
    }
    if subject.pe().is_some()
        && let Some(section) = binary.section(".rdata")
        && let Ok(Some(at)) = section.start(MAX_READ_ONLY_DATA).find(MESSAGE)
    {
        let shown = "message of the AddressSanitizer runtime";
        return Some(
            warn("contains a message of AddressSanitizer")
                .at(at, shown)
                .hint(HINT),
        );
    }
    Some(pass("loads no sanitizer runtime library"))
}

/// The libraries that a file asks for, and where it does.
fn libraries<'data>(subject: &Subject<'data>) -> Option<Vec<(&'data [u8], Option<Offset>)>> {
    if let Some(macho) = subject.macho() {
        let commands = macho.libraries().into_iter();
        return Some(commands.map(|c| (c.path, Some(c.offset))).collect());
    }
    let names = subject.pe()?.imported_libraries().ok()?.into_iter();
    Some(names.map(|name| (name, None)).collect())
}
