//! What this machine promises about addresses, before anything is measured.

use nix::sys::personality::{self, Persona};
use nix::sys::statfs::fstatfs;
use nix::unistd::{SysconfVar, sysconf};
use serde::Serialize;

use crate::observe;
use crate::program::Program;

/// The machine, as far as it decides where a program is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The CPU, as Rust names it.
    pub architecture: String,
    /// The release of the kernel: uname(2).
    pub kernel: String,
    /// The size of a page in bytes.
    pub page_size: u64,
    /// `/proc/sys/vm/mmap_rnd_bits`: the random bits of a mapping's address. Only root may read it.
    pub mmap_rnd_bits: Option<u64>,
    /// `/proc/sys/vm/mmap_rnd_compat_bits`: the same for 32-bit programs.
    pub mmap_rnd_compat_bits: Option<u64>,
    /// `/proc/sys/kernel/randomize_va_space`: 0 is off, 1 spares brk, 2 is all.
    pub randomize_va_space: Option<u64>,
    /// `ADDR_NO_RANDOMIZE` in personality(2): we were started by `setarch -R` or a debugger.
    pub no_randomize: bool,
    /// The file system that the program is on: statfs(2).
    pub file_system: String,
}

impl Machine {
    pub(crate) fn of(program: &Program) -> Self {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let page_size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
        let persona = personality::get().unwrap_or(Persona::empty());
        Self {
            architecture: std::env::consts::ARCH.to_owned(),
            kernel: release.trim().to_owned(),
            page_size: page_size.and_then(|it| it.try_into().ok()).unwrap_or(4096),
            mmap_rnd_bits: observe::number("/proc/sys/vm/mmap_rnd_bits"),
            mmap_rnd_compat_bits: observe::number("/proc/sys/vm/mmap_rnd_compat_bits"),
            randomize_va_space: observe::number("/proc/sys/kernel/randomize_va_space"),
            no_randomize: persona.contains(Persona::ADDR_NO_RANDOMIZE),
            file_system: match fstatfs(&program.file) {
                Ok(stat) => file_system_name(stat.filesystem_type().0 as u64),
                Err(errno) => format!("unknown ({errno:?})"),
            },
        }
    }
}

/// The name of a file system from its magic number: statfs(2) and `include/uapi/linux/magic.h`.
fn file_system_name(magic: u64) -> String {
    // The field is 32 bits wide on some CPUs and sign-extended on others.
    let name = match magic & 0xffff_ffff {
        0xef53 => "ext4",
        0x5846_5342 => "xfs",
        0x9123_683e => "btrfs",
        0x0102_1994 => "tmpfs",
        0x8584_58f6 => "ramfs",
        0x794c_7630 => "overlayfs",
        0x2fc1_2fc1 => "zfs",
        0xca45_1a4e => "bcachefs",
        0xf2f5_2010 => "f2fs",
        0x7371_7368 => "squashfs",
        0xe0f5_e1e2 => "erofs",
        0x0102_1997 => "9p",
        0x6573_5546 => "fuse",
        0x6969 => "nfs",
        0xff53_4d42 | 0xfe53_4d42 => "smb",
        0x4d44 => "vfat",
        other => return format!("magic {other:#x}"),
    };
    name.to_owned()
}
