//! Response files (`@FILE`): where compilers and linkers are given more words than fit on a command
//! line.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The largest response file that is read, in bytes: a thousand times what build tools write.
const MAX_SIZE: u64 = 64 << 20;
/// How deep response files may name others.
const MAX_DEPTH: u32 = 8;

/// A response file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the response file `{}`: {cause}", .path.display())]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    pub cause: io::Error,
}

/// The words, with those of response files in the place of the files. A word `@FILE` whose file does
/// not exist stays as it is, as in libiberty.
///
/// # Errors
/// When a file is there and cannot be read, is too large, or names others without end.
pub fn expanded(words: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>, Error> {
    let mut all = Vec::new();
    for word in words {
        expand(word, &mut all, MAX_DEPTH)?;
    }
    Ok(all)
}

fn expand(word: OsString, all: &mut Vec<OsString>, depth: u32) -> Result<(), Error> {
    let path = match word.as_bytes().strip_prefix(b"@") {
        Some(path) if Path::new(std::ffi::OsStr::from_bytes(path)).exists() => {
            PathBuf::from(OsString::from_vec(path.to_vec()))
        }
        _ => {
            all.push(word);
            return Ok(());
        }
    };
    let failed = |cause| Error {
        path: path.clone(),
        cause,
    };
    let Some(depth) = depth.checked_sub(1) else {
        return Err(failed(io::Error::other(
            "response files refer to each other",
        )));
    };
    let text = read(&path).map_err(failed)?;
    for word in split(&text) {
        expand(word, all, depth)?;
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let size = File::open(path)?
        .take(MAX_SIZE + 1)
        .read_to_end(&mut text)?;
    if size as u64 > MAX_SIZE {
        return Err(io::Error::other("the file is larger than 64 MiB"));
    }
    Ok(text)
}

/// Words as `libiberty` reads them: blanks part them, quotes keep blanks, a backslash keeps what
/// follows it. Go's linker quotes each word.
pub fn split(text: &[u8]) -> Vec<OsString> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (_, b'\\') => word.get_or_insert_default().extend(bytes.next()),
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(byte),
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (None, _) if byte.is_ascii_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    words.into_iter().map(OsString::from_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_response_files_as_go_writes_them() {
        let words = split(b"\"extld\"\n\"-o\"\n\"a \\\"b\\\\\"\nplain 'x y' \"\"");
        assert_eq!(words, ["extld", "-o", "a \"b\\", "plain", "x y", ""]);
    }

    #[test]
    fn words_of_a_file_stand_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        std::fs::write(&inner, "-lc -lm").unwrap();
        let outer = folder.path().join("outer");
        std::fs::write(&outer, format!("a.o @{} @missing", inner.display())).unwrap();
        let words = ["-o".into(), format!("@{}", outer.display()).into()];
        let words = expanded(words).unwrap();
        assert_eq!(words, ["-o", "a.o", "-lc", "-lm", "@missing"]);
    }

    #[test]
    fn files_that_name_each_other_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("itself");
        std::fs::write(&file, format!("@{}", file.display())).unwrap();
        let error = expanded([format!("@{}", file.display()).into()]).unwrap_err();
        assert!(error.to_string().contains("refer to each other"), "{error}");
    }
}
