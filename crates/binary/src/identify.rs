//! Identifies a file by its first bytes, so that an error can name what was passed instead.

use crate::limits::MAX_FAT_MEMBERS;

/// A kind of file, told by its first bytes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// The Executable and Linkable Format.
    Elf,
    /// A Mach-O file, or several in a fat file.
    MachO,
    /// A Windows executable or library.
    Pe,
    /// An archive of objects (`ar`), thin ones too.
    Archive,
    /// A class file of Java.
    JavaClass,
    /// A WebAssembly module.
    Wasm,
    /// A script with a `#!` line.
    Script,
    /// A gzip stream.
    Gzip,
    /// A ZIP archive.
    Zip,
    /// None of these.
    Unknown,
}

/// Tells the kind of a file from its first bytes.
pub fn identify(data: &[u8]) -> FileKind {
    const MAGICS: [(&[u8], FileKind); 15] = [
        (b"\x7fELF", FileKind::Elf),
        (b"\xfe\xed\xfa\xce", FileKind::MachO),
        (b"\xfe\xed\xfa\xcf", FileKind::MachO),
        (b"\xce\xfa\xed\xfe", FileKind::MachO),
        (b"\xcf\xfa\xed\xfe", FileKind::MachO),
        // Java class files have this magic, too.
        (b"\xca\xfe\xba\xbe", FileKind::MachO),
        (b"\xca\xfe\xba\xbf", FileKind::MachO),
        (b"MZ", FileKind::Pe),
        (b"!<arch>\n", FileKind::Archive),
        (b"!<thin>\n", FileKind::Archive),
        (b"\0asm", FileKind::Wasm),
        (b"#!", FileKind::Script),
        (b"\x1f\x8b", FileKind::Gzip),
        (b"PK\x03\x04", FileKind::Zip),
        (b"PK\x05\x06", FileKind::Zip),
    ];
    if is_java_class(data) {
        return FileKind::JavaClass;
    }
    MAGICS
        .iter()
        .find(|(magic, _)| data.starts_with(magic))
        .map_or(FileKind::Unknown, |&(_, kind)| kind)
}

/// What a fat Mach-O file counts its members with is the version in a class file, minor and major
/// (JVM specification, 4.1): the first was 45.3. `file` tells them apart in the same way.
fn is_java_class(data: &[u8]) -> bool {
    let version = data.strip_prefix(b"\xca\xfe\xba\xbe");
    let version = version.and_then(|rest| rest.first_chunk::<4>());
    version.is_some_and(|version| u32::from_be_bytes(*version) > MAX_FAT_MEMBERS)
}

impl FileKind {
    /// The kind in words that fit after "it is".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Elf => "an ELF file",
            Self::MachO => "a Mach-O file (macOS)",
            Self::Pe => "a PE file (Windows)",
            Self::Archive => "an archive of object files",
            Self::JavaClass => "a Java class file",
            Self::Wasm => "a WebAssembly module",
            Self::Script => "a script",
            Self::Gzip => "a gzip stream",
            Self::Zip => "a ZIP archive",
            Self::Unknown => "a file of unknown type",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_kinds_by_their_first_bytes() {
        assert_eq!(identify(b"\x7fELF\x02"), FileKind::Elf);
        assert_eq!(identify(b"#!/bin/sh\n"), FileKind::Script);
        assert_eq!(identify(b"MZ\x90"), FileKind::Pe);
        assert_eq!(identify(b"\x7fEL"), FileKind::Unknown);
        assert_eq!(identify(b""), FileKind::Unknown);
    }

    #[test]
    fn tells_fat_mach_o_files_from_java_class_files() {
        let fat = b"\xca\xfe\xba\xbe\0\0\0\x02";
        assert_eq!(identify(fat), FileKind::MachO);
        assert_eq!(identify(&fat[..5]), FileKind::MachO, "cut short");
        assert_eq!(
            identify(b"\xca\xfe\xba\xbe\0\x03\0\x2d"),
            FileKind::JavaClass
        );
        assert_eq!(identify(b"\xca\xfe\xba\xbe\0\0\0\x41"), FileKind::JavaClass);
    }
}
