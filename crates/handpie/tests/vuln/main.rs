//! `handpie vuln`, `handpie facts` and `handpie db`: real Go programs, small ones, each with modules
//! of its own, and a database of invented advisories.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of it is test code; a test that lacks a tool says so"
)]

#[path = "../support/mod.rs"]
mod support;

mod workshop;
mod server;
mod forms;
mod inlined;
mod names;
mod old_go;
mod versions;
mod crates;
mod osv;
mod database;
mod mirror;
mod folders;
mod facts;
mod reports;
mod policy;
mod vex;
mod unmatched;
mod forged;
mod exchange;
mod govulncheck;
