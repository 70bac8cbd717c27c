//! Binaries that are made in code, without any tool. All but the runnable [`program`]s cannot be run;
//! they can be read, judged, converted and damaged. Every field that anybody looks at can lie.
//!
//! | module | makes | its point |
//! |---|---|---|
//! | [`program`] | an ELF program with everything in a fixed place | each field of each header can be set |
//! | [`elf`] | an ELF file of both classes and byte orders | any segments, sections and dynamic entries |
//! | [`go_pie`] | a PIE laid out as Go's linker lays one out | thousands of relocations, sections |
//! | [`go_program`] | what Go leaves in a program | build info, functions, symbols |
//! | [`segment`] | one loaded segment of an ELF file | nothing else |
//! | [`object`] | the object that Go's linker hands to another linker | every kind of relocation |
//! | [`archive`] | archives of objects | plain and thin |
//! | [`macho`], [`pe`] | programs of macOS and Windows | all that a rule looks at |

pub mod archive;
pub mod elf;
pub mod go_pie;
pub mod go_program;
pub mod macho;
pub mod object;
pub mod pe;
pub mod program;
pub mod segment;

mod writer;

pub use elf::ElfFile;
pub use go_pie::GoPie;
pub use go_program::GoProgram;
pub use macho::MachO;
pub use object::Object;
pub use pe::Pe;
pub use program::Program;

/// Copies bytes to an offset of a file.
fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}
