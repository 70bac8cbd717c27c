//! The linkers, and the options that make each produce the same output.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::sysroot::Target;
use crate::command::Tool;

/// A linker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linker {
    /// libwild, which is part of this program and runs in a process of its own.
    Embedded {
        /// The program that is started with [`EMBEDDED`](super::embedded::COMMAND) as its first
        /// word; it hands over to [`embedded::run`](super::embedded::run).
        host: PathBuf,
    },
    /// Another program.
    Program {
        /// By path, or by name in PATH.
        path: PathBuf,
        /// Whose words it understands.
        flavour: Flavour,
    },
}

/// Whose words a linker understands, where they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// GNU ld.
    Bfd,
    /// LLVM's.
    Lld,
    /// mold.
    Mold,
    /// wild, the program.
    Wild,
}

/// The first lld that refuses what has no relocation at run time, instead of writing a pointer that
/// is off by the load bias (LLVM's pull request 75095).
const FIRST_RIGHT_LLD: u32 = 18;

/// A linker that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It says of itself something that no known linker says.
    #[error("`{}` reports `{says}`; expected GNU ld, lld, mold or wild", .path.display())]
    Unknown {
        /// The program.
        path: PathBuf,
        /// Its first line.
        says: String,
    },
    /// It writes wrong pointers.
    #[error(
        "`{}` is LLD {version}; versions before {FIRST_RIGHT_LLD} accept absolute addresses in \
         read-only data and write wrong pointers", .path.display()
    )]
    WrongPointers {
        /// The program.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// It could not be started.
    #[error(transparent)]
    Command(#[from] crate::command::Error),
}

impl Linker {
    /// The linker of that name: `embedded`, `bfd`, `lld`, `mold`, `wild`, or a path. It is asked what
    /// it is.
    ///
    /// # Errors
    /// See [`Unusable`].
    pub fn named(name: &OsStr, target: &Target, host: &Path) -> Result<Linker, Unusable> {
        let program = match name.to_str() {
            Some("embedded") => {
                return Ok(Linker::Embedded {
                    host: host.to_owned(),
                });
            }
            // GNU ld knows one CPU; those for others have its name in front.
            Some("bfd" | "gnu") if target.is_host() => OsString::from("ld.bfd"),
            Some("bfd" | "gnu") => format!("{}-ld.bfd", target.debian).into(),
            Some("lld") => "ld.lld".into(),
            _ => name.to_owned(),
        };
        let path = PathBuf::from(&program);
        let output = Tool::new(&program).arg("--version").run()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let says = text.lines().next().unwrap_or_default().to_owned();
        let flavour = if says.contains("mold") {
            Flavour::Mold
        } else if says.contains("LLD") {
            Flavour::Lld
        } else if says.starts_with("Wild") || says.starts_with("wild") {
            Flavour::Wild
        } else if says.starts_with("GNU ld") {
            Flavour::Bfd
        } else {
            return Err(Unusable::Unknown { path, says });
        };
        if flavour == Flavour::Lld
            && let Some(version) = lld_version(&says)
            && version < FIRST_RIGHT_LLD
        {
            return Err(Unusable::WrongPointers { path, version });
        }
        Ok(Linker::Program { path, flavour })
    }

    /// How it is called in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Embedded { .. } => "libwild",
            Self::Program { flavour, .. } => match flavour {
                Flavour::Bfd => "GNU ld",
                Flavour::Lld => "LLD",
                Flavour::Mold => "mold",
                Flavour::Wild => "wild",
            },
        }
    }

    /// The words for a static-PIE that binds everything at start and has RELRO, and in which nothing
    /// is let pass that could only be relocated in read-only memory.
    pub(super) fn words(&self, relr: bool) -> Vec<OsString> {
        let flavour = match self {
            Self::Embedded { .. } => Flavour::Wild,
            Self::Program { flavour, .. } => *flavour,
        };
        let mut words = vec!["-static", "-pie", "--no-dynamic-linker", "--eh-frame-hdr"];
        words.extend(["-z", "now", "-z", "relro", "-z", "noexecstack"]);
        match flavour {
            // libwild has no pages with both code and data, and knows no word for it; and it refuses
            // such relocations without being told, and warns of the word.
            Flavour::Wild => {}
            Flavour::Bfd | Flavour::Lld | Flavour::Mold => {
                words.extend(["-z", "text", "-z", "separate-code", "--fatal-warnings"]);
            }
        }
        match (relr, flavour) {
            (false, _) => {}
            (true, Flavour::Lld) => words.push("--pack-dyn-relocs=relr"),
            (true, _) => words.extend(["-z", "pack-relative-relocs"]),
        }
        words.into_iter().map(OsString::from).collect()
    }

    /// The words less those that this linker only warns of, and that compilers give without having
    /// been asked: Debian's gcc for arm64 asks for ways around two errors of the Cortex-A53.
    pub(super) fn known(&self, mut words: Vec<OsString>) -> Vec<OsString> {
        const UNKNOWN_TO_WILD: [&str; 2] = ["--fix-cortex-a53-843419", "--fix-cortex-a53-835769"];
        let is_wild = match self {
            Self::Embedded { .. } => true,
            Self::Program { flavour, .. } => *flavour == Flavour::Wild,
        };
        if is_wild {
            words.retain(|word| !UNKNOWN_TO_WILD.iter().any(|one| *one == word));
        }
        words
    }

    /// The start of the command.
    pub(super) fn tool(&self) -> Tool {
        match self {
            Self::Embedded { host } => Tool::new(host).arg(super::embedded::COMMAND),
            Self::Program { path, .. } => Tool::new(path),
        }
    }
}

/// The number behind `LLD`, as in `Debian LLD 14.0.6`.
fn lld_version(says: &str) -> Option<u32> {
    let (_, version) = says.split_once("LLD ")?;
    version.split(['.', ' ', 'g']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_of_lld() {
        assert_eq!(
            lld_version("Debian LLD 14.0.6 (compatible with GNU linkers)"),
            Some(14)
        );
        assert_eq!(lld_version("LLD 20.1.2 (https://x y)"), Some(20));
        assert_eq!(lld_version("LLD 21.0.0git"), Some(21));
    }
}
