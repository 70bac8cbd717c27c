//! What an executable is: reads ELF files, and what a Go toolchain left in them.
//!
//! Every byte may be hostile. Nothing here panics, allocates more than a small multiple of the
//! input, or trusts one header field over another: each range is checked against the file, and an
//! [`Error`] names what was being read and the file offset of the byte that is wrong.
//!
//! Reading only. What can be done with a file is judged elsewhere; Mach-O and PE are recognised by
//! [`identify`] but not read yet.

#![warn(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

mod quantity;
mod limits;
mod error;
mod bytes;
mod partial;
pub mod identify;
pub mod elf;
pub mod go;
mod binary;

pub use binary::Binary;
pub use bytes::Bytes;
pub use elf::Elf;
pub use error::{Error, ErrorKind};
pub use limits::MAX_FILE_SIZE;
pub use partial::Partial;
pub use quantity::{Address, Offset, Size};
