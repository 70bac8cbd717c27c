//! A stretch of the file that knows where in the file it stands, so that errors can say so.

use memchr::{memchr, memmem};
use object::pod::{self, Pod};

use crate::error::{Error, ErrorKind};
use crate::limits::MAX_NAME;
use crate::partial::Partial;
use crate::quantity::{Offset, Size};

/// Bytes of the file, with the file offset of the first.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'data> {
    data: &'data [u8],
    base: Offset,
    /// Where to note what is looked at, unless the whole file has been read.
    partial: Option<&'data Partial>,
}

/// The whole of a file.
impl<'data, D: AsRef<[u8]> + ?Sized> From<&'data D> for Bytes<'data> {
    fn from(data: &'data D) -> Self {
        Self::of_file(data.as_ref())
    }
}

impl<'data> Bytes<'data> {
    /// The whole of a file.
    pub fn of_file(data: &'data [u8]) -> Self {
        Self {
            data,
            base: Offset(0),
            partial: None,
        }
    }

    pub(crate) fn of_partial(data: &'data [u8], partial: &'data Partial) -> Self {
        Self {
            data,
            base: Offset(0),
            partial: Some(partial),
        }
    }

    /// The bytes themselves.
    pub fn data(self) -> &'data [u8] {
        self.look(self.data)
    }

    /// Whether everything that was looked at so far, anywhere in the file, has been read. If not,
    /// what was found is worth nothing; see [`Partial`].
    pub fn is_complete(self) -> bool {
        self.partial.is_none_or(Partial::is_complete)
    }

    /// `part`, which starts where these bytes start; from here on it counts as looked at.
    fn look(self, part: &'data [u8]) -> &'data [u8] {
        if let Some(partial) = self.partial {
            let end = self.base.0.saturating_add(part.len() as u64);
            partial.want(self.base.0..end);
        }
        part
    }

    /// The file offset of the first byte.
    pub fn base(self) -> Offset {
        self.base
    }

    /// How many bytes there are.
    pub fn size(self) -> Size {
        Size::of(self.data.len())
    }

    /// The `size` bytes at `start`, counted from the first byte of this stretch.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when they reach past the end; `what` names them.
    pub fn slice(self, start: u64, size: Size, what: &str) -> Result<Self, Error> {
        let base = Offset(self.base.0.saturating_add(start));
        let part = usize::try_from(start).ok().and_then(|start| {
            let end = start.checked_add(usize::try_from(size.0).ok()?)?;
            self.data.get(start..end)
        });
        match part {
            Some(data) => Ok(Self { data, base, ..self }),
            None => {
                let end = Offset(self.base.0.saturating_add(self.size().0));
                let verb = if start >= self.size().0 {
                    "starts after"
                } else {
                    "extends past"
                };
                Err(Error::at(
                    ErrorKind::Truncated,
                    base,
                    format!("{what} of {size} bytes {verb} the end at {end}"),
                ))
            }
        }
    }

    /// One structure at `start`.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when it reaches past the end.
    pub fn read<T: Pod>(self, start: u64, what: &str) -> Result<&'data T, Error> {
        let part = self.slice(start, Size::of(size_of::<T>()), what)?;
        match pod::from_bytes::<T>(part.data()) {
            Ok((value, _)) => Ok(value),
            Err(()) => Err(Error::at(ErrorKind::Truncated, part.base, what)),
        }
    }

    /// `count` structures at `start`.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when they reach past the end.
    pub fn read_table<T: Pod>(
        self,
        start: u64,
        count: u64,
        what: &str,
    ) -> Result<&'data [T], Error> {
        let size = count
            .checked_mul(size_of::<T>() as u64)
            .map_or(Size(u64::MAX), Size);
        let part = self.slice(start, size, what)?;
        // A slice that was cut to `count` structures holds `count` structures.
        let count = usize::try_from(count).unwrap_or(0);
        match pod::slice_from_bytes::<T>(part.data(), count) {
            Ok((table, _)) => Ok(table),
            Err(()) => Err(Error::at(ErrorKind::Truncated, part.base, what)),
        }
    }

    /// Where in the file `needle` stands first in these bytes.
    pub fn find(self, needle: &[u8]) -> Option<Offset> {
        self.search(needle, |at| self.base.checked_add(Size(at)))
    }

    /// What `accept` makes of the first place where `needle` stands and that it accepts; it gets
    /// the place, counted from the first byte of this stretch.
    ///
    /// Looks at ever larger pieces, and at no further one while pieces before it have not been
    /// read: mostly, what is searched for stands near the start.
    pub(crate) fn search<T>(
        self,
        needle: &[u8],
        mut accept: impl FnMut(u64) -> Option<T>,
    ) -> Option<T> {
        const FIRST: u64 = 64 << 10;
        let overlap = Size::of(needle.len()).0.saturating_sub(1);
        let (mut start, mut step) = (0u64, FIRST);
        while start < self.size().0 {
            let size = step.saturating_add(overlap);
            let size = size.min(self.size().0.saturating_sub(start));
            let piece = self.slice(start, Size(size), "a piece").ok()?.data();
            let mut found = memmem::find_iter(piece, needle);
            if let Some(found) = found.find_map(|at| accept(start.checked_add(at as u64)?)) {
                return Some(found);
            }
            if !self.is_complete() {
                return None;
            }
            start = start.saturating_add(step);
            step = step.saturating_mul(2);
        }
        None
    }

    /// The bytes from `start` up to the next NUL, which is not among them; `None` without one, or
    /// when it is further away than any name is long.
    pub fn c_string(self, start: u64) -> Option<&'data [u8]> {
        let size = self.size().0.checked_sub(start)?.min(MAX_NAME);
        let tail = self.slice(start, Size(size), "a string").ok()?;
        let Some(length) = memchr(0, tail.data) else {
            tail.look(tail.data);
            return None;
        };
        // The NUL is looked at, too.
        tail.look(tail.data.get(..=length)?);
        tail.data.get(..length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_across_the_pieces_that_it_looks_at() {
        let mut data = vec![0u8; 300_000];
        for at in [65_533, 65_600, 196_606] {
            data[at..at + 4].copy_from_slice(b"here");
        }
        let bytes = Bytes::of_file(&data);
        let mut seen = Vec::new();
        let end = bytes.search(b"here", |at| {
            seen.push(at);
            (at > 196_000).then_some(at)
        });
        assert_eq!((seen, end), (vec![65_533, 65_600, 196_606], Some(196_606)));
        assert_eq!(bytes.search(b"gone", Some), None);
    }
}
