//! Builds a database from advisories. The same advisories give the same bytes, in any order.
//!
//! What is kept of an advisory until the file is written is its text, packed: a text of four megabytes
//! can be some hundred megabytes of lists. It is read again when its rows are written, one after the
//! other.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::Source;
use super::groups::Groups;
use super::writer::{Writer, number};
use crate::limits::{MAX_ADVISORIES_SIZE, MAX_ADVISORY, MAX_JSON_SIZE, MAX_ROWS, MAX_TABLES_SIZE};
use crate::osv::{Affected, Entry};

/// How hard texts are packed until they are written: hardly.
const LEVEL: u8 = 1;
/// What is kept of an advisory beside its text and names, in bytes.
const RECORD: usize = 128;

/// Collects advisories.
#[derive(Debug, Default)]
pub struct Builder {
    sources: Vec<Source>,
    /// What the last source had so far, by id.
    seen: HashSet<String>,
    /// By id.
    records: BTreeMap<String, Record>,
    /// How many of them are about an ecosystem that is known here.
    count: usize,
    /// What was added so far, in bytes.
    read: u64,
    /// What was kept of it, in bytes before it was packed.
    kept: usize,
}

#[derive(Debug)]
struct Record {
    modified: String,
    withdrawn: bool,
    aliases: Vec<String>,
    /// The text, packed; `None` when it is about other ecosystems.
    text: Option<Vec<u8>>,
}

/// Why something is not an advisory.
#[derive(Debug)]
pub enum RecordError {
    /// It is no JSON, or not of the shape that OSV asks for.
    Json(serde_json::Error),
    /// It is larger than any advisory: its size.
    TooLarge(usize),
    /// It names more modules, ranges and symbols than any advisory: how many.
    TooManyRows(usize),
    /// All of them together are larger than a database holds: what is, and the most, in bytes.
    TooMuch(&'static str, u64),
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
            Self::TooManyRows(count) => write!(
                f,
                "advisory with {count} modules, ranges, packages and symbols; expected at most \
                 {MAX_ROWS}"
            ),
            Self::TooMuch(what, most) => {
                write!(f, "{what} exceed {} MiB in total", most >> 20)
            }
        }
    }
}

impl std::error::Error for RecordError {}

impl Builder {
    /// Begins with what comes from a source; all that is added counts as its, up to the next.
    pub fn begin(&mut self, from: &str) {
        self.seen.clear();
        self.sources.push(Source {
            from: from.to_owned(),
            modified: String::new(),
            advisories: 0,
            left_out: 0,
        });
    }

    /// Adds an advisory. Of two with the same id, the one that changed later counts. One about other
    /// ecosystems is left out, but for the aliases that it gives to others.
    ///
    /// # Errors
    /// When it is none, or there is too much.
    pub fn add(&mut self, json: &[u8]) -> Result<(), RecordError> {
        if json.len() > MAX_ADVISORY {
            return Err(RecordError::TooLarge(json.len()));
        }
        self.read = self.read.saturating_add(json.len() as u64);
        if self.read > MAX_JSON_SIZE {
            return Err(RecordError::TooMuch("advisories", MAX_JSON_SIZE));
        }
        let entry = Entry::parse(json).map_err(RecordError::Json)?;
        let rows = entry.affected.iter().map(rows).sum();
        if rows > MAX_ROWS {
            return Err(RecordError::TooManyRows(rows));
        }
        let is_ours = entry.affected.iter().any(|it| it.ecosystem().is_some());
        self.count_in_source(&entry, is_ours);
        let known = self.records.get(&entry.id);
        if known.is_some_and(|known| known.modified > entry.modified) {
            return Ok(());
        }
        if known.is_none() && !is_ours && entry.aliases.is_empty() {
            return Ok(());
        }
        let text = json.trim_ascii();
        let names = entry.aliases.iter().map(String::len);
        let names = names.fold(RECORD.saturating_add(entry.id.len()), usize::saturating_add);
        let kept = self.kept.saturating_add(names);
        self.kept = kept.saturating_add(if is_ours { text.len() } else { 0 });
        if self.kept > MAX_ADVISORIES_SIZE {
            let most = MAX_ADVISORIES_SIZE as u64;
            return Err(RecordError::TooMuch(
                "advisories about Go and crates.io",
                most,
            ));
        }
        let record = Record {
            withdrawn: entry.is_withdrawn(),
            modified: entry.modified,
            aliases: entry.aliases,
            text: is_ours.then(|| compress_to_vec_zlib(text, LEVEL)),
        };
        let old = self.records.insert(entry.id, record);
        let was_ours = old.is_some_and(|it| it.text.is_some());
        self.count = self.count.saturating_add(usize::from(is_ours));
        self.count = self.count.saturating_sub(usize::from(was_ours));
        Ok(())
    }

    fn count_in_source(&mut self, entry: &Entry, is_ours: bool) {
        let is_new = self.seen.insert(entry.id.clone());
        let Some(source) = self.sources.last_mut() else {
            return;
        };
        let count = match is_ours {
            true => &mut source.advisories,
            false => &mut source.left_out,
        };
        *count = count.saturating_add(u32::from(is_new));
        if is_ours && entry.modified > source.modified {
            source.modified.clone_from(&entry.modified);
        }
    }

    /// Says when the last source changed, where it tells so itself.
    pub fn modified(&mut self, modified: &str) {
        if let Some(source) = self.sources.last_mut() {
            modified.clone_into(&mut source.modified);
        }
    }

    /// How many advisories there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many advisories about other ecosystems were left out.
    pub fn left_out(&self) -> u32 {
        let counts = self.sources.iter().map(|source| source.left_out);
        counts.fold(0, u32::saturating_add)
    }

    /// The file.
    ///
    /// # Errors
    /// When it would be larger than any database.
    pub fn finish(self) -> Result<Vec<u8>, RecordError> {
        let firsts = self.firsts();
        let mut writer = Writer::default();
        for source in &self.sources {
            writer.source(source);
        }
        let records = self.records.into_values();
        let texts = records.filter_map(|record| record.text);
        for (packed, first) in texts.zip(firsts) {
            let text = decompress_to_vec_zlib_with_limit(&packed, MAX_ADVISORY);
            // Both were done when it was added.
            let text = text.expect("what was packed here can be unpacked");
            let entry = Entry::parse(&text).map_err(RecordError::Json)?;
            writer.advisory(&entry, &text, first);
            if writer.size() > MAX_TABLES_SIZE {
                let what = "modules, ranges, packages and symbols of all advisories";
                return Err(RecordError::TooMuch(what, MAX_TABLES_SIZE as u64));
            }
        }
        Ok(writer.finish())
    }

    /// Of each advisory that is kept, in the order of ids, the first about the same vulnerability.
    fn firsts(&self) -> Vec<u32> {
        let mut groups = Groups::default();
        // Those that are kept first, so that their numbers are those of their rows.
        let (kept, others): (Vec<_>, Vec<_>) =
            self.records.iter().partition(|(_, it)| it.text.is_some());
        for (id, record) in kept.iter().chain(&others) {
            let names =
                std::iter::once(id.as_str()).chain(record.aliases.iter().map(String::as_str));
            groups.add(names.filter(|_| !record.withdrawn));
        }
        let numbers = 0..kept.len();
        numbers.map(|it| number(groups.first(it))).collect()
    }
}

/// How many rows an entry about a module becomes.
fn rows(affected: &Affected) -> usize {
    let events = affected.ranges.iter().map(|it| it.events.len());
    let imports = affected.ecosystem_specific.imports.iter();
    let imports = imports.map(|it| it.symbols.len().saturating_add(1));
    let rows = events.chain(imports).fold(1, usize::saturating_add);
    rows.saturating_add(affected.versions.len())
}
