//! libwild, the linker that is part of this program.
//!
//! It runs in a process of its own: a damaged object can make it spin for ever or ask for more memory
//! than there is, which no library call survives. The process is this program again, started with
//! [`COMMAND`] as its first word.

use std::ffi::OsString;

use super::sysroot::Target;

/// The word that makes a program act as the linker.
pub const COMMAND: &str = "embedded-linker";

/// Whether this program was built with a linker in it (the feature `embedded-linker`).
pub const IS_BUILT_IN: bool = cfg!(feature = "embedded-linker");

/// Whether it links programs for this CPU: those that libwild 0.10 was seen to link and that ran.
pub fn knows(target: &Target) -> bool {
    ["amd64", "arm64", "riscv64", "loong64"].contains(&target.go)
}

/// Links with these words of a linker. To be called first thing in `main` of a program that links with
/// [`Linker::Embedded`](super::Linker::Embedded), when its first word is [`COMMAND`].
///
/// # Errors
/// What the linker has to say, for the standard error of this process.
pub fn run(words: &[OsString]) -> Result<(), String> {
    die_with_parent();
    // A linker's words start with its name.
    let words = std::iter::once(OsString::from(COMMAND)).chain(words.iter().cloned());
    link(words.collect())
}

/// Who started us has our time limit; without him, a damaged object could keep us busy for ever.
#[cfg(target_os = "linux")]
fn die_with_parent() {
    use rustix::process::{Signal, set_parent_process_death_signal};
    // Where it cannot be had, the time limit still holds as long as there is a parent.
    _ = set_parent_process_death_signal(Some(Signal::KILL));
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() {}

#[cfg(feature = "embedded-linker")]
fn link(words: Vec<OsString>) -> Result<(), String> {
    use std::sync::{Arc, Mutex};

    let mut text = Vec::new();
    for word in words {
        let word = word.into_string();
        text.push(word.map_err(|word| format!("not in UTF-8: {}", word.display()))?);
    }
    let failed = |error: libwild::error::Error| error.to_string();
    let mut args = libwild::Args::new(|| text.iter()).map_err(failed)?;
    // A warning is about something that was asked for and is not done.
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&warnings);
    args.on_warning(Box::new(move |warning| {
        if let Ok(mut heard) = heard.lock() {
            heard.push(warning.to_string());
        }
    }));
    args.parse(|| text.iter()).map_err(failed)?;
    libwild::run(args).map_err(failed)?;
    match warnings.lock() {
        Ok(warnings) if warnings.is_empty() => Ok(()),
        Ok(warnings) => Err(warnings.join("\n")),
        Err(_) => Err("a linker thread panicked".to_owned()),
    }
}

#[cfg(not(feature = "embedded-linker"))]
fn link(_words: Vec<OsString>) -> Result<(), String> {
    Err("handpie was built without the feature `embedded-linker`".to_owned())
}
