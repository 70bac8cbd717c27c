//! The tables, strings and texts of a database, as they are written.

use std::collections::{BTreeMap, HashMap, HashSet};

use miniz_oxide::deflate::compress_to_vec_zlib;

use super::layout::{
    ADVISORIES, AFFECTED, CHECKED_FROM, HEADER_NUMBERS, IMPORTS, INTERVALS, LIST, MODULES, SOURCES,
    SYMBOLS, TABLES, TEXTS, Table,
};
use super::{FORMAT, MAGIC, Source};
use crate::ecosystem::Ecosystem;
use crate::osv::{Affected, Entry, Import};
use crate::{range, symbol};

/// So much text goes into a stream: enough to compress well, and little to unpack for one advisory.
const TEXT_SIZE: usize = 64 << 10;
/// How hard the texts are compressed; a database is written once and read often.
const LEVEL: u8 = 9;
/// What the map of strings takes for each beside the string itself, in bytes.
const KNOWN: usize = 64;

/// The file, as it grows.
#[derive(Default)]
pub(super) struct Writer {
    tables: [Vec<u32>; TABLES],
    strings: String,
    known: HashMap<String, [u32; 2]>,
    texts: Vec<u8>,
    /// What goes into the next stream of texts.
    text: Vec<u8>,
    /// The rows of [`AFFECTED`] by module, which stand together.
    modules: BTreeMap<(Ecosystem, String), Vec<u32>>,
    /// How many numbers are in them.
    numbers: usize,
}

impl Writer {
    /// Adds where advisories came from.
    pub(super) fn source(&mut self, source: &Source) {
        let row = [self.string(&source.from), self.string(&source.modified)];
        let row = [row.concat(), vec![source.advisories, source.left_out]].concat();
        self.row(SOURCES, &row);
    }

    /// Adds the next advisory; `first` is the number of the first about the same vulnerability.
    pub(super) fn advisory(&mut self, entry: &Entry, json: &[u8], first: u32) {
        if !self.text.is_empty() && self.text.len().saturating_add(json.len()) > TEXT_SIZE {
            self.end_text();
        }
        let number = self.rows(ADVISORIES);
        let informational = entry.affected.iter();
        let mut informational =
            informational.filter_map(|it| it.database_specific.informational.as_deref());
        // Some name an alias twice.
        let mut known = HashSet::new();
        let aliases = entry.aliases.iter().map(String::as_str);
        let aliases: Vec<&str> = aliases.filter(|alias| known.insert(*alias)).collect();
        let severity = entry.severity.first().map_or("", |it| it.score.as_str());
        let strings = [
            entry.id.as_str(),
            &entry.modified,
            &aliases.join(&LIST.to_string()),
            &entry.summary,
            entry.url(),
            severity,
            informational.next().unwrap_or_default(),
            &entry.published,
        ];
        let mut row = strings.map(|text| self.string(text)).concat();
        row.extend([
            u32::from(entry.database_specific.review_status == "REVIEWED"),
            self.rows(TEXTS),
            self::number(self.text.len()),
            self::number(json.len()),
            first,
        ]);
        self.row(ADVISORIES, &row);
        self.text.extend(json);
        // What was taken back is kept to be read, and matches nothing.
        for affected in entry.affected.iter().filter(|_| !entry.is_withdrawn()) {
            if let Some(ecosystem) = affected.ecosystem() {
                self.affected(number, ecosystem, affected);
            }
        }
    }

    fn affected(&mut self, advisory: u32, ecosystem: Ecosystem, affected: &Affected) {
        let intervals = range::intervals(affected);
        let first_interval = self.rows(INTERVALS);
        for interval in &intervals {
            let mut row = self.string(interval.introduced).to_vec();
            row.extend(self.string(interval.end));
            row.extend([
                interval.bound as u32,
                interval.doubt.map_or(0, |it| (it as u32).saturating_add(1)),
            ]);
            self.row(INTERVALS, &row);
        }
        let specific = &affected.ecosystem_specific;
        let first_import = self.rows(IMPORTS);
        let functions = specific.affects.functions.imports();
        let imports = || specific.imports.iter().chain(&functions);
        imports().for_each(|import| self.import(import));
        let mut row = vec![
            advisory,
            first_interval,
            number(intervals.len()),
            first_import,
            number(imports().count()),
        ];
        row.extend(self.list(&specific.affects.os));
        row.extend(self.list(&specific.affects.arch));
        debug_assert_eq!(row.len(), AFFECTED.width, "a row of a module");
        self.numbers = self.numbers.saturating_add(row.len());
        let key = (ecosystem, affected.package.name.clone());
        self.modules.entry(key).or_default().extend(row);
    }

    fn import(&mut self, import: &Import) {
        let first = self.rows(SYMBOLS);
        for name in &import.symbols {
            let hash = symbol::hash(import.path.as_bytes(), name.as_bytes());
            let [low, high] = halves(hash);
            let [at, size] = self.string(name);
            self.row(SYMBOLS, &[low, high, at, size]);
        }
        let mut row = self.string(&import.path).to_vec();
        row.extend([first, number(import.symbols.len())]);
        row.extend(self.list(&import.goos));
        row.extend(self.list(&import.goarch));
        self.row(IMPORTS, &row);
    }

    fn list(&mut self, items: &[String]) -> [u32; 2] {
        self.string(&items.join(&LIST.to_string()))
    }

    /// Ends a stream of texts.
    fn end_text(&mut self) {
        let packed = compress_to_vec_zlib(&self.text, LEVEL);
        let row = [
            number(self.texts.len()),
            number(packed.len()),
            number(self.text.len()),
        ];
        self.row(TEXTS, &row);
        self.texts.extend(packed);
        self.text.clear();
    }

    /// Where a string stands, and its size.
    fn string(&mut self, text: &str) -> [u32; 2] {
        if let Some(place) = self.known.get(text) {
            return *place;
        }
        let place = [number(self.strings.len()), number(text.len())];
        self.strings.push_str(text);
        self.known.insert(text.to_owned(), place);
        place
    }

    fn rows(&self, table: Table) -> u32 {
        let numbers = self.tables.get(table.index);
        number(numbers.map_or(0, |numbers| table.rows_in(numbers)))
    }

    fn row(&mut self, table: Table, row: &[u32]) {
        debug_assert_eq!(row.len(), table.width, "a row of table {}", table.index);
        if let Some(numbers) = self.tables.get_mut(table.index) {
            numbers.extend(row);
            self.numbers = self.numbers.saturating_add(row.len());
        }
    }

    /// The memory that all of it takes but the texts, in bytes.
    pub(super) fn size(&self) -> usize {
        let numbers = self.numbers.saturating_mul(size_of::<u32>());
        let names = self.known.len().saturating_mul(KNOWN);
        let strings = self.strings.len().saturating_mul(2);
        numbers.saturating_add(names).saturating_add(strings)
    }

    /// The file.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if !self.text.is_empty() {
            self.end_text();
        }
        for ((ecosystem, name), rows) in std::mem::take(&mut self.modules) {
            let first = self.rows(AFFECTED);
            self.row_of_module(ecosystem, &name, first, AFFECTED.rows_in(&rows));
            if let Some(numbers) = self.tables.get_mut(AFFECTED.index) {
                numbers.extend(rows);
            }
        }
        drop(std::mem::take(&mut self.known));
        self.into_file()
    }

    fn row_of_module(&mut self, ecosystem: Ecosystem, name: &str, first: u32, count: usize) {
        let mut row = vec![ecosystem as u32];
        row.extend(self.string(name));
        row.extend([first, number(count)]);
        self.row(MODULES, &row);
    }

    fn into_file(self) -> Vec<u8> {
        let tables = [
            SOURCES, MODULES, AFFECTED, INTERVALS, IMPORTS, SYMBOLS, ADVISORIES, TEXTS,
        ];
        let mut header = Vec::with_capacity(HEADER_NUMBERS);
        let mut start = 0usize;
        for (table, numbers) in tables.iter().zip(&self.tables) {
            header.extend([number(start), number(table.rows_in(numbers))]);
            start = start.saturating_add(numbers.len());
        }
        header.extend([number(self.strings.len()), number(self.texts.len())]);
        debug_assert_eq!(header.len(), HEADER_NUMBERS, "the header");
        let mut file = MAGIC.to_vec();
        file.extend(FORMAT.to_le_bytes());
        let sum_at = file.len();
        file.extend([0; size_of::<u32>()]);
        debug_assert_eq!(file.len(), CHECKED_FROM, "what the checksum leaves out");
        file.extend(header.iter().flat_map(|number| number.to_le_bytes()));
        for table in self.tables {
            file.extend(table.iter().flat_map(|number| number.to_le_bytes()));
        }
        file.extend(self.strings.into_bytes());
        let sum = crc32fast::hash(file.get(CHECKED_FROM..).unwrap_or_default());
        let place = file.get_mut(sum_at..CHECKED_FROM);
        if let Some(place) = place {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        file.extend(self.texts);
        file
    }
}

/// A size that fits: advisories are bounded in number and size, to far below four billion.
pub(super) fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

fn halves(hash: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = hash.to_le_bytes();
    [
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ]
}
