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
