//! What the loader is told: libraries, where to look for them, and which part is encrypted.
//! `dylib_command`, `rpath_command` and `encryption_info_command` in <mach-o/loader.h>.

use object::Endianness;
use object::macho::{
    EncryptionInfoCommand32, LC_ENCRYPTION_INFO, LC_ENCRYPTION_INFO_64, LC_LAZY_LOAD_DYLIB,
    LC_LOAD_DYLIB, LC_LOAD_UPWARD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_REEXPORT_DYLIB, LC_RPATH,
    LoadCommandType,
};

use super::MachO;
use crate::error::Error;
use crate::quantity::{Offset, Size};

/// Where the string of these commands says it stands: right behind `cmd` and `cmdsize`.
const STRING_AT: u64 = 8;

/// A path in a load command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathCommand<'data> {
    /// The path.
    pub path: &'data [u8],
    /// Where the load command stands in the file.
    pub offset: Offset,
}

/// A part of the file that is encrypted, or is kept free to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// Where the load command stands in the file.
    pub offset: Offset,
    /// `cryptid`: with which system; 0 for not (yet).
    pub system: u32,
    /// `cryptsize`: how much, in bytes.
    pub size: Size,
}

impl<'data> MachO<'data> {
    /// The directories that `@rpath` stands for, in the order in which the loader tries them.
    pub fn rpaths(&self) -> Vec<PathCommand<'data>> {
        self.paths(&[LC_RPATH])
    }

    /// The libraries that the loader maps, in the file's order.
    pub fn libraries(&self) -> Vec<PathCommand<'data>> {
        self.paths(&[
            LC_LOAD_DYLIB,
            LC_LOAD_WEAK_DYLIB,
            LC_REEXPORT_DYLIB,
            LC_LOAD_UPWARD_DYLIB,
            LC_LAZY_LOAD_DYLIB,
        ])
    }

    fn paths(&self, kinds: &[LoadCommandType]) -> Vec<PathCommand<'data>> {
        let commands = self.commands.iter();
        let paths = commands.filter(|command| kinds.contains(&command.kind));
        let paths = paths.map(|command| PathCommand {
            path: command.string(self.header.endian, STRING_AT),
            offset: command.offset(),
        });
        paths.collect()
    }

    /// What is encrypted; `None` when nothing can be.
    ///
    /// # Errors
    /// When the load command is too short.
    pub fn encryption(&self) -> Result<Option<Encryption>, Error> {
        let mut kinds = [LC_ENCRYPTION_INFO_64, LC_ENCRYPTION_INFO].iter();
        let Some(command) = kinds.find_map(|kind| self.command(*kind)) else {
            return Ok(None);
        };
        // The 64-bit command only has padding behind it.
        let what = "`LC_ENCRYPTION_INFO`";
        let raw = command
            .data
            .read::<EncryptionInfoCommand32<Endianness>>(0, what)?;
        Ok(Some(Encryption {
            offset: command.offset(),
            system: raw.cryptid.get(self.header.endian),
            size: Size(raw.cryptsize.get(self.header.endian).into()),
        }))
    }
}
