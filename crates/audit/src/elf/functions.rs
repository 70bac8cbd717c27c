//! Whose functions are in a program: its author's, or those of libc, of start files, of a runtime.
//!
//! Nothing in a program says so. But linkers put objects into the order of their command line (start
//! files, the program, libraries), so functions of one origin stand together, between functions whose
//! origin their names tell.

use handpie_binary::elf::constants::{STB_LOCAL, STT_FILE, STT_FUNC};
use handpie_binary::elf::{Elf, Symbol};
use handpie_binary::{Address, Size};
use memchr::memmem;

use crate::limits::MAX_CODE;
use crate::subject::{Language, Subject, is_of_toolchain};

/// A function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function<'data> {
    pub(super) name: &'data [u8],
    start: Address,
    end: Address,
    /// Whether it is of a start file, local to a file of an archive such as libc, or of a runtime
    /// that compilers link in.
    foreign: bool,
}

impl Function<'_> {
    /// Its address.
    pub(super) fn start(&self) -> Address {
        self.start
    }

    /// Its address and its code.
    pub(super) fn code<'data>(&self, elf: &Elf<'data>) -> Option<(Address, &'data [u8])> {
        let size = self.end.distance_from(self.start)?.min(Size(MAX_CODE));
        let offset = elf.offset_of(self.start, size)?;
        let code = elf.file().slice(offset.0, size, "a function").ok()?;
        Some((self.start, code.data().ok()?))
    }
}

/// The last functions of start files: gcc's, glibc's and musl's.
const LAST_OF_START: [&[u8]; 4] = [
    b"frame_dummy",
    b"_dl_relocate_static_pie",
    b"_start",
    b"_start_c",
];

/// The functions of a subject that its author had compiled by a C compiler, or that come from
/// libraries other than libc and the compiler's own.
///
/// Where libc is not linked in, these are all but those of the start files and runtimes. Else they
/// are those around `main`, and those behind the start files: gcc puts `main` into a section of its
/// own.
pub(super) fn own_functions<'data>(
    subject: &Subject<'_>,
    symbols: &[Symbol<'data>],
) -> Vec<Function<'data>> {
    match subject.language {
        Language::GoWithC => c_functions_of_go(symbols),
        language => {
            let mut own = own_of_c(symbols, subject.has_libc());
            if language.is_rust() {
                own.retain(|function| !is_rusts(function.name));
            }
            own
        }
    }
}

/// All but the functions that are the author's: those that explain an import that no own one needs.
pub(super) fn of_runtimes<'data>(
    symbols: &[Symbol<'data>],
    own: &[Function<'data>],
) -> Vec<Function<'data>> {
    let mut functions = functions(symbols);
    functions.retain(|function| {
        let place = own.binary_search_by_key(&function.start, |own| own.start);
        place.is_err() && function.end > function.start
    });
    functions
}

fn own_of_c<'data>(symbols: &[Symbol<'data>], has_libc: bool) -> Vec<Function<'data>> {
    let mut functions = functions(symbols);
    if !has_libc {
        functions.retain(|function| !function.foreign && function.end > function.start);
        return functions;
    }
    let is_border = |function: &Function<'_>| function.foreign || is_reserved(function.name);
    runs(&functions, is_border, |border, run| {
        border.is_some_and(|border| LAST_OF_START.contains(&border.name))
            || run.iter().any(|function| function.name == b"main")
    })
}

/// The functions of a Go program that its author wrote in C: those around the wrappers that cmd/cgo
/// makes for each C function that Go calls.
fn c_functions_of_go<'data>(symbols: &[Symbol<'data>]) -> Vec<Function<'data>> {
    let is_wrapper = |function: &Function<'_>| {
        function.name.starts_with(b"_cgo_") && memmem::find(function.name, b"func_").is_some()
    };
    let is_border = |function: &Function<'_>| {
        let name = function.name;
        // Go's own names have a dot, or a slash of the package's path.
        let is_gos = name.contains(&b'.') || name.contains(&b'/');
        let of_runtime = [b"x_cgo_".as_slice(), b"crosscall", b"setg_gcc"];
        let of_runtime = of_runtime.iter().any(|start| name.starts_with(start));
        let reserved = is_reserved(name) || name.starts_with(b"_cgo_");
        function.foreign || is_gos || of_runtime || (reserved && !is_wrapper(function))
    };
    runs(&functions(symbols), is_border, |_, run| {
        run.iter().any(is_wrapper)
    })
}

/// The runs of functions between borders that `wanted` chooses, given the border before them.
fn runs<'data>(
    functions: &[Function<'data>],
    is_border: impl Fn(&Function<'data>) -> bool,
    wanted: impl Fn(Option<&Function<'data>>, &[Function<'data>]) -> bool,
) -> Vec<Function<'data>> {
    let mut chosen = Vec::new();
    let mut border = None;
    let mut rest = functions;
    loop {
        let end = rest.iter().position(&is_border).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if wanted(border, run) {
            chosen.extend_from_slice(run);
        }
        let Some((next, behind)) = after.split_first() else {
            return chosen;
        };
        border = Some(next);
        rest = behind;
    }
}

/// All functions, by address.
fn functions<'data>(symbols: &[Symbol<'data>]) -> Vec<Function<'data>> {
    let runtimes = Runtimes::of(symbols);
    let mut functions = Vec::new();
    let mut of_archive = false;
    for symbol in symbols {
        if symbol.kind == STT_FILE {
            // glibc is built so that its files are called so; compilers write the source's name.
            // So do linkers for what link-time optimisation makes.
            let of_lto = [b"ld-temp".as_slice(), b"ltrans"];
            let of_lto = of_lto
                .iter()
                .any(|part| memmem::find(symbol.name, part).is_some());
            of_archive = (symbol.name.ends_with(b".o") && !of_lto)
                || is_of_toolchain(symbol.name)
                || runtimes.has_source(symbol.name);
        } else if symbol.kind == STT_FUNC && symbol.section != 0 {
            let local = symbol.binding == STB_LOCAL;
            functions.push(Function {
                name: symbol.name,
                start: symbol.address,
                end: Address(symbol.address.0.saturating_add(symbol.size.0)),
                foreign: is_of_start_files(symbol.name)
                    || is_torn_off(symbol.name)
                    || (local && of_archive)
                    || runtimes.has(symbol.name),
            });
        }
    }
    functions.sort_by_key(|function| function.start);
    functions
}

/// Whether it is the part of a function that is seldom run: gcc and clang put it elsewhere, and the
/// check of the canary stays behind.
fn is_torn_off(name: &[u8]) -> bool {
    name.ends_with(b".cold") || memmem::find(name, b".cold.").is_some()
}

/// Which runtimes of compilers are linked in.
struct Runtimes {
    cpp: bool,
    unwinder: bool,
}

impl Runtimes {
    fn of(symbols: &[Symbol<'_>]) -> Self {
        let defines = |name: &[u8]| {
            let mut symbols = symbols.iter();
            symbols.any(|symbol| symbol.section != 0 && symbol.name == name)
        };
        Self {
            cpp: defines(b"__cxa_throw") || defines(b"__cxa_allocate_exception"),
            unwinder: defines(b"_Unwind_RaiseException") || defines(b"_Unwind_Resume"),
        }
    }

    /// Whether a function with this name is of one that is linked in.
    fn has(&self, name: &[u8]) -> bool {
        (self.cpp && is_reserved(name))
            || (self.unwinder
                && [b"_Unwind_".as_slice(), b"__gcc_", b"__register_frame"]
                    .iter()
                    .any(|start| name.starts_with(start)))
    }

    /// Whether a source is of the C++ library (libstdc++-v3/src, libcxxabi/src).
    fn has_source(&self, source: &[u8]) -> bool {
        const STARTS: [&[u8]; 12] = [
            b"eh_",
            b"locale",
            b"cow-",
            b"cxx11-",
            b"fs_",
            b"ios",
            b"del_op",
            b"new_op",
            b"cxa_",
            b"system_error",
            b"fundamental_type",
            b"private_typeinfo",
        ];
        let of_instances = source.ends_with(b"-inst.cc");
        self.cpp && (of_instances || STARTS.iter().any(|start| source.starts_with(start)))
    }
}

/// Names that rustc gives: the legacy mangling ends with a hash, the other starts with `_R` (Rust
/// reference, "Symbol Mangling"); and those of its runtime. What the author exports under a name of C
/// cannot be told.
fn is_rusts(name: &[u8]) -> bool {
    const RUNTIME: [&[u8]; 6] = [
        b"__rust_", b"__rdl_", b"__rg_", b"rust_", b"_rust_", b"anon.",
    ];
    /// `17h` and 16 digits and `E`; linkers add `.llvm.` and a number.
    fn has_hash(name: &[u8]) -> bool {
        let name = memmem::find(name, b".llvm.")
            .and_then(|at| name.get(..at))
            .unwrap_or(name);
        let Some(name) = name.strip_suffix(b"E") else {
            return false;
        };
        let hash = name.len().checked_sub(19).and_then(|at| name.get(at..));
        hash.and_then(|hash| hash.strip_prefix(b"17h"))
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    }
    name == b"main"
        || (name.starts_with(b"_ZN") && has_hash(name))
        || name.starts_with(b"_R")
        || RUNTIME.iter().any(|start| name.starts_with(start))
}

/// Names that C leaves to compilers and libcs, and those that glibc takes besides.
fn is_reserved(name: &[u8]) -> bool {
    const OF_GLIBC: [&[u8]; 4] = [b"_dl_", b"_nl_", b"_int_", b"_itoa"];
    // C++ gives every function such a name; of its library are these. nw and dl are `operator new` and
    // `operator delete`; `Ss` and its like are abbreviations of the library's classes (Itanium C++
    // ABI, "Compression").
    const OF_CPP: [&[u8]; 17] = [
        b"_ZNSt",
        b"_ZNKSt",
        b"_ZNVSt",
        b"_ZSt",
        b"_ZNSs",
        b"_ZNKSs",
        b"_ZNSa",
        b"_ZNSi",
        b"_ZNSo",
        b"_ZN9__gnu_cxx",
        b"_ZNK9__gnu_cxx",
        b"_ZN10__cxxabiv1",
        b"_ZNK10__cxxabiv1",
        b"_ZN9libunwind",
        b"_Znw",
        b"_Zdl",
        b"_ZGV",
    ];
    if name.starts_with(b"_Z") {
        // Of transactional memory (libstdc++-v3/src/c++11/cow-stdexcept.cc).
        let of_transactions = memmem::find(name, b"_txnal_").is_some();
        return of_transactions || OF_CPP.iter().any(|start| name.starts_with(start));
    }
    matches!(name, [b'_', b'_' | b'A'..=b'Z', ..])
        || OF_GLIBC.iter().any(|start| name.starts_with(start))
}

fn is_of_start_files(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 12] = [
        b"_start",
        b"_init",
        b"_fini",
        b"deregister_tm_clones",
        b"register_tm_clones",
        b"__do_global_dtors_aux",
        b"frame_dummy",
        b"_dl_relocate_static_pie",
        b"__libc_csu_init",
        b"__libc_csu_fini",
        b"_start_c",
        b"atexit",
    ];
    NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rustc_are_told_from_those_of_c_and_cpp() {
        assert!(is_rusts(b"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE"));
        assert!(is_rusts(b"_ZN3app3run17h0123456789abcdefE.llvm.1234"));
        assert!(is_rusts(b"_RNvCs1234_3app4main"));
        assert!(is_rusts(b"__rust_alloc"));
        assert!(!is_rusts(b"_ZN3app3runEv"));
        assert!(!is_rusts(b"sqlite3_open"));
    }
}
