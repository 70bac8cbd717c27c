//! The third step: the new file, from the old one and the plan.
//!
//! Most of the new file is the old one, so it is given in pieces: what is copied, what is zero, and
//! what is new. Whoever writes it can let the kernel copy the rest, which need not even be read.

use std::ops::Range;

use handpie_binary::{Bytes, Error, Incomplete, Offset, Size};

use crate::plan::Plan;

/// Changes that stand closer together than this, in bytes, make one piece. A linker that left the
/// addends to the relocation table has one in every other word.
const NEAR: u64 = 4096;

/// One stretch of the new file.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// So many bytes of the old file, from this offset on.
    Copy(Offset, Size),
    /// So many zeros.
    Zeros(Size),
    /// New bytes.
    Bytes(Vec<u8>),
}

/// The new file, front to back without gaps.
#[derive(Debug, PartialEq, Eq)]
pub struct Pieces(Vec<Piece>);

impl Piece {
    /// How many bytes it has.
    pub fn size(&self) -> Size {
        match self {
            Self::Copy(_, size) | Self::Zeros(size) => *size,
            Self::Bytes(bytes) => Size::of(bytes.len()),
        }
    }
}

impl Pieces {
    /// A file that is the old one, of that size.
    pub fn copy(size: Size) -> Self {
        Self(vec![Piece::Copy(Offset(0), size)])
    }

    /// A file of nothing but new bytes.
    #[cfg(test)]
    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Self {
        Self(vec![Piece::Bytes(bytes)])
    }

    /// The pieces, in the order of the new file.
    pub fn iter(&self) -> impl Iterator<Item = &Piece> {
        self.0.iter()
    }

    /// How many bytes the new file has.
    pub fn size(&self) -> Size {
        let sizes = self.0.iter().map(|piece| piece.size().0);
        Size(sizes.fold(0, u64::saturating_add))
    }

    /// The new file in memory; `input` is the whole old one.
    pub fn to_bytes(&self, input: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; length(self.size().0)];
        // Nothing is missing of what is in memory.
        _ = self.read(input.into(), Offset(0), &mut bytes);
        bytes
    }

    /// Fills `room`, which is all zeros, with the bytes of the new file from `start` on.
    pub(crate) fn read(
        &self,
        input: Bytes<'_>,
        start: Offset,
        room: &mut [u8],
    ) -> Result<(), Incomplete> {
        let mut answer = Ok(());
        let end = start.0.saturating_add(room.len() as u64);
        for (place, part) in self.within(start.0..end) {
            let target = place.start.saturating_sub(start.0)..place.end.saturating_sub(start.0);
            let Some(target) = room.get_mut(length(target.start)..length(target.end)) else {
                continue;
            };
            let source = match part {
                Part::Copy(from) => {
                    let size = Size(place.end.saturating_sub(place.start));
                    let source = input.slice(from, size, "the old bytes");
                    match source.map(Bytes::data) {
                        Ok(Ok(source)) => source,
                        Ok(Err(incomplete)) => {
                            answer = Err(incomplete);
                            continue;
                        }
                        Err(_) => &[],
                    }
                }
                Part::Bytes(bytes) => bytes,
                Part::Zeros => continue,
            };
            // A piece of the old file lies in the old file; should it ever not, `verify` tells.
            if source.len() == target.len() {
                target.copy_from_slice(source);
            }
        }
        answer
    }

    /// The words of the new file at `offsets`, which mostly ascend.
    pub(crate) fn words(
        &self,
        input: Bytes<'_>,
        offsets: impl Iterator<Item = Offset>,
    ) -> impl Iterator<Item = [u8; 8]> {
        let pieces = || {
            self.0.iter().scan(0u64, |start, piece| {
                let place = *start..start.saturating_add(piece.size().0);
                *start = place.end;
                Some((place, piece))
            })
        };
        let mut rest = pieces();
        let mut here = rest.next();
        offsets.map(move |offset| {
            let end = offset.0.saturating_add(8);
            if here
                .as_ref()
                .is_none_or(|(place, _)| offset.0 < place.start)
            {
                rest = pieces();
                here = rest.next();
            }
            while here
                .as_ref()
                .is_some_and(|(place, _)| place.end <= offset.0)
            {
                here = rest.next();
            }
            let mut word = [0; 8];
            match &here {
                Some((place, Piece::Copy(from, _))) if end <= place.end => {
                    let skip = offset.0.saturating_sub(place.start);
                    let start = from.0.saturating_add(skip);
                    return input
                        .read::<[u8; 8]>(start, "a word")
                        .copied()
                        .unwrap_or(word);
                }
                _ => _ = self.read(input, offset, &mut word),
            }
            word
        })
    }

    /// Whether the `size` bytes at `new` are those at `old` of the old file.
    pub(crate) fn same(&self, input: Bytes<'_>, old: Offset, new: Offset, size: Size) -> bool {
        let Some(end) = new.checked_add(size) else {
            return false;
        };
        let mut covered = new.0;
        let same = self.within(new.0..end.0).all(|(place, part)| {
            covered = place.end;
            let inside = place.start.saturating_sub(new.0);
            let Some(from) = old.0.checked_add(inside) else {
                return false;
            };
            let size = Size(place.end.saturating_sub(place.start));
            let before = || {
                input
                    .slice(from, size, "the old bytes")?
                    .data()
                    .map_err(Error::from)
            };
            match part {
                Part::Copy(copied) => copied == from,
                Part::Bytes(bytes) => before().is_ok_and(|before| before == bytes),
                Part::Zeros => before().is_ok_and(|before| before.iter().all(|&b| b == 0)),
            }
        });
        same && covered == end.0
    }

    /// What of each piece lies in `range` of the new file, and where there.
    fn within(&self, range: Range<u64>) -> impl Iterator<Item = (Range<u64>, Part<'_>)> {
        let mut start = 0u64;
        self.0.iter().filter_map(move |piece| {
            let piece_start = start;
            start = start.saturating_add(piece.size().0);
            let place = piece_start.max(range.start)..start.min(range.end);
            let skip = place.start.saturating_sub(piece_start);
            let part = match piece {
                Piece::Copy(from, _) => Part::Copy(from.0.saturating_add(skip)),
                Piece::Zeros(_) => Part::Zeros,
                Piece::Bytes(bytes) => {
                    let end = place.end.saturating_sub(piece_start);
                    Part::Bytes(bytes.get(length(skip)..length(end)).unwrap_or_default())
                }
            };
            (!place.is_empty()).then_some((place, part))
        })
    }

    /// Appends what lies in `range` of this file to `pieces`.
    fn append(&self, range: Range<u64>, pieces: &mut Self) {
        for (place, part) in self.within(range) {
            let size = Size(place.end.saturating_sub(place.start));
            pieces.push(match part {
                Part::Copy(from) => Piece::Copy(Offset(from), size),
                Part::Zeros => Piece::Zeros(size),
                Part::Bytes(bytes) => Piece::Bytes(bytes.to_vec()),
            });
        }
    }

    fn push(&mut self, piece: Piece) {
        if piece.size().0 > 0 {
            self.0.push(piece);
        }
    }
}

/// A part of a [`Piece`].
enum Part<'a> {
    /// From this offset of the old file on.
    Copy(u64),
    Zeros,
    Bytes(&'a [u8]),
}

/// The new file.
pub(crate) fn apply(input: Bytes<'_>, plan: &Plan) -> Result<Pieces, Incomplete> {
    let slid = slid(input, plan);
    let mut pieces = Pieces(Vec::new());
    let (mut position, mut complete) = (0, Ok(()));
    let near = |one: &Change<'_>, next: &Change<'_>| next.start < one.end().saturating_add(NEAR);
    for group in changes(plan).chunk_by(near) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        slid.append(position..first.start, &mut pieces);
        let mut bytes = vec![0; length(last.end().saturating_sub(first.start))];
        // What is missing of the old file is asked for in one go.
        complete = complete.and(slid.read(input, Offset(first.start), &mut bytes));
        for change in group {
            let start = length(change.start.saturating_sub(first.start));
            let end = start.saturating_add(change.bytes.len());
            // Changes do not overlap; should they ever, `verify` tells.
            if let Some(place) = bytes.get_mut(start..end) {
                place.copy_from_slice(change.bytes);
            }
        }
        pieces.push(Piece::Bytes(bytes));
        position = last.end();
    }
    slid.append(position..plan.new_size.0, &mut pieces);
    complete.map(|()| pieces)
}

/// The old file with its parts where they stand in the new one, and as long as that.
fn slid(input: Bytes<'_>, plan: &Plan) -> Pieces {
    let slide = &plan.slide;
    let mut pieces = Pieces(Vec::new());
    pieces.push(Piece::Copy(Offset(0), Size(slide.keep.0)));
    let gap = slide.slid(slide.resume).0.saturating_sub(slide.keep.0);
    pieces.push(Piece::Zeros(Size(gap)));
    let middle = slide.loaded.distance_from(slide.resume);
    pieces.push(Piece::Copy(slide.resume, middle.unwrap_or_default()));
    let gap = slide.rest_at.0.saturating_sub(pieces.size().0);
    pieces.push(Piece::Zeros(Size(gap)));
    let rest = input.size().0.saturating_sub(slide.rest.0);
    pieces.push(Piece::Copy(slide.rest, Size(rest)));
    let added = plan.new_size.0.saturating_sub(pieces.size().0);
    pieces.push(Piece::Zeros(Size(added)));
    pieces
}

/// New bytes and where they go in the new file.
struct Change<'plan> {
    start: u64,
    bytes: &'plan [u8],
}

impl Change<'_> {
    fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len() as u64)
    }
}

/// All changes, ascending.
fn changes(plan: &Plan) -> Vec<Change<'_>> {
    let edits = plan.edits.iter().map(|edit| Change {
        start: edit.offset.0,
        bytes: &edit.bytes,
    });
    let words = plan.words.iter().map(|(offset, word)| Change {
        start: offset.0,
        bytes: word,
    });
    let mut changes: Vec<_> = edits.chain(words).collect();
    changes.sort_by_key(|change| change.start);
    changes
}

fn length(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}
