//! Objects and archives: reads them, has them surveyed, and says it in the words of the checklist.
//!
//! A thin archive names files, which are read with it: regular files only, each once, and together
//! not more than [`MAX_MEMBERS_SIZE`].

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use handpie_audit::{Evidence, Finding, Kind, Language, Objects, Ruling, System};
use handpie_binary::{Bytes, Error, Incomplete, Offset};
use handpie_pie::objects::{self, Libc, Offender, Survey};
use handpie_toolchain::command::Tool;

use crate::binaries::{Entry, Unread, Visit};
use crate::examination::Examination;
use crate::failure::Failure;
use crate::input::{self, Input};

/// What the files of a thin archive may have together, in bytes.
const MAX_MEMBERS_SIZE: u64 = 4 << 30;

/// dpkg answers in milliseconds; a broken one shall not stop anybody.
const DPKG_LIMIT: Duration = Duration::from_secs(5);

/// Where packages put libraries.
const OF_PACKAGES: [&str; 4] = ["/usr/lib", "/usr/share", "/lib", "/opt"];

/// rustc's own data in an archive of Rust.
const RUST_METADATA: &[u8] = b"lib.rmeta";

/// What every rule says of an archive; one that nobody named and that has no objects is passed over.
pub(crate) fn examine_archive(entry: &Entry, ruling: &Ruling<'_>) -> Visit<Examination> {
    let (path, name) = (entry.path(), entry.name());
    let archive = match Archive::read(path, &name) {
        Ok(archive) => archive,
        Err(Reading::Failed(failure)) => return Visit::Unread(entry.unread(failure)),
        Err(Reading::Damaged(error)) => return Visit::Unread(Unread::damaged(entry, &error)),
    };
    let survey = archive.survey(&name);
    if !entry.was_named() && survey.objects == 0 && survey.is_clean() {
        return Visit::PassedOver;
    }
    let mut objects = facts(&survey, true);
    if !survey.is_clean() {
        objects
            .evidence
            .extend(package(path).map(|package| Evidence {
                offset: None,
                what: format!("the file belongs to the Debian package `{package}`"),
            }));
    }
    let findings: Vec<Finding> = handpie_audit::check_archive(&objects, ruling);
    let language = archive.language();
    Visit::Seen(vec![Examination {
        path: path.to_owned(),
        name,
        member: None,
        kind: Kind::Archive,
        language,
        languages: vec![language],
        system: System::Unknown,
        go: None,
        findings,
    }])
}

/// What is found in an object.
pub(crate) fn of_object(name: &str, bytes: Bytes<'_>) -> Result<Objects, Incomplete> {
    let input = objects::Input::new(name, bytes);
    let survey = bytes.settled(objects::survey_apart(&input, Libc::Other))?;
    Ok(facts(&survey, false))
}

/// The facts in the words of the checklist.
fn facts(survey: &Survey, several: bool) -> Objects {
    let evidence = survey.offenders.iter().map(|offender| Evidence {
        offset: offender.offset,
        what: what(offender, several),
    });
    let listed = survey.offenders.iter();
    let listed = listed.fold(0, |sum: u64, one| {
        sum.saturating_add(one.more).saturating_add(1)
    });
    let rest = survey.offences.saturating_sub(listed);
    let rest = (rest > 0).then(|| Evidence {
        offset: None,
        what: format!("{rest} more relocations, which are not listed"),
    });
    let first = survey.offenders.first();
    Objects {
        judged: survey.objects,
        offences: survey.offences,
        evidence: evidence.chain(rest).collect(),
        hint: first.map_or("", |offender| offender.code.hint()),
    }
}

fn what(offender: &Offender, several: bool) -> String {
    let (code, message) = (offender.code.name(), offender.message());
    match &offender.member {
        Some(member) if several => format!("{member}: {code}: {message}"),
        _ => format!("{code}: {message}"),
    }
}

/// An archive that was read, with the files that it names if it is a thin one.
pub(crate) struct Archive {
    bytes: Vec<u8>,
    /// The files, and for each member which of them it is.
    files: Vec<Vec<u8>>,
    members: Vec<usize>,
}

/// Why an archive is not read.
pub(crate) enum Reading {
    /// It, or a file that it names, cannot be read.
    Failed(Failure),
    /// It is not an archive that can be understood.
    Damaged(Error),
}

impl Archive {
    /// Reads the archive at `path`.
    pub(crate) fn read(path: &Path, name: &str) -> Result<Self, Reading> {
        let bytes = read_whole(path).map_err(Reading::Failed)?;
        let names = objects::thin_members(&bytes).map_err(Reading::Damaged)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let paths = names
            .iter()
            .map(|name| folder.join(OsStr::from_bytes(name)));
        let mut room = MAX_MEMBERS_SIZE;
        let mut known: HashMap<PathBuf, usize> = HashMap::new();
        let (mut files, mut members) = (Vec::new(), Vec::new());
        for path in paths {
            let member = match known.get(&path) {
                Some(&member) => member,
                None => {
                    let file = read_member(&path, &mut room)
                        .map_err(|failure| Reading::Failed(of_thin_archive(failure, name)))?;
                    files.push(file);
                    known.insert(path, files.len() - 1);
                    files.len() - 1
                }
            };
            members.push(member);
        }
        Ok(Self {
            bytes,
            files,
            members,
        })
    }

    /// The archive as something to link.
    pub(crate) fn input(&self, name: &str) -> objects::Input<'_> {
        let files = self.members.iter().filter_map(|&file| self.files.get(file));
        objects::Input::new(name, &self.bytes).with_members(files.map(Bytes::from).collect())
    }

    /// Whether it holds all its members, and names no files.
    pub(crate) fn is_complete(&self) -> bool {
        self.members.is_empty()
    }

    fn survey(&self, name: &str) -> Survey {
        objects::survey_apart(&self.input(name), Libc::Other)
    }

    fn language(&self) -> Language {
        let archive = handpie_binary::Archive::parse(&self.bytes);
        let is_rust = archive.is_ok_and(|archive| {
            let mut members = archive.members().iter();
            members.any(|member| member.name == RUST_METADATA)
        });
        match is_rust {
            true => Language::Rust,
            false => Language::C,
        }
    }
}

fn read_whole(path: &Path) -> Result<Vec<u8>, Failure> {
    let input = Input::open(path)?;
    let failed = |cause: std::io::Error| input::unreadable(&path.display(), &cause);
    let mut bytes = Vec::new();
    let size = usize::try_from(input.size().0).unwrap_or(usize::MAX);
    let room = bytes.try_reserve_exact(size);
    room.map_err(|error| failed(std::io::Error::other(error)))?;
    let copied = input.copy_to(&mut bytes, Offset(0), input.size());
    copied.map_err(failed)?;
    Ok(bytes)
}

fn read_member(path: &Path, room: &mut u64) -> Result<Vec<u8>, Failure> {
    // An archive may name anything, and opening a device does something to some.
    let metadata = fs::metadata(path);
    let metadata = metadata.map_err(|cause| input::unreadable(&path.display(), &cause))?;
    let left = room.checked_sub(metadata.len());
    match left.filter(|_| metadata.is_file()) {
        Some(left) => *room = left,
        None => {
            let cause = match metadata.is_file() {
                true => "the files of the archive are too large in total",
                false => input::describe(&metadata),
            };
            let cause = std::io::Error::other(cause);
            return Err(input::unreadable(&path.display(), &cause));
        }
    }
    read_whole(path)
}

fn of_thin_archive(failure: Failure, name: &str) -> Failure {
    failure.hint(format!(
        "`{name}` is a thin archive, which refers to files instead of containing them"
    ))
}

/// The Debian package that a file came with, where dpkg is there and knows. Asking takes a tenth of a
/// second, so it is not asked about what no package has.
pub(crate) fn package(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    if !OF_PACKAGES.iter().any(|folder| path.starts_with(folder)) {
        return None;
    }
    let owner = |path: &Path| {
        let asked = Tool::new("dpkg").arg("-S").arg(path).timeout(DPKG_LIMIT);
        let output = asked.run().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let (package, _) = text.lines().next()?.rsplit_once(": ")?;
        Some(package.to_owned())
    };
    // Where /lib leads to /usr/lib, packages may still say /lib.
    let short = path
        .strip_prefix("/usr")
        .map(|short| Path::new("/").join(short));
    owner(&path).or_else(|| owner(&short.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_of_a_file_is_found_by_either_of_its_names() {
        let library = Path::new("/usr/lib/x86_64-linux-musl/libc.a");
        if !library.is_file() || !Path::new("/usr/bin/dpkg").is_file() {
            return handpie_testkit::skip("naming the package of a file", "Debian's musl-dev");
        }
        let found = package(library).unwrap();
        assert!(found.starts_with("musl-dev"), "{found}");
        assert_eq!(
            package(Path::new("/lib/x86_64-linux-musl/libc.a")),
            Some(found)
        );
        assert_eq!(package(Path::new("/nowhere/libc.a")), None);
    }
}
