//! The code that a linked program starts with, for each CPU; what it does is in `stubs/README.md`.

/// The code for 386.
#[path = "../stub/386.rs"]
mod i386;
#[path = "../stub/arm.rs"]
mod arm;
#[path = "../stub/riscv64.rs"]
mod riscv64;

pub(super) use arm::CODE as ARM;
pub(super) use i386::CODE as I386;
pub(super) use riscv64::{
    CODE as RISCV64, CODE_WITH_OPTIONS as RISCV64_WITH_OPTIONS, MOVER as RISCV64_MOVER,
};
