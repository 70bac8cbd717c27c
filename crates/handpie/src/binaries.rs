//! The one door to binaries: which files a command line names, what each of them is, and which
//! binaries are in it.
//!
//! Nothing is passed over in silence. What somebody named and what cannot be read comes as
//! [`Visit::Unread`], with the reason; a file that was only met in a folder and is not a binary comes
//! as [`Visit::PassedOver`], and is counted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use handpie_binary::identify::{FileKind, identify};
use handpie_binary::{Binary, Bytes, Error, ErrorKind, Incomplete};
use handpie_vuln::NoInventory;
use rustix::io::Errno;
use serde::Serialize;
use walkdir::{DirEntry, WalkDir};

use crate::compilation_log;
use crate::failure::Failure;
use crate::input::{self, Input, UNREADABLE_FILE};

/// The code of a folder without a file.
pub(crate) const EMPTY_FOLDER: &str = "empty-folder";

/// A file to visit, or what is known of it already.
#[derive(Debug)]
pub(crate) struct Entry {
    path: PathBuf,
    /// Whether the user named it, and not a directory that it is in.
    named: bool,
    state: State,
}

/// What the walk tells of an entry.
#[derive(Debug)]
enum State {
    /// A file; what it is by its first bytes, once they have been read.
    File(OnceLock<FileKind>),
    /// Nothing that could be a binary: a link, a socket, a device.
    NoFile,
    /// It cannot be listed or opened.
    Unread(Unread),
}

/// What came of a file.
#[derive(Debug)]
pub(crate) enum Visit<T> {
    /// What was made of each binary in it.
    Seen(Vec<T>),
    /// It was only met in a folder, and is nothing that was asked about.
    PassedOver,
    /// It could not be read.
    Unread(Unread),
}

/// A file or folder that could not be read, and why.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Unread {
    #[serde(skip)]
    pub(crate) path: PathBuf,
    #[serde(rename = "path")]
    pub(crate) name: String,
    pub(crate) code: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
}

/// A binary in a file.
pub(crate) struct Member<'data> {
    /// What tells it from the others in the file, where there are several.
    pub(crate) name: Option<String>,
    pub(crate) binary: Binary<'data>,
    /// The file.
    pub(crate) bytes: Bytes<'data>,
    /// The file's `st_mode`; `None` for standard input.
    pub(crate) mode: Option<u32>,
    /// SHA-256 of the file, where it was asked for.
    pub(crate) hash: Option<String>,
}

/// Why nothing was made of a binary.
#[derive(Debug)]
pub(crate) enum Reason {
    /// Its bytes contradict the format.
    Damaged(Error),
    /// Nothing in it tells what it holds, or more than can be true.
    NoInventory(NoInventory),
    /// Not all that it rests on was read; the visit begins anew, so this never gets out of it.
    Incomplete(Incomplete),
}

/// All files that `paths` lead to, in the order of the command line and then of their names. Links in
/// directories are not followed: what they lead to is met under its own name, or belongs to somebody
/// else.
pub(crate) fn find(paths: &[PathBuf]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for path in paths {
        match !input::is_stream(path) && path.is_dir() {
            true => walk(path, &mut entries),
            false => entries.push(Entry::named(path)),
        }
    }
    entries
}

/// What `each` makes of every binary in a file; with `hashed`, it gets the hash of the file.
pub(crate) fn visit<T>(
    entry: &Entry,
    hashed: bool,
    each: impl for<'data> Fn(Member<'data>) -> Result<T, Reason>,
) -> Visit<T> {
    let mut input = match entry.open() {
        Ok(Some(input)) => input,
        Ok(None) => return Visit::PassedOver,
        Err(unread) => return Visit::Unread(unread),
    };
    let mode = input.mode();
    let mut seen = input.look(|bytes| members(bytes, mode, None, &each));
    // What tells nothing need not be read whole.
    if hashed && matches!(seen, Ok(Ok(_))) {
        seen = input
            .look(hash)
            .and_then(|hash| Ok(hash?))
            .and_then(|hash| input.look(|bytes| members(bytes, mode, Some(&hash), &each)));
    }
    match seen {
        Ok(Ok(seen)) => Visit::Seen(seen),
        Ok(Err(reason)) if !entry.named && reason.is_of_something_else() => Visit::PassedOver,
        Ok(Err(reason)) => Visit::Unread(Unread::because(entry, &reason)),
        Err(failure) => Visit::Unread(entry.unread(failure)),
    }
}

impl Entry {
    /// The file at a path that the user named.
    pub(crate) fn named(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            named: true,
            state: State::File(OnceLock::new()),
        }
    }

    /// What a walk through a folder met.
    fn met(entry: DirEntry) -> Self {
        let kind = entry.file_type();
        let path = entry.into_path();
        let state = if kind.is_file() {
            State::File(OnceLock::new())
        } else if let (true, Some(error)) = (kind.is_symlink(), leads_round(&path)) {
            State::Unread(Unread::of_system(&path, &error))
        } else {
            State::NoFile
        };
        Self {
            path,
            named: false,
            state,
        }
    }

    /// What a walk could not list.
    fn unlisted(unread: Unread) -> Self {
        Self {
            path: unread.path.clone(),
            named: false,
            state: State::Unread(unread),
        }
    }

    /// What a link leads to, under the name of the link; anything else as it is.
    pub(crate) fn followed(self) -> Self {
        match self.state {
            State::NoFile if self.path.is_symlink() => Self {
                state: State::File(OnceLock::new()),
                ..self
            },
            _ => self,
        }
    }

    /// Whether it is a file that could be a binary.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.state, State::File(_))
    }

    /// How reports call it.
    pub(crate) fn name(&self) -> String {
        match input::is_stream(&self.path) {
            true => "standard input".to_owned(),
            false => self.path.display().to_string(),
        }
    }

    /// The path, as it was named or found.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the user named it, and not a directory that it is in.
    pub(crate) fn was_named(&self) -> bool {
        self.named
    }

    /// Whether the walk could not list or follow it.
    pub(crate) fn is_unread(&self) -> bool {
        matches!(self.state, State::Unread(_))
    }

    /// Whether it is an archive of objects.
    pub(crate) fn is_archive(&self) -> bool {
        // Reading from a FIFO that somebody names would wait for a writer.
        let may_be_read = !self.named || (!input::is_stream(&self.path) && self.path.is_file());
        may_be_read && matches!(self.kind(), Ok(FileKind::Archive))
    }

    /// The reason why a command could not read it.
    pub(crate) fn unread(&self, failure: Failure) -> Unread {
        Unread {
            path: self.path.clone(),
            name: self.name(),
            code: failure.code,
            message: [vec![failure.message], failure.causes].concat().join(": "),
            hints: failure.hints,
        }
    }

    /// The file, opened; `None` for one that nobody named and that is not a binary.
    pub(crate) fn open(&self) -> Result<Option<Input>, Unread> {
        let is_binary =
            self.named || matches!(self.kind()?, FileKind::Elf | FileKind::MachO | FileKind::Pe);
        match is_binary {
            true => Input::open(&self.path)
                .map(Some)
                .map_err(|failure| self.unread(failure)),
            false => Ok(None),
        }
    }

    /// What it is by its first bytes.
    fn kind(&self) -> Result<FileKind, Unread> {
        let kind = match &self.state {
            State::File(kind) => kind,
            State::NoFile => return Ok(FileKind::Unknown),
            State::Unread(unread) => return Err(unread.clone()),
        };
        if let Some(kind) = kind.get() {
            return Ok(*kind);
        }
        let first = input::first_bytes(&self.path);
        let first = first.map_err(|error| Unread::of_system(&self.path, &error))?;
        Ok(*kind.get_or_init(|| identify(&first)))
    }
}

/// Adds everything below a folder that somebody named.
fn walk(folder: &Path, entries: &mut Vec<Entry>) {
    let before = entries.len();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => entries.push(Entry::met(entry)),
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                let error = error.into_io_error().unwrap_or_else(|| Errno::LOOP.into());
                entries.push(Entry::unlisted(Unread::of_system(&path, &error)));
            }
        }
    }
    if entries.len() == before {
        entries.push(Entry::unlisted(Unread {
            path: folder.to_owned(),
            name: folder.display().to_string(),
            code: Some(EMPTY_FOLDER),
            message: "there is no file in this folder".to_owned(),
            hints: vec!["is it the folder that the build writes to?".to_owned()],
        }));
    }
}

/// The error of a link that leads to itself, directly or over others. One that leads nowhere is a file
/// that is not there, and nothing to be read.
fn leads_round(link: &Path) -> Option<io::Error> {
    let error = link.metadata().err()?;
    (error.raw_os_error() == Some(Errno::LOOP.raw_os_error())).then_some(error)
}

/// SHA-256 of the file.
fn hash(bytes: Bytes<'_>) -> Result<String, Incomplete> {
    bytes.data().map(compilation_log::hash)
}

/// What `each` makes of every binary in `bytes`. Several are one file, such as those of a universal
/// Mach-O file: when one of them tells what it holds, the others need not.
fn members<'data, T>(
    bytes: Bytes<'data>,
    mode: Option<u32>,
    hash: Option<&str>,
    each: impl Fn(Member<'data>) -> Result<T, Reason>,
) -> Result<Vec<T>, Reason> {
    let binaries = Binary::parse(bytes)?;
    let several = binaries.len() > 1;
    let mut seen = Vec::new();
    let mut nothing = None;
    for (binary, number) in binaries.into_iter().zip(1..) {
        let member = Member {
            name: several.then(|| member_name(&binary, number)),
            binary,
            bytes,
            mode,
            hash: hash.map(str::to_owned),
        };
        match each(member) {
            Ok(one) => seen.push(one),
            Err(Reason::NoInventory(why)) if !why.is_refusal() => nothing = Some(why),
            Err(reason) => return Err(reason),
        }
    }
    match nothing.filter(|_| seen.is_empty()) {
        Some(why) => Err(why.into()),
        None => Ok(seen),
    }
}

/// How one of several binaries in a file is told from the others.
fn member_name(binary: &Binary<'_>, number: usize) -> String {
    match binary {
        Binary::MachO(macho) => macho.header().architecture().to_owned(),
        Binary::Elf(_) | Binary::Pe(_) => number.to_string(),
    }
}

impl Reason {
    /// Whether the file is simply not what was looked for. The first bytes say nearly always, and not
    /// always, what a file is.
    fn is_of_something_else(&self) -> bool {
        match self {
            Self::Damaged(error) => error.kind() == ErrorKind::NotBinary,
            Self::NoInventory(why) => !why.is_refusal(),
            Self::Incomplete(_) => false,
        }
    }
}

impl From<Error> for Reason {
    fn from(error: Error) -> Self {
        Self::Damaged(error)
    }
}

impl From<NoInventory> for Reason {
    fn from(why: NoInventory) -> Self {
        match why {
            NoInventory::Incomplete(incomplete) => Self::Incomplete(incomplete),
            why => Self::NoInventory(why),
        }
    }
}

impl From<Incomplete> for Reason {
    fn from(incomplete: Incomplete) -> Self {
        Self::Incomplete(incomplete)
    }
}

impl Unread {
    /// A file whose bytes contradict its format.
    pub(crate) fn damaged(entry: &Entry, error: &Error) -> Self {
        Self {
            path: entry.path.clone(),
            name: entry.name(),
            code: Some(error.kind().code()),
            message: error.to_string(),
            hints: Vec::new(),
        }
    }

    /// A program in which nothing tells what it holds, or more than can be true.
    pub(crate) fn without_inventory(path: PathBuf, name: String, why: NoInventory) -> Self {
        Self {
            path,
            name,
            code: Some(why.code()),
            message: why.to_string(),
            hints: vec![why.hint().to_owned()],
        }
    }

    fn because(entry: &Entry, reason: &Reason) -> Self {
        match reason {
            Reason::Damaged(error) => Self::damaged(entry, error),
            Reason::NoInventory(why) => {
                Self::without_inventory(entry.path.clone(), entry.name(), *why)
            }
            Reason::Incomplete(incomplete) => entry.unread((*incomplete).into()),
        }
    }

    /// What the system says of a file or folder.
    fn of_system(path: &Path, error: &io::Error) -> Self {
        let name = path.display().to_string();
        let failure = input::unreadable(&name, error);
        Self {
            path: path.to_owned(),
            name,
            code: Some(UNREADABLE_FILE),
            message: [vec![failure.message], failure.causes].concat().join(": "),
            hints: failure.hints,
        }
    }
}
