//! A file of any format that is read here.

use object::Endianness;
use object::elf::{
    EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64,
};
use object::pe::{IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_ARM64, IMAGE_FILE_MACHINE_I386};

use crate::bytes::Bytes;
use crate::elf::Elf;
use crate::error::{Error, ErrorKind};
use crate::identify::{FileKind, identify};
use crate::image::{Format, Image, Loaded, Section, Symbol};
use crate::macho::MachO;
use crate::partial::Incomplete;
use crate::pe::Pe;
use crate::quantity::{Address, Offset, Size};

/// All magics lie in so many bytes at the start of a file.
const IDENTIFYING: u64 = 16;

/// An executable, library or object whose headers have been read and lie inside the file.
#[derive(Debug)]
pub enum Binary<'data> {
    /// The Executable and Linkable Format: Linux and most other systems.
    Elf(Elf<'data>),
    /// Mach-O: macOS and Apple's other systems.
    MachO(MachO<'data>),
    /// The Portable Executable: Windows and UEFI.
    Pe(Pe<'data>),
}

impl<'data> Binary<'data> {
    /// Reads the headers of `file`: one binary, or as many as a fat Mach-O file holds.
    ///
    /// # Errors
    /// Says what is wrong with the first header that cannot be read, and at which file offset.
    pub fn parse(file: impl Into<Bytes<'data>>) -> Result<Vec<Self>, Error> {
        let file = file.into();
        let start = file.slice(0, file.size().min(Size(IDENTIFYING)), "the magic")?;
        match identify(start.data()?) {
            _ if file.size().0 == 0 => Err(Error::new(ErrorKind::Empty, "the file is empty")),
            FileKind::Elf => Ok(vec![Self::Elf(Elf::parse(file)?)]),
            FileKind::MachO => {
                let members = MachO::parse_all(file)?;
                Ok(members.into_iter().map(Self::MachO).collect())
            }
            FileKind::Pe => Ok(vec![Self::Pe(Pe::parse(file)?)]),
            other => {
                let message = format!("not an ELF, Mach-O or PE file, but {}", other.describe());
                Err(Error::at(ErrorKind::NotBinary, Offset(0), message))
            }
        }
    }

    /// The CPU that it is for, as Go calls it (GOARCH); empty for one that Go is not for.
    pub fn cpu(&self) -> &'static str {
        match self {
            Self::Elf(elf) => elf_cpu(elf),
            Self::MachO(macho) => match macho.header().architecture() {
                "x86_64" | "x86_64h" => "amd64",
                "arm64" | "arm64e" => "arm64",
                _ => "",
            },
            Self::Pe(pe) => match pe.header().machine {
                IMAGE_FILE_MACHINE_I386 => "386",
                IMAGE_FILE_MACHINE_AMD64 => "amd64",
                IMAGE_FILE_MACHINE_ARM64 => "arm64",
                _ => "",
            },
        }
    }

    fn image(&self) -> &dyn Image<'data> {
        match self {
            Self::Elf(elf) => elf,
            Self::MachO(macho) => macho,
            Self::Pe(pe) => pe,
        }
    }
}

fn elf_cpu(elf: &Elf<'_>) -> &'static str {
    let is_little = matches!(elf.endian(), Endianness::Little);
    match elf.header().machine {
        EM_386 => "386",
        EM_X86_64 => "amd64",
        EM_ARM => "arm",
        EM_AARCH64 => "arm64",
        EM_LOONGARCH => "loong64",
        EM_RISCV => "riscv64",
        EM_PPC64 if is_little => "ppc64le",
        EM_PPC64 => "ppc64",
        EM_S390 => "s390x",
        _ => "",
    }
}

impl<'data> Image<'data> for Binary<'data> {
    fn format(&self) -> Format {
        self.image().format()
    }

    fn file(&self) -> Bytes<'data> {
        self.image().file()
    }

    fn endian(&self) -> Endianness {
        self.image().endian()
    }

    fn sections(&self) -> Vec<Section<'data>> {
        self.image().sections()
    }

    fn symbols(&self) -> Result<Vec<Symbol<'data>>, Error> {
        self.image().symbols()
    }

    fn loaded(&self) -> Vec<Loaded<'data>> {
        self.image().loaded()
    }

    fn relative(&self) -> Result<Vec<(Address, Address)>, Incomplete> {
        self.image().relative()
    }

    fn is_compressed(&self, section: &Section<'data>) -> bool {
        self.image().is_compressed(section)
    }

    fn offset_of(&self, address: Address, size: Size) -> Option<Offset> {
        self.image().offset_of(address, size)
    }
}
