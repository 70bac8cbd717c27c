//! A file of which only the blocks that someone looks at are read.
//!
//! Most of a program (code, symbols, debug information) is never looked at to tell what it is or to
//! convert it. So a look goes in rounds: what has not been read yet shows as zeros and is noted;
//! then those blocks are read and the look begins anew, until it has met nothing but real bytes.
//! What an earlier round has found is thrown away.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::quantity::Size;

/// So much memory, in bytes, is always mapped for itself by glibc, and costs only the pages that are
/// written to. Smaller allocations come from its heap as soon as one of their size was given back,
/// and there every page is cleared (`DEFAULT_MMAP_THRESHOLD_MAX` in malloc/malloc.c).
const MAPPED: usize = (32 << 20) + 1;

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
    /// What is read at once, in bytes.
    block: NonZeroUsize,
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
            block,
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
            block: NonZeroUsize::MIN,
        }
    }

    /// The file, to be looked at.
    pub fn bytes(&self) -> Bytes<'_> {
        Bytes::of_partial(self.data.get(..self.length).unwrap_or_default(), self)
    }

    /// Reads every block that was looked at and is not there; whether there were any. `read` gets
    /// the file offset and the room for the bytes.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn fill<E>(
        &mut self,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut missed = false;
        while let Some(run) = self.first_missing() {
            missed = true;
            let start = run.start.saturating_mul(self.block.get());
            let end = run.end.saturating_mul(self.block.get()).min(self.length);
            if let Some(room) = self.data.get_mut(start..end) {
                read(start as u64, room)?;
            }
            for block in self.blocks.get_mut(run).unwrap_or_default() {
                block.present = true;
            }
        }
        Ok(missed)
    }

    /// Whether all that was looked at is there.
    pub(crate) fn is_complete(&self) -> bool {
        self.blocks.iter().all(|block| !block.is_missing())
    }

    /// Notes that the bytes in `range`, file offsets, are looked at.
    pub(crate) fn want(&self, range: Range<u64>) {
        let block = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX) / self.block;
        if range.is_empty() {
            return;
        }
        let blocks = block(range.start)..=block(range.end.saturating_sub(1));
        for block in self.blocks.get(blocks).unwrap_or_default() {
            if !block.present {
                block.wanted.store(true, Ordering::Relaxed);
            }
        }
    }

    /// The first run of neighbouring blocks that have to be read.
    fn first_missing(&self) -> Option<Range<usize>> {
        let start = self.blocks.iter().position(Block::is_missing)?;
        let rest = self.blocks.iter().skip(start);
        let length = rest.take_while(|block| block.is_missing()).count();
        Some(start..start.saturating_add(length))
    }
}

impl Block {
    fn is_missing(&self) -> bool {
        !self.present && self.wanted.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: usize = 4096;

    fn partial(size: usize) -> Partial {
        Partial::of_size(Size::of(size), NonZeroUsize::new(BLOCK).unwrap()).unwrap()
    }

    fn file() -> Vec<u8> {
        (0u8..=250).cycle().take(BLOCK * 3 + 5).collect()
    }

    #[test]
    fn only_the_blocks_that_were_looked_at_are_read() {
        let file = file();
        let mut partial = partial(file.len());
        let across = BLOCK as u64 - 1;
        let look = |partial: &Partial| {
            partial.bytes().slice(across, Size(2), "").unwrap().data() == &file[BLOCK - 1..=BLOCK]
        };
        assert!(!look(&partial), "zeros at first");
        assert!(!partial.is_complete());
        let mut reads = Vec::new();
        let missed = partial.fill(|start, room| {
            reads.push((start, room.len()));
            let start = usize::try_from(start).unwrap();
            room.copy_from_slice(&file[start..][..room.len()]);
            Ok::<_, ()>(())
        });
        assert_eq!((missed, reads), (Ok(true), vec![(0, BLOCK * 2)]));
        assert!(look(&partial) && partial.is_complete());
        assert_eq!(partial.fill(|_, _| Err(())), Ok(false), "nothing more");
    }

    #[test]
    fn a_room_shows_nothing_of_the_file_before() {
        let block = NonZeroUsize::new(BLOCK).unwrap();
        let mut room = Room::default();
        for byte in [1u8, 2] {
            let mut partial = Partial::in_room(room, Size(BLOCK as u64 * 2 + 7), block).unwrap();
            let all = Size(BLOCK as u64 * 2 + 7);
            let whole =
                |partial: &Partial| partial.bytes().slice(0, all, "").unwrap().data().to_vec();
            assert_eq!(partial.bytes().size(), all);
            assert!(whole(&partial).iter().all(|found| *found == 0), "{byte}");
            let missed = partial.fill(|_, room| {
                room.fill(byte);
                Ok::<_, ()>(())
            });
            assert_eq!(missed, Ok(true));
            assert!(whole(&partial).iter().all(|found| *found == byte));
            room = partial.into_room();
            assert!(!room.data.is_empty(), "it is kept");
        }
    }

    #[test]
    fn a_room_that_takes_much_is_given_back() {
        let block = NonZeroUsize::new(BLOCK).unwrap();
        let size = MAX_ROOM as u64 + 1;
        let mut partial = Partial::in_room(Room::default(), Size(size), block).unwrap();
        let _ = partial.bytes().slice(0, Size(size), "").unwrap().data();
        assert_eq!(partial.fill(|_, _| Ok::<_, ()>(())), Ok(true));
        assert!(partial.into_room().data.is_empty());
        let far = Partial::in_room(Room::default(), Size(MAPPED as u64 + 1), block).unwrap();
        assert!(far.into_room().data.is_empty());
    }

    #[test]
    fn the_last_block_is_as_short_as_the_file_ends() {
        let file = file();
        let mut partial = partial(file.len());
        let last = partial.bytes().c_string(BLOCK as u64 * 3);
        assert_eq!(last, Some(&[][..]), "zeros at first");
        let mut reads = Vec::new();
        let _ = partial.fill(|start, room| {
            reads.push((start, room.len()));
            Ok::<_, ()>(())
        });
        assert_eq!(reads, [(BLOCK as u64 * 3, 5)]);
    }

    #[test]
    fn narrowing_is_not_looking() {
        let partial = partial(BLOCK);
        let _ = partial
            .bytes()
            .slice(0, Size(9), "")
            .unwrap()
            .slice(1, Size(2), "");
        assert!(partial.is_complete());
    }

    #[test]
    fn what_was_read_whole_misses_nothing() {
        let partial = Partial::whole(file());
        assert_eq!(partial.bytes().data(), file());
        assert!(partial.is_complete());
    }
}
