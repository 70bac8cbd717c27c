//! `toyc`: a compiler of a small language, for x86-64 Linux.
//!
//! It shows what a language implementer needs for programs that run anywhere: emit one
//! position-independent object, and hand it to `handpie link`. libc, start files, the linker and the
//! protection of RELRO are handpie's business.
//!
//! ```text
//! side = 6
//! print side * (side + 1)
//! ```

#![allow(clippy::print_stderr, reason = "a program of its own")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use handpie_toolchain::command::{Stream, Tool};

mod emit;
mod parse;

const USAGE: &str = "usage: toyc [--portable] -o OUT FILE

Compiles FILE to the object OUT; with --portable, to a static-PIE, with the `handpie` in PATH.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("toyc: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let mut portable = false;
    let mut output = None;
    let mut source = None;
    let mut args = std::env::args_os().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--portable" {
            portable = true;
        } else if arg == "-o" {
            output = args.next().map(PathBuf::from);
        } else {
            source = Some(PathBuf::from(arg));
        }
    }
    let (Some(source), Some(output)) = (source, output) else {
        bail!("{USAGE}");
    };
    let text = std::fs::read_to_string(&source);
    let text = text.with_context(|| format!("read `{}`", source.display()))?;
    let program = parse::parse(&text).with_context(|| source.display().to_string())?;
    let object = emit::object(&program)?;
    if !portable {
        let written = std::fs::write(&output, object);
        return written.with_context(|| format!("write `{}`", output.display()));
    }
    let file = output.with_extension("toyc.o");
    std::fs::write(&file, object).with_context(|| format!("write `{}`", file.display()))?;
    let linked = Tool::new("handpie")
        .args(["link", "-o"])
        .arg(&output)
        .arg(&file)
        .stdout(Stream::Inherit)
        .stderr(Stream::Inherit)
        .run();
    std::fs::remove_file(&file).with_context(|| format!("remove `{}`", file.display()))?;
    linked?;
    Ok(())
}
