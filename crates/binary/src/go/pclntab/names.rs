//! Names of functions and files, and what the name of a function says.

use memchr::memchr;

use crate::bytes::Bytes;
use crate::partial::Incomplete;
use crate::quantity::Offset;

/// A name and where it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'data> {
    /// The name, without its NUL.
    pub bytes: &'data [u8],
    /// The file offset of its first byte.
    pub offset: Offset,
}

impl<'data> Name<'data> {
    /// The import path of the package that a function belongs to, as the linker writes it: what
    /// stands before the first dot after the last slash, type arguments aside.
    pub fn package(&self) -> &'data [u8] {
        let plain = match memchr(b'[', self.bytes) {
            Some(end) => self.bytes.get(..end).unwrap_or_default(),
            None => self.bytes,
        };
        let last = plain.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        let dot = plain.iter().skip(last).position(|&byte| byte == b'.');
        let end = dot.and_then(|dot| last.checked_add(dot));
        end.and_then(|end| plain.get(..end)).unwrap_or_default()
    }

    /// The same as people write it. The linker calls every main package `main`.
    pub fn import_path(&self) -> String {
        unescape(self.package())
    }

    /// The import path of the package, if this is one of the functions that cmd/cgo makes for each
    /// C function that is called.
    pub fn calls_c(&self) -> Option<String> {
        let end = super::CALLS_C.iter().find_map(|marker| {
            let mut parts = self.bytes.windows(marker.len());
            parts.position(|part| part == *marker)
        });
        Some(unescape(self.bytes.get(..end?)?))
    }
}

/// An import path as people write it: cmd/internal/objabi/path.go (`PathToPrefix`) writes dots
/// after the last slash, and a few other bytes, as `%2e`.
fn unescape(path: &[u8]) -> String {
    if memchr(b'%', path).is_none() {
        return String::from_utf8_lossy(path).into_owned();
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let code = after.get(..2).and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        match (first, code) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => bytes.push(first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Names one after another; ends at the first that has no end.
#[derive(Clone, Debug)]
pub struct Names<'data>(Source<'data>);

#[derive(Clone, Debug)]
enum Source<'data> {
    /// Nothing but names, each with a NUL behind it.
    Row { rest: &'data [u8], at: u64 },
    /// Names anywhere in a table. Offsets may repeat, so the bytes looked at are counted: in a real
    /// table no two functions share one.
    Listed(std::vec::IntoIter<Name<'data>>),
}

impl<'data> Names<'data> {
    pub(super) fn in_a_row(part: Option<Bytes<'data>>) -> Result<Self, Incomplete> {
        let (rest, at) = match part {
            Some(part) => (part.data()?, part.base().0),
            None => (&[][..], 0),
        };
        Ok(Self(Source::Row { rest, at }))
    }

    /// Ends at the first that has no end.
    pub(super) fn pointed_at(
        table: Bytes<'data>,
        starts: impl Iterator<Item = u64>,
    ) -> Result<Self, Incomplete> {
        let mut left = table.size().0;
        let mut names = Vec::new();
        for start in starts {
            // What has not been read is asked for, and the rest with it.
            let bytes = match table.c_string(start) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(Incomplete(())) => continue,
            };
            let (Some(rest), Some(offset)) = (
                left.checked_sub(bytes.len() as u64),
                table.base().0.checked_add(start).map(Offset),
            ) else {
                break;
            };
            left = rest;
            names.push(Name { bytes, offset });
        }
        let names = table.settled(names)?;
        Ok(Self(Source::Listed(names.into_iter())))
    }
}

impl<'data> Iterator for Names<'data> {
    type Item = Name<'data>;

    fn next(&mut self) -> Option<Name<'data>> {
        match &mut self.0 {
            Source::Row { rest, at } => {
                let length = memchr(0, rest)?;
                let name = Name {
                    bytes: rest.get(..length)?,
                    offset: Offset(*at),
                };
                let next = length.checked_add(1)?;
                *rest = rest.get(next..)?;
                *at = at.checked_add(next as u64)?;
                Some(name)
            }
            Source::Listed(names) => names.next(),
        }
    }
}
