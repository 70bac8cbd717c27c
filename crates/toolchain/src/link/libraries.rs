//! Which file `-lNAME` means: always an archive, as nothing is shared.
//!
//! The files are found here and not by the linker, so that all linkers are given the same ones, so
//! that they can be surveyed before, and so that everything that is missing is said at once.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What musl has in `libc.a` and other systems in libraries of their own (musl's Makefile,
/// `EMPTY_LIB_NAMES`).
const IN_MUSL: [&str; 9] = [
    "m", "rt", "pthread", "crypt", "util", "xnet", "resolv", "dl", "c",
];

/// The longest linker script that is read, in bytes. glibc's `libm.a` is one, of 200 bytes.
const MAX_SCRIPT: u64 = 64 << 10;

/// A library that cannot be linked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// There is only a shared one.
    #[error("`-l{name}` exists only as a shared library: `{}`", .shared.display())]
    OnlyShared {
        /// The name behind `-l`.
        name: String,
        /// The shared library.
        shared: PathBuf,
    },
    /// There is none.
    #[error("`-l{name}` was not found in the searched directories: {}", list(.searched))]
    Nowhere {
        /// The name behind `-l`.
        name: String,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// A linker script that is understood in part only.
    #[error("`{}` is a linker script that cannot be used: {what}", .path.display())]
    Script {
        /// The script.
        path: PathBuf,
        /// What it says that is not understood.
        what: String,
    },
}

fn list(folders: &[PathBuf]) -> String {
    let folders: Vec<String> = folders
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    folders.join(", ")
}

/// Finds `-lNAME` in `search`, in that order; more than one file where a linker script stands for
/// them, none where libc holds it (`with_musl`).
///
/// # Errors
/// See [`Missing`].
pub(super) fn find(
    name: &OsStr,
    search: &[PathBuf],
    with_musl: bool,
) -> Result<Vec<PathBuf>, Missing> {
    if with_musl && IN_MUSL.iter().any(|one| *one == name) {
        return Ok(Vec::new());
    }
    let exact = name.as_bytes().strip_prefix(b":").map(OsStr::from_bytes);
    let archive = match exact {
        Some(file) => file.to_owned(),
        None => file_name(name, ".a"),
    };
    let candidates = || search.iter().map(|folder| folder.join(&archive));
    if let Some(path) = candidates().find(|path| path.is_file()) {
        return expand(path, search);
    }
    let shared = file_name(name, ".so");
    let shared = search.iter().map(|folder| folder.join(&shared));
    let name = name.display().to_string();
    Err(match shared.into_iter().find(|path| path.is_file()) {
        Some(shared) => Missing::OnlyShared { name, shared },
        None => Missing::Nowhere {
            name,
            searched: search.to_vec(),
        },
    })
}

fn file_name(name: &OsStr, ending: &str) -> OsString {
    let mut file = OsString::from("lib");
    file.push(name);
    file.push(ending);
    file
}

/// The files that a path stands for: itself, or what a linker script of `GROUP` and `INPUT` names.
///
/// # Errors
/// When it is a script that says more.
pub(super) fn expand(path: PathBuf, search: &[PathBuf]) -> Result<Vec<PathBuf>, Missing> {
    let Some(text) = script(&path) else {
        return Ok(vec![path]);
    };
    let not_understood = |what: &str| Missing::Script {
        path: path.clone(),
        what: what.to_owned(),
    };
    let mut files = Vec::new();
    let text = without_comments(&text).replace(['(', ')', ','], " ");
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        match word {
            "GROUP" | "INPUT" | "AS_NEEDED" => {}
            "OUTPUT_FORMAT" => {
                words.next();
            }
            _ if word.ends_with(".so") || word.contains(".so.") => {}
            _ if word.starts_with('/') => files.push(PathBuf::from(word)),
            _ => match word.strip_prefix("-l") {
                Some(name) => files.extend(find(OsStr::new(name), search, false)?),
                None => return Err(not_understood(&format!("`{word}` is not supported"))),
            },
        }
    }
    match files.is_empty() {
        true => Err(not_understood("the script names no archive")),
        false => Ok(files),
    }
}

/// The text of a file that is none of the formats that linkers take.
fn script(path: &Path) -> Option<String> {
    let of_format: [&[u8]; 5] = [
        b"\x7fELF",
        b"!<arch>\n",
        b"!<thin>\n",
        b"BC\xc0\xde",
        b"\0asm",
    ];
    let mut file = File::open(path).ok()?;
    // A link has hundreds of objects; of nearly all, the first bytes say enough.
    let mut magic = [0; 8];
    let read = file.read(&mut magic).ok()?;
    let mut text = magic.get(..read)?.to_vec();
    if of_format.iter().any(|magic| text.starts_with(magic)) {
        return None;
    }
    file.take(MAX_SCRIPT).read_to_end(&mut text).ok()?;
    let text = String::from_utf8(text).ok()?;
    (text.contains("GROUP") || text.contains("INPUT")).then_some(text)
}

fn without_comments(text: &str) -> String {
    let mut rest = text;
    let mut code = String::new();
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    code + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_shared_library_from_none() {
        let folder = tempfile::tempdir().unwrap();
        let search = [folder.path().to_owned()];
        std::fs::write(folder.path().join("libone.so"), "").unwrap();
        let error = find(OsStr::new("one"), &search, true).unwrap_err();
        assert!(matches!(error, Missing::OnlyShared { .. }), "{error}");
        let error = find(OsStr::new("two"), &search, true).unwrap_err();
        assert!(matches!(error, Missing::Nowhere { .. }), "{error}");
        assert_eq!(find(OsStr::new("m"), &search, true), Ok(Vec::new()));
    }

    #[test]
    fn a_script_stands_for_what_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let search = [folder.path().to_owned()];
        let script = "/* GNU ld script\n*/\nOUTPUT_FORMAT(elf64-x86-64)\n\
                      GROUP ( /usr/lib/libm-2.36.a -lmvec AS_NEEDED ( /lib64/ld.so.2 ) )";
        std::fs::write(folder.path().join("libm.a"), script).unwrap();
        std::fs::write(folder.path().join("libmvec.a"), "!<arch>\n").unwrap();
        let files = find(OsStr::new("m"), &search, false).unwrap();
        let mvec = folder.path().join("libmvec.a");
        assert_eq!(files, [PathBuf::from("/usr/lib/libm-2.36.a"), mvec]);
    }

    #[test]
    fn a_script_that_says_more_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libx.a");
        std::fs::write(&path, "INPUT(/a.o) SECTIONS { }").unwrap();
        let error = expand(path, &[]).unwrap_err();
        assert!(error.to_string().contains("`SECTIONS`"), "{error}");
    }
}
