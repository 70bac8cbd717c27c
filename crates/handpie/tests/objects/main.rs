//! Objects and archives: what the survey says of them, held against what linkers make of the same
//! objects and what the programs then do; what it says of real libraries; and what `handpie check`
//! prints.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of it is test code; a test that lacks a tool says so"
)]

#[path = "../support/mod.rs"]
mod support;

mod check;
mod cpus;
mod matrix;
mod real;

use std::fs;
use std::path::{Path, PathBuf};

use handpie_pie::objects::{Input, Libc, Survey, survey};

/// Where Debian has musl.
const MUSL: &str = "/usr/lib/x86_64-linux-musl";

/// The survey of a link with musl, which gets the files in this order.
fn survey_link(paths: &[PathBuf]) -> Survey {
    let files: Vec<(String, Vec<u8>)> = paths
        .iter()
        .map(|path| (path.display().to_string(), fs::read(path).unwrap()))
        .collect();
    let inputs: Vec<Input<'_>> = files
        .iter()
        .map(|(name, bytes)| Input::new(name, bytes))
        .collect();
    survey(&inputs, Libc::Musl)
}

/// A file of Debian's musl, or `None` after saying aloud that `what` is skipped.
fn musl(name: &str, what: &str) -> Option<PathBuf> {
    let path = Path::new(MUSL).join(name);
    if !path.is_file() {
        support::skip(what, "musl (Debian: musl-tools)");
        return None;
    }
    Some(path)
}
