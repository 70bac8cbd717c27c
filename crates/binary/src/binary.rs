//! A file of any format that is read here.

use crate::bytes::Bytes;
use crate::elf::Elf;
use crate::error::Error;

/// An executable, library or object whose headers have been read and lie inside the file.
#[derive(Debug)]
pub enum Binary<'data> {
    /// The Executable and Linkable Format: Linux and most other systems.
    Elf(Elf<'data>),
}

impl<'data> Binary<'data> {
    /// Reads the headers of `file`: one binary, or as many as a fat Mach-O file holds.
    ///
    /// # Errors
    /// Says what is wrong with the first header that cannot be read, and at which file offset.
    pub fn parse(file: impl Into<Bytes<'data>>) -> Result<Vec<Self>, Error> {
        Ok(vec![Self::Elf(Elf::parse(file)?)])
    }
}
