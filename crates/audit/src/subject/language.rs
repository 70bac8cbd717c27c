//! What a binary was written in, from what compilers, linkers and runtimes leave behind. A stripped C
//! program leaves nothing, so C is what remains.

mod c;
mod runtimes;

use std::fmt;

use handpie_binary::Incomplete;
use handpie_binary::elf::Elf;
use handpie_binary::go::{self, BuildInfo};
use serde::Serialize;

use crate::elf::Symbols;
use crate::limits::MAX_READ_ONLY_DATA;

pub(crate) use c::is_of_toolchain;

/// What a binary was written in, as far as it tells; in the order in which they decide how it is
/// judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Go without C: nothing in it was made by a C compiler.
    Go,
    /// Go with C in it (cgo).
    GoWithC,
    /// Rust, and nothing that tells of C.
    Rust,
    /// Rust with C, C++ or another language in it.
    RustWithC,
    /// Haskell, compiled by GHC.
    Haskell,
    /// OCaml, compiled to machine code.
    #[serde(rename = "ocaml")]
    OCaml,
    /// Free Pascal.
    Pascal,
    /// D.
    D,
    /// Swift.
    Swift,
    /// Zig.
    Zig,
    /// Nim, which is compiled to C.
    Nim,
    /// Ada.
    Ada,
    /// Fortran.
    Fortran,
    /// C, C++ or anything else that a C compiler driver links.
    C,
}

impl Language {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::GoWithC => "go-with-c",
            Self::Rust => "rust",
            Self::RustWithC => "rust-with-c",
            Self::Haskell => "haskell",
            Self::OCaml => "ocaml",
            Self::Pascal => "pascal",
            Self::D => "d",
            Self::Swift => "swift",
            Self::Zig => "zig",
            Self::Nim => "nim",
            Self::Ada => "ada",
            Self::Fortran => "fortran",
            Self::C => "c",
        }
    }

    /// Whether it is a Rust program.
    pub fn is_rust(self) -> bool {
        matches!(self, Self::Rust | Self::RustWithC)
    }

    /// Whether it is a Go program.
    pub fn is_go(self) -> bool {
        matches!(self, Self::Go | Self::GoWithC)
    }

    /// Of a language whose compilers have none of the checks that C compilers add, why these cannot
    /// be asked for.
    pub(crate) fn without_checks_of_c(self) -> Option<&'static str> {
        match self {
            Self::Go => Some("Go checks the bounds of every access"),
            Self::Rust => Some("Rust checks the bounds of every access"),
            Self::Haskell => Some("GHC does not support it, and Haskell checks every access"),
            Self::OCaml => Some("OCaml's compiler does not support it"),
            Self::Pascal => Some("Free Pascal's compiler does not support it"),
            Self::D => {
                Some("D checks the bounds of arrays, and not all of its compilers support it")
            }
            Self::Swift => Some("Swift checks the bounds of every access"),
            Self::Zig => Some("Zig checks the bounds of accesses by other means"),
            Self::GoWithC | Self::RustWithC | Self::Nim | Self::Ada | Self::Fortran | Self::C => {
                None
            }
        }
    }

    /// How a file with these languages is judged; the first decides.
    pub(super) fn of_parts(parts: &[Self]) -> Self {
        match parts {
            [Self::Go, _, ..] => Self::GoWithC,
            [Self::Rust, _, ..] => Self::RustWithC,
            [first, ..] => *first,
            [] => Self::C,
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Go => "Go",
            Self::GoWithC => "Go with cgo",
            Self::Rust => "Rust",
            Self::RustWithC => "Rust with C",
            Self::Haskell => "Haskell",
            Self::OCaml => "OCaml",
            Self::Pascal => "Pascal",
            Self::D => "D",
            Self::Swift => "Swift",
            Self::Zig => "Zig",
            Self::Nim => "Nim",
            Self::Ada => "Ada",
            Self::Fortran => "Fortran",
            Self::C => "C or C++",
        })
    }
}

/// The languages of a Go program; `None` of others.
pub(super) fn of_go(
    elf: &Elf<'_>,
    build_info: Option<&BuildInfo>,
) -> Result<Option<Vec<Language>>, Incomplete> {
    let is_go = build_info.is_some()
        || elf.notes()?.iter().any(|note| note.name == b"Go")
        || elf
            .sections()
            .iter()
            .any(|section| section.name.ends_with(b".gopclntab"));
    if !is_go {
        return Ok(None);
    }
    Ok(Some(match go::has_cgo(elf)? {
        true => vec![Language::Go, Language::C],
        false => vec![Language::Go],
    }))
}

/// The languages of a file that is not Go's, the one that decides how it is judged first.
pub(super) fn of_others(
    elf: &Elf<'_>,
    is_rust: bool,
    needed: &[String],
    symbols: &Symbols<'_>,
) -> Result<Vec<Language>, Incomplete> {
    let mut languages = Vec::new();
    if is_rust {
        languages.push(Language::Rust);
    }
    languages.extend(runtimes::languages(elf, needed, symbols)?);
    if languages.is_empty() || c::is_evident(symbols, needed) {
        languages.push(Language::C);
    }
    Ok(languages)
}

/// Asks for what tells of every file, so that it is read together with what else does.
///
/// # Errors
/// [`Incomplete`] when it has not been read.
pub(super) fn marks(elf: &Elf<'_>) -> Result<(), Incomplete> {
    let notes = elf.notes().map(drop);
    let comment = has(elf, ".comment", b"rustc version").map(drop);
    notes.and(comment)
}

/// rustc names itself in `.comment`; Debian removes that section. The paths of the standard
/// library's sources stand in the messages of its panics, and nobody removes those.
pub(super) fn is_rust(elf: &Elf<'_>, needed: &[String]) -> Result<bool, Incomplete> {
    if elf.section(".dep-v0").is_some() || has(elf, ".comment", b"rustc version")? {
        return Ok(true);
    }
    // What Debian builds names its sources in another way.
    Ok(may_be_rust(needed)
        && (has(elf, ".rodata", b"/rustc/")? || has(elf, ".rodata", b"/usr/src/rustc-")?))
}

/// Rust's standard library unwinds stacks. Where libgcc is not linked in, it has to be asked for; so
/// the read-only data of most programs need not be read.
fn may_be_rust(needed: &[String]) -> bool {
    needed.is_empty()
        || needed
            .iter()
            .any(|name| name.starts_with("libgcc_s") || name.starts_with("libunwind"))
}

/// Whether a text stands in a section; of a very long one in its start.
pub(super) fn has(elf: &Elf<'_>, section: &str, text: &'static [u8]) -> Result<bool, Incomplete> {
    match elf.section(section) {
        Some(section) => elf
            .section_start(section, MAX_READ_ONLY_DATA)
            .contains(text),
        None => Ok(false),
    }
}
