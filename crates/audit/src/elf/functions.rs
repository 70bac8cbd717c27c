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

/// A function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function<'data> {
    pub(super) name: &'data [u8],
    start: Address,
    end: Address,
    /// Whether it is of a start file, or local to a file of an archive such as libc.
    foreign: bool,
}

impl Function<'_> {
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

/// The functions of a C program that its author wrote, or that come from libraries other than libc.
///
/// Where libc is not linked in, these are all but those of the start files. Else they are those
/// around `main`, and those behind the start files: gcc puts `main` into a section of its own.
pub(super) fn own_functions<'data>(
    symbols: &[Symbol<'data>],
    has_libc: bool,
) -> Vec<Function<'data>> {
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
pub(super) fn c_functions_of_go<'data>(symbols: &[Symbol<'data>]) -> Vec<Function<'data>> {
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
            of_archive = symbol.name.ends_with(b".o") && !of_lto;
        } else if symbol.kind == STT_FUNC && symbol.section != 0 {
            let local = symbol.binding == STB_LOCAL;
            functions.push(Function {
                name: symbol.name,
                start: symbol.address,
                end: Address(symbol.address.0.saturating_add(symbol.size.0)),
                foreign: is_of_start_files(symbol.name) || (local && of_archive),
            });
        }
    }
    functions.sort_by_key(|function| function.start);
    functions
}

/// Names that C leaves to compilers and libcs, and those that glibc takes besides.
fn is_reserved(name: &[u8]) -> bool {
    const OF_GLIBC: [&[u8]; 4] = [b"_dl_", b"_nl_", b"_int_", b"_itoa"];
    // C++ gives every function such a name; of its library are these.
    const OF_CPP: [&[u8]; 6] = [
        b"_ZNSt",
        b"_ZNKSt",
        b"_ZSt",
        b"_ZN9__gnu_cxx",
        b"_ZN10__cxxabiv1",
        b"_ZGV",
    ];
    if name.starts_with(b"_Z") {
        return OF_CPP.iter().any(|start| name.starts_with(start));
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
