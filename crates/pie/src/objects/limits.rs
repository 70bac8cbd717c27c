//! Every cap of the survey in one place. How many members and sections are read is capped where they
//! are read, in the crate `binary`.

/// Offenders that are listed with their place; of any more it is said how many there are.
pub(super) const MAX_LISTED: usize = 1000;

/// Offenders of one object and code that are listed. Where one is, there are mostly hundreds.
pub(super) const MAX_LISTED_TOGETHER: u64 = 4;

/// How often, on average, a byte of the symbols' names may be part of one. Linkers let names share
/// their ends, and few do; without a cap, reading them all would take time that grows with the square
/// of the file's size.
pub(super) const MAX_SHARING: u64 = 16;

/// A name that is shown, in bytes; names of C++ and Rust are rarely longer.
pub(super) const MAX_SHOWN: usize = 240;
