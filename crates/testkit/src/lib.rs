//! What tests share. Development only: no crate uses it but for its tests.
//!
//! [`forge`] makes binaries that say whatever a test wants, [`mutation`] damages them; [`skip`] says
//! aloud what is not tested for want of a tool, which [`tool`] looks for; [`golden`] holds an output
//! against a file; [`schema`] a JSON document against its description; and [`case`] runs tests that
//! are text files.
//!
//! It depends on nothing of ours but `handpie-binary`, so every crate above that can use it. It starts
//! programs and prints, as tests do, and what it does not expect is a panic.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "all of it is test code; skips are said aloud"
)]

pub mod case;
pub mod forge;
pub mod golden;
pub mod mutation;
pub mod random;
pub mod schema;
pub mod tool;

mod skips;

pub use skips::{is_required, skip, skip_rare};
