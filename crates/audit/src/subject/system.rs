//! Which system loads a file: what its header, its notes, its loader's path and its libraries tell.

use std::fmt;

use handpie_binary::elf::Elf;
use handpie_binary::elf::constants::{NT_GNU_ABI_TAG, PT_NOTE};
use handpie_binary::macho::MachO;
use handpie_binary::macho::constants::{
    LC_BUILD_VERSION, LC_VERSION_MIN_IPHONEOS, LC_VERSION_MIN_MACOSX, LC_VERSION_MIN_TVOS,
    LC_VERSION_MIN_WATCHOS,
};
use handpie_binary::pe::Pe;
use handpie_binary::{Incomplete, well_formed};
use object::Endian;
use serde::Serialize;

/// The system that loads a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Linux with any libc but Android's.
    Linux,
    /// Linux with Android's loader and libc.
    Android,
    /// FreeBSD.
    #[serde(rename = "freebsd")]
    FreeBsd,
    /// NetBSD.
    #[serde(rename = "netbsd")]
    NetBsd,
    /// OpenBSD.
    #[serde(rename = "openbsd")]
    OpenBsd,
    /// DragonFly BSD.
    DragonFly,
    /// Solaris and illumos.
    Solaris,
    /// GNU/Hurd.
    Hurd,
    /// Haiku.
    Haiku,
    /// macOS.
    #[serde(rename = "macos")]
    MacOs,
    /// Mac Catalyst: an iOS program that macOS runs.
    MacCatalyst,
    /// iOS and iPadOS.
    Ios,
    /// tvOS, watchOS, visionOS, bridgeOS and DriverKit.
    OtherApple,
    /// A simulator of one of Apple's devices, which macOS runs.
    AppleSimulator,
    /// Windows.
    Windows,
    /// UEFI firmware.
    Uefi,
    /// The file does not tell.
    Unknown,
}

impl System {
    /// Whether its kernel is Linux, or may be: most files for Linux say nothing.
    pub(crate) fn may_be_linux(self) -> bool {
        matches!(self, Self::Linux | Self::Unknown)
    }

    /// Whether macOS loads it, or may: files for macOS 10.5 and older say nothing.
    pub(crate) fn is_mac(self) -> bool {
        matches!(
            self,
            Self::MacOs | Self::MacCatalyst | Self::AppleSimulator | Self::Unknown
        )
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linux => "Linux",
            Self::Android => "Android",
            Self::FreeBsd => "FreeBSD",
            Self::NetBsd => "NetBSD",
            Self::OpenBsd => "OpenBSD",
            Self::DragonFly => "DragonFly BSD",
            Self::Solaris => "Solaris",
            Self::Hurd => "GNU/Hurd",
            Self::Haiku => "Haiku",
            Self::MacOs => "macOS",
            Self::MacCatalyst => "Mac Catalyst",
            Self::Ios => "iOS",
            Self::OtherApple => "another system of Apple",
            Self::AppleSimulator => "a simulator of Apple's devices",
            Self::Windows => "Windows",
            Self::Uefi => "UEFI",
            Self::Unknown => "unknown",
        })
    }
}

/// Notes are the surest sign: the start files of each system bring one. Next are the loader's path and
/// the libraries. `EI_OSABI` comes last: Linux leaves it at 0 or sets 3, FreeBSD sets it, and most do
/// nothing.
pub(super) fn of_elf(elf: &Elf<'_>, needed: &[String]) -> Result<System, Incomplete> {
    if let Some(system) = of_notes(elf)? {
        return Ok(system);
    }
    let interpreter = well_formed(elf.interpreter())?.flatten();
    let told = interpreter
        .and_then(of_loader)
        .or_else(|| of_libraries(needed, elf.header().os_abi));
    Ok(told.unwrap_or(match elf.header().os_abi {
        2 => System::NetBsd,
        6 => System::Solaris,
        9 => System::FreeBsd,
        12 => System::OpenBsd,
        _ => System::Unknown,
    }))
}

fn of_notes(elf: &Elf<'_>) -> Result<Option<System>, Incomplete> {
    /// FreeBSD's, NetBSD's and OpenBSD's notes are of this type (`NT_FREEBSD_ABI_TAG`,
    /// `NT_NETBSD_IDENT`, `NT_OPENBSD_IDENT`); others of the same owner may be in core files.
    const IDENT: u32 = 1;
    // A note in no segment is still there to be read in an object, and in no file without notes.
    let is_noted = elf.segments().iter().any(|s| s.kind == PT_NOTE);
    if !is_noted && elf.sections().is_empty() {
        return Ok(None);
    }
    let endian = elf.header().endian;
    Ok(elf.notes()?.iter().find_map(|note| match note.name {
        b"Android" => Some(System::Android),
        b"FreeBSD" if note.kind == IDENT => Some(System::FreeBsd),
        b"NetBSD" if note.kind == IDENT => Some(System::NetBsd),
        b"OpenBSD" if note.kind == IDENT => Some(System::OpenBsd),
        b"DragonFly" if note.kind == IDENT => Some(System::DragonFly),
        b"GNU" if note.kind == NT_GNU_ABI_TAG.0 => {
            // glibc, manual of ld.so: the first word of `.note.ABI-tag`.
            let word = note.description.first_chunk::<4>()?;
            match endian.read_u32(*word) {
                0 => Some(System::Linux),
                1 => Some(System::Hurd),
                2 => Some(System::Solaris),
                3 => Some(System::FreeBsd),
                4 => Some(System::NetBsd),
                _ => None,
            }
        }
        _ => None,
    }))
}

/// The system whose loader has this path. `/lib/ld.so.1` is glibc's on MIPS and PowerPC, and
/// Solaris' too, and so tells nothing.
fn of_loader(path: &[u8]) -> Option<System> {
    const LOADERS: [(&[u8], System); 14] = [
        (b"/system/bin/linker", System::Android),
        (b"/apex/com.android.runtime/bin/linker", System::Android),
        (b"/libexec/ld-elf", System::FreeBsd),
        (b"/usr/libexec/ld-elf.so.2", System::DragonFly),
        (b"/usr/libexec/ld-elf", System::FreeBsd),
        (b"/usr/libexec/ld.elf_so", System::NetBsd),
        (b"/libexec/ld.elf_so", System::NetBsd),
        (b"/usr/libexec/ld.so", System::OpenBsd),
        (b"/usr/lib/ld.so.1", System::Solaris),
        (b"/usr/lib/amd64/ld.so.1", System::Solaris),
        (b"/usr/lib/64/ld.so.1", System::Solaris),
        (b"/lib/amd64/ld.so.1", System::Solaris),
        (b"/lib/64/ld.so.1", System::Solaris),
        (b"/system/runtime_loader", System::Haiku),
    ];
    const OF_LINUX: [&[u8]; 4] = [b"ld-linux", b"ld-musl-", b"ld-uClibc", b"klibc-"];
    let known = LOADERS.iter().find(|(start, _)| path.starts_with(start));
    if let Some((_, system)) = known {
        return Some(*system);
    }
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    // Before glibc 2 had a name of its own for each CPU; Hurd still has one: `/lib/ld.so`.
    match name {
        b"ld.so" => Some(System::Hurd),
        b"ld64.so.1" | b"ld64.so.2" => Some(System::Linux),
        _ => OF_LINUX
            .iter()
            .any(|start| name.starts_with(start))
            .then_some(System::Linux),
    }
}

/// The system that has these libraries. `ELFOSABI_GNU` and a library that several have tell nothing.
fn of_libraries(needed: &[String], os_abi: u8) -> Option<System> {
    const ELFOSABI_NONE: u8 = 0;
    /// Of the NDK, without a version behind the name; no other system has them so.
    const OF_ANDROID: [&str; 6] = [
        "liblog.so",
        "libandroid.so",
        "libdl.so",
        "libm.so",
        "libstdc++.so",
        "libc++_shared.so",
    ];
    let has = |name: &str| needed.iter().any(|one| one == name);
    // OpenBSD's libraries have two numbers: `libc.so.96.0`.
    let of_openbsd = |name: &String| {
        let version = name.strip_prefix("libc.so.").unwrap_or_default();
        version.split_once('.').is_some_and(|(major, minor)| {
            let is_number =
                |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            is_number(major) && is_number(minor) && major != "0"
        })
    };
    // Alpha and IA-64 count glibc from 6.1.
    let of_glibc = |name: &String| name.starts_with("libc.so.6");
    if needed.iter().any(of_glibc)
        || has("libc.so.0")
        || needed.iter().any(|n| n.starts_with("libc.musl-"))
    {
        Some(System::Linux)
    } else if has("libc.so.7") {
        Some(System::FreeBsd)
    } else if has("libc.so.8") {
        Some(System::DragonFly)
    } else if has("libc.so.12") {
        Some(System::NetBsd)
    } else if has("libc.so.0.3") {
        Some(System::Hurd)
    } else if needed.iter().any(of_openbsd) {
        Some(System::OpenBsd)
    } else if has("libroot.so") {
        Some(System::Haiku)
    } else if has("libc.so") && OF_ANDROID.iter().any(|name| has(name)) && os_abi == ELFOSABI_NONE {
        Some(System::Android)
    } else {
        None
    }
}

/// What `LC_BUILD_VERSION` or one of the older `LC_VERSION_MIN_*` says (<mach-o/loader.h>).
pub(super) fn of_macho(macho: &MachO<'_>) -> System {
    /// `platform` of `build_version_command`.
    const PLATFORM_AT: u64 = 8;
    if let Some(command) = macho.command(LC_BUILD_VERSION) {
        let platform = command.data.read::<[u8; 4]>(PLATFORM_AT, "`platform`");
        let endian = macho.header().endian;
        return match platform.map(|platform| endian.read_u32(*platform)) {
            Ok(1) => System::MacOs,
            Ok(2) => System::Ios,
            Ok(7 | 8 | 9 | 12) => System::AppleSimulator,
            Ok(6) => System::MacCatalyst,
            Ok(0) | Err(_) => System::Unknown,
            Ok(_) => System::OtherApple,
        };
    }
    let has = |kind| macho.command(kind).is_some();
    if has(LC_VERSION_MIN_IPHONEOS) {
        System::Ios
    } else if has(LC_VERSION_MIN_TVOS) || has(LC_VERSION_MIN_WATCHOS) {
        System::OtherApple
    } else if has(LC_VERSION_MIN_MACOSX) {
        System::MacOs
    } else {
        System::Unknown
    }
}

pub(super) fn of_pe(pe: &Pe<'_>) -> System {
    match crate::pe::is_uefi(pe) {
        true => System::Uefi,
        false => System::Windows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loader_tells_its_system() {
        let of = |path: &str| of_loader(path.as_bytes());
        assert_eq!(of("/lib64/ld-linux-x86-64.so.2"), Some(System::Linux));
        assert_eq!(
            of("/nix/store/x-glibc/lib/ld-linux-aarch64.so.1"),
            Some(System::Linux)
        );
        assert_eq!(of("/lib/klibc-abc.so"), Some(System::Linux));
        assert_eq!(of("/system/bin/linker64"), Some(System::Android));
        assert_eq!(of("/libexec/ld-elf.so.1"), Some(System::FreeBsd));
        assert_eq!(of("/usr/libexec/ld-elf.so.2"), Some(System::DragonFly));
        assert_eq!(of("/usr/libexec/ld.elf_so"), Some(System::NetBsd));
        assert_eq!(of("/usr/libexec/ld.so"), Some(System::OpenBsd));
        assert_eq!(of("/lib/ld.so"), Some(System::Hurd));
        assert_eq!(of("/lib/ld.so.1"), None, "of Solaris and of glibc on MIPS");
    }

    #[test]
    fn a_libc_tells_its_system() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            of_libraries(&names, 0)
        };
        assert_eq!(of(&["libc.so.6"]), Some(System::Linux));
        assert_eq!(of(&["libc.so.6.1"]), Some(System::Linux), "on Alpha");
        assert_eq!(of(&["libc.so.7"]), Some(System::FreeBsd));
        assert_eq!(of(&["libc.so.96.0"]), Some(System::OpenBsd));
        assert_eq!(of(&["libc.so.0.3"]), Some(System::Hurd));
        assert_eq!(of(&["libc.so", "liblog.so"]), Some(System::Android));
        assert_eq!(of(&["libc.so"]), None, "musl's has that name, too");
    }
}
