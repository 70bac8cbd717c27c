//! A compiler: its family and version, and which flags it supports.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{LIST, Language, Profile};
use crate::cache;
use crate::command::{self, Tool};
use crate::link::Libc;
use crate::link::sysroot::{Target, find_zig};

/// Whose compiler it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Family {
    /// GNU.
    Gcc,
    /// LLVM.
    Clang,
    /// zig's clang, which brings every libc with it.
    Zig,
}

/// A compiler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compiler {
    /// The program.
    pub path: PathBuf,
    /// Words between the program and everything else.
    pub first: Vec<String>,
    /// Whose it is.
    pub family: Family,
    /// Its first line about itself.
    pub version: String,
    /// Its own headers (`stddef.h`), which have to be named once the system's are not searched.
    pub own_include: Vec<PathBuf>,
    /// The hardening flags that it knows.
    flags: BTreeSet<String>,
}

/// A compiler that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unsuitable {
    /// It is not here.
    #[error("`{0}` is not in PATH")]
    NotFound(String),
    /// It could not be asked.
    #[error(transparent)]
    Command(#[from] command::Error),
}

impl Compiler {
    /// The compiler of that name or path, asked what it is and what it knows for this CPU, or
    /// remembered.
    ///
    /// # Errors
    /// When it is not here, or does not answer.
    pub fn named(
        name: &OsStr,
        language: Language,
        target: &Target,
    ) -> Result<Compiler, Unsuitable> {
        let (path, first) = match name == "zig" {
            true => {
                let path = find_zig().ok_or_else(|| Unsuitable::NotFound("zig".to_owned()))?;
                let mode = if language == Language::Cpp {
                    "c++"
                } else {
                    "cc"
                };
                (path, vec![mode.to_owned()])
            }
            false => (in_path(name)?, Vec::new()),
        };
        let kept = kept_answers(&path, language, target);
        if let Some(compiler) = kept.as_deref().and_then(read) {
            return Ok(compiler);
        }
        let compiler = Self::ask(path, first, language, target)?;
        if let Some(kept) = kept
            && let Ok(text) = serde_json::to_vec(&compiler)
        {
            // Without it, the compiler is asked again.
            _ = kept.parent().map(std::fs::create_dir_all);
            _ = std::fs::write(kept, text);
        }
        Ok(compiler)
    }

    fn ask(
        path: PathBuf,
        first: Vec<String>,
        language: Language,
        target: &Target,
    ) -> Result<Compiler, Unsuitable> {
        let says = Tool::new(&path).args(&first).arg("--version").run()?;
        let says = String::from_utf8_lossy(&says.stdout).into_owned();
        let family = if first.is_empty() {
            match says.contains("clang") {
                true => Family::Clang,
                false => Family::Gcc,
            }
        } else {
            Family::Zig
        };
        let mut compiler = Compiler {
            path,
            first,
            family,
            version: says.lines().next().unwrap_or_default().to_owned(),
            own_include: Vec::new(),
            flags: BTreeSet::new(),
        };
        if family != Family::Zig {
            compiler.own_include.push(compiler.ask_for_headers()?);
        }
        let flags = LIST.iter().map(|flag| flag.words);
        let known = flags.filter(|words| compiler.accepts(words, language, target));
        compiler.flags = known.flatten().map(|word| (*word).to_owned()).collect();
        Ok(compiler)
    }

    fn ask_for_headers(&self) -> Result<PathBuf, command::Error> {
        let (word, below) = match self.family {
            Family::Clang => ("-print-resource-dir", "include"),
            _ => ("-print-file-name=include", ""),
        };
        let output = self.tool().arg(word).run()?;
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Path::new(&folder).join(below))
    }

    /// Whether it compiles nothing with these words, without a warning. All at once: to gcc,
    /// `-Werror=format-security` means nothing without `-Wformat`.
    fn accepts(&self, words: &[&str], language: Language, target: &Target) -> bool {
        let language = if language == Language::Cpp {
            "c++"
        } else {
            "c"
        };
        let cpu = self.target_word(target, Libc::Musl, Profile::Portable);
        let tool = self.tool().args(cpu.unwrap_or_default());
        let tool = tool.arg("-Werror").args(words).args(["-x", language, "-c"]);
        tool.args(["/dev/null", "-o", "/dev/null"]).run().is_ok()
    }

    /// The start of its commands.
    pub fn tool(&self) -> Tool {
        Tool::new(&self.path).args(&self.first)
    }

    /// Whether it knows a hardening flag.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.flags.contains(word)
    }

    /// Whether C++ is compiled against LLVM's library.
    pub(super) fn has_libcpp(&self) -> bool {
        self.family == Family::Zig
    }

    /// For which CPU and libc, where it can be told.
    pub(super) fn target_word(
        &self,
        target: &Target,
        libc: Libc,
        profile: Profile,
    ) -> Option<Vec<OsString>> {
        match (self.family, libc, profile) {
            (Family::Zig, Libc::Musl, Profile::Portable) => {
                Some(vec!["-target".into(), target.zig().into()])
            }
            (Family::Clang, ..) if !target.is_host() => {
                Some(vec![format!("--target={}", target.debian).into()])
            }
            _ => None,
        }
    }
}

fn in_path(name: &OsStr) -> Result<PathBuf, Unsuitable> {
    let path = Path::new(name);
    if path.components().count() > 1 {
        return Ok(path.to_owned());
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut files = std::env::split_paths(&folders).map(|folder| folder.join(name));
    let found = files.find(|file| file.is_file());
    found.ok_or_else(|| Unsuitable::NotFound(name.display().to_string()))
}

/// Where its answers are kept: another file when the program changes.
fn kept_answers(path: &Path, language: Language, target: &Target) -> Option<PathBuf> {
    let metadata = std::fs::metadata(path).ok()?;
    let state = cache::state_of(&metadata);
    let asked = (path, language == Language::Cpp, target.gnu);
    cache::user_file("cc", &(asked, state))
}

fn read(kept: &Path) -> Option<Compiler> {
    serde_json::from_slice(&std::fs::read(kept).ok()?).ok()
}
