//! Every cap in one place.
//!
//! A cap is far above what a real program has, and low enough that reading a file made to be slow
//! or large ends soon.

/// The largest file that is read, in bytes. Only what is looked at is read.
pub const MAX_FILE_SIZE: u64 = 4 << 30;

/// Program headers. The kernel refuses to start a program whose headers exceed 64 KiB
/// (`load_elf_phdrs` in fs/binfmt_elf.c): 1170 of the 64-bit kind.
pub(crate) const MAX_SEGMENTS: u64 = 1170;

/// Section headers. An object file with a section a function may have many; programs have tens.
pub(crate) const MAX_SECTIONS: u64 = 1 << 20;

/// Entries of the dynamic section.
pub(crate) const MAX_DYNAMIC_ENTRIES: usize = 1 << 16;

/// Notes in one segment.
pub(crate) const MAX_NOTES: usize = 4096;

/// The path of the dynamic loader, in bytes: `PATH_MAX`, as in the kernel.
pub(crate) const MAX_INTERPRETER: u64 = 4096;

/// Go build info: each of its two strings, in bytes.
pub(crate) const MAX_BUILD_INFO: u64 = 16 << 20;

/// Members of a fat file. Java class files have the same magic and, where this count would stand,
/// at least 43; `file` draws the line at the same number.
pub(crate) const MAX_FAT_MEMBERS: u32 = 30;

/// Mach-O load commands. Core files have one for each mapping of the process.
pub(crate) const MAX_LOAD_COMMANDS: u32 = 1 << 16;

/// Blobs of a code signature; `codesign` writes fewer than twenty.
pub(crate) const MAX_SIGNATURE_BLOBS: u32 = 256;

/// How many times as long as their string table all names of a symbol table may be together.
/// Linkers share tails, and static functions of different files share names.
pub(crate) const MAX_STRING_SHARING: u64 = 64;

/// Entries of a PE file's debug directory; linkers write fewer than ten.
pub(crate) const MAX_DEBUG_ENTRIES: u64 = 1024;

/// Libraries that a PE file imports from; large programs have some hundreds.
pub(crate) const MAX_IMPORTED_LIBRARIES: u64 = 4096;

/// The name of a library that a PE file imports from, in bytes: `MAX_PATH`.
pub(crate) const MAX_LIBRARY_NAME: u64 = 260;
