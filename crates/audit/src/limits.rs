//! Every cap of this crate in one place.
//!
//! What is looked at stays in memory until a file has been judged, so these also bound what a tree
//! of large files takes.

/// Of each stretch of code, so much is searched for instructions, in bytes. Browsers have 150 MB;
/// what is to be found stands all over it.
pub(crate) const MAX_CODE: u64 = 2 << 20;

/// Of read-only data, so much is searched for marks of languages and libcs, in bytes.
pub(crate) const MAX_READ_ONLY_DATA: u64 = 8 << 20;

/// So many different compilations are told apart in what compilers recorded.
pub(crate) const MAX_COMPILATIONS: usize = 4096;

/// The list of crates that cargo-auditable leaves in a program, packed or not, in bytes; large
/// programs have 50 KiB.
pub(crate) const MAX_CRATE_LIST: usize = 8 << 20;

/// An advisory, in bytes of JSON; the largest has 40 KiB.
pub(crate) const MAX_ADVISORY: usize = 4 << 20;

/// All advisories of a database, in bytes of JSON. Go's have 6 MB.
pub(crate) const MAX_ADVISORIES_SIZE: usize = 512 << 20;

/// A stream of advisories in a database when it is unpacked, in bytes.
pub(crate) const MAX_ADVISORY_TEXTS: usize = 8 << 20;

/// Modules or crates of a program that are held against a database. The largest programs list two
/// thousand; a list that was forged to be long could have a hundred times as many.
pub(crate) const MAX_MODULES: usize = 1 << 14;

/// Versions in which a program may hold one module or crate. Go takes one, and where Cargo needs
/// several there are a handful. Every advisory about the module is looked at for each.
pub(crate) const MAX_VERSIONS: usize = 64;

/// Parts of an import path, between slashes, of which the module is looked for. Real ones have ten.
pub(crate) const MAX_PATH_PARTS: usize = 64;
