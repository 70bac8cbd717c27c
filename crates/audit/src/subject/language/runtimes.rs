//! Languages that show by their runtimes: a library that is needed, a section, a function, or what
//! the runtime prints.

use handpie_binary::Incomplete;
use handpie_binary::elf::Elf;

use super::has;
use crate::elf::Symbols;
use crate::subject::Language;

/// Starts of names of libraries.
const LIBRARIES: [(&str, Language); 12] = [
    ("libHS", Language::Haskell),
    ("libgnat", Language::Ada),
    ("libgnarl", Language::Ada),
    ("libgfortran", Language::Fortran),
    ("libflang", Language::Fortran),
    ("libphobos2", Language::D),
    ("libdruntime", Language::D),
    ("libgphobos", Language::D),
    ("libgdruntime", Language::D),
    ("libswiftCore", Language::Swift),
    ("libasmrun", Language::OCaml),
    ("libcamlrun", Language::OCaml),
];

/// Starts of names of sections.
const SECTIONS: [(&[u8], Language); 5] = [
    (b"swift5_", Language::Swift),
    (b"minfo", Language::D),
    (b"__minfo", Language::D),
    (b"fpc.res", Language::Pascal),
    (b".fpcdata", Language::Pascal),
];

/// What compilers write into `.comment`.
const COMMENTS: [(&[u8], Language); 4] = [
    (b"GHC ", Language::Haskell),
    (b"ldc version", Language::D),
    (b"Swift version", Language::Swift),
    (b"zig ", Language::Zig),
];

/// Functions that only a runtime, or what it is called by, has.
const FUNCTIONS: [(&[u8], Language); 17] = [
    (b"hs_main", Language::Haskell),
    (b"hs_init_ghc", Language::Haskell),
    (b"stg_ap_0_fast", Language::Haskell),
    (b"stg_SRT_1_info", Language::Haskell),
    (b"caml_main", Language::OCaml),
    (b"caml_startup", Language::OCaml),
    (b"caml_call_gc", Language::OCaml),
    (b"NimMain", Language::Nim),
    (b"MAIN__", Language::Fortran),
    (b"adainit", Language::Ada),
    (b"_d_run_main", Language::D),
    (b"FPC_INITIALIZEUNITS", Language::Pascal),
    (b"fpc_initializeunits", Language::Pascal),
    (b"swift_retain", Language::Swift),
    (b"start.posixCallMainAndExit", Language::Zig),
    (b"start.callMainWithArgs", Language::Zig),
    (b"debug.defaultPanic", Language::Zig),
];

/// Starts of names of functions.
const FAMILIES: [(&[u8], Language); 4] = [
    (b"_gfortran_", Language::Fortran),
    (b"_FortranA", Language::Fortran),
    (b"__gnat_", Language::Ada),
    (b"_D6object", Language::D),
];

/// The functions of libc that a runtime calls, what it has in `.rodata`, and its language.
type Print = (&'static [&'static [u8]], &'static [u8], Language);

const TEXTS: [Print; 5] = [
    (
        &[b"timerfd_create", b"eventfd"],
        b"GHCRTS",
        Language::Haskell,
    ),
    (&[b"timer_create", b"eventfd"], b"GHCRTS", Language::Haskell),
    (
        &[b"expm1", b"log1p", b"sigaltstack"],
        b"OCAMLRUNPARAM",
        Language::OCaml,
    ),
    (
        &[b"_setjmp", b"signal", b"longjmp"],
        b"Illegal storage access. (Attempt to read from nil?)",
        Language::Nim,
    ),
    (
        &[b"_setjmp", b"signal", b"__longjmp_chk"],
        b"Illegal storage access. (Attempt to read from nil?)",
        Language::Nim,
    ),
];

/// The languages whose runtimes are linked in or asked for.
pub(super) fn languages(
    elf: &Elf<'_>,
    needed: &[String],
    symbols: &Symbols<'_>,
) -> Result<Vec<Language>, Incomplete> {
    let mut found = Vec::new();
    let of_libraries = needed.iter().filter_map(|name| {
        let known = LIBRARIES.iter().find(|(start, _)| name.starts_with(start));
        known.map(|(_, language)| *language)
    });
    found.extend(of_libraries);
    let of_sections = elf.sections().iter().filter_map(|section| {
        let known = SECTIONS
            .iter()
            .find(|(start, _)| section.name.starts_with(start));
        known.map(|(_, language)| *language)
    });
    found.extend(of_sections);
    for (text, language) in COMMENTS {
        if has(elf, ".comment", text)? {
            found.push(language);
        }
    }
    found.extend(symbols.all().filter_map(|symbol| of_function(symbol.name)));
    found.extend(of_text(elf, symbols)?);
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn of_function(name: &[u8]) -> Option<Language> {
    // Most names start otherwise, and there are many.
    let is_likely = matches!(
        name,
        [
            b'h' | b's' | b'c' | b'N' | b'M' | b'a' | b'F' | b'f' | b'd',
            ..
        ] | [b'_', b'g' | b'F' | b'D' | b'd', ..]
            | [b'_', b'_', b'g', b'n', ..]
    );
    if !is_likely {
        return None;
    }
    let whole = FUNCTIONS.iter().find(|(known, _)| *known == name);
    let whole = whole.map(|(_, language)| *language);
    whole.or_else(|| {
        let family = FAMILIES.iter().find(|(start, _)| name.starts_with(start));
        family.map(|(_, language)| *language)
    })
}

/// What the runtimes of stripped programs print, or read from the environment. Of most programs the
/// data need not be read: the runtimes call functions of libc that few programs call together.
fn of_text(elf: &Elf<'_>, symbols: &Symbols<'_>) -> Result<Option<Language>, Incomplete> {
    let imports = symbols.imports();
    for (functions, text, language) in TEXTS {
        let calls_all = functions.iter().all(|function| imports.contains(function));
        if calls_all && has(elf, ".rodata", text)? {
            return Ok(Some(language));
        }
    }
    Ok(None)
}
