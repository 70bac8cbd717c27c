//! Builds a database from advisories. The same advisories give the same bytes, in any order.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use miniz_oxide::deflate::compress_to_vec_zlib;

use super::layout::{
    ADVISORIES, AFFECTED, FLAG_CUSTOM_RANGES, HEADER_NUMBERS, IMPORTS, INTERVALS, LIST, MODULES,
    SOURCES, SYMBOLS, TABLES, TEXTS, Table,
};
use super::{FORMAT, MAGIC, Source};
use crate::ecosystem::Ecosystem;
use crate::limits::{MAX_ADVISORIES_SIZE, MAX_ADVISORY};
use crate::osv::{Affected, Entry, Import};
use crate::{range, symbol};

/// So much text goes into a stream: enough to compress well, and little to unpack for one advisory.
const TEXT_SIZE: usize = 64 << 10;
/// How hard the texts are compressed; a database is written once and read often.
const LEVEL: u8 = 9;

/// Collects advisories.
#[derive(Debug, Default)]
pub struct Builder {
    sources: Vec<Source>,
    /// By id, with the text that it came from.
    records: BTreeMap<String, (Entry, Vec<u8>)>,
    /// What was added so far, in bytes.
    size: usize,
}

/// Why something is not an advisory.
#[derive(Debug)]
pub enum RecordError {
    /// It is no JSON, or not of the shape that OSV asks for.
    Json(serde_json::Error),
    /// It is larger than any advisory: its size.
    TooLarge(usize),
    /// All of them together are larger than a database holds.
    TooMuch,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "not a valid OSV advisory: {error}"),
            Self::TooLarge(size) => {
                write!(
                    f,
                    "advisory of {size} bytes; expected at most {MAX_ADVISORY}"
                )
            }
            Self::TooMuch => write!(
                f,
                "advisories exceed {} MiB in total",
                MAX_ADVISORIES_SIZE >> 20
            ),
        }
    }
}

impl std::error::Error for RecordError {}

impl Builder {
    /// Begins with what comes from a source; all that is added counts as its, up to the next.
    pub fn begin(&mut self, from: &str) {
        self.sources.push(Source {
            from: from.to_owned(),
            modified: String::new(),
            advisories: 0,
        });
    }

    /// Adds an advisory. Of two with the same id, the one that changed later counts.
    ///
    /// # Errors
    /// When it is none, or there is too much.
    pub fn add(&mut self, json: &[u8]) -> Result<(), RecordError> {
        if json.len() > MAX_ADVISORY {
            return Err(RecordError::TooLarge(json.len()));
        }
        self.size = self.size.saturating_add(json.len());
        if self.size > MAX_ADVISORIES_SIZE {
            return Err(RecordError::TooMuch);
        }
        let record = Entry::parse(json).map_err(RecordError::Json)?;
        if let Some(source) = self.sources.last_mut() {
            source.advisories = source.advisories.saturating_add(1);
            if record.modified > source.modified {
                source.modified.clone_from(&record.modified);
            }
        }
        let known = self.records.get(&record.id);
        if known.is_none_or(|(known, _)| known.modified <= record.modified) {
            let text = json.trim_ascii().to_vec();
            self.records.insert(record.id.clone(), (record, text));
        }
        Ok(())
    }

    /// Says when the last source changed, where it tells so itself.
    pub fn modified(&mut self, modified: &str) {
        if let Some(source) = self.sources.last_mut() {
            modified.clone_into(&mut source.modified);
        }
    }

    /// How many advisories there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The file.
    pub fn finish(self) -> Vec<u8> {
        let mut writer = Writer::default();
        for source in &self.sources {
            let row = [writer.string(&source.from), writer.string(&source.modified)];
            let row = [row.concat(), vec![source.advisories]].concat();
            writer.row(SOURCES, &row);
        }
        let records: Vec<&(Entry, Vec<u8>)> = self.records.values().collect();
        writer.advisories(&records);
        writer.modules(&records);
        writer.into_file()
    }
}

/// The file, as it grows.
#[derive(Default)]
struct Writer {
    tables: [Vec<u32>; TABLES],
    strings: String,
    known: HashMap<String, [u32; 2]>,
    texts: Vec<u8>,
}

/// What an advisory says about a module: which advisory, by its number.
type Mention<'a> = (u32, &'a Affected);

impl Writer {
    fn advisories(&mut self, records: &[&(Entry, Vec<u8>)]) {
        let mut text = Vec::new();
        for (record, json) in records {
            if !text.is_empty() && text.len().saturating_add(json.len()) > TEXT_SIZE {
                self.text(&mut text);
            }
            let informational = record.affected.iter();
            let mut informational =
                informational.filter_map(|it| it.database_specific.informational.as_deref());
            // Some name an alias twice.
            let mut aliases: Vec<&str> = Vec::new();
            for alias in &record.aliases {
                if !aliases.contains(&alias.as_str()) {
                    aliases.push(alias);
                }
            }
            let severity = record.severity.first().map_or("", |it| it.score.as_str());
            let strings = [
                record.id.as_str(),
                &record.modified,
                &aliases.join(&LIST.to_string()),
                &record.summary,
                record.url(),
                severity,
                informational.next().unwrap_or_default(),
            ];
            let mut row = strings.map(|text| self.string(text)).concat();
            let reviewed = record.database_specific.review_status == "REVIEWED";
            row.extend([
                u32::from(reviewed),
                self.rows(TEXTS),
                number(text.len()),
                number(json.len()),
            ]);
            self.row(ADVISORIES, &row);
            text.extend(json);
        }
        if !text.is_empty() {
            self.text(&mut text);
        }
    }

    /// Ends a stream of texts.
    fn text(&mut self, text: &mut Vec<u8>) {
        let packed = compress_to_vec_zlib(text, LEVEL);
        let row = [
            number(self.texts.len()),
            number(packed.len()),
            number(text.len()),
        ];
        self.row(TEXTS, &row);
        self.texts.extend(packed);
        text.clear();
    }

    fn modules(&mut self, records: &[&(Entry, Vec<u8>)]) {
        let mut modules: BTreeMap<(Ecosystem, &str), Vec<Mention<'_>>> = BTreeMap::new();
        for (index, (record, _)) in records.iter().enumerate() {
            // What was taken back is kept to be read, and matches nothing.
            for affected in record
                .affected
                .iter()
                .filter(|_| record.withdrawn.is_none())
            {
                if let Some(ecosystem) = Ecosystem::of_name(&affected.package.ecosystem) {
                    let module = modules.entry((ecosystem, &affected.package.name));
                    module.or_default().push((number(index), affected));
                }
            }
        }
        for ((ecosystem, name), mentions) in modules {
            let first = self.rows(AFFECTED);
            for (advisory, affected) in &mentions {
                self.block(*advisory, affected);
            }
            let mut row = vec![ecosystem as u32];
            row.extend(self.string(name));
            row.extend([first, number(mentions.len())]);
            self.row(MODULES, &row);
        }
    }

    fn block(&mut self, advisory: u32, affected: &Affected) {
        let intervals = range::intervals(&affected.ranges);
        let first_interval = self.rows(INTERVALS);
        for interval in &intervals {
            let mut row = self.string(interval.introduced).to_vec();
            row.extend(self.string(interval.end));
            row.push(u32::from(interval.includes_end));
            self.row(INTERVALS, &row);
        }
        let specific = &affected.ecosystem_specific;
        let first_import = self.rows(IMPORTS);
        for import in &specific.imports {
            self.import(import);
        }
        let flags = match specific.custom_ranges.is_empty() {
            true => 0,
            false => FLAG_CUSTOM_RANGES,
        };
        let mut row = vec![
            advisory,
            first_interval,
            number(intervals.len()),
            first_import,
            number(specific.imports.len()),
        ];
        row.extend(self.list(&specific.affects.os));
        row.push(flags);
        self.row(AFFECTED, &row);
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
        }
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
        let numbers = header.iter().chain(self.tables.iter().flatten());
        let mut checked: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
        debug_assert_eq!(header.len(), HEADER_NUMBERS, "the header");
        checked.extend(self.strings.into_bytes());
        let mut file = MAGIC.to_vec();
        file.extend(FORMAT.to_le_bytes());
        file.extend(crc32fast::hash(&checked).to_le_bytes());
        file.extend(checked);
        file.extend(self.texts);
        file
    }
}

/// A size that fits: advisories are bounded in number and size, to far below four billion.
fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

fn halves(hash: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = hash.to_le_bytes();
    [
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ]
}
