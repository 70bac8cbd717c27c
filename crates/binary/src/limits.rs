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

/// Relocations of one table that are looked at for the symbols they name. Browsers have a million.
pub(crate) const MAX_REFERENCES: u64 = 1 << 22;

/// Notes in one segment.
pub(crate) const MAX_NOTES: usize = 4096;

/// The path of the dynamic loader, in bytes: `PATH_MAX`, as in the kernel.
pub(crate) const MAX_INTERPRETER: u64 = 4096;

/// Go build info: each of its two strings, in bytes.
pub(crate) const MAX_BUILD_INFO: u64 = 16 << 20;

/// A name in a table of strings, in bytes. Many symbols may name the same bytes, so without a cap
/// reading all names would take time that grows with the square of the file's size.
pub(crate) const MAX_NAME: u64 = 16 << 10;

/// Members of a fat file. Java class files have the same magic and, where this count would stand,
/// at least 43; `file` draws the line at the same number.
pub(crate) const MAX_FAT_MEMBERS: u32 = 30;

/// Members of an archive. The largest static libraries have some ten thousand.
pub(crate) const MAX_MEMBERS: usize = 1 << 18;

/// Mach-O load commands. Core files have one for each mapping of the process.
pub(crate) const MAX_LOAD_COMMANDS: u32 = 1 << 16;

/// Blobs of a code signature; `codesign` writes fewer than twenty.
pub(crate) const MAX_SIGNATURE_BLOBS: u32 = 256;

/// Entries of a PE file's debug directory; linkers write fewer than ten.
pub(crate) const MAX_DEBUG_ENTRIES: u64 = 1024;

/// Lines of Go build info; each is a module or a setting.
pub(crate) const MAX_BUILD_INFO_LINES: usize = 1 << 18;

/// Places that look like Go build info, in a file without a section for it.
pub(crate) const MAX_BUILD_INFO_TRIES: usize = 64;

/// Places that look like Go's table of functions, in a file without a section for it.
pub(crate) const MAX_PCLNTAB_TRIES: u32 = 4096;

/// Functions of Go that are looked at one by one; the largest programs have some 200,000.
pub(crate) const MAX_FUNCTIONS: u64 = 1 << 21;

/// Calls that were inlined, all functions together; a program of 70,000 functions has 100,000.
pub(crate) const MAX_INLINED_CALLS: u64 = 1 << 23;

/// Calls that were inlined into one function: what the runtime takes for the size of that table
/// (runtime/symtabinl.go).
pub(crate) const MAX_INLINED_CALLS_OF_ONE: u64 = 1 << 20;

/// Functions that are named of all those that something was inlined into.
pub(crate) const MAX_INLINED_INTO: usize = 64;

/// Places that look like Go's `moduledata`.
pub(crate) const MAX_MODULEDATA_TRIES: u32 = 64;

/// Words of `moduledata` that are looked at; what is looked for is among the first 45.
pub(crate) const MAX_MODULEDATA_WORDS: u64 = 64;

/// Bytes that are looked through for variables that may hold the version of Go, in a file without
/// build info: all variables and relocations, once for each text that looks like a version.
pub(crate) const MAX_VERSION_SEARCH: u64 = 1 << 30;

/// A value that `-ldflags=-X` put into a variable, as far as it is shown, in bytes.
pub(crate) const MAX_STAMP: u64 = 256;

/// What comes out of one compressed section of DWARF, in bytes; programs of 150 MB have 30 MB.
pub(crate) const MAX_UNCOMPRESSED: usize = 64 << 20;

/// Libraries that a PE file imports from; large programs have some hundreds.
pub(crate) const MAX_IMPORTED_LIBRARIES: u64 = 4096;

/// The name of a library that a PE file imports from, in bytes: `MAX_PATH`.
pub(crate) const MAX_LIBRARY_NAME: u64 = 260;
