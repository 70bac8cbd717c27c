//! Notes that the wrapped linker leaves for `handpie build`, and those that are kept of earlier builds.
//!
//! `handpie build` makes a folder and names it in HANDPIE_RECORDS; go starts `handpie toolexec`
//! with that environment, and each conversion leaves a note there.
//! A program that go finds up to date leaves none. For it, the note of the build that made it is
//! kept in the user's cache folder under the program's path, its size and its first bytes,
//! where go writes the build id: reading a large program to say what has not changed would take
//! longer than the build.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use handpie_binary::Bytes;
use handpie_binary::elf::{Elf, Kind};
use handpie_pie::{Aslr, Conversion, StubHeader};
use handpie_toolchain::cache;
use handpie_toolchain::profile::VERSION_VARIABLES;
use serde::{Deserialize, Serialize};

use crate::conversion;
use crate::failure::Failure;
use crate::input::Input;

/// The variable that names the folder.
pub(crate) const FOLDER: &str = "HANDPIE_RECORDS";
const LINK_FAILED: &str = "link-failed";
const REFUSED: &str = "refused";
/// The headers, the stub's place and the notes of a Go program.
const HEAD: u64 = 8192;

/// What became of one program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) package: String,
    /// What the linker made; unknown for a program of an earlier build without a note.
    pub(crate) kind_before: Option<String>,
    pub(crate) kind_after: String,
    pub(crate) size_before: Option<u64>,
    pub(crate) size_after: u64,
    pub(crate) changes: Option<Changes>,
    /// For a program that handpie linked rather than converted.
    pub(crate) linked: Option<StartUpWork>,
    /// Whether it chooses its own load address.
    #[serde(default)]
    pub(crate) moves: bool,
    /// Whether it seals its code, read-only data and RELRO.
    #[serde(default)]
    pub(crate) seals: bool,
    /// Which of `main.Version` and `main.version` the program has; nothing if it has no symbols.
    pub(crate) version_variables: Option<Vec<String>>,
}

/// What the conversion changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Changes {
    pub(crate) interpreter_removed: String,
    pub(crate) relocations: u64,
    pub(crate) rela_size: u64,
    pub(crate) relr_size: u64,
    pub(crate) relro_size: Option<u64>,
    pub(crate) stub_size: u64,
}

/// What a program does before Go's own start-up code runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StartUpWork {
    pub(crate) relocations: u64,
    pub(crate) relr_size: u64,
    pub(crate) relro_size: u64,
    pub(crate) stub_size: u64,
}

impl Note {
    pub(crate) fn converted(
        package: &str,
        conversion: &Conversion,
        input: &mut Input,
    ) -> Result<Self, Failure> {
        let plan = &conversion.plan;
        let before = Kind::LoaderOnlyPie {
            interpreter: plan.interpreter.clone(),
        };
        let changes = Changes {
            interpreter_removed: plan.interpreter.clone(),
            relocations: plan.relocations as u64,
            rela_size: plan.packing.old_size.0,
            relr_size: plan.packing.relr_size.0,
            relro_size: plan.relro.map(|relro| relro.size.0),
            stub_size: plan.stub.size.0,
        };
        Ok(Self {
            kind_before: Some(before.to_string()),
            size_before: Some(plan.old_size.0),
            size_after: plan.new_size.0,
            changes: Some(changes),
            moves: plan.options.aslr == Aslr::Full,
            seals: plan.options.seal,
            ..Self::unchanged(package, input)?
        })
    }

    /// A static-PIE that handpie has linked from an object.
    pub(crate) fn linked(package: &str, input: &mut Input) -> Result<Self, Failure> {
        Ok(Self {
            kind_before: Some(Kind::RelocatableObject.to_string()),
            linked: input.look(start_up_work)?,
            ..Self::unchanged(package, input)?
        })
    }

    /// A static-PIE of which nothing else is known.
    pub(crate) fn unchanged(package: &str, input: &mut Input) -> Result<Self, Failure> {
        let options = input.look(conversion::stub)?.and_then(|stub| stub.options);
        Ok(Self {
            package: package.to_owned(),
            kind_before: None,
            kind_after: Kind::StaticPie.to_string(),
            size_before: None,
            size_after: input.size().0,
            changes: None,
            linked: None,
            moves: options.is_some_and(|options| options.moved),
            seals: options.is_some_and(|options| options.seal_count > 0),
            version_variables: input.look(version_variables)?,
        })
    }
}

fn start_up_work(program: Bytes<'_>) -> Option<StartUpWork> {
    let elf = Elf::parse(program).ok()?;
    let stub = StubHeader::read(&elf)?;
    let dynamic = elf.dynamic().ok()??;
    Some(StartUpWork {
        relocations: elf.relr_targets(&dynamic).ok()?.len() as u64,
        relr_size: stub.relr_size.0,
        relro_size: stub.relro_size.0,
        stub_size: elf.section(".text.handpie")?.size.0,
    })
}

fn version_variables(program: Bytes<'_>) -> Option<Vec<String>> {
    let elf = Elf::parse(program).ok()?;
    let symbols = elf.symbols().ok().filter(|symbols| !symbols.is_empty())?;
    let there = |name: &&&str| symbols.iter().any(|symbol| symbol.name == name.as_bytes());
    let variables = VERSION_VARIABLES.iter().filter(there);
    Some(variables.map(|name| (*name).to_owned()).collect())
}

/// Leaves a note for `handpie build`, if that is what started go.
pub(crate) fn leave(note: impl FnOnce() -> Result<Note, Failure>) {
    let Some(folder) = folder() else { return };
    let Ok(note) = note() else { return };
    if let Ok(text) = serde_json::to_vec(&note) {
        // The program is converted, with or without a note.
        let name = format!("{:016x}.json", hash(&note.package));
        let _ = fs::write(folder.join(name), text);
    }
}

/// Tells `handpie build` that a program was refused.
pub(crate) fn leave_refusal() {
    mark(REFUSED);
}

/// Tells `handpie build` that the linker itself failed.
pub(crate) fn leave_link_failure() {
    mark(LINK_FAILED);
}

/// What the wrapped linkers of one `go build` left.
#[derive(Debug)]
pub(crate) struct Notes {
    pub(crate) programs: Vec<Note>,
    pub(crate) refused: bool,
    pub(crate) link_failed: bool,
}

/// Reads what is in the folder after the build.
pub(crate) fn read(folder: &Path) -> Notes {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let programs =
        files.filter_map(|file| serde_json::from_slice(&fs::read(file.path()).ok()?).ok());
    Notes {
        programs: programs.collect(),
        refused: folder.join(REFUSED).exists(),
        link_failed: folder.join(LINK_FAILED).exists(),
    }
}

/// The note that was kept of the program at `path`, if it is still that program.
pub(crate) fn recall(path: &Path) -> Option<Note> {
    let kept: (Identity, Note) = serde_json::from_slice(&fs::read(kept_file(path)?).ok()?).ok()?;
    (kept.0 == Identity::of(path)?).then_some(kept.1)
}

/// Keeps the note of the program at `path`.
pub(crate) fn remember(path: &Path, note: &Note) -> Option<()> {
    let file = kept_file(path)?;
    fs::create_dir_all(file.parent()?).ok()?;
    let text = serde_json::to_vec(&(Identity::of(path)?, note)).ok()?;
    let new = file.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&new, text).ok()?;
    fs::rename(new, file).ok()
}

/// What tells a program from the next one that is built at the same place. Go's build id stands
/// in the head, and names the content of the whole file.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    path: PathBuf,
    converter: String,
    size: u64,
    head: u64,
}

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let size = file.metadata().ok()?.len();
        let mut head = Vec::new();
        file.take(HEAD).read_to_end(&mut head).ok()?;
        Some(Self {
            path: path.to_owned(),
            converter: handpie_pie::FINGERPRINT.to_owned(),
            size,
            head: hash(&head),
        })
    }
}

fn kept_file(path: &Path) -> Option<PathBuf> {
    let folder = cache::user_folder()?.join("programs");
    Some(folder.join(format!("{:016x}.json", hash(path))))
}

fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER)
        .map(PathBuf::from)
        .filter(|folder| folder.is_dir())
}

fn mark(name: &str) {
    if let Some(folder) = folder() {
        // Without the mark, the build still fails; only the exit code is a general one.
        let _ = fs::write(folder.join(name), "");
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
