//! What was found out about programs, as VEX documents for others. What they say of code that is not in
//! a program is passed over when they are read again ([`Vex`](super::Vex)).

mod cyclonedx;
mod openvex;

pub use cyclonedx::CycloneDx;
pub use openvex::OpenVex;
