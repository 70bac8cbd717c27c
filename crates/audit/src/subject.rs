//! What a binary is, before rules judge it: format, kind, language, libc.

mod foreign;
mod language;

use std::cell::OnceCell;
use std::fmt;

use handpie_binary::elf::constants::{SHF_EXECINSTR, SHT_NOBITS};
use handpie_binary::go::BuildInfo;
use handpie_binary::{Binary, Elf, Error, Incomplete, MachO, Pe, elf};
use serde::Serialize;

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
    /// What it was written in, as far as it tells.
    pub language: Language,
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

/// A kind of file, over all formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The output of a compiler.
    RelocatableObject,
    /// Many of those in one file, for linkers to choose from.
    Archive,
    /// A library that a loader maps.
    SharedObject,
    /// Runs at a fixed address, without a loader.
    StaticExecutable,
    /// Runs at a fixed address, and needs a loader.
    DynamicExecutable,
    /// Runs at any address, with a loader and shared libraries.
    DynamicPie,
    /// Runs at any address, with a loader and no library: Go's.
    LoaderOnlyPie,
    /// Runs at any address, by itself.
    StaticPie,
    /// The memory of a program that was stopped.
    Core,
    /// The symbols and debug information of another file, split off from it.
    DebugFile,
    /// Mach-O: a program.
    MachoExecutable,
    /// Mach-O: a library that the loader maps, or the loader itself.
    MachoDynamicLibrary,
    /// Mach-O: a plug-in, mapped when a program asks for it.
    MachoBundle,
    /// Mach-O: a part of the kernel.
    MachoKernelExtension,
    /// PE: a program, driver or UEFI application.
    PeExecutable,
    /// PE: a library.
    PeDynamicLinkLibrary,
}

impl Kind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::RelocatableObject => "relocatable-object",
            Self::Archive => "archive",
            Self::SharedObject => "shared-object",
            Self::StaticExecutable => "static-executable",
            Self::DynamicExecutable => "dynamic-executable",
            Self::DynamicPie => "dynamic-pie",
            Self::LoaderOnlyPie => "loader-only-pie",
            Self::StaticPie => "static-pie",
            Self::Core => "core",
            Self::DebugFile => "debug-file",
            Self::MachoExecutable => "macho-executable",
            Self::MachoDynamicLibrary => "macho-dynamic-library",
            Self::MachoBundle => "macho-bundle",
            Self::MachoKernelExtension => "macho-kernel-extension",
            Self::PeExecutable => "pe-executable",
            Self::PeDynamicLinkLibrary => "pe-dynamic-link-library",
        }
    }

    /// Whether such a file is started: a program of any format.
    pub fn is_program(self) -> bool {
        matches!(
            self,
            Self::StaticExecutable
                | Self::DynamicExecutable
                | Self::DynamicPie
                | Self::LoaderOnlyPie
                | Self::StaticPie
                | Self::MachoExecutable
                | Self::PeExecutable
        )
    }

    /// Whether such a file is mapped into the memory of a program, or of the kernel.
    pub fn is_library(self) -> bool {
        matches!(
            self,
            Self::SharedObject
                | Self::MachoDynamicLibrary
                | Self::MachoBundle
                | Self::MachoKernelExtension
                | Self::PeDynamicLinkLibrary
        )
    }

    /// Whether such a file ends up in the memory of a process: a program or a library.
    pub fn is_loaded(self) -> bool {
        self.is_program() || self.is_library()
    }

    /// Whether a loader maps libraries or relocates for it.
    pub fn needs_loader(self) -> bool {
        self.is_loaded() && !matches!(self, Self::StaticExecutable | Self::StaticPie)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RelocatableObject => "relocatable object",
            Self::Archive => "archive of objects",
            Self::SharedObject => "shared object",
            Self::StaticExecutable => "position-dependent static executable",
            Self::DynamicExecutable => "position-dependent dynamic executable",
            Self::DynamicPie => "dynamic PIE",
            Self::LoaderOnlyPie => "PIE that needs a dynamic loader but no library",
            Self::StaticPie => "static-PIE",
            Self::Core => "core file",
            Self::DebugFile => "separate debug information file",
            Self::MachoExecutable => "Mach-O executable",
            Self::MachoDynamicLibrary => "Mach-O dynamic library",
            Self::MachoBundle => "Mach-O bundle",
            Self::MachoKernelExtension => "Mach-O kernel extension",
            Self::PeExecutable => "PE executable",
            Self::PeDynamicLinkLibrary => "PE dynamic-link library",
        })
    }
}

/// What a binary was written in, as far as it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Go without C: nothing in it was made by a C compiler.
    Go,
    /// Go with C in it (cgo).
    GoWithC,
    /// Rust, and nothing that tells of C.
    Rust,
    /// Rust with C or C++ in it.
    RustWithC,
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
}

/// Whose libc it was linked with, or asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Libc {
    /// GNU.
    Glibc,
    /// musl.
    Musl,
    /// None.
    None,
    /// Not to be told from the file.
    Unknown,
}

impl<'data> Subject<'data> {
    /// What `binary` is. `mode` is the file's `st_mode`, if it is a file on disk.
    ///
    /// # Errors
    /// When what tells the kind (the loader's path, the dynamic section) cannot be read.
    pub fn of(binary: Binary<'data>, mode: Option<u32>) -> Result<Self, Error> {
        let kind = match &binary {
            Binary::Elf(elf) => kind_of_elf(elf),
            Binary::MachO(macho) => foreign::kind_of_macho(macho),
            Binary::Pe(pe) => Ok(foreign::kind_of_pe(pe)),
        };
        // Asked for together, to be read together.
        let build_info = BuildInfo::read(&binary);
        let (kind, build_info) = (kind?, build_info?);
        let language = match &binary {
            Binary::Elf(elf) => language::of_elf(elf, build_info.as_ref())?,
            Binary::MachO(macho) => foreign::language(macho, build_info.as_ref())?,
            Binary::Pe(pe) => foreign::language(pe, build_info.as_ref())?,
        };
        let libc = match &binary {
            Binary::Elf(elf) => language::libc_of_elf(elf, language)?,
            Binary::MachO(_) | Binary::Pe(_) => Libc::Unknown,
        };
        Ok(Self {
            binary,
            kind,
            language,
            libc,
            build_info,
            mode,
            today: None,
            objects: None,
            compiled: None,
            go: OnceCell::new(),
            symbols: OnceCell::new(),
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
