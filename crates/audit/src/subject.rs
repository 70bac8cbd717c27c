//! What a binary is, before rules judge it: format, kind, system, language, libc.

mod kind;
mod system;
mod loading;
mod language;
mod libc;
mod foreign;

pub use kind::Kind;
pub use language::Language;
pub(crate) use language::is_of_toolchain;
pub use libc::Libc;
pub use system::System;

use std::cell::OnceCell;

use handpie_binary::elf::constants::{SHF_EXECINSTR, SHT_NOBITS};
use handpie_binary::go::BuildInfo;
use handpie_binary::{Binary, Elf, Error, Incomplete, MachO, Pe, elf, well_formed};

use crate::compiled::Compilations;
use crate::date::Date;
use crate::elf::{Objects, Symbols};
use crate::go;

/// A binary and what every rule wants to know of it.
#[derive(Debug)]
pub struct Subject<'data> {
    /// The binary itself.
    pub binary: Binary<'data>,
    /// What kind of file it is.
    pub kind: Kind,
    /// Which system loads it, as far as it tells.
    pub system: System,
    /// What decides how it is judged: its language, and whether C is in it besides.
    pub language: Language,
    /// Every language that shows in it, the one that decides first.
    pub languages: Vec<Language>,
    /// Why no operating system loads it and no linker for one links it, if so.
    pub unloaded: Option<&'static str>,
    /// Whose libc it was linked with or asks for.
    pub libc: Libc,
    /// What the Go toolchain recorded, if there is something.
    pub build_info: Option<BuildInfo>,
    /// The file's permission bits (`st_mode`), if it is a file on disk.
    pub mode: Option<u32>,
    /// The day on which it is judged, if that is known. What is supported today is not for ever.
    pub today: Option<Date>,
    /// What was found of its relocations, if it is an object and somebody has looked.
    pub objects: Option<Objects>,
    /// How its objects were compiled, if a log of the build is at hand.
    pub compiled: Option<Compilations>,
    go: OnceCell<go::Program<'data>>,
    symbols: OnceCell<Result<Symbols<'data>, Incomplete>>,
}

impl<'data> Subject<'data> {
    /// What `binary` is. `mode` is the file's `st_mode`, if it is a file on disk.
    ///
    /// # Errors
    /// When what tells the kind (the loader's path, the dynamic section) cannot be read.
    pub fn of(binary: Binary<'data>, mode: Option<u32>) -> Result<Self, Error> {
        // Asked for together, to be read together.
        let build_info = BuildInfo::read(&binary);
        let of_go = build_info.as_ref().ok().and_then(Option::as_ref);
        let told = match &binary {
            Binary::Elf(elf) => Told::by_elf(elf, of_go),
            Binary::MachO(macho) => foreign::kind_of_macho(macho)
                .and_then(|kind| Told::by_foreign(kind, system::of_macho(macho), &binary, of_go)),
            Binary::Pe(pe) => {
                Told::by_foreign(foreign::kind_of_pe(pe), system::of_pe(pe), &binary, of_go)
            }
        };
        let (build_info, told) = (build_info?, told?);
        Ok(Self {
            binary,
            kind: told.kind,
            system: told.system,
            language: Language::of_parts(&told.languages),
            languages: told.languages,
            unloaded: told.unloaded,
            libc: told.libc,
            build_info,
            mode,
            today: None,
            objects: None,
            compiled: None,
            go: OnceCell::new(),
            symbols: told.symbols,
        })
    }

    /// The same, to be judged as of `today`.
    #[must_use]
    pub fn on(self, today: Date) -> Self {
        Self {
            today: Some(today),
            ..self
        }
    }

    /// The same, with what was found of its relocations.
    #[must_use]
    pub fn with_objects(self, objects: Objects) -> Self {
        Self {
            objects: Some(objects),
            ..self
        }
    }

    /// The same, with what a log of its build says.
    #[must_use]
    pub fn with_compiled(self, compiled: Option<Compilations>) -> Self {
        Self { compiled, ..self }
    }

    /// Whether a libc may be linked in: a program that needs no loader.
    pub(crate) fn has_libc(&self) -> bool {
        self.kind.is_program() && !self.kind.needs_loader()
    }

    /// The binary as a Go program; of little use when it is none.
    pub(crate) fn go(&self) -> &go::Program<'data> {
        self.go.get_or_init(|| go::Program::read(&self.binary))
    }

    /// The names in `elf`, which is the binary.
    pub(crate) fn symbols(&self, elf: &Elf<'data>) -> Result<&Symbols<'data>, Incomplete> {
        let symbols = self.symbols.get_or_init(|| Symbols::read(elf));
        symbols.as_ref().map_err(|incomplete| *incomplete)
    }

    /// The binary as ELF; `None` for other formats.
    pub(crate) fn elf(&self) -> Option<&Elf<'data>> {
        match &self.binary {
            Binary::Elf(elf) => Some(elf),
            _ => None,
        }
    }

    /// The binary as Mach-O; `None` for other formats.
    pub(crate) fn macho(&self) -> Option<&MachO<'data>> {
        match &self.binary {
            Binary::MachO(macho) => Some(macho),
            _ => None,
        }
    }

    /// The binary as PE; `None` for other formats.
    pub(crate) fn pe(&self) -> Option<&Pe<'data>> {
        match &self.binary {
            Binary::Pe(pe) => Some(pe),
            _ => None,
        }
    }
}

/// What a file itself tells.
struct Told<'data> {
    kind: Kind,
    system: System,
    languages: Vec<Language>,
    unloaded: Option<&'static str>,
    libc: Libc,
    symbols: OnceCell<Result<Symbols<'data>, Incomplete>>,
}

impl<'data> Told<'data> {
    fn by_elf(elf: &Elf<'data>, build_info: Option<&BuildInfo>) -> Result<Self, Error> {
        // What needs nothing of the rest is asked for together: each round of reading begins anew.
        let (kind, needed, marks) = (kind_of_elf(elf), needed(elf), language::marks(elf));
        let unloaded = loading::of(elf);
        let (kind, needed, unloaded) = (kind?, needed?, unloaded?);
        marks?;
        let go = language::of_go(elf, build_info);
        let is_rust = match &go {
            Ok(None) => language::is_rust(elf, &needed),
            _ => Ok(false),
        };
        let (system, symbols) = (system::of_elf(elf, &needed), Symbols::read(elf));
        let (go, is_rust, system, symbols) = (go?, is_rust?, system?, symbols?);
        let languages = match go {
            Some(languages) => languages,
            None => language::of_others(elf, is_rust, &needed, &symbols)?,
        };
        let language = Language::of_parts(&languages);
        Ok(Self {
            kind: unloaded.map_or(kind, |unloaded| unloaded.kind(kind)),
            system,
            unloaded: unloaded.map(loading::Unloaded::why),
            libc: libc::of_elf(elf, system, language, &needed, &symbols)?,
            languages,
            symbols: OnceCell::from(Ok(symbols)),
        })
    }

    fn by_foreign(
        kind: Kind,
        system: System,
        binary: &Binary<'data>,
        build_info: Option<&BuildInfo>,
    ) -> Result<Self, Error> {
        Ok(Self {
            kind,
            system,
            languages: foreign::languages(binary, build_info)?,
            unloaded: None,
            libc: Libc::Unknown,
            symbols: OnceCell::new(),
        })
    }
}

fn kind_of_elf(elf: &Elf<'_>) -> Result<Kind, Error> {
    if is_debug_file(elf) {
        return Ok(Kind::DebugFile);
    }
    Ok(match elf::Kind::of(elf)? {
        elf::Kind::RelocatableObject => Kind::RelocatableObject,
        elf::Kind::Core => Kind::Core,
        elf::Kind::SharedObject => Kind::SharedObject,
        elf::Kind::StaticExecutable => Kind::StaticExecutable,
        elf::Kind::DynamicExecutable { .. } => Kind::DynamicExecutable,
        elf::Kind::DynamicPie { .. } => Kind::DynamicPie,
        elf::Kind::LoaderOnlyPie { .. } => Kind::LoaderOnlyPie,
        elf::Kind::StaticPie => Kind::StaticPie,
    })
}

/// `objcopy --only-keep-debug` and `eu-strip -f` keep the headers of code and drop its bytes.
fn is_debug_file(elf: &Elf<'_>) -> bool {
    let mut code = elf
        .sections()
        .iter()
        .filter(|section| section.flags.contains(SHF_EXECINSTR) && section.size.0 > 0)
        .peekable();
    code.peek().is_some() && code.all(|section| section.kind == SHT_NOBITS)
}

/// The libraries that the loader is asked for; none where that cannot be read.
fn needed(elf: &Elf<'_>) -> Result<Vec<String>, Incomplete> {
    let dynamic = well_formed(elf.dynamic())?.flatten();
    let needed = dynamic.map(|dynamic| well_formed(dynamic.needed(elf)));
    Ok(needed.transpose()?.flatten().unwrap_or_default())
}
