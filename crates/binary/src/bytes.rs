//! A stretch of the file that knows where in the file it stands, so that errors can say so.

use memchr::{memchr, memmem};
use object::pod::{self, Pod};

use crate::error::{Error, ErrorKind};
use crate::limits::MAX_NAME;
use crate::partial::{Incomplete, Partial};
use crate::quantity::{Address, Offset, Size};

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
    ///
    /// # Errors
    /// [`Incomplete`] when not all of them have been read.
    pub fn data(self) -> Result<&'data [u8], Incomplete> {
        self.ask(self.data)
    }

    /// `answer`, if everything that was asked for so far, anywhere in the file, has been read. What
    /// has passed over an [`Incomplete`] on its way comes to nothing here, before it costs more.
    ///
    /// # Errors
    /// [`Incomplete`] otherwise.
    pub fn settled<T>(self, answer: T) -> Result<T, Incomplete> {
        match self.partial {
            Some(partial) => partial.settled().map(|()| answer),
            None => Ok(answer),
        }
    }

    /// `part`, which starts where these bytes start.
    fn ask(self, part: &'data [u8]) -> Result<&'data [u8], Incomplete> {
        if let Some(partial) = self.partial {
            let end = self.base.0.saturating_add(part.len() as u64);
            partial.ask(self.base.0..end)?;
        }
        Ok(part)
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
    /// [`ErrorKind::Truncated`] when it reaches past the end; [`ErrorKind::Incomplete`].
    pub fn read<T: Pod>(self, start: u64, what: &str) -> Result<&'data T, Error> {
        let part = self.slice(start, Size::of(size_of::<T>()), what)?;
        match pod::from_bytes::<T>(part.data()?) {
            Ok((value, _)) => Ok(value),
            Err(()) => Err(Error::at(ErrorKind::Truncated, part.base, what)),
        }
    }

    /// `count` structures at `start`.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when they reach past the end; [`ErrorKind::Incomplete`].
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
        match pod::slice_from_bytes::<T>(part.data()?, count) {
            Ok((table, _)) => Ok(table),
            Err(()) => Err(Error::at(ErrorKind::Truncated, part.base, what)),
        }
    }

    /// Where in the file `needle` stands first in these bytes.
    ///
    /// # Errors
    /// [`Incomplete`] when what has to be searched has not been read.
    pub fn find(self, needle: &[u8]) -> Result<Option<Offset>, Incomplete> {
        self.search(needle, |at| self.base.checked_add(Size(at)))
    }

    /// Whether a text stands in it. All of it is read; in later rounds of a look, it is not searched
    /// again.
    ///
    /// # Errors
    /// [`Incomplete`] when not all of it has been read.
    pub fn contains(self, text: &'static [u8]) -> Result<bool, Incomplete> {
        let data = self.data()?;
        let search = || memmem::find(data, text).is_some();
        Ok(match self.partial {
            Some(partial) => partial.remember((self.base.0, self.size().0), text, search),
            None => search(),
        })
    }

    /// What `accept` makes of the first place where `needle` stands and that it accepts; it gets
    /// the place, counted from the first byte of this stretch.
    ///
    /// Asks for ever larger pieces, and for no further one while pieces before it have not been
    /// read: mostly, what is searched for stands near the start.
    pub(crate) fn search<T>(
        self,
        needle: &[u8],
        mut accept: impl FnMut(u64) -> Option<T>,
    ) -> Result<Option<T>, Incomplete> {
        const FIRST: u64 = 64 << 10;
        let overlap = Size::of(needle.len()).0.saturating_sub(1);
        let (mut start, mut step) = (0u64, FIRST);
        while start < self.size().0 {
            let size = step.saturating_add(overlap);
            let size = size.min(self.size().0.saturating_sub(start));
            // Inside, because `size` was cut to the rest.
            let Ok(piece) = self.slice(start, Size(size), "a piece") else {
                break;
            };
            let mut found = memmem::find_iter(piece.data()?, needle);
            if let Some(found) = found.find_map(|at| accept(start.checked_add(at as u64)?)) {
                return Ok(Some(found));
            }
            self.settled(())?;
            start = start.saturating_add(step);
            step = step.saturating_mul(2);
        }
        Ok(None)
    }

    /// The same for a word of eight bytes, read as little-endian, whose address is a multiple of eight;
    /// `address` is that of the first byte of this stretch. Far faster where what is searched for
    /// consists of bytes that are everywhere.
    pub(crate) fn search_words<T>(
        self,
        address: Address,
        is_wanted: impl Fn(u64) -> bool,
        mut accept: impl FnMut(u64) -> Option<T>,
    ) -> Result<Option<T>, Incomplete> {
        const FIRST: u64 = 64 << 10;
        const WORD: u64 = 8;
        let misaligned = address.0.checked_rem(WORD).unwrap_or(0);
        let mut start = WORD
            .saturating_sub(misaligned)
            .checked_rem(WORD)
            .unwrap_or(0);
        let mut step = FIRST;
        while start < self.size().0 {
            let size = step.min(self.size().0.saturating_sub(start));
            // Inside, because `size` was cut to the rest.
            let Ok(piece) = self.slice(start, Size(size), "a piece") else {
                break;
            };
            let (words, _) = piece.data()?.as_chunks::<8>();
            let places = (start..).step_by(8).zip(words);
            let mut wanted = places.filter(|(_, word)| is_wanted(u64::from_le_bytes(**word)));
            if let Some(found) = wanted.find_map(|(at, _)| accept(at)) {
                return Ok(Some(found));
            }
            self.settled(())?;
            start = start.saturating_add(step);
            step = step.saturating_mul(2);
        }
        Ok(None)
    }

    /// The bytes from `start` up to the next NUL, which is not among them; `None` without one, or
    /// when it is further away than any name is long.
    ///
    /// # Errors
    /// [`Incomplete`] when not all of them have been read.
    pub fn c_string(self, start: u64) -> Result<Option<&'data [u8]>, Incomplete> {
        let Some(rest) = self.size().0.checked_sub(start) else {
            return Ok(None);
        };
        let Ok(tail) = self.slice(start, Size(rest.min(MAX_NAME)), "a string") else {
            return Ok(None);
        };
        // What has not been read is zeros, of which the first counts as the NUL, and is asked for.
        let Some(length) = memchr(0, tail.data) else {
            tail.data()?;
            return Ok(None);
        };
        let string = tail.data.get(..=length).unwrap_or_default();
        Ok(tail.ask(string)?.get(..length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_words_at_aligned_addresses() {
        let mut data = vec![0u8; 300_003];
        for at in [7, 65_545, 65_563, 299_993] {
            data[at..at + 8].copy_from_slice(&42u64.to_le_bytes());
        }
        // Addresses that are multiples of eight are at offsets 1, 9, 17 and so on.
        let bytes = Bytes::of_file(&data);
        let mut seen = Vec::new();
        let end = bytes.search_words(
            Address(0x1007),
            |word| word == 42,
            |at| {
                seen.push(at);
                (at > 196_000).then_some(at)
            },
        );
        assert_eq!((seen, end), (vec![65_545, 299_993], Ok(Some(299_993))));
        let none = bytes.search_words(Address(0x1000), |word| word == 43, Some);
        assert_eq!(none, Ok(None));
    }

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
        let all = vec![65_533, 65_600, 196_606];
        assert_eq!((seen, end), (all, Ok(Some(196_606))));
        assert_eq!(bytes.search(b"gone", Some), Ok(None));
    }
}
