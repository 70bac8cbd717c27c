//! Archives of objects, as the `ar` of GNU and LLVM and as rustc write them. A thin archive names
//! files instead of holding them.
//!
//! What surprises: the size in the header of a member of a thin archive is that of the file, which
//! may have been written again since. Nobody relies on it here.
//!
//! Not here: the index of symbols. It says what the members say themselves, and may say something
//! else.

use object::read::archive::ArchiveFile;

use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::identify::{FileKind, identify};
use crate::limits::MAX_MEMBERS;
use crate::quantity::{Offset, Size};

/// The magic of each kind of archive has so many bytes.
const MAGIC: u64 = 8;

/// An archive whose members' headers have been read, and whose members lie inside the file.
#[derive(Debug)]
pub struct Archive<'data> {
    members: Vec<Member<'data>>,
    thin: bool,
}

/// A member of an archive, the index and the table of names aside.
#[derive(Clone, Copy, Debug)]
pub struct Member<'data> {
    /// The name; in a thin archive a path, which starts at the folder of the archive.
    pub name: &'data [u8],
    /// The bytes; `None` in a thin archive.
    pub data: Option<Bytes<'data>>,
}

impl Member<'_> {
    /// The name for people.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }
}

impl<'data> Archive<'data> {
    /// Reads the headers of all members of `file`.
    ///
    /// # Errors
    /// Says what is wrong with the first header that cannot be read, and where it stands.
    pub fn parse(file: impl Into<Bytes<'data>>) -> Result<Self, Error> {
        let file = file.into();
        let magic = file.slice(0, file.size().min(Size(MAGIC)), "the magic")?;
        if identify(magic.data()?) != FileKind::Archive {
            let message = "not an archive of objects";
            return Err(Error::at(ErrorKind::Malformed, Offset(0), message));
        }
        let malformed = |at: u64, error: object::read::Error| {
            Error::at(ErrorKind::Malformed, Offset(at), error.to_string())
        };
        let read = ArchiveFile::parse(file.data()?).map_err(|error| malformed(MAGIC, error))?;
        let thin = read.is_thin();
        let mut members = Vec::new();
        let mut end = MAGIC;
        for member in read.members() {
            if members.len() >= MAX_MEMBERS {
                let message = format!("archive has more than {MAX_MEMBERS} members");
                return Err(Error::at(ErrorKind::TooLarge, Offset(end), message));
            }
            let member = member.map_err(|error| malformed(end, error))?;
            let data = match member.is_thin() {
                true => None,
                false => {
                    let (start, size) = member.file_range();
                    end = start.saturating_add(size);
                    Some(file.slice(start, Size(size), "a member")?)
                }
            };
            members.push(Member {
                name: member.name(),
                data,
            });
        }
        Ok(Self { members, thin })
    }

    /// The members, in the file's order.
    pub fn members(&self) -> &[Member<'data>] {
        &self.members
    }

    /// Whether it names its members instead of holding them.
    pub fn is_thin(&self) -> bool {
        self.thin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, size: usize) -> Vec<u8> {
        format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644).into_bytes()
    }

    fn archive(magic: &str, members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut file = magic.as_bytes().to_vec();
        for (name, data) in members {
            file.extend(header(name, data.len()));
            file.extend(*data);
            if data.len() % 2 == 1 {
                file.push(b'\n');
            }
        }
        file
    }

    #[test]
    fn members_come_with_their_bytes_and_places() {
        let file = archive("!<arch>\n", &[("a.o/", b"odd"), ("b.o/", b"even")]);
        let archive = Archive::parse(&file).unwrap();
        let seen: Vec<(String, Offset, &[u8])> = archive
            .members()
            .iter()
            .map(|member| (member.name(), member.data.unwrap()))
            .map(|(name, data)| (name, data.base(), data.data().unwrap()))
            .collect();
        assert_eq!(
            seen,
            [
                ("a.o".to_owned(), Offset(68), &b"odd"[..]),
                ("b.o".to_owned(), Offset(132), &b"even"[..]),
            ]
        );
    }

    #[test]
    fn members_of_a_thin_archive_lie_elsewhere() {
        let names = b"lib/a-name-of-many-letters.o/\n";
        let mut file = archive("!<thin>\n", &[("//", names)]);
        file.extend(header("/0", 4096));
        file.extend(header("b.o/", 12));
        let archive = Archive::parse(&file).unwrap();
        let names: Vec<String> = archive.members().iter().map(Member::name).collect();
        assert_eq!(names, ["lib/a-name-of-many-letters.o", "b.o"]);
        assert!(archive.is_thin());
        assert!(archive.members().iter().all(|member| member.data.is_none()));
    }

    #[test]
    fn an_archive_that_ends_too_early_is_an_error_with_a_place() {
        let mut file = archive("!<arch>\n", &[("a.o/", b"some"), ("b.o/", b"more")]);
        file.truncate(file.len() - 1);
        let error = Archive::parse(&file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
        file.truncate(80);
        let error = Archive::parse(&file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(error.offset(), Some(Offset(72)));
    }

    #[test]
    fn an_empty_archive_is_one() {
        assert!(Archive::parse(b"!<arch>\n").unwrap().members().is_empty());
        assert!(Archive::parse(b"!<arch>").is_err());
    }
}
