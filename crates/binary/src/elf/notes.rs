//! Notes: gABI, chapter 5, "Note Section". Build ids stand here.

use object::Endianness;
use object::elf::NoteHeader32;

use crate::bytes::Bytes;
use crate::limits::MAX_NOTES;
use crate::quantity::{Offset, Size};

/// One note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'data> {
    /// The owner's name, up to its first NUL.
    pub name: &'data [u8],
    /// `n_type`; meaning depends on the name.
    pub kind: u32,
    /// The descriptor.
    pub description: &'data [u8],
    /// The file offset of the note.
    pub offset: Offset,
}

/// The notes of a file; ends early at the first one that is malformed.
#[derive(Clone, Debug)]
pub struct Notes<'data> {
    parts: Vec<(Bytes<'data>, u64)>,
    endian: Endianness,
    position: u64,
    left: usize,
}

impl<'data> Notes<'data> {
    pub(super) fn new(mut parts: Vec<(Bytes<'data>, u64)>, endian: Endianness) -> Self {
        parts.reverse();
        Self {
            parts,
            endian,
            position: 0,
            left: MAX_NOTES,
        }
    }

    fn next_in(&mut self, data: Bytes<'data>, align: u64) -> Option<Note<'data>> {
        let what = "a note";
        let start = self.position;
        let header = data.read::<NoteHeader32<Endianness>>(start, what).ok()?;
        let name_size = u64::from(header.n_namesz.get(self.endian));
        let description_size = u64::from(header.n_descsz.get(self.endian));
        let align = if align == 8 { 8 } else { 4 };
        let name_at = start.checked_add(size_of::<NoteHeader32<Endianness>>() as u64)?;
        let description_at = name_at
            .checked_add(name_size)?
            .checked_next_multiple_of(align)?;
        let end = description_at.checked_add(description_size)?;
        let name = data.slice(name_at, Size(name_size), what).ok()?.data();
        let description = data
            .slice(description_at, Size(description_size), what)
            .ok()?;
        self.position = end.checked_next_multiple_of(align)?;
        Some(Note {
            // Go pads the name with NULs and counts them.
            name: name.split(|&byte| byte == 0).next().unwrap_or(name),
            kind: header.n_type.get(self.endian).0,
            description: description.data(),
            offset: data.base().checked_add(Size(start))?,
        })
    }
}

impl<'data> Iterator for Notes<'data> {
    type Item = Note<'data>;

    fn next(&mut self) -> Option<Note<'data>> {
        loop {
            let &(data, align) = self.parts.last()?;
            self.left = self.left.checked_sub(1)?;
            if let Some(note) = self.next_in(data, align) {
                return Some(note);
            }
            self.parts.pop();
            self.position = 0;
        }
    }
}
