//! A file of which only the blocks that someone looks at are read.
//!
//! Most of a program (code, symbols, debug information) is never looked at to tell what it is or to
//! convert it. So a look goes in rounds: whoever asks for bytes that have not been read gets
//! [`Incomplete`] instead, and they are noted; then those blocks are read and the look begins anew,
//! until it has met nothing but real bytes. What an earlier round has found is thrown away.
//!
//! No byte is ever shown before it was read, and no answer gets out of [`Partial::look`] that rests on
//! an [`Incomplete`], whoever has taken that for "not there" in between.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::quantity::Size;

/// So much memory, in bytes, is always mapped for itself by glibc, and costs only the pages that are
/// written to. Smaller allocations come from its heap as soon as one of their size was given back,
/// and there every page is cleared (`DEFAULT_MMAP_THRESHOLD_MAX` in malloc/malloc.c).
const MAPPED: usize = (32 << 20) + 1;

/// Bytes that were asked for have not been read yet. They are noted, and there when the look begins
/// anew; see [`Partial::look`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incomplete(pub(crate) ());

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more of the file has to be read")
    }
}

impl std::error::Error for Incomplete {}

/// Every item, once all of them could be read. All are asked for before [`Incomplete`] is said, so that
/// what they miss is read together.
pub(crate) fn all<T>(
    items: impl Iterator<Item = Result<T, Incomplete>>,
) -> Result<Vec<T>, Incomplete> {
    let mut answer = Ok(Vec::with_capacity(items.size_hint().0));
    for item in items {
        match (item, &mut answer) {
            (Ok(item), Ok(items)) => items.push(item),
            (Ok(_), Err(_)) => {}
            (Err(incomplete), _) => answer = Err(incomplete),
        }
    }
    answer
}

/// Asks for all parts at once, so that what is missing of them is read in one round: a plan of what will
/// be read, for whoever knows it.
///
/// # Errors
/// [`Incomplete`] unless all of them are there.
pub fn read_together<'data>(
    parts: impl IntoIterator<Item = Bytes<'data>>,
) -> Result<(), Incomplete> {
    all(parts.into_iter().map(Bytes::data)).map(drop)
}

/// A file, read as far as it has been asked for.
#[derive(Debug)]
pub struct Partial {
    /// The file, and room behind it. Pages that nobody has written to take no memory.
    data: Vec<u8>,
    /// The size of the file, in bytes.
    length: usize,
    /// The blocks of the room that files before this one have filled.
    touched: Vec<bool>,
    blocks: Vec<Block>,
    /// How many of them are wanted and not there.
    missing: AtomicUsize,
    /// What is read at once, in bytes.
    block: NonZeroUsize,
    /// What was searched for in bytes that were there, which each round would search for again.
    searches: Mutex<Vec<Search>>,
}

/// A search that has been finished.
#[derive(Debug)]
struct Search {
    /// Where it was made, in the file.
    place: (u64, u64),
    text: &'static [u8],
    found: bool,
}

/// Memory for one file after another: to map it anew for each costs more than to clear what was read,
/// the more so with several threads, each of which the kernel interrupts. All of it is zeros.
#[derive(Debug, Default)]
pub struct Room {
    /// Empty, or as long as [`MAPPED`].
    data: Vec<u8>,
    /// By block, whether it takes memory.
    touched: Vec<bool>,
}

/// A room that takes more memory than this is given back, in bytes.
const MAX_ROOM: usize = 8 << 20;

#[derive(Debug, Default)]
struct Block {
    present: bool,
    wanted: AtomicBool,
}

impl Partial {
    /// A file of that size, of which nothing has been read; `block` bytes are read at once.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] when there is no room for that many bytes.
    pub fn of_size(size: Size, block: NonZeroUsize) -> Result<Self, Error> {
        let too_large = || {
            let message = format!("not enough memory for a file of {size} bytes");
            Error::new(ErrorKind::TooLarge, message)
        };
        let length = usize::try_from(size.0).map_err(|_| too_large())?;
        if length > MAPPED {
            // Asked first, because what `vec!` does without memory is to end the process.
            let room = Vec::<u8>::new().try_reserve_exact(length);
            room.map_err(|_| too_large())?;
        }
        let mut blocks = Vec::new();
        blocks.resize_with(length.div_ceil(block.get()), Block::default);
        Ok(Self {
            data: vec![0; length],
            length,
            touched: Vec::new(),
            blocks,
            missing: AtomicUsize::new(0),
            block,
            searches: Mutex::default(),
        })
    }

    /// The same in a room that was used before, if the file fits into it. A room is for one size of
    /// blocks.
    ///
    /// # Errors
    /// Those of [`Self::of_size`].
    pub fn in_room(mut room: Room, size: Size, block: NonZeroUsize) -> Result<Self, Error> {
        if size.0 > MAPPED as u64 {
            return Self::of_size(size, block);
        }
        if room.data.is_empty() {
            room.data = vec![0; MAPPED];
            room.touched = vec![false; MAPPED.div_ceil(block.get())];
        }
        let mut partial = Self::of_size(Size(0), block)?;
        partial.length = usize::try_from(size.0).unwrap_or(MAPPED);
        let count = partial.length.div_ceil(block.get());
        partial.blocks.resize_with(count, Block::default);
        partial.data = room.data;
        partial.touched = room.touched;
        Ok(partial)
    }

    /// The room that the file was in, for the next one.
    pub fn into_room(mut self) -> Room {
        if self.touched.is_empty() {
            return Room::default();
        }
        for (index, block) in self.blocks.iter().enumerate() {
            if !block.present {
                continue;
            }
            let start = index.saturating_mul(self.block.get());
            let end = start.saturating_add(self.block.get()).min(self.length);
            self.data.get_mut(start..end).unwrap_or_default().fill(0);
            if let Some(touched) = self.touched.get_mut(index) {
                *touched = true;
            }
        }
        let touched = self.touched.iter().filter(|touched| **touched).count();
        if touched.saturating_mul(self.block.get()) > MAX_ROOM {
            return Room::default();
        }
        Room {
            data: self.data,
            touched: self.touched,
        }
    }

    /// A file that has been read whole.
    pub fn whole(data: Vec<u8>) -> Self {
        Self {
            length: data.len(),
            data,
            touched: Vec::new(),
            blocks: Vec::new(),
            missing: AtomicUsize::new(0),
            block: NonZeroUsize::MIN,
            searches: Mutex::default(),
        }
    }

    /// The size of the file.
    pub fn size(&self) -> Size {
        Size::of(self.length)
    }

    /// The file, if all of it has been read.
    ///
    /// # Errors
    /// [`Incomplete`] otherwise.
    pub fn data(&self) -> Result<&[u8], Incomplete> {
        self.bytes().data()
    }

    /// What `look` finds in the file. It is called again for as long as it asks for bytes that have
    /// not been read; `read` reads them, and gets the file offset and the room for them. Only the last
    /// answer gets out: the one that rests on nothing but what was read. So `look` is better without
    /// side effects.
    ///
    /// ```
    /// # use handpie_binary::Partial;
    /// let mut file = Partial::whole(b"pie".to_vec());
    /// let size = file.look(|_, _| Ok::<_, ()>(()), |bytes| bytes.data().map(<[u8]>::len));
    /// assert_eq!(size, Ok(Ok(3)));
    /// ```
    ///
    /// The bytes themselves do not get out, so nobody can go on with them afterwards:
    ///
    /// ```compile_fail
    /// # use handpie_binary::Partial;
    /// let mut file = Partial::whole(b"pie".to_vec());
    /// let bytes = file.look(|_, _| Ok::<_, ()>(()), |bytes| bytes);
    /// ```
    ///
    /// # Errors
    /// Those of `read`.
    pub fn look<T, E>(
        &mut self,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
        look: impl Fn(Bytes<'_>) -> T,
    ) -> Result<T, E> {
        loop {
            let found = look(self.bytes());
            if self.is_complete() {
                return Ok(found);
            }
            self.fill(&mut read)?;
        }
    }

    fn bytes(&self) -> Bytes<'_> {
        Bytes::of_partial(self.data.get(..self.length).unwrap_or_default(), self)
    }

    /// Reads every block that is wanted and not there.
    fn fill<E>(&mut self, mut read: impl FnMut(u64, &mut [u8]) -> Result<(), E>) -> Result<(), E> {
        let mut next = 0;
        while let Some(run) = self.missing_from(next) {
            next = run.end;
            let start = run.start.saturating_mul(self.block.get());
            let end = run.end.saturating_mul(self.block.get()).min(self.length);
            if let Some(room) = self.data.get_mut(start..end) {
                read(start as u64, room)?;
            }
            for block in self.blocks.get_mut(run).unwrap_or_default() {
                block.present = true;
            }
        }
        self.missing = AtomicUsize::new(0);
        Ok(())
    }

    /// What `search` says, or what it said in an earlier round of the same place and text.
    pub(crate) fn remember(
        &self,
        place: (u64, u64),
        text: &'static [u8],
        search: impl FnOnce() -> bool,
    ) -> bool {
        // A thread that panicked has left nothing half-done.
        let mut searches = self.searches.lock().unwrap_or_else(PoisonError::into_inner);
        let known = searches
            .iter()
            .find(|one| one.place == place && one.text == text);
        if let Some(known) = known {
            return known.found;
        }
        let found = search();
        searches.push(Search { place, text, found });
        found
    }

    /// Whether all that was asked for so far is there.
    pub(crate) fn is_complete(&self) -> bool {
        self.missing.load(Ordering::Relaxed) == 0
    }

    /// Everything that was asked for so far, if all of it is there.
    pub(crate) fn settled(&self) -> Result<(), Incomplete> {
        match self.is_complete() {
            true => Ok(()),
            false => Err(Incomplete(())),
        }
    }

    /// Asks for the bytes in `range`, file offsets: notes them unless they are there.
    pub(crate) fn ask(&self, range: Range<u64>) -> Result<(), Incomplete> {
        let block = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX) / self.block;
        if range.is_empty() {
            return Ok(());
        }
        let blocks = block(range.start)..=block(range.end.saturating_sub(1));
        let mut answer = Ok(());
        for block in self.blocks.get(blocks).unwrap_or_default() {
            if block.present {
                continue;
            }
            answer = Err(Incomplete(()));
            if !block.wanted.swap(true, Ordering::Relaxed) {
                self.missing.fetch_add(1, Ordering::Relaxed);
            }
        }
        answer
    }

    /// The first run of neighbouring blocks that have to be read, from block `start` on.
    fn missing_from(&self, start: usize) -> Option<Range<usize>> {
        let mut rest = self.blocks.iter().skip(start);
        let start = start.saturating_add(rest.position(Block::is_missing)?);
        let length = rest.take_while(|block| block.is_missing()).count();
        Some(start..start.saturating_add(length).saturating_add(1))
    }
}

impl Block {
    fn is_missing(&self) -> bool {
        !self.present && self.wanted.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
