//! The page with the answers of checkers that contradict the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use xtask::output_of;

use super::{Checker, Opinions, Present};
use crate::recipe::{Answer, RULES, Recipe};

/// A checker and what it said of each binary.
type Column<'a> = (BTreeMap<String, Option<Opinions>>, Present<'a>);

/// An answer that contradicts the truth, and the binaries of which it was given.
type Contradictions<'a> = BTreeMap<(&'a str, String, &'a str), Vec<&'a str>>;

const HOW_TO_READ: &str = r#"
A cell is "wrong + untold of all": the answers that contradict what is so, those that are given where
the truth is "not applicable" or "cannot be known from the file", and all answers that the checker
gave to that question. "-" means that it never speaks about it. An answer counts where the recipe of
the binary names the truth.

"Yes" counts as pass and "no" as fail, also where a checker has no third word; its "unknown" and "n/a"
are silence. Where it names a flag or a segment ("no RELRO", "has a RUNPATH"), it is not held to what
that is worth. "Partial RELRO" says that the table of functions stays writable. That RELRO is applied
when the program runs is claimed by no other checker in words, so none is held to it.

handpie's own "unknown" counts as an answer, and as wrong where the recipe knows better. Its column is
no measure of what it does on other binaries: its rules were written with this corpus at hand.

"#;

pub(super) fn report(
    columns: &[Column<'_>],
    absent: &[&Checker],
    corpus: &Path,
    recipes: &[&Recipe],
) -> anyhow::Result<String> {
    let mut text = format!(
        "# What checkers say about binaries of which the truth is known\n\n\
         Made by `cargo xtask corpus --judges` on {}, {}, over the {} binaries that \
         `cargo xtask corpus` builds from\n\
         [recipes](../../crates/corpus/README.md).\n\n",
        output_of("date", &["+%F"])?,
        output_of("uname", &["-srm"])?,
        recipes.len(),
    );
    for (_, present) in columns {
        writeln!(text, "- {}: `{}`", present.checker.name, present.version)?;
    }
    writeln!(text, "\nNot asked, because they are not here:\n")?;
    for checker in absent {
        writeln!(text, "- {}: `{}`", checker.name, checker.get)?;
    }
    text += "- annocheck: in no Debian package\n";
    text += HOW_TO_READ;
    table(&mut text, columns, recipes)?;
    unread(&mut text, columns, corpus, recipes)?;
    for column in columns {
        which(&mut text, column, recipes)?;
    }
    Ok(text)
}

fn table(text: &mut String, columns: &[Column<'_>], recipes: &[&Recipe]) -> std::fmt::Result {
    let names: Vec<&str> = columns
        .iter()
        .map(|(_, present)| present.checker.name)
        .collect();
    writeln!(text, "| rule | {} |", names.join(" | "))?;
    writeln!(text, "|---|{}", "---|".repeat(columns.len()))?;
    let mut sums = vec![Count::default(); columns.len()];
    for rule in RULES {
        let counts = columns.iter().map(|column| count(column, rule, recipes));
        let counts: Vec<Count> = counts.collect();
        if counts.iter().all(|count| count.all == 0) {
            continue;
        }
        let cells = counts.iter().map(Count::cell);
        writeln!(
            text,
            "| {rule} | {} |",
            cells.collect::<Vec<_>>().join(" | ")
        )?;
        for (sum, more) in sums.iter_mut().zip(counts) {
            sum.wrong += more.wrong;
            sum.untold += more.untold;
            sum.all += more.all;
        }
    }
    let cells: Vec<String> = sums.iter().map(Count::cell).collect();
    writeln!(text, "| **all** | {} |", cells.join(" | "))
}

/// How a checker did.
#[derive(Clone, Default)]
struct Count {
    /// Answers that contradict what is so.
    wrong: usize,
    /// Definite answers where none can be had.
    untold: usize,
    all: usize,
}

impl Count {
    fn cell(&self) -> String {
        match self {
            Count { all: 0, .. } => "-".to_owned(),
            Count { wrong, untold, all } => format!("{wrong} + {untold} of {all}"),
        }
    }
}

fn count(column: &Column<'_>, rule: &str, recipes: &[&Recipe]) -> Count {
    let mut count = Count::default();
    for recipe in recipes {
        let said = column.0.get(&recipe.name).and_then(Option::as_ref);
        let meaning = said.and_then(|said| said.get(rule));
        let (Some(meaning), Some(truth)) = (meaning, recipe.answers.get(rule)) else {
            continue;
        };
        count.all += 1;
        if !meaning.contains(truth) {
            match truth {
                Answer::NotApplicable | Answer::Unknown => count.untold += 1,
                _ => count.wrong += 1,
            }
        }
    }
    count
}

/// How many files of each format a checker gave no answer about.
fn unread(
    text: &mut String,
    columns: &[Column<'_>],
    corpus: &Path,
    recipes: &[&Recipe],
) -> std::fmt::Result {
    let formats: BTreeMap<&str, &str> = recipes
        .iter()
        .map(|recipe| (recipe.name.as_str(), format_of(&corpus.join(&recipe.name))))
        .collect();
    let kinds: BTreeSet<&str> = formats.values().copied().collect();
    writeln!(text, "\n## Files that a checker cannot read\n")?;
    let kinds: Vec<&str> = kinds.into_iter().collect();
    writeln!(text, "| checker | {} |", kinds.join(" | "))?;
    writeln!(text, "|---|{}", "---|".repeat(kinds.len()))?;
    for (answers, present) in columns {
        let mut cells = Vec::new();
        for kind in &kinds {
            let of_kind = || formats.iter().filter(|(_, format)| *format == kind);
            let unread =
                of_kind().filter(|(name, _)| !matches!(answers.get(**name), Some(Some(_))));
            cells.push(format!("{} of {}", unread.count(), of_kind().count()));
        }
        writeln!(text, "| {} | {} |", present.checker.name, cells.join(" | "))?;
    }
    Ok(())
}

fn format_of(path: &Path) -> &'static str {
    let bytes = std::fs::read(path).unwrap_or_default();
    match bytes.get(..2) {
        Some(b"\x7fE") => "ELF",
        Some(b"MZ") => "PE",
        _ => "Mach-O",
    }
}

/// Every contradiction of one checker, those of one kind on one line.
fn which(
    text: &mut String,
    (answers, present): &Column<'_>,
    recipes: &[&Recipe],
) -> std::fmt::Result {
    let mut found = Contradictions::new();
    for recipe in recipes {
        let Some(Some(said)) = answers.get(&recipe.name) else {
            continue;
        };
        for (rule, truth) in &recipe.answers {
            let meaning = said
                .get(rule.as_str())
                .filter(|meaning| !meaning.contains(truth));
            if let Some(meaning) = meaning {
                let key = (rule.as_str(), words(meaning), truth.name());
                found.entry(key).or_default().push(&recipe.name);
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n## {}\n", present.checker.name)?;
    writeln!(
        text,
        "| rule | it says | truth | times | binaries |\n|---|---|---|---|---|"
    )?;
    for ((rule, meaning, truth), names) in found {
        let number = names.len();
        writeln!(
            text,
            "| {rule} | {meaning} | {truth} | {number} | {} |",
            names.join(", ")
        )?;
    }
    Ok(())
}

fn words(meaning: &[Answer]) -> String {
    let names: Vec<&str> = meaning.iter().map(|answer| answer.name()).collect();
    names.join(" or ")
}
