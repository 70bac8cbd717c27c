//! Where everything stands in the file. Writing and reading share this page.

/// A table: its place in the header, and how many numbers a row has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) index: usize,
    pub(super) width: usize,
}

impl Table {
    /// How many rows so many numbers are.
    pub(super) fn rows_in(self, numbers: &[impl Sized]) -> usize {
        numbers.len().checked_div(self.width).unwrap_or(0)
    }
}

/// Of each table the header says where it starts, as a number of numbers, and how many rows it has.
pub(super) const TABLES: usize = 8;

/// `from` string, `modified` string, how many advisories, how many others that were left out.
pub(super) const SOURCES: Table = Table { index: 0, width: 6 };
/// Ecosystem, name string, first block, blocks. Sorted by ecosystem and name.
pub(super) const MODULES: Table = Table { index: 1, width: 5 };
/// Advisory, first interval, intervals, first import, imports, systems string, CPUs string.
pub(super) const AFFECTED: Table = Table { index: 2, width: 9 };
/// Introduced string, end string, what the end means, doubt (0 for none).
pub(super) const INTERVALS: Table = Table { index: 3, width: 6 };
/// Path string, first symbol, symbols, systems string, CPUs string. Of a crate, whose functions have
/// their path in their name, the versions of it that have them instead of the path.
pub(super) const IMPORTS: Table = Table { index: 4, width: 8 };
/// Hash, low half first; name string.
pub(super) const SYMBOLS: Table = Table { index: 5, width: 4 };
/// Strings: id, modified, aliases, summary, url, severity, informational, published; then reviewed,
/// text, start in the text, size there, and the first advisory about the same vulnerability.
pub(super) const ADVISORIES: Table = Table {
    index: 6,
    width: 21,
};
/// Offset in the texts, size there, size when it is unpacked.
pub(super) const TEXTS: Table = Table { index: 7, width: 3 };

/// Bytes before the checksum counts: magic, format, checksum.
pub(super) const CHECKED_FROM: usize = 16;
/// Numbers behind that: for each table two, then the sizes of strings and of texts, in bytes.
pub(super) const HEADER_NUMBERS: usize = TABLES * 2 + 2;
/// Where the tables start.
pub(super) const TABLES_FROM: usize = CHECKED_FROM + HEADER_NUMBERS * 4;

/// What separates the items of a list in one string; in no name of a system and no alias.
pub(super) const LIST: char = ',';
