//! C and C++ compilers: which is taken, what it is told before the user's words, and how it comes to
//! our linker.
//!
//! The user's words come last, so that they win. A compiler is asked once which of the flags it
//! knows; the answers are kept.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::link::Libc;
use crate::link::sysroot::Target;

mod compiler;
mod hardening;
mod integration;
mod step;

pub use compiler::{Compiler, Family, Unsuitable};
pub use hardening::{Flag, LIST};
pub use integration::{clang_config, gcc_spec};
pub use step::{Halves, Step, halves, objects, sources};

/// C or C++.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// C, and assembly.
    C,
    /// C++.
    Cpp,
}

/// Where the program that is made has to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Anywhere: a static-PIE.
    #[default]
    Portable,
    /// On machines like this one: a dynamic PIE against its libc.
    Host,
}

/// What is decided about a compilation.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The compiler.
    pub compiler: &'a Compiler,
    /// C or C++.
    pub language: Language,
    /// For which CPU.
    pub target: &'static Target,
    /// Against which libc.
    pub libc: Libc,
    /// For where.
    pub profile: Profile,
    /// Whether the hardening flags are added.
    pub hardening: bool,
    /// What the user says.
    pub words: &'a [OsString],
    /// The headers of the libc, where the compiler has to be told.
    pub include: &'a [PathBuf],
}

impl Request<'_> {
    /// The flags that are put before the user's words.
    pub fn added(&self) -> Vec<OsString> {
        let mut added = Vec::new();
        if let Some(target) = self
            .compiler
            .target_word(self.target, self.libc, self.profile)
        {
            added.extend(target);
        }
        added.extend(self.header_words());
        added.push("-fPIE".into());
        if self.compiler.family == Family::Zig {
            // It is on unless something is asked for, and its run-time library prints.
            added.push("-fno-sanitize=undefined".into());
        }
        if self.hardening {
            let wanted = hardening::wanted(self);
            added.extend(wanted.map(OsString::from));
        }
        added
    }

    /// Away from the machine's own headers, to those of the libc.
    fn header_words(&self) -> Vec<OsString> {
        if self.include.is_empty() {
            return Vec::new();
        }
        let mut words: Vec<OsString> = vec!["-nostdinc".into()];
        for folder in self.include.iter().chain(&self.compiler.own_include) {
            words.extend(["-isystem".into(), folder.into()]);
        }
        words
    }

    /// What makes the driver start our linker, which is called `ld` in this folder.
    pub fn link_words(&self, folder: &Path) -> Vec<OsString> {
        if self.profile == Profile::Host {
            let flags = ["-pie", "-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack"];
            return flags.into_iter().map(OsString::from).collect();
        }
        let mut words: Vec<OsString> = vec!["-static-pie".into()];
        match self.compiler.family {
            Family::Gcc => {
                let mut flag = OsString::from("-B");
                flag.push(folder.join(""));
                words.push(flag);
            }
            Family::Clang => {
                let mut flag = OsString::from("--ld-path=");
                flag.push(folder.join("ld"));
                words.push(flag);
                words.push("-Wno-unused-command-line-argument".into());
            }
            Family::Zig => {}
        }
        words
    }
}

/// The user's words without those that choose a linker or another kind of program, which is decided.
pub fn without_link_choices(words: &[OsString]) -> Vec<OsString> {
    const CHOICES: [&str; 5] = ["-pie", "-static", "-static-pie", "-dynamic", "-rdynamic"];
    let is_choice = |word: &OsStr| {
        CHOICES.iter().any(|choice| *choice == word)
            || word.as_encoded_bytes().starts_with(b"-fuse-ld=")
    };
    words
        .iter()
        .filter(|word| !is_choice(word))
        .cloned()
        .collect()
}

/// The linker that the user's words choose with `-fuse-ld=`.
pub fn chosen_linker(words: &[OsString]) -> Option<OsString> {
    let chosen = words.iter().rev().filter_map(|word| word.to_str());
    let mut chosen = chosen.filter_map(|word| word.strip_prefix("-fuse-ld="));
    chosen.next().map(OsString::from)
}
