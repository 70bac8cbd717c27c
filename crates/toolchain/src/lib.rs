//! Starts other programs: `go`, `git`, compilers, linkers and the tools behind them.
//!
//! Nothing here knows what an executable looks like inside, and nothing here prints: every
//! function returns a value, and the program decides what to say.

pub mod command;
pub mod go;
pub mod flags;
pub mod version;
pub mod contradiction;
pub mod profile;
pub mod packages;
pub mod cache;
pub mod wrapper;
pub mod env;
pub mod response;
pub mod link;
pub mod cc;
pub mod cargo;
pub mod cpu;
