//! What a release lost or gained: losses, gains, and what is otherwise different.

use std::path::Path;

use handpie_audit::diff::{Change, Value, Weight, What};
use serde::Serialize;

use super::{Lines, Report, bytes, count};
use crate::binaries::Unread;
use crate::exit::Exit;

#[derive(Debug, Serialize)]
pub(crate) struct DiffReport {
    old: String,
    new: String,
    files: Vec<Comparison>,
    summary: Summary,
    unread: Vec<Unread>,
}

/// A binary of both releases, or of one.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    /// Below the two directories; empty when two files were compared.
    path: String,
    /// What the old file was called, where only a hash in the name differs.
    old_path: Option<String>,
    /// Which of the binaries in the file it is, where there are several.
    member: Option<String>,
    status: Fate,
    changes: Vec<Change>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fate {
    /// Only the new release has it.
    Added,
    /// Only the old release has it.
    Removed,
    /// Both have it.
    Kept,
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    added: usize,
    changed: usize,
    files: usize,
    /// Changes for the better.
    gains: usize,
    /// Changes for the worse; a file that is gone is one.
    losses: usize,
    removed: usize,
    same: usize,
    /// Answers that the new files do not tell any more.
    unseen: usize,
}

impl Comparison {
    pub(crate) fn new(
        path: &str,
        old_path: Option<String>,
        member: Option<String>,
        status: Fate,
        changes: Vec<Change>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            old_path,
            member,
            status,
            changes,
        }
    }

    fn with(&self, weight: Weight) -> impl Iterator<Item = &Change> {
        let changes = self.changes.iter();
        changes.filter(move |change| change.weight == weight)
    }

    /// `2 lost, 1 gained, 3 changed`, without sections, of which there are always many.
    fn counts(&self) -> String {
        let words = [
            (Weight::Loss, "lost"),
            (Weight::Unseen, "no longer seen"),
            (Weight::Gain, "gained"),
            (Weight::Neutral, "changed"),
        ];
        let words = words.map(|(weight, word)| {
            let changes = self.with(weight);
            let counted = changes.filter(|change| change.what != What::Section);
            (counted.count(), word)
        });
        let words = words.iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = words
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        words.join(", ")
    }
}

impl DiffReport {
    pub(crate) fn of(old: &Path, new: &Path, compared: Vec<Result<Comparison, Unread>>) -> Self {
        let mut report = Self {
            old: old.display().to_string(),
            new: new.display().to_string(),
            files: Vec::new(),
            summary: Summary::default(),
            unread: Vec::new(),
        };
        for compared in compared {
            match compared {
                Ok(file) => {
                    report.summary.count(&file);
                    report.files.push(file);
                }
                Err(unread) => report.unread.push(unread),
            }
        }
        report
    }

    /// How the program ends: a file that cannot be read counts more than a loss.
    pub(crate) fn exit(&self) -> Exit {
        match (self.unread.is_empty(), self.summary.losses) {
            (false, _) => Exit::Input,
            (true, 0) => Exit::Done,
            (true, _) => Exit::No,
        }
    }

    /// What a heading calls a file.
    fn title(&self, file: &Comparison) -> String {
        let path = match (&file.old_path, file.path.as_str()) {
            (_, "") => format!("{} -> {}", self.old, self.new),
            (Some(old), path) => format!("{old} -> {path}"),
            (None, path) => path.to_owned(),
        };
        match &file.member {
            Some(member) => format!("{path} ({member})"),
            None => path,
        }
    }
}

impl Summary {
    fn count(&mut self, file: &Comparison) {
        self.files += 1;
        self.losses += file.with(Weight::Loss).count();
        self.gains += file.with(Weight::Gain).count();
        self.unseen += file.with(Weight::Unseen).count();
        match file.status {
            Fate::Added => self.added += 1,
            Fate::Removed => {
                self.removed += 1;
                self.losses += 1;
            }
            Fate::Kept if file.changes.is_empty() => self.same += 1,
            Fate::Kept => self.changed += 1,
        }
    }
}

impl Report for DiffReport {
    fn text(&self, lines: &mut Lines) {
        for file in &self.files {
            let title = self.title(file);
            match file.status {
                Fate::Added => lines.good(title, "added"),
                Fate::Removed => lines.bad(title, "removed"),
                Fate::Kept if file.changes.is_empty() => {
                    if lines.verbose || self.files.len() == 1 {
                        lines.good(title, "no difference in what is compared");
                    }
                }
                Fate::Kept => {
                    match file.with(Weight::Loss).next() {
                        Some(_) => lines.bad(title, file.counts()),
                        None => lines.good(title, file.counts()),
                    }
                    changes(file, lines);
                }
            }
        }
        for unread in &self.unread {
            lines.bad(&unread.name, format!("unreadable: {}", unread.message));
        }
        if self.files.len() + self.unread.len() > 1 {
            let Summary {
                added,
                changed,
                removed,
                same,
                losses,
                ..
            } = self.summary;
            lines.total(format!(
                "{}: {changed} changed, {added} added, {removed} removed, {same} the same, \
                 {} unreadable; {losses} lost",
                count(self.summary.files + self.unread.len(), "file"),
                self.unread.len()
            ));
        }
    }
}

fn changes(file: &Comparison, lines: &mut Lines) {
    let shown = |change: &&Change| lines.verbose || change.what != What::Section;
    let shown: Vec<&Change> = file.changes.iter().filter(shown).collect();
    let labels = shown.iter().map(|change| label(change).chars().count());
    let column = labels.max().unwrap_or(0).min(40) + 2;
    let mut weight = None;
    for change in &shown {
        if weight != Some(change.weight) {
            weight = Some(change.weight);
            lines.line(match change.weight {
                Weight::Loss => "lost",
                Weight::Unseen => "can no longer be seen",
                Weight::Gain => "gained",
                Weight::Neutral => "changed",
            });
        }
        lines.entry(column, &label(change), &words(change));
    }
    let hidden = file.changes.len() - shown.len();
    if hidden > 0 {
        lines.line(format!(
            "and the sizes of {}; -v shows them",
            count(hidden, "section")
        ));
    }
    let codes = file
        .with(Weight::Loss)
        .filter(|change| change.what == What::Answer);
    for code in codes {
        lines.see(&code.name);
    }
}

fn label(change: &Change) -> String {
    let label = match change.what {
        What::Kind => "kind",
        What::Language => "language",
        What::Loader => "loader",
        What::Library => "library",
        What::Go => "go",
        What::Size => "size",
        What::Answer | What::Setting | What::Module | What::Section => &change.name,
    };
    format!("{label} ")
}

fn words(change: &Change) -> String {
    if let (Some(Value::Bytes(old)), Some(Value::Bytes(new))) = (&change.old, &change.new) {
        let sign = if new > old { '+' } else { '-' };
        let difference = bytes(new.abs_diff(*old));
        return format!(
            "{} -> {} bytes ({sign}{difference})",
            bytes(*old),
            bytes(*new)
        );
    }
    if change.what == What::Library {
        return match (&change.old, &change.new) {
            (Some(old), Some(new)) => format!("{} -> {}", value(old), value(new)),
            (None, Some(new)) => format!("{} is now needed", value(new)),
            (Some(old), _) => format!("{} is no longer needed", value(old)),
            (None, None) => String::new(),
        };
    }
    let side = |side: &Option<Value>| side.as_ref().map_or("none".to_owned(), value);
    let change_of = format!("{} -> {}", side(&change.old), side(&change.new));
    match change.why.is_empty() {
        true => change_of,
        false => format!("{change_of}: {}", change.why),
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Text(text) if text.is_empty() => "empty".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Bytes(count) => format!("{} bytes", bytes(*count)),
    }
}
