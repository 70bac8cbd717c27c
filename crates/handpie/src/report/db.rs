//! What is in the database of advisories.

use std::path::PathBuf;

use handpie_vuln::Source;
use handpie_vuln::source::{DatabaseFile, age};
use serde::Serialize;

use super::{Lines, Report, bytes, count};
use crate::failure::Failure;
use crate::today;

/// A database.
#[derive(Debug, Serialize)]
pub(crate) struct DatabaseReport {
    path: String,
    size: u64,
    /// Days since the oldest of the sources changed.
    age: Option<u32>,
    advisories: usize,
    modules: usize,
    symbols: usize,
    sources: Vec<Source>,
}

impl DatabaseReport {
    pub(crate) fn of(file: &DatabaseFile, path: PathBuf) -> Result<Self, Failure> {
        let database = file.database()?;
        let sources: Vec<Source> = database.sources().collect();
        Ok(Self {
            path: path.display().to_string(),
            size: file.size,
            age: age(&sources, today::today()),
            advisories: database.len(),
            modules: database.module_count(),
            symbols: database.symbol_count(),
            sources,
        })
    }
}

impl Report for DatabaseReport {
    fn text(&self, lines: &mut Lines) {
        lines.good(&self.path, count(self.advisories, "advisory"));
        lines.fact("age", days(self.age));
        let symbols = bytes(self.symbols as u64);
        let modules = bytes(self.modules as u64);
        lines.fact(
            "about",
            format!("{modules} modules and crates, {symbols} symbols of them"),
        );
        lines.fact("size", format!("{} bytes", bytes(self.size)));
        for source in &self.sources {
            let day = source.modified.get(..10).unwrap_or(&source.modified);
            let held = count(source.advisories as usize, "advisory");
            let changed = match day {
                "" => "the day of the last change is unknown".to_owned(),
                day => format!("last changed on {day}"),
            };
            let text = format!("{}: {held}, {changed}", source.from);
            lines.fact("from", text);
            if source.left_out > 0 {
                let others = count(source.left_out as usize, "advisory");
                lines.fact(
                    "left out",
                    format!("{others} about neither Go nor crates.io"),
                );
            }
        }
    }
}

/// An age for people.
fn days(age: Option<u32>) -> String {
    match age {
        None => "unknown".to_owned(),
        Some(1) => "1 day".to_owned(),
        Some(days) => format!("{days} days"),
    }
}

/// The same behind the name of a database.
pub(super) fn aged(age: Option<u32>) -> String {
    match age {
        None => "of unknown age".to_owned(),
        known => format!("{} old", days(known)),
    }
}
