//! Every cap of this crate in one place.
//!
//! What is looked at stays in memory until a file has been judged, so these also bound what a tree
//! of large files takes.

/// Of each stretch of code, so much is searched for instructions, in bytes. Browsers have 150 MB;
/// what is to be found stands all over it.
pub(crate) const MAX_CODE: u64 = 2 << 20;

/// Of the functions of a file, so much is searched in all, in bytes: their symbols may overlap, and a
/// file made to be slow has many that do. The largest browsers have 200 MB of code.
pub(crate) const MAX_CODE_OF_FUNCTIONS: usize = 512 << 20;

/// Of read-only data, so much is searched for marks of languages and libcs, in bytes.
pub(crate) const MAX_READ_ONLY_DATA: u64 = 8 << 20;

/// So many different compilations are told apart in what compilers recorded.
pub(crate) const MAX_COMPILATIONS: usize = 4096;

/// The text of a policy may have so many bytes. The largest that anybody wrote for a distribution has
/// a few tens of thousands.
pub const MAX_POLICY: usize = 1 << 20;

/// A policy may have so many `[[paths]]`, `[[waivers]]` and `[[vuln]]` together.
pub(crate) const MAX_TABLES: usize = 10_000;

/// A glob of a policy may have so many bytes: as many as a path on Linux (`PATH_MAX`).
pub(crate) const MAX_GLOB: usize = 4096;

/// A glob may have so many `{`. They nest, and what reads them descends.
pub(crate) const MAX_BRACES: usize = 16;

/// A policy may have so many globs. Some are compiled one by one, in a fraction of a millisecond.
pub(crate) const MAX_GLOBS: usize = 4096;

/// The globs of a policy may have so many bytes together: what is compiled takes up to a hundred
/// times as many.
pub(crate) const MAX_GLOB_BYTES: usize = 256 << 10;

/// Of a name that nobody knows, an error repeats so many characters.
pub(crate) const MAX_NAME: usize = 64;
