//! `handpie link`, `ld`, `handpie cc`, and `handpie build` where it uses them: what they make is read by
//! other tools, run, and proven; and what they are given is damaged.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of it is test code; a test that lacks a tool says so"
)]

#[path = "../support/mod.rs"]
mod support;

mod workshop;
mod programs;
mod traps;
mod cc;
mod build_cgo;
mod build_cargo;
mod build_command;
mod missing;
mod hostile;
mod integrate;
