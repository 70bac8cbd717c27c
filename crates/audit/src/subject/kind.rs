//! The kinds of files that are judged, over all formats.

use std::fmt;

use serde::Serialize;

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
    /// Runs without an operating system, or is one: firmware, a kernel.
    BareMetalProgram,
    /// ELF that holds no program for a CPU: bytecode, code for a GPU, data.
    Container,
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
            Self::BareMetalProgram => "bare-metal-program",
            Self::Container => "container",
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
            Self::BareMetalProgram => "bare-metal program",
            Self::Container => "ELF container without a program",
            Self::MachoExecutable => "Mach-O executable",
            Self::MachoDynamicLibrary => "Mach-O dynamic library",
            Self::MachoBundle => "Mach-O bundle",
            Self::MachoKernelExtension => "Mach-O kernel extension",
            Self::PeExecutable => "PE executable",
            Self::PeDynamicLinkLibrary => "PE dynamic-link library",
        })
    }
}
