//! `handpie check`: what a policy makes of findings, and each format to the letter; and what
//! `handpie diff` makes of two of them.
//!
//! The inputs are forged. Of the rules, `pie` and `no-loader` and `executable-stack` are asked, and
//! all others are switched off by the policies here, so that new rules change nothing in these tests.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of it is test code; a test that lacks a tool says so"
)]

#[path = "../support/mod.rs"]
mod support;

mod project;
mod text;
mod policy;
mod mistakes;
mod json;
mod sarif;
mod junit;
mod github;
mod diff;
