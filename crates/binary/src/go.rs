//! What a Go toolchain left in an executable: the build info that `go version -m` prints; the names
//! of all functions and source files, which stripping keeps because the runtime needs them; and the
//! values that the linker was told to put into variables.

mod buildinfo;
mod pclntab;
mod stamps;
mod version;

pub use buildinfo::{BuildInfo, Module, Setting};
pub use pclntab::{
    Inlined, Linked, Name, Names, Pclntab, Place, has_cgo, has_pclntab, packages_with_cgo_calls,
};
pub use stamps::{Stamp, stamps};
pub use version::build_version;
