//! cargo: builds a Rust project for a musl target, with our linker, and says which programs came of
//! it.
//!
//! rustc's musl targets bring libc and start files with them and link statically; only the linker is
//! theirs to choose. So no C compiler is needed for Rust alone. For targets with glibc, a C compiler
//! finds libc. Where a crate compiles C, the `cc` crate finds ours in the environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::command::{self, Output, Stream, Tool};

/// A build of a cargo project.
#[derive(Clone, Debug)]
pub struct Cargo {
    /// The folder of the project, or one below.
    pub dir: PathBuf,
    /// The target, as rustc calls it.
    pub target: String,
    /// Flags and packages behind `cargo build`.
    pub words: Vec<OsString>,
    /// The program that links: one word. For a target with glibc, a compiler.
    pub linker: PathBuf,
    /// What compiles C for crates that have some: one word as well, as configure scripts want it.
    pub cc: PathBuf,
    /// The same for C++.
    pub cxx: PathBuf,
    /// Variables by which these learn for which CPU and libc.
    pub told: Vec<(&'static str, &'static str)>,
}

/// cargo could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be run, or failed.
    #[error(transparent)]
    Command(#[from] command::Error),
    /// The target's standard library is not installed.
    #[error("the Rust target {target} is not installed: `{}` does not exist", .folder.display())]
    NoTarget {
        /// The target.
        target: String,
        /// Where it would be.
        folder: PathBuf,
    },
}

/// Whether programs for a target are linked with glibc.
pub fn is_of_glibc(target: &str) -> bool {
    target.contains("-linux-gnu")
}

/// The last `--target` among flags for cargo.
pub fn named_target(words: &[OsString]) -> Option<String> {
    let mut named = None;
    let mut words = words.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        if word == "--target" {
            named = words.next().map(str::to_owned);
        } else if let Some(target) = word.strip_prefix("--target=") {
            named = Some(target.to_owned());
        }
    }
    named
}

impl Cargo {
    /// Whether the target's standard library is there.
    ///
    /// # Errors
    /// When it is not, or rustc does not answer.
    pub fn ask_for_target(&self) -> Result<(), Error> {
        let ask = ["--print", "target-libdir", "--target", &self.target];
        let output = Tool::new("rustc")
            .args(ask)
            .dir(&self.dir)
            .hint("install Rust: https://rustup.rs")
            .run()?;
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        match folder.is_dir() {
            true => Ok(()),
            false => Err(Error::NoTarget {
                target: self.target.clone(),
                folder,
            }),
        }
    }

    /// Whether `cargo auditable` is there, which writes the list of crates into programs.
    pub fn has_auditable(&self) -> bool {
        let ask = Tool::new("cargo-auditable").args(["auditable", "--version"]);
        ask.output().is_ok()
    }

    /// The command.
    pub fn tool(&self, auditable: bool) -> Tool {
        let upper = self.target.to_uppercase().replace(['-', '.'], "_");
        let lower = self.target.replace(['-', '.'], "_");
        let mut tool = Tool::new("cargo").dir(&self.dir);
        if auditable {
            tool = tool.arg("auditable");
        }
        tool = tool.args(["build", "--message-format=json-render-diagnostics"]);
        if !self.words.iter().any(is_profile) {
            tool = tool.arg("--release");
        }
        if named_target(&self.words).is_none() {
            tool = tool.args(["--target", &self.target]);
        }
        for (name, value) in &self.told {
            tool = tool.env(name, value);
        }
        if is_of_glibc(&self.target) {
            // What musl's targets do unasked.
            let flags = "rustflags=[\"-C\", \"target-feature=+crt-static\"]";
            tool = tool.args(["--config", &format!("target.{}.{flags}", self.target)]);
        }
        tool.args(&self.words)
            .env(format!("CARGO_TARGET_{upper}_LINKER"), &self.linker)
            .env(format!("CC_{lower}"), &self.cc)
            .env(format!("CXX_{lower}"), &self.cxx)
            .hint("install Rust: https://rustup.rs")
    }

    /// Builds, with cargo's own words on standard error, and says which programs there are now.
    ///
    /// # Errors
    /// When the build fails; cargo has said why.
    pub fn build(&self, auditable: bool) -> Result<Vec<PathBuf>, Error> {
        let tool = self.tool(auditable).stderr(Stream::Inherit);
        Ok(executables(&tool.run()?))
    }
}

fn is_profile(word: &OsString) -> bool {
    word == "-r" || word == "--release" || word.as_encoded_bytes().starts_with(b"--profile")
}

/// One of cargo's messages (cargo's "External tools" chapter).
#[derive(Deserialize)]
struct Message {
    reason: String,
    executable: Option<PathBuf>,
}

fn executables(output: &Output) -> Vec<PathBuf> {
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let artifacts = messages.filter(|message: &Message| message.reason == "compiler-artifact");
    artifacts.filter_map(|message| message.executable).collect()
}

/// Whether a folder is in a cargo project: not one with Go files in it, and in no Go module that is
/// nearer.
pub fn is_project(folder: &Path) -> bool {
    let mut above = folder.ancestors();
    let nearest =
        above.find(|folder| folder.join("Cargo.toml").is_file() || folder.join("go.mod").is_file());
    let is_cargos = nearest.is_some_and(|folder| !folder.join("go.mod").is_file());
    is_cargos && !has_go_files(folder)
}

fn has_go_files(folder: &Path) -> bool {
    let files = folder.read_dir().into_iter().flatten().flatten();
    let mut names = files.map(|file| PathBuf::from(file.file_name()));
    names.any(|name| name.extension().is_some_and(|ending| ending == "go"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn the_last_target_counts() {
        assert_eq!(named_target(&words("--bin x")), None);
        let two = words("--target=a --target b");
        assert_eq!(named_target(&two).as_deref(), Some("b"));
    }

    #[test]
    fn the_nearest_manifest_decides() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("tool");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(folder.path().join("go.mod"), "module x\n").unwrap();
        assert!(!is_project(&inner));
        std::fs::write(inner.join("Cargo.toml"), "[package]\n").unwrap();
        assert!(is_project(&inner));
        assert!(!is_project(folder.path()));
        let sources = inner.join("sources");
        std::fs::create_dir(&sources).unwrap();
        assert!(is_project(&sources));
        std::fs::write(sources.join("main.go"), "package main\n").unwrap();
        assert!(!is_project(&sources));
    }

    #[test]
    fn programs_are_told_from_libraries() {
        let text = concat!(
            r#"{"reason":"compiler-artifact","executable":null}"#,
            "\nnot json\n",
            r#"{"reason":"compiler-artifact","executable":"/t/app"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        let output = Output {
            status: std::process::ExitStatus::default(),
            stdout: text.into(),
            stderr: Vec::new(),
        };
        assert_eq!(executables(&output), [PathBuf::from("/t/app")]);
    }
}
