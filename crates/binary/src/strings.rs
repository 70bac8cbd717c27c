//! Strings that a table of names holds and another table points at.
//!
//! Many entries may point into one long string without an end. So that reading them all takes no
//! longer than the file is large, the bytes looked at are counted.

use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::limits::MAX_STRING_SHARING;

/// A string table that is asked for many strings.
#[derive(Debug)]
pub(crate) struct Strings<'data> {
    table: Bytes<'data>,
    /// How many bytes may still be looked at.
    left: u64,
}

impl<'data> Strings<'data> {
    pub(crate) fn new(table: Bytes<'data>) -> Self {
        let left = table.size().0.saturating_mul(MAX_STRING_SHARING);
        Self { table, left }
    }

    /// The string at `start`, without its NUL; empty when there is none.
    ///
    /// # Errors
    /// When the strings asked for so far are together much longer than the table.
    pub(crate) fn get(&mut self, start: u64) -> Result<&'data [u8], Error> {
        let Some(string) = self.table.c_string(start) else {
            // Without an end, the search went to the end of the table.
            self.spend(self.table.size().0.saturating_sub(start))?;
            return Ok(b"");
        };
        self.spend(string.len() as u64)?;
        Ok(string)
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Error> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Error::at(
                ErrorKind::TooLarge,
                self.table.base(),
                format!(
                    "names that are together more than {MAX_STRING_SHARING} times as long as the \
                     string table of {} bytes that holds them",
                    self.table.size()
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_without_end_is_empty_and_cannot_be_asked_for_forever() {
        let table = [b'a'; 1000];
        let mut strings = Strings::new(Bytes::of_file(&table));
        let mut asked = 0;
        let error = loop {
            match strings.get(0) {
                Ok(string) => assert_eq!(string, b""),
                Err(error) => break error,
            }
            asked += 1;
            assert!(asked <= MAX_STRING_SHARING);
        };
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn strings_are_found_by_where_they_start() {
        let mut strings = Strings::new(Bytes::of_file(b"\0main\0"));
        assert_eq!(strings.get(1).unwrap(), b"main");
        assert_eq!(strings.get(3).unwrap(), b"in", "tails are shared");
        assert_eq!(strings.get(0).unwrap(), b"");
        assert_eq!(strings.get(99).unwrap(), b"");
    }
}
