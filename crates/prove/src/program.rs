//! What must be known of the file before it runs: its segments, its entry, its loader.
//!
//! The file is opened once, and what is parsed is what is executed, whatever happens to the path.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use handpie_binary::elf::constants::{
    EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_MIPS, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64,
    ET_DYN, ET_EXEC, Machine, PT_GNU_RELRO, PT_LOAD,
};
use handpie_binary::elf::{Class, Segment};
use handpie_binary::{Address, Elf, Offset, Size};
use nix::libc;

use crate::error::Error;

/// A program that this machine's CPU can run.
pub(crate) struct Program {
    pub(crate) file: File,
    /// Whether everybody may execute the file, and not only its owner.
    pub(crate) for_everybody: bool,
    /// `ET_EXEC`: the link addresses are the addresses in memory.
    pub(crate) position_dependent: bool,
    /// The size of an address in bytes.
    pub(crate) word_size: usize,
    pub(crate) entry: Address,
    /// The `PT_LOAD` segments.
    pub(crate) loads: Vec<Segment>,
    /// The memory of `PT_GNU_RELRO`.
    pub(crate) relro: Option<(Address, Size)>,
    /// `PT_INTERP`.
    pub(crate) interpreter: Option<String>,
    /// Whether Go's linker made it.
    pub(crate) is_go: bool,
}

impl Program {
    /// Opens and reads the program at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let read = |cause| Error::Read {
            path: path.to_owned(),
            cause,
        };
        // Opening a FIFO would wait for a writer; not waiting is harmless for anything else.
        let mut options = File::options();
        options.read(true).custom_flags(libc::O_NONBLOCK);
        let mut file = options.open(path).map_err(read)?;
        let metadata = file.metadata().map_err(read)?;
        if !metadata.is_file() {
            return Err(Error::NotAFile {
                path: path.to_owned(),
            });
        }
        let limit = handpie_binary::MAX_FILE_SIZE;
        let mut data = Vec::new();
        Read::by_ref(&mut file)
            .take(limit.saturating_add(1))
            .read_to_end(&mut data)
            .map_err(read)?;
        let binary = |cause| Error::Binary {
            path: path.to_owned(),
            cause,
        };
        let elf = Elf::parse(&data).map_err(binary)?;
        let header = elf.header();
        if header.kind != ET_EXEC && header.kind != ET_DYN {
            return Err(Error::NotAProgram {
                path: path.to_owned(),
                kind: header.kind.0,
            });
        }
        if !machines_here().contains(&header.machine) {
            return Err(Error::ForeignCpu {
                path: path.to_owned(),
                program: machine_name(header.machine),
                machine: std::env::consts::ARCH,
            });
        }
        let relro = elf.segments().iter().find(|s| s.kind == PT_GNU_RELRO);
        let interpreter = elf.interpreter().map_err(binary)?;
        Ok(Self {
            for_everybody: metadata.mode() & 0o001 != 0,
            position_dependent: header.kind == ET_EXEC,
            word_size: match header.class {
                Class::Elf32 => 4,
                Class::Elf64 => 8,
            },
            entry: header.entry,
            loads: elf
                .segments()
                .iter()
                .filter(|s| s.kind == PT_LOAD && s.memory_size.0 != 0)
                .cloned()
                .collect(),
            relro: relro.map(|segment| (segment.address, segment.memory_size)),
            is_go: [".go.buildinfo", ".gopclntab", ".data.rel.ro.gopclntab"]
                .iter()
                .any(|name| elf.section(name).is_some()),
            interpreter: interpreter.map(|path| String::from_utf8_lossy(path).into_owned()),
            file,
        })
    }

    /// The first segment that can be executed, or else the first of all.
    pub(crate) fn text(&self) -> Option<&Segment> {
        use handpie_binary::elf::constants::PF_X;
        let executable = self.loads.iter().find(|segment| segment.has(PF_X));
        executable.or(self.loads.first())
    }

    /// The first segment that can be written.
    pub(crate) fn data(&self) -> Option<&Segment> {
        use handpie_binary::elf::constants::PF_W;
        self.loads.iter().find(|segment| segment.has(PF_W))
    }

    /// The link-time address of the page that holds the file's byte at `offset`.
    pub(crate) fn page_at(&self, offset: Offset, page_size: u64) -> Option<Address> {
        let page = |value: u64| value - value % page_size;
        let mut loads = self.loads.iter().filter(|segment| segment.file_size.0 != 0);
        loads
            .find(|segment| page(segment.offset.0) == offset.0)
            .map(|segment| Address(page(segment.address.0)))
    }
}

/// The values of `e_machine` that this machine may be able to run without an emulator; the kernel
/// has the last word on 32-bit programs.
fn machines_here() -> &'static [Machine] {
    match std::env::consts::ARCH {
        "x86_64" => &[EM_X86_64, EM_386],
        "x86" => &[EM_386],
        "aarch64" => &[EM_AARCH64, EM_ARM],
        "arm" => &[EM_ARM],
        "loongarch64" => &[EM_LOONGARCH],
        "powerpc64" => &[EM_PPC64],
        "riscv32" | "riscv64" => &[EM_RISCV],
        "s390x" => &[EM_S390],
        "mips" | "mips64" => &[EM_MIPS],
        _ => &[],
    }
}

fn machine_name(machine: Machine) -> String {
    let known = [
        (EM_386, "386"),
        (EM_X86_64, "x86_64"),
        (EM_ARM, "arm"),
        (EM_AARCH64, "aarch64"),
        (EM_LOONGARCH, "loongarch64"),
        (EM_MIPS, "mips"),
        (EM_PPC64, "powerpc64"),
        (EM_RISCV, "riscv"),
        (EM_S390, "s390x"),
    ];
    match known.iter().find(|(number, _)| *number == machine) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("an unknown CPU (`e_machine` {})", machine.0),
    }
}
