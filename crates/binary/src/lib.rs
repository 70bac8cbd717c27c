//! What an executable is: reads ELF, Mach-O and PE files, and what a Go toolchain left in them.
//!
//! Every byte may be hostile. Nothing here panics, allocates more than a small multiple of the
//! input, or trusts one header field over another: each range is checked against the file, and an
//! [`Error`] names what was being read and the file offset of the byte that is wrong.
//!
//! Each format has a module with the words of its specification; [`Image`] is what all of them
//! have. Reading only: what can be done with a file is judged elsewhere.

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
mod image;
mod archive;
pub mod elf;
pub mod macho;
pub mod pe;
pub mod dwarf;
mod binary;
pub mod go;

pub use archive::{Archive, Member};
pub use binary::Binary;
pub use bytes::Bytes;
pub use elf::Elf;
pub use error::{Error, ErrorKind, well_formed};
pub use image::{Format, Image, Loaded, Section, Symbol};
pub use limits::MAX_FILE_SIZE;
pub use macho::MachO;
pub use object::Endianness;
pub use partial::{Incomplete, Partial, Room, read_together};
pub use pe::Pe;
pub use quantity::{Address, Offset, Size, counted};
