//! What a Go toolchain left in an executable: the build info that `go version -m` prints; the names
//! of all functions and source files, which stripping keeps because the runtime needs them; and the
//! values that the linker was told to put into variables.
//!
//! What is searched for may turn out to be something else, so inside, bytes that have not been read
//! count as "not here", like malformed ones. What is public asks at its end whether any were among
//! them ([`Bytes::settled`](crate::Bytes::settled)), and then says [`Incomplete`](crate::Incomplete).

mod buildinfo;
mod pclntab;
mod release;
mod stamps;
mod version;

pub use buildinfo::{BuildInfo, Module, Setting};
pub use pclntab::{
    CodeLocation, Inlined, Linked, Name, Names, Pclntab, has_cgo, has_pclntab,
    packages_with_cgo_calls,
};
pub use release::Version;
pub use stamps::{Stamp, stamps};
pub use version::build_version;
