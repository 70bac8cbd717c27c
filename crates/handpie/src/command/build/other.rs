//! `handpie build` of what is not Go: a cargo project, or whatever a command builds.
//!
//! In both, our compiler and linker are put in place of the usual ones, and everything that came out
//! is looked at: what is not a static-PIE is named with the reason.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use handpie_toolchain::cargo::{self, Cargo};
use handpie_toolchain::command::{Stream, Tool};
use handpie_toolchain::link::sysroot::Target;

use crate::binaries::{self, EMPTY_FOLDER, Entry, Unread};
use crate::command::{cc, ld};
use crate::examination::kind_of;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::paths;
use crate::promise::{self, Breach, Extent};
use crate::report::Reporter;
use crate::report::build::DryRun;
use crate::report::made::{Made, MadeReport};

/// The target that a cargo project is built for is not installed.
pub(super) const NO_TARGET: &str = "cargo-no-target";

/// Builds a cargo project for the machine's musl target, or the one that is named.
pub(super) fn cargo(
    project: &Path,
    words: &[OsString],
    dry_run: bool,
    reporter: &Reporter,
) -> Result<Exit, Failure> {
    let host = || {
        let target = Target::host().and_then(|target| target.rust);
        let target = target.ok_or_else(|| {
            Failure::new(
                Exit::No,
                "Rust has no musl target for \
            this CPU",
            )
        });
        target
            .map(str::to_owned)
            .map_err(|error| error.code(NO_TARGET))
    };
    let target = match cargo::named_target(words) {
        Some(target) => target,
        None => host()?,
    };
    let folder = cc::folder_of_names()?;
    let mut variables = Vec::new();
    let cpu = target.split('-').next().unwrap_or_default();
    if let Some(cpu) = Target::named(&target).or_else(|| Target::named(cpu)) {
        variables.push((ld::TARGET, cpu.gnu));
    }
    let linker = match cargo::is_of_glibc(&target) {
        true => {
            variables.push((ld::LIBC, "glibc"));
            // rustc asks for an LLD of its own.
            variables.push((ld::LINKER, "embedded"));
            "handpie-cc"
        }
        false => "handpie-ld",
    };
    let cargo = Cargo {
        dir: project.to_owned(),
        target: target.clone(),
        words: words.to_vec(),
        linker: folder.join(linker),
        cc: folder.join("handpie-cc"),
        cxx: folder.join("handpie-c++"),
        told: variables,
    };
    cargo.ask_for_target().map_err(|error| {
        let hint = format!("rustup target add {}", cargo.target);
        Failure::new(Exit::No, "the programs cannot be built")
            .code(NO_TARGET)
            .tool(error)
            .hint(hint)
    })?;
    let auditable = cargo.has_auditable();
    if !auditable {
        reporter.note(
            "note: the programs will not list their crates; run `cargo install cargo-auditable` \
             to enable that",
        );
    }
    let tool = cargo.tool(auditable);
    if dry_run {
        let command = tool.shell_line();
        reporter.print("build", &DryRun { command })?;
        return Ok(Exit::Done);
    }
    let programs = cargo
        .build(auditable)
        .map_err(|error| Failure::new(Exit::Tool, "failed to build").tool(error))?;
    finish(tool.shell_line(), &programs, reporter)
}

/// Whether a word starts a program: by name in PATH, or by path. Packages of Go are folders, patterns
/// and import paths.
pub(super) fn is_command(word: &str) -> bool {
    let is_program = |path: PathBuf| {
        let metadata = path.metadata();
        metadata.is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0)
    };
    if word.starts_with('-') {
        return false;
    }
    if word.contains('/') {
        return is_program(PathBuf::from(word));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| is_program(folder.join(word)))
}

/// Runs a command with our compilers in its environment, and looks at every program that is new or
/// changed below the current folder.
pub(super) fn command(
    words: &[String],
    dry_run: bool,
    reporter: &Reporter,
) -> Result<Exit, Failure> {
    let [program, rest @ ..] = words else {
        return Err(Failure::new(Exit::Usage, "no command to run"));
    };
    let folder = cc::folder_of_names()?;
    let tool = Tool::new(program)
        .args(rest)
        .env("CC", folder.join("handpie-cc"))
        .env("CXX", folder.join("handpie-c++"))
        .stdin(Stream::Inherit)
        .stderr(Stream::Inherit)
        .stdout(Stream::Inherit);
    if dry_run {
        let command = tool.shell_line();
        reporter.print("build", &DryRun { command })?;
        return Ok(Exit::Done);
    }
    // The clock of a file system may be a tick behind.
    let started = SystemTime::now().checked_sub(Duration::from_secs(1));
    tool.run()
        .map_err(|error| Failure::new(Exit::Tool, "failed to build").tool(error))?;
    let here = paths::absolute(None)?;
    let (mut fresh, mut exit) = (Vec::new(), None);
    for entry in binaries::find(&[here]) {
        match is_fresh_program(&entry, started) {
            Ok(true) => fresh.push(entry.path().to_owned()),
            Ok(false) => {}
            Err(unread) => {
                reporter.note(&format!("unreadable: {}: {}", unread.name, unread.message));
                exit = Some(Exit::Input);
            }
        }
    }
    let judged = finish(tool.shell_line(), &fresh, reporter)?;
    Ok(exit.unwrap_or(judged))
}

fn changed_since(path: &Path, started: Option<SystemTime>) -> bool {
    let changed = path.metadata().and_then(|metadata| metadata.modified());
    match (changed, started) {
        (Ok(changed), Some(started)) => changed >= started,
        _ => false,
    }
}

fn is_fresh_program(entry: &Entry, started: Option<SystemTime>) -> Result<bool, Unread> {
    if !entry.is_unread() && !changed_since(entry.path(), started) {
        return Ok(false);
    }
    let mut input = match entry.open() {
        Ok(Some(input)) => input,
        Ok(None) => return Ok(false),
        // A command may leave nothing behind.
        Err(unread) if unread.code == Some(EMPTY_FOLDER) => return Ok(false),
        Err(unread) => return Err(unread),
    };
    let kind = kind_of(&mut input).map_err(|failure| entry.unread(failure))?;
    Ok(kind.is_some_and(|kind| kind.is_program()))
}

fn finish(command: String, programs: &[PathBuf], reporter: &Reporter) -> Result<Exit, Failure> {
    let programs = programs.iter().map(|path| made(path));
    let programs = programs.collect::<Result<Vec<Made>, Failure>>()?;
    let all_kept = programs.iter().all(|one| one.reasons.is_empty());
    reporter.print("build", &MadeReport { command, programs })?;
    Ok(match all_kept {
        true => Exit::Done,
        false => Exit::No,
    })
}

/// Holds a program against what is promised.
pub(crate) fn made(path: &Path) -> Result<Made, Failure> {
    let inspection = promise::inspect(path, Extent::Whole)?;
    Ok(Made {
        file: paths::shown(path),
        kind: inspection.kind,
        size: inspection.size,
        reasons: inspection.breaches.iter().map(Breach::to_string).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_told_from_commands() {
        for command in ["sh", "/bin/sh"] {
            assert!(is_command(command), "{command}");
        }
        for package in [
            "./src",
            "./...",
            "/usr",
            "example.com/x/cmd",
            "no-such-command",
            "-v",
        ] {
            assert!(!is_command(package), "{package}");
        }
    }
}
