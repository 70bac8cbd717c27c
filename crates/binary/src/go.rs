//! What a Go toolchain left in an executable: the build info that `go version -m` prints, and the
//! names of all functions, which stripping keeps because the runtime needs them.

mod buildinfo;
mod pclntab;

pub use buildinfo::BuildInfo;
pub use pclntab::{has_cgo, packages_with_cgo_calls};
