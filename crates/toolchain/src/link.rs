//! Links objects and archives as a static-PIE, with the linker that is built in or with another.
//!
//! The way of a link: [`Words::parse`] reads what is asked for; [`Inputs::of`] finds each library and
//! puts the libc's start files in their places, so that it is known which files will be linked and
//! they can be surveyed; [`run`] starts the linker, with a time limit, on an output that nobody sees
//! until [`Linked::keep`].
//!
//! Nothing here looks into an object. What can be linked at all is `handpie_pie::objects`' to say,
//! and what came out is for the caller to look at before it keeps it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags};
use tempfile::TempDir;

use crate::command::{self, Output};

pub mod embedded;
mod libraries;
mod linker;
pub mod sysroot;
mod words;

pub use libraries::Missing;
pub use linker::{Flavour, Linker, Unusable};
pub use sysroot::{Libc, Sysroot, Target};
pub use words::{Item, Kind, NoValue, Words};

/// What is linked, each file found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The program's own objects, archives and flags, in their order.
    items: Vec<Item>,
    /// What a libc wants before them.
    start: Vec<PathBuf>,
    /// Archives behind them.
    libraries: Vec<PathBuf>,
    /// What a libc wants behind all.
    end: Vec<PathBuf>,
    /// Whether the start-up code reads RELR.
    relr: bool,
}

/// Names of the start files of programs, of which only the first relocates.
const PROGRAM_STARTS: [&str; 5] = ["rcrt1.o", "Scrt1.o", "crt1.o", "gcrt1.o", "grcrt1.o"];
/// Names of the start files around constructors.
const OTHER_STARTS: [&str; 9] = [
    "crti.o",
    "crtn.o",
    "crtbegin.o",
    "crtbeginS.o",
    "crtbeginT.o",
    "crtend.o",
    "crtendS.o",
    "crtfastmath.o",
    "crt0.o",
];
/// Libraries of the compiler and of libc that every sysroot has already.
const IN_SYSROOT: [&str; 5] = ["c", "gcc", "gcc_eh", "gcc_s", "unwind"];

impl Inputs {
    /// Finds every file. Without a sysroot the words are complete: they have start files and libc,
    /// as rustc gives them.
    ///
    /// # Errors
    /// Everything that is missing.
    pub fn of(words: &Words, sysroot: Option<&Sysroot>) -> Result<Inputs, Vec<Missing>> {
        let mut search = words.search.clone();
        let mut inputs = Inputs::default();
        if let Some(sysroot) = sysroot {
            search.extend(sysroot.search.iter().cloned());
            inputs.relr = sysroot.relr;
        }
        let musl = sysroot.is_some_and(|sysroot| sysroot.libc == Libc::Musl);
        if musl {
            search.retain(|folder| !is_of_glibc(folder));
        }
        let mut missing = Vec::new();
        for item in &words.items {
            let found = match item {
                Item::Library(name) if sysroot.is_some() && is_one_of(name, &IN_SYSROOT) => {
                    Ok(Vec::new())
                }
                Item::Library(name) => libraries::find(unwinder(name), &search, musl),
                Item::File(path) if is_start_file(path) => match sysroot {
                    Some(_) => Ok(Vec::new()),
                    None => Ok(vec![relocating(path)]),
                },
                Item::File(path) => libraries::expand(path.clone(), &search),
                Item::Flag(flag) => {
                    inputs.items.push(Item::Flag(flag.clone()));
                    continue;
                }
            };
            match found {
                Ok(files) => inputs.items.extend(files.into_iter().map(Item::File)),
                Err(one) => missing.push(one),
            }
        }
        if let Some(sysroot) = sysroot {
            if !words.no_start_files || has_program_start(words) {
                inputs.start.clone_from(&sysroot.start);
                inputs.end.clone_from(&sysroot.end);
            }
            if !words.no_default_libraries || !words.items.is_empty() {
                inputs.libraries.clone_from(&sysroot.libraries);
            }
        }
        match missing.is_empty() {
            true => Ok(inputs),
            false => Err(missing),
        }
    }

    /// Every file, in the order in which the linker gets them.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let start = self.start.iter().map(PathBuf::as_path);
        let rest = self.libraries.iter().chain(&self.end);
        start
            .chain(self.own_files())
            .chain(rest.map(PathBuf::as_path))
    }

    /// The program's own objects and archives: those that no sysroot brings.
    pub fn own_files(&self) -> impl Iterator<Item = &Path> {
        self.items.iter().filter_map(|item| match item {
            Item::File(path) => Some(path.as_path()),
            Item::Library(_) | Item::Flag(_) => None,
        })
    }

    /// Whether some archives are linked whole, needed or not (`--whole-archive`).
    pub fn are_whole(&self) -> bool {
        self.has_flag("--whole-archive")
    }

    fn has_flag(&self, start: &str) -> bool {
        self.items.iter().any(|item| match item {
            Item::Flag(flag) => flag
                .iter()
                .any(|word| word.as_encoded_bytes().starts_with(start.as_bytes())),
            Item::File(_) | Item::Library(_) => false,
        })
    }

    /// The words for the linker: one group, so that archives may refer to each other in any order.
    fn words(&self, startup: Option<&Path>) -> Vec<OsString> {
        let mut words: Vec<OsString> = self.start.iter().map(OsString::from).collect();
        if !self.has_flag("--build-id") {
            words.push("--build-id".into());
        }
        words.extend(startup.map(OsString::from));
        words.push("--start-group".into());
        for item in &self.items {
            match item {
                Item::File(path) => words.push(path.into()),
                Item::Flag(flag) => words.extend(flag.iter().cloned()),
                // Each was found, or the link does not come this far.
                Item::Library(_) => {}
            }
        }
        words.extend(self.libraries.iter().map(OsString::from));
        words.push("--end-group".into());
        words.extend(self.end.iter().map(OsString::from));
        words
    }
}

/// Whether a compiler's driver names the folder because the machine's own libraries are there, which
/// are made for glibc. What stands beside gcc's own libraries suits any libc.
fn is_of_glibc(folder: &Path) -> bool {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let of_system = ["/usr/lib", "/usr/lib64", "/lib", "/lib64"];
    let of_system = of_system.iter().any(|start| folder.starts_with(start));
    let path = folder.to_string_lossy();
    of_system && !path.contains("/gcc") && !path.contains("musl")
}

fn is_one_of(name: &OsStr, names: &[&str]) -> bool {
    names.iter().any(|one| *one == name)
}

/// gcc has the unwinder in a shared library for everyone else.
fn unwinder(name: &OsStr) -> &OsStr {
    match name == "gcc_s" {
        true => OsStr::new("gcc_eh"),
        false => name,
    }
}

fn is_start_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    is_one_of(name, &PROGRAM_STARTS) || is_one_of(name, &OTHER_STARTS)
}

/// The start file of a static-PIE in the place of another kind of program's.
fn relocating(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let other = match name.to_str() {
        Some("Scrt1.o" | "crt1.o" | "gcrt1.o" | "grcrt1.o") => "rcrt1.o",
        Some("crtbegin.o" | "crtbeginT.o") => "crtbeginS.o",
        Some("crtend.o") => "crtendS.o",
        _ => return path.to_owned(),
    };
    let other = path.with_file_name(other);
    match other.is_file() {
        true => other,
        false => path.to_owned(),
    }
}

fn has_program_start(words: &Words) -> bool {
    words.items.iter().any(|item| match item {
        Item::File(path) => is_one_of(path.file_name().unwrap_or_default(), &PROGRAM_STARTS),
        Item::Library(_) | Item::Flag(_) => false,
    })
}

/// A link to do.
#[derive(Clone, Debug)]
pub struct Link<'a> {
    /// The linker.
    pub linker: &'a Linker,
    /// What is linked.
    pub inputs: &'a Inputs,
    /// An object that is linked besides, behind the start files.
    pub startup: Option<&'a [u8]>,
    /// For which CPU.
    pub target: &'a Target,
    /// The file to make.
    pub output: &'a Path,
    /// After this time the linker is killed.
    pub time_limit: Duration,
}

/// A program that is linked and that nobody sees yet.
#[derive(Debug)]
pub struct Linked {
    folder: TempDir,
    output: PathBuf,
    /// The command that made it.
    pub command: String,
}

/// A link that did not work; no output is left.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that the link needs could not be written.
    #[error("failed to write `{}`: {cause}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: io::Error,
    },
    /// The linker refused, with these words.
    #[error("{linker} refused:{}", command::indent(.says))]
    Refused {
        /// Its name.
        linker: &'static str,
        /// What it said.
        says: String,
        /// The whole command.
        command: String,
    },
    /// The linker died or panicked, which is a bug of its own that a damaged input brought out.
    #[error("{linker} crashed ({how}):{}", command::indent(.says))]
    Crashed {
        /// Its name.
        linker: &'static str,
        /// How it ended.
        how: String,
        /// What it said last.
        says: String,
        /// The whole command.
        command: String,
    },
    /// It could not be started, or took too long.
    #[error(transparent)]
    Command(#[from] command::Error),
}

/// How much of what a linker says is kept, in lines.
const MAX_LINES: usize = 60;
/// The exit status of a Rust program that panicked.
const PANICKED: i32 = 101;

/// Runs the linker.
///
/// # Errors
/// See [`Error`].
pub fn run(link: &Link<'_>) -> Result<Linked, Error> {
    let output = link.output;
    let beside = match output.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |cause| Error::Write { path, cause }
    };
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix(".handpie-link-");
    let folder = match is_special(output) {
        true => folder.tempdir(),
        false => folder.tempdir_in(beside),
    };
    let folder = folder.map_err(failed(output))?;
    // Linkers put the name into messages, so it is the one that was asked for.
    let target = folder.path().join(output.file_name().unwrap_or_default());
    let startup = match link.startup {
        Some(object) => {
            let path = folder.path().join("handpie-startup.o");
            fs::write(&path, object).map_err(failed(&path))?;
            Some(path)
        }
        None => None,
    };
    let mut tool = link.linker.tool().timeout(link.time_limit);
    // Their own, unasked; and of make, whose jobs are not ours to take.
    for name in [
        "MAKEFLAGS",
        "WILD_SAVE_DIR",
        "WILD_VALIDATE_OUTPUT",
        "WILD_LOG",
    ] {
        tool = tool.env_remove(name);
    }
    let tool = tool
        .arg("-o")
        .arg(&target)
        .args(["-m", link.target.emulation])
        .args(link.linker.words(link.inputs.relr))
        .args(link.linker.known(link.inputs.words(startup.as_deref())));
    let command = tool.short_line();
    let ended = tool.output()?;
    if !ended.status.success() || !target.is_file() {
        return Err(unsuccessful(link.linker.name(), &ended, command));
    }
    Ok(Linked {
        folder,
        output: target,
        command,
    })
}

/// Whether it is there and no file: a device, which a rename would take away from everybody.
fn is_special(output: &Path) -> bool {
    fs::metadata(output).is_ok_and(|metadata| !metadata.is_file())
}

fn unsuccessful(linker: &'static str, ended: &Output, command: String) -> Error {
    let text = String::from_utf8_lossy(&ended.stderr);
    let lines: Vec<&str> = text.lines().take(MAX_LINES).collect();
    let says = lines.join("\n");
    if ended.status.signal().is_some() || ended.status.code() == Some(PANICKED) {
        return Error::Crashed {
            linker,
            how: ended.status.to_string(),
            says,
            command,
        };
    }
    Error::Refused {
        linker,
        says,
        command,
    }
}

impl Linked {
    /// Where it is, for whoever looks at it before it is kept.
    pub fn path(&self) -> &Path {
        &self.output
    }

    /// Puts it where it was asked for, in one step. What is no file, such as `/dev/null`, is written
    /// to and stays what it is.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn keep(self, output: &Path) -> Result<(), Error> {
        let kept = match is_special(output) {
            true => fs::OpenOptions::new()
                .write(true)
                .open(output)
                .and_then(|mut to| io::copy(&mut fs::File::open(&self.output)?, &mut to))
                .map(drop),
            false => exchange(&self.output, output),
        };
        kept.map_err(|cause| Error::Write {
            path: output.to_owned(),
            cause,
        })?;
        // What is left in it goes as well.
        drop(self.folder);
        Ok(())
    }
}

/// Gives a file the name of another, which has none afterwards, or lies in its place until its folder
/// goes. To rename a file over another one, ext4 writes its data to disk at once (`auto_da_alloc`),
/// which takes longer than the link; to exchange two it does not.
fn exchange(from: &Path, to: &Path) -> io::Result<()> {
    let flags = RenameFlags::EXCHANGE;
    match rustix::fs::renameat_with(CWD, from, CWD, to, flags) {
        Ok(()) => Ok(()),
        // There is nothing to exchange it with, or the file system cannot.
        Err(_) => fs::rename(from, to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_place_of_another_or_of_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for round in ["first", "second"] {
            fs::write(path("made"), round).unwrap();
            exchange(&path("made"), &path("kept")).unwrap();
            assert_eq!(fs::read_to_string(path("kept")).unwrap(), round);
        }
    }

    fn sysroot() -> Sysroot {
        Sysroot {
            libc: Libc::Musl,
            origin: "here".into(),
            start: vec!["/m/rcrt1.o".into(), "/m/crti.o".into()],
            libraries: vec!["/m/libc.a".into()],
            end: vec!["/m/crtn.o".into()],
            search: Vec::new(),
            include: Vec::new(),
            relr: true,
        }
    }

    fn words(line: &str) -> Words {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        Words::parse(&words).unwrap()
    }

    fn files(inputs: &Inputs) -> Vec<String> {
        inputs
            .files()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn what_a_driver_gives_of_another_libc_is_replaced() {
        let words =
            words("/g/Scrt1.o /g/crti.o /gcc/crtbeginS.o a.o -lgcc -lgcc_s -lc -lm /g/crtn.o");
        let inputs = Inputs::of(&words, Some(&sysroot())).unwrap();
        assert_eq!(
            files(&inputs),
            ["/m/rcrt1.o", "/m/crti.o", "a.o", "/m/libc.a", "/m/crtn.o"]
        );
    }

    #[test]
    fn the_machines_own_libraries_are_not_linked_to_another_libc() {
        let is_of_glibc = |path| is_of_glibc(Path::new(path));
        assert!(is_of_glibc("/usr/lib/x86_64-linux-gnu/../x86_64-linux-gnu"));
        assert!(!is_of_glibc("/usr/lib/gcc/x86_64-linux-gnu/12"));
        assert!(!is_of_glibc("/usr/lib/x86_64-linux-musl"));
        assert!(!is_of_glibc("/opt/mine/lib"));
    }

    #[test]
    fn complete_words_stay_as_they_are() {
        let words = words("-nostartfiles /r/rcrt1.o a.o /r/libc.a /r/crtn.o");
        let inputs = Inputs::of(&words, None).unwrap();
        assert_eq!(
            files(&inputs),
            ["/r/rcrt1.o", "a.o", "/r/libc.a", "/r/crtn.o"]
        );
    }

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        let missing = Inputs::of(&words("a.o -lnone -lnothing"), Some(&sysroot())).unwrap_err();
        assert_eq!(missing.len(), 2, "{missing:?}");
    }
}
