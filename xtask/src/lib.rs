//! What the repository's own programs share: `cargo xtask`, the measurements (`bench`) and the
//! builder of the corpus (`crates/corpus`).
//!
//! The tasks themselves are in the program of this package; `launcher` starts it. None of this is
//! part of the product.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is used by programs for the terminal, which have no other output"
)]

pub mod workplace;
pub mod toolchains;
pub mod system_tools;
pub mod http;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use handpie_toolchain::command::Tool;

/// The folder of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Which of the flags that a task knows are given; anything else is an error.
pub fn flags<const N: usize>(args: &[String], known: [&str; N]) -> anyhow::Result<[bool; N]> {
    if let Some(unknown) = args.iter().find(|arg| !known.contains(&arg.as_str())) {
        match N {
            0 => bail!("unexpected argument `{unknown}`; there are none"),
            _ => bail!(
                "unexpected argument `{unknown}`, expected {}",
                known.join(" or ")
            ),
        }
    }
    Ok(known.map(|flag| args.iter().any(|arg| arg == flag)))
}

/// What a program prints, without the last newline.
pub fn output_of(program: &str, args: &[&str]) -> anyhow::Result<String> {
    let output = Tool::new(program).args(args).dir(root()).run()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A failure that a task has reported already.
#[derive(Debug)]
pub struct ReportedFailure;

impl std::error::Error for ReportedFailure {}

impl std::fmt::Display for ReportedFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed, as said above")
    }
}

/// How a program ends after its task; reports the failure if nobody has.
pub fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<ReportedFailure>() => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_known_flags_and_names_an_unknown_one() {
        let args = |words: &str| -> Vec<String> { words.split(' ').map(str::to_owned).collect() };
        assert_eq!(flags(&args("--b"), ["--a", "--b"]).unwrap(), [false, true]);
        let error = flags(&args("--b --c"), ["--a", "--b"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unexpected argument `--c`, expected --a or --b"
        );
        let error = flags(&args("--c"), []).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unexpected argument `--c`; there are none"
        );
    }
}
