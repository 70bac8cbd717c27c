//! What was found out about programs, as VEX documents for others. What they say of code that is not in
//! a program is passed over when they are read again ([`Vex`](super::Vex)).

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is given another key so; that cannot panic"
)]

mod cyclonedx;
mod openvex;

use serde_json::Value;

use crate::triage::Triage;
pub use cyclonedx::CycloneDx;
pub use openvex::OpenVex;

/// A document that grows program by program.
pub trait VexDocument: Default {
    /// Adds a program.
    fn add(&mut self, triage: &Triage<'_>);

    /// The document, made at `timestamp` (RFC 3339).
    fn finish(self, timestamp: &str) -> Value;
}
