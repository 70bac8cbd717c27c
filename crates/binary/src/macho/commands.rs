//! Load commands: `load_command` in <mach-o/loader.h>.

use object::Endianness;
use object::macho::{LcStr, LoadCommand as RawCommand, LoadCommandType};

use super::Header;
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::limits::MAX_LOAD_COMMANDS;
use crate::quantity::{Offset, Size};

/// One load command. It lies inside the header's commands.
#[derive(Clone, Copy, Debug)]
pub struct LoadCommand<'data> {
    /// `cmd`.
    pub kind: LoadCommandType,
    /// The whole command, `cmd` and `cmdsize` included.
    pub data: Bytes<'data>,
}

impl<'data> LoadCommand<'data> {
    /// Where it stands in the file.
    pub fn offset(&self) -> Offset {
        self.data.base()
    }

    /// A string of the command (`lc_str`), whose position stands at `field` bytes from the start
    /// of the command; it ends at a NUL or with the command. Empty when there is none.
    pub fn string(&self, endian: Endianness, field: u64) -> &'data [u8] {
        let position = self.data.read::<LcStr<Endianness>>(field, "a string");
        let start = position.map_or(u64::MAX, |position| position.offset.get(endian).into());
        // Nothing of a load command is missing once it has been found.
        match self.data.c_string(start) {
            Ok(Some(string)) => string,
            _ => {
                let size = Size(self.data.size().0.saturating_sub(start));
                let rest = self.data.slice(start, size, "a string");
                rest.map_or(b"", |rest| rest.data().unwrap_or_default())
            }
        }
    }
}

pub(super) fn read<'data>(
    file: Bytes<'data>,
    header: &Header,
    start: u64,
) -> Result<Vec<LoadCommand<'data>>, Error> {
    const SMALLEST: u64 = size_of::<RawCommand<Endianness>>() as u64;
    if header.command_count > MAX_LOAD_COMMANDS {
        let message = format!(
            "`ncmds` is {}; at most {MAX_LOAD_COMMANDS} are read",
            header.command_count
        );
        return Err(Error::at(ErrorKind::TooLarge, file.base(), message));
    }
    let all = file.slice(
        start,
        Size(header.commands_size.into()),
        "the load commands",
    )?;
    all.data()?;
    let mut commands = Vec::new();
    let mut position = 0u64;
    for index in 0..header.command_count {
        let within = |error: Error| error.within(format!("load command {index}"));
        let raw = all.read::<RawCommand<Endianness>>(position, "`load_command`");
        let raw = raw.map_err(within)?;
        let size = u64::from(raw.cmdsize.get(header.endian));
        if size < SMALLEST {
            let offset = Offset(all.base().0.saturating_add(position));
            let message = format!("`cmdsize` is {size:#x}, expected at least {SMALLEST:#x}");
            return Err(within(Error::at(ErrorKind::Malformed, offset, message)));
        }
        let data = all.slice(position, Size(size), "a load command");
        commands.push(LoadCommand {
            kind: raw.cmd.get(header.endian),
            data: data.map_err(within)?,
        });
        // Below the size of the file, because the slice was.
        position = position.saturating_add(size);
    }
    Ok(commands)
}
