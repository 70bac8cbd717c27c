//! What a file is by its first bytes, so that a wrong one can be named in the user's words.

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
        // Java class files share this magic; a fat Mach-O file is what users hand us.
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
    MAGICS
        .iter()
        .find(|(magic, _)| data.starts_with(magic))
        .map_or(FileKind::Unknown, |&(_, kind)| kind)
}

impl FileKind {
    /// The kind in words that fit after "it is".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Elf => "an ELF file",
            Self::MachO => "a Mach-O file (macOS)",
            Self::Pe => "a PE file (Windows)",
            Self::Archive => "an archive of object files",
            Self::Wasm => "a WebAssembly module",
            Self::Script => "a script",
            Self::Gzip => "a gzip stream",
            Self::Zip => "a ZIP archive",
            Self::Unknown => "of no kind known here",
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
}
