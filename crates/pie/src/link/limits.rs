//! Every cap of the linker in one place. Each is far above what Go's linker writes.

/// Sections of an object; Go writes about fifty, and on arm one more for every 28 MiB of code.
pub(super) const MAX_SECTIONS: usize = 4096;

/// Sections that are loaded. What is lost between two of them is at most their alignment.
pub(super) const MAX_LOADED: usize = 512;

/// The alignment of a section, in bytes. Places within a segment are settled before it has an
/// address, so no section may be aligned to more than segments are.
pub(super) const MAX_ALIGN: u64 = 4096;

/// The name of a section, in bytes.
pub(super) const MAX_NAME: usize = 255;

/// The whole program in memory, in bytes: what 32 bits of signed distance reach.
pub(super) const MAX_IMAGE: u64 = 1 << 31;
