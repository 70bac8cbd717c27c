//! What was found out about programs, as VEX documents for others. What they say of code that is not in
//! a program is passed over when they are read again ([`Vex`](super::Vex)).

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is given another key so; that cannot panic"
)]

mod cyclonedx;
mod openvex;

pub use cyclonedx::CycloneDx;
pub use openvex::OpenVex;
