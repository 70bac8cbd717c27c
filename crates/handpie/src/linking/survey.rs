//! Whether the inputs can become a static-PIE at all.

use handpie_toolchain::link::{Inputs, Sysroot};

use crate::failure::Failure;

/// Refuses inputs that no linker can make a static-PIE of.
pub(super) fn refuse(_inputs: &Inputs, _sysroot: Option<&Sysroot>) -> Result<(), Failure> {
    Ok(())
}
