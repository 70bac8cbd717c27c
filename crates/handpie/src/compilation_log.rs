//! The evidence log: how each object was compiled, and of which objects each program was linked.
//!
//! `handpie cc` and `handpie link` append to the file that [`FILE`] names, a line of JSON an event;
//! `handpie check --evidence` reads it. Objects are known by a hash of their bytes, because build
//! tools copy them about and put them into archives, and programs by their build id, which strip
//! keeps.

use std::collections::HashMap;
use std::env;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use handpie_audit::{Compilations, ObjectCompilation};
use handpie_binary::elf::constants::NT_GNU_BUILD_ID;
use handpie_binary::identify::{FileKind, identify};
use handpie_binary::{Archive, Elf, Incomplete, well_formed};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Input;

/// The variable that names the log.
pub(crate) const FILE: &str = "HANDPIE_EVIDENCE";
/// A compilation, as JSON, that a compiler's driver does before it links.
const DRIVER: &str = "HANDPIE_EVIDENCE_DRIVER";
/// A log is no larger, in bytes: a line has 2 KiB.
const MAX_LOG: u64 = 256 << 20;

/// One line of the log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Entry {
    Compile {
        object: Object,
        #[serde(flatten)]
        how: Compilation,
    },
    Link {
        /// The program's `NT_GNU_BUILD_ID`, in hexadecimal.
        build_id: String,
        program: String,
        objects: Vec<Object>,
        /// What made those objects that only existed between two steps of one command.
        driver: Option<Compilation>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Object {
    name: String,
    /// SHA-256 of its bytes, in hexadecimal.
    hash: String,
}

/// How something was compiled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Compilation {
    /// What the compiler says it is.
    pub(crate) compiler: String,
    /// What it was given, in its order: what was added, then the user's words.
    pub(crate) flags: Vec<String>,
}

/// The log that is kept, if one is.
fn kept() -> Option<PathBuf> {
    env::var_os(FILE)
        .filter(|file| !file.is_empty())
        .map(PathBuf::from)
}

/// Whether a log is kept.
pub(crate) fn is_kept() -> bool {
    kept().is_some()
}

/// The variable that tells a linker how its compiler's driver compiles, and its value.
pub(crate) fn for_linker(how: &Compilation) -> Option<(&'static str, String)> {
    let text = serde_json::to_string(how).ok()?;
    Some((DRIVER, text))
}

/// Writes down how an object was compiled.
pub(crate) fn compiled(object: &Path, how: &Compilation) -> Result<(), Failure> {
    let hash = hash(&fs::read(object).map_err(|cause| unreadable(object, &cause))?);
    append(&Entry::Compile {
        object: Object {
            name: object.display().to_string(),
            hash,
        },
        how: how.clone(),
    })
}

/// Writes down of what a program was linked, if a log is kept.
pub(crate) fn linked<'a>(
    program: &Path,
    inputs: impl Iterator<Item = &'a Path>,
) -> Result<(), Failure> {
    if !is_kept() {
        return Ok(());
    }
    let id = Input::open(program)?.look(|bytes| {
        let elf = well_formed(Elf::parse(bytes))?;
        elf.map_or(Ok(None), |elf| build_id(&elf))
    })?;
    let Some(build_id) = id? else {
        return Ok(());
    };
    let mut objects = Vec::new();
    for input in inputs {
        objects.extend(objects_in(input)?);
    }
    let driver = env::var(DRIVER).ok();
    append(&Entry::Link {
        build_id,
        program: program.display().to_string(),
        objects,
        driver: driver.and_then(|text| serde_json::from_str(&text).ok()),
    })
}

/// An object, or those in an archive. What a thin archive names is not read.
fn objects_in(path: &Path) -> Result<Vec<Object>, Failure> {
    let bytes = fs::read(path).map_err(|cause| unreadable(path, &cause))?;
    let name = path.display().to_string();
    let archive = match identify(&bytes) {
        FileKind::Archive => Archive::parse(bytes.as_slice()).ok(),
        _ => None,
    };
    let Some(archive) = archive else {
        let hash = hash(&bytes);
        return Ok(vec![Object { name, hash }]);
    };
    let members = archive.members().iter().filter_map(|member| {
        Some(Object {
            name: format!("{name}({})", member.name()),
            hash: hash(member.data?.data().ok()?),
        })
    });
    Ok(members.collect())
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn hash(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn build_id(elf: &Elf<'_>) -> Result<Option<String>, Incomplete> {
    let notes = elf.notes()?;
    let mut notes = notes.iter();
    let note = notes.find(|note| note.name == b"GNU" && note.kind == NT_GNU_BUILD_ID.0);
    Ok(note.map(|note| hexadecimal(note.description)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

fn unreadable(path: &Path, cause: &io::Error) -> Failure {
    Failure::new(Exit::Input, format!("failed to read `{}`", path.display())).cause(cause)
}

/// In one write at the end of the file: compilers run side by side.
fn append(entry: &Entry) -> Result<(), Failure> {
    let Some(file) = kept() else {
        return Ok(());
    };
    let failed = |cause: io::Error| {
        Failure::new(
            Exit::Input,
            format!("failed to write to `{}`", file.display()),
        )
        .cause(cause)
        .hint(format!(
            "the variable {FILE} names this file; unset {FILE} to disable the log"
        ))
    };
    let line = serde_json::to_string(entry).map_err(|error| failed(error.into()))? + "\n";
    let mut log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&file)
        .map_err(failed)?;
    log.write_all(line.as_bytes()).map_err(failed)
}

/// A log that was read.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// By hash.
    compilations: HashMap<String, Compilation>,
    /// By build id.
    programs: HashMap<String, Linked>,
}

#[derive(Debug)]
struct Linked {
    objects: Vec<Object>,
    driver: Option<Compilation>,
}

impl Log {
    /// Reads the log at `path`; of two lines about one thing, the last counts.
    pub(crate) fn read(path: &Path) -> Result<Log, Failure> {
        let wrong = |why: &str| {
            Failure::new(
                Exit::Input,
                format!("`{}` is not a build log of handpie", path.display()),
            )
            .cause(why)
            .hint(format!(
                "build with {FILE}={} in the environment",
                path.display()
            ))
        };
        let mut input = Input::open(path)?;
        if input.size().0 > MAX_LOG {
            return Err(wrong("the file is larger than 256 MiB"));
        }
        let text = input.look(|bytes| bytes.data().map(<[u8]>::to_vec))??;
        let mut log = Log::default();
        for (line, number) in text.split(|&byte| byte == b'\n').zip(1..) {
            if line.is_empty() {
                continue;
            }
            let entry = serde_json::from_slice(line);
            let entry = entry.map_err(|error| wrong(&format!("line {number}: {error}")))?;
            log.take(entry);
        }
        Ok(log)
    }

    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Compile { object, how } => _ = self.compilations.insert(object.hash, how),
            Entry::Link {
                build_id,
                objects,
                driver,
                ..
            } => _ = self.programs.insert(build_id, Linked { objects, driver }),
        }
    }

    /// What it says of a program; nothing of what has no build id.
    ///
    /// # Errors
    /// [`Incomplete`] when that has not been read.
    pub(crate) fn of(&self, elf: &Elf<'_>) -> Result<Compilations, Incomplete> {
        let program = build_id(elf)?.and_then(|id| self.programs.get(&id));
        let objects = program.map(|program| {
            let objects = program.objects.iter();
            let known = objects.map(|object| ObjectCompilation {
                name: object.name.clone(),
                flags: self.how(object, program).map(|how| how.flags.clone()),
            });
            known.collect()
        });
        Ok(Compilations {
            objects: objects.unwrap_or_default(),
        })
    }

    fn how<'a>(&'a self, object: &Object, program: &'a Linked) -> Option<&'a Compilation> {
        let logged = self.compilations.get(&object.hash);
        // What the command did not name, its driver made.
        let of_driver = program.driver.as_ref();
        logged.or_else(|| of_driver.filter(|how| !how.flags.contains(&object.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, hash: &str) -> Object {
        Object {
            name: name.to_owned(),
            hash: hash.to_owned(),
        }
    }

    fn compilation(flags: &str) -> Compilation {
        Compilation {
            compiler: "cc 1".to_owned(),
            flags: flags.split(' ').map(str::to_owned).collect(),
        }
    }

    #[test]
    fn an_object_is_known_by_its_bytes_and_what_the_driver_made_by_its_command() {
        let mut log = Log::default();
        log.take(Entry::Compile {
            object: object("/src/a.o", "11"),
            how: compilation("-O1"),
        });
        let program = Linked {
            objects: Vec::new(),
            driver: Some(compilation("-O2 main.c given.o")),
        };
        let flags = |name, hash| {
            log.how(&object(name, hash), &program)
                .map(|how| how.flags[0].as_str())
        };
        assert_eq!(flags("libx.a(a.o)", "11"), Some("-O1"));
        assert_eq!(flags("/tmp/ccX.o", "22"), Some("-O2"));
        assert_eq!(flags("given.o", "33"), None);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "{\"event\":\"compile\",\"object\":{\"name\":\"a\",\"hash\":\"b\"},\"compiler\":\"c\",\"flags\":[]}\nno\n").unwrap();
        let failure = Log::read(&path).unwrap_err();
        assert!(format!("{failure:?}").contains("line 2"), "{failure:?}");
    }
}
