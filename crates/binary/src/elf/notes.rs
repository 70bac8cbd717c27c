//! Notes: gABI, chapter 5, "Note Section". Build ids stand here.

use object::Endianness;
use object::elf::NoteHeader32;

use crate::bytes::Bytes;
use crate::error::well_formed;
use crate::limits::MAX_NOTES;
use crate::partial::Incomplete;
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

/// The notes of the parts of a file, each with its alignment.
pub(super) fn read<'data>(
    parts: impl Iterator<Item = (Bytes<'data>, u64)>,
    endian: Endianness,
) -> Result<Vec<Note<'data>>, Incomplete> {
    let mut notes = Vec::new();
    let mut answer = Ok(());
    for (data, align) in parts {
        let mut position = 0;
        while notes.len() < MAX_NOTES {
            match note_at(data, position, align, endian) {
                Ok(Some((note, next))) => {
                    notes.push(note);
                    position = next;
                }
                Ok(None) => break,
                Err(error) => {
                    // What is missing of the other parts is read together with this.
                    answer = Err(error);
                    break;
                }
            }
        }
    }
    answer.map(|()| notes)
}

/// The note at `start` and where the next one is; `None` at the end, and for a malformed one.
fn note_at<'data>(
    data: Bytes<'data>,
    start: u64,
    align: u64,
    endian: Endianness,
) -> Result<Option<(Note<'data>, u64)>, Incomplete> {
    const HEADER: u64 = size_of::<NoteHeader32<Endianness>>() as u64;
    let header = data.read::<NoteHeader32<Endianness>>(start, "a note");
    let Some(header) = well_formed(header)? else {
        return Ok(None);
    };
    let place = || {
        let name_size = u64::from(header.n_namesz.get(endian));
        let description_size = u64::from(header.n_descsz.get(endian));
        let align = if align == 8 { 8 } else { 4 };
        let name_at = start.checked_add(HEADER)?;
        let description_at = name_at
            .checked_add(name_size)?
            .checked_next_multiple_of(align)?;
        let end = description_at.checked_add(description_size)?;
        let name = data.slice(name_at, Size(name_size), "a note").ok()?;
        let description = data.slice(description_at, Size(description_size), "a note");
        let next = end.checked_next_multiple_of(align)?;
        let offset = data.base().checked_add(Size(start))?;
        Some((offset, name, description.ok()?, next))
    };
    let Some((offset, name, description, next)) = place() else {
        return Ok(None);
    };
    let name = name.data()?;
    let note = Note {
        // Go pads the name with NULs and counts them.
        name: name.split(|&byte| byte == 0).next().unwrap_or(name),
        kind: header.n_type.get(endian).0,
        description: description.data()?,
        offset,
    };
    Ok(Some((note, next)))
}
