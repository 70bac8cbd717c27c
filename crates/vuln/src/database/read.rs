//! Reads a database. Only what is asked for is copied out of the file.

use std::cmp::Ordering;

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::layout::{
    ADVISORIES, AFFECTED, CHECKED_FROM, IMPORTS, INTERVALS, MODULES, SOURCES, SYMBOLS, TABLES,
    TABLES_FROM, TEXTS, Table,
};
use super::rows::{Advisory, Affected};
use super::{DatabaseError, FORMAT, MAGIC, Source};
use crate::ecosystem::Ecosystem;
use crate::limits::MAX_ADVISORY_TEXTS;

/// A database, ready to be asked.
#[derive(Clone, Debug)]
pub struct Database<'file> {
    /// Of each table its numbers.
    tables: [&'file [[u8; 4]]; TABLES],
    strings: &'file str,
    texts: &'file [u8],
}

/// Numbers of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'file>(pub(super) &'file [[u8; 4]]);

impl Row<'_> {
    pub(super) fn at(self, column: usize) -> u32 {
        let number = self.0.get(column);
        number.map_or(0, |number| u32::from_le_bytes(*number))
    }
}

impl<'file> Database<'file> {
    /// How much of a file has to be read for everything but the texts of the advisories, by its first
    /// [`super::START`] bytes; `None` when it is not a database of this format.
    pub fn size_without_texts(start: &[u8]) -> Option<u64> {
        let header = header(start).ok()?;
        strings_end(header).map(|end| end as u64)
    }

    /// Reads a database, and holds every number in it against the rest. `file` may end where the
    /// texts of the advisories begin.
    ///
    /// # Errors
    /// When it is none, of another format, or not as it was written.
    pub fn open(file: &'file [u8]) -> Result<Self, DatabaseError> {
        let header = header(file)?;
        let checksum = Row(file.as_chunks().0).at(3);
        let texts_from = strings_end(header).ok_or_else(|| cut(file))?;
        let strings_size = size(header.at(TABLES * 2));
        let strings_from = texts_from.checked_sub(strings_size);
        let strings_from = strings_from.ok_or_else(|| cut(file))?;
        let numbers = file.get(TABLES_FROM..strings_from);
        let numbers = numbers.ok_or_else(|| cut(file))?;
        let texts = file.get(texts_from..).ok_or_else(|| cut(file))?;
        if !texts.is_empty() && texts.len() != size(header.at(TABLES * 2 + 1)) {
            return Err(cut(file));
        }
        let sum = crc32fast::hash(file.get(CHECKED_FROM..texts_from).unwrap_or_default());
        if sum != checksum {
            let found = format!("the checksum is {sum:08x}, expected {checksum:08x}");
            return Err(DatabaseError::Damaged(12, found));
        }
        let strings = std::str::from_utf8(file.get(strings_from..texts_from).unwrap_or_default());
        let strings = strings.map_err(|error| {
            let at = strings_from.saturating_add(error.valid_up_to());
            DatabaseError::Damaged(at as u64, "a string that is not UTF-8".to_owned())
        })?;
        let mut database = Self {
            tables: [&[]; TABLES],
            strings,
            texts,
        };
        let numbers = numbers.as_chunks().0;
        for table in ALL {
            let rows = table_in(numbers, header, table);
            let (place, rows) = (database.tables.get_mut(table.index), rows);
            match (place, rows) {
                (Some(place), Some(rows)) => *place = rows,
                _ => return Err(wrong(table, "lies outside the file")),
            }
        }
        database.check()?;
        Ok(database)
    }

    /// Where the advisories came from.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        self.rows(SOURCES).map(|row| Source {
            from: self.string(row, 0).to_owned(),
            modified: self.string(row, 2).to_owned(),
            advisories: row.at(4),
            left_out: row.at(5),
        })
    }

    /// How many advisories there are.
    pub fn len(&self) -> usize {
        self.count(ADVISORIES)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many modules and crates the advisories are about.
    pub fn module_count(&self) -> usize {
        self.count(MODULES)
    }

    /// How many packages and symbols of them the advisories name.
    pub fn symbol_count(&self) -> usize {
        self.count(SYMBOLS)
    }

    /// Every advisory, in the order of ids.
    pub fn advisories(&self) -> impl Iterator<Item = Advisory<'_>> {
        let rows = self.rows(ADVISORIES);
        rows.map(|row| Advisory {
            database: self,
            row,
        })
    }

    /// What advisories say about a module or crate.
    pub(crate) fn about(
        &self,
        ecosystem: Ecosystem,
        name: &str,
    ) -> impl Iterator<Item = Affected<'_>> {
        let found = self.find(ecosystem, name);
        let (first, count) = found.map_or((0, 0), |row| (row.at(3), row.at(4)));
        let rows = self.some_rows(AFFECTED, first, count);
        rows.map(|row| Affected {
            database: self,
            row,
        })
    }

    /// Every advisory about a module or crate, of whatever version, in the order of ids.
    pub fn advisories_about(&self, ecosystem: Ecosystem, name: &str) -> Vec<Advisory<'_>> {
        let mut found: Vec<_> = self
            .about(ecosystem, name)
            .map(Affected::advisory)
            .collect();
        found.sort_by_key(|(number, _)| *number);
        found.dedup_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, advisory)| advisory).collect()
    }

    /// Whether any advisory is about a module or crate.
    pub(crate) fn knows(&self, ecosystem: Ecosystem, name: &str) -> bool {
        self.find(ecosystem, name).is_some()
    }

    fn find(&self, ecosystem: Ecosystem, name: &str) -> Option<Row<'_>> {
        let wanted = (ecosystem as u32, name);
        let (mut low, mut high) = (0, self.count(MODULES));
        while low < high {
            let middle = low.saturating_add(high.saturating_sub(low) / 2);
            let row = self.row(MODULES, middle)?;
            match (row.at(0), self.string(row, 1)).cmp(&wanted) {
                Ordering::Less => low = middle.saturating_add(1),
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(row),
            }
        }
        None
    }

    fn count(&self, table: Table) -> usize {
        let numbers = self.tables.get(table.index);
        numbers.map_or(0, |numbers| table.rows_in(numbers))
    }

    pub(super) fn row(&self, table: Table, index: usize) -> Option<Row<'file>> {
        let start = index.checked_mul(table.width)?;
        let end = start.checked_add(table.width)?;
        let numbers = self.tables.get(table.index)?;
        numbers.get(start..end).map(Row)
    }

    fn rows(&self, table: Table) -> impl Iterator<Item = Row<'file>> {
        let numbers = self.tables.get(table.index).copied().unwrap_or_default();
        numbers.chunks_exact(table.width).map(Row)
    }

    pub(super) fn some_rows(
        &self,
        table: Table,
        first: u32,
        count: u32,
    ) -> impl Iterator<Item = Row<'file>> {
        let numbers = self.tables.get(table.index).copied().unwrap_or_default();
        let start = size(first).saturating_mul(table.width);
        let end = size(count)
            .saturating_mul(table.width)
            .saturating_add(start);
        let numbers = numbers.get(start..end).unwrap_or_default();
        numbers.chunks_exact(table.width).map(Row)
    }

    pub(super) fn string(&self, row: Row<'_>, column: usize) -> &'file str {
        self.string_at(row, column).unwrap_or_default()
    }

    fn string_at(&self, row: Row<'_>, column: usize) -> Option<&'file str> {
        let start = size(row.at(column));
        let end = start.checked_add(size(row.at(column.checked_add(1)?)))?;
        self.strings.get(start..end)
    }

    /// Whether every number points at something. After this, what is asked for is there.
    fn check(&self) -> Result<(), DatabaseError> {
        for (table, columns) in STRINGS {
            for row in self.rows(table) {
                if !columns
                    .iter()
                    .all(|column| self.string_at(row, *column).is_some())
                {
                    return Err(wrong(table, "refers to a string outside the file"));
                }
            }
        }
        for (table, column, target) in RUNS {
            let count = self.count(target);
            for row in self.rows(table) {
                let end =
                    size(row.at(column)).saturating_add(size(row.at(column.saturating_add(1))));
                if end > count {
                    return Err(wrong(table, "refers to rows that do not exist"));
                }
            }
        }
        for (table, column, target) in SINGLES {
            let count = self.count(target);
            if self.rows(table).any(|row| size(row.at(column)) >= count) {
                return Err(wrong(table, "refers to a row that does not exist"));
            }
        }
        let names = self
            .rows(MODULES)
            .map(|row| (row.at(0), self.string(row, 1)));
        if !names.is_sorted() {
            return Err(wrong(MODULES, "is not sorted"));
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn texts_size(&self) -> usize {
        self.texts.len()
    }

    /// The stream of texts of that number, unpacked.
    pub(super) fn text(&self, index: usize) -> Option<Vec<u8>> {
        let row = self.row(TEXTS, index)?;
        let start = size(row.at(0));
        let packed = self.texts.get(start..start.checked_add(size(row.at(1)))?)?;
        let limit = size(row.at(2)).min(MAX_ADVISORY_TEXTS);
        decompress_to_vec_zlib_with_limit(packed, limit).ok()
    }
}

const ALL: [Table; TABLES] = [
    SOURCES, MODULES, AFFECTED, INTERVALS, IMPORTS, SYMBOLS, ADVISORIES, TEXTS,
];

/// The columns that are strings.
const STRINGS: [(Table, &[usize]); 7] = [
    (SOURCES, &[0, 2]),
    (MODULES, &[1]),
    (AFFECTED, &[5, 7]),
    (INTERVALS, &[0, 2]),
    (IMPORTS, &[0, 4, 6]),
    (SYMBOLS, &[2]),
    (ADVISORIES, &[0, 2, 4, 6, 8, 10, 12, 14]),
];

/// The columns that are the first of several rows, with their number behind it.
const RUNS: [(Table, usize, Table); 4] = [
    (MODULES, 3, AFFECTED),
    (AFFECTED, 1, INTERVALS),
    (AFFECTED, 3, IMPORTS),
    (IMPORTS, 2, SYMBOLS),
];

/// The columns that are a row.
const SINGLES: [(Table, usize, Table); 3] = [
    (AFFECTED, 0, ADVISORIES),
    (ADVISORIES, 17, TEXTS),
    (ADVISORIES, 20, ADVISORIES),
];

/// The numbers of the header.
fn header(file: &[u8]) -> Result<Row<'_>, DatabaseError> {
    if !file.starts_with(&MAGIC) {
        return Err(DatabaseError::NotADatabase);
    }
    let numbers: &[[u8; 4]] = file.as_chunks().0;
    let format = Row(numbers.get(..CHECKED_FROM / 4).ok_or_else(|| cut(file))?).at(2);
    if format != FORMAT {
        return Err(DatabaseError::OtherFormat(format));
    }
    let header = numbers.get(CHECKED_FROM / 4..TABLES_FROM / 4);
    header.map(Row).ok_or_else(|| cut(file))
}

/// Where the strings end, which stand behind the last table.
fn strings_end(header: Row<'_>) -> Option<usize> {
    let ends = ALL.iter().map(|table| {
        let column = table.index.checked_mul(2)?;
        let rows = size(header.at(column.checked_add(1)?));
        size(header.at(column)).checked_add(rows.checked_mul(table.width)?)
    });
    let numbers = ends.collect::<Option<Vec<usize>>>()?.into_iter().max()?;
    let strings_from = numbers.checked_mul(4)?.checked_add(TABLES_FROM)?;
    strings_from.checked_add(size(header.at(TABLES * 2)))
}

fn table_in<'file>(
    numbers: &'file [[u8; 4]],
    header: Row<'_>,
    table: Table,
) -> Option<&'file [[u8; 4]]> {
    let column = table.index.checked_mul(2)?;
    let start = size(header.at(column));
    let count = size(header.at(column.checked_add(1)?)).checked_mul(table.width)?;
    numbers.get(start..start.checked_add(count)?)
}

/// A number of 32 bits as a size, which it fits on every machine that handpie runs on.
pub(super) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn cut(file: &[u8]) -> DatabaseError {
    let found = "the file ends before what its header announces".to_owned();
    DatabaseError::Damaged(file.len() as u64, found)
}

fn wrong(table: Table, what: &str) -> DatabaseError {
    let header = CHECKED_FROM.saturating_add(table.index.saturating_mul(8));
    DatabaseError::Damaged(header as u64, format!("table {} {what}", table.index))
}
