//! Holds what a recipe says against what readelf, objdump, llvm-readobj, llvm-objdump, `go version -m`
//! and a run of the program say: none of them shares a line with handpie's own reader.
//!
//! The truth stands in the recipe, because it is known from how the binary was built; a judge can
//! only contradict. For each rule it gives the answers that its facts leave possible, or nothing
//! where it has no facts: that a compiler was asked for CFI is not to be seen by readelf.

mod elf;
mod go;
mod macho;
mod pe;

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use xtask::workplace::Workplace;

use crate::recipe::{Answer, Recipe};

/// What a judge found about a binary.
pub(crate) struct Verdict {
    /// `elf`, `pe` or `mach-o`.
    pub(crate) format: &'static str,
    /// Where recipe and judge disagree, in words.
    pub(crate) contradictions: Vec<String>,
    /// How many answers a judge had facts for.
    pub(crate) confirmed: usize,
}

/// The answers that facts leave possible.
type Possible = &'static [Answer];

const PASS: Possible = &[Answer::Pass];
const NOT_BAD: Possible = &[Answer::Pass, Answer::NotApplicable];
/// It is there; how good it is, the judge does not tell.
const SOME: Possible = &[Answer::Pass, Answer::Warn];
const FAIL: Possible = &[Answer::Fail];
const BAD: Possible = &[Answer::Fail, Answer::Warn];
const NOT_SEEN: Possible = &[
    Answer::Fail,
    Answer::Warn,
    Answer::Unknown,
    Answer::NotApplicable,
];
const NOT_APPLICABLE: Possible = &[Answer::NotApplicable];

/// What can be said about one file.
trait Facts {
    fn format(&self) -> &'static str;
    fn kind(&self) -> &'static str;
    fn possible(&self, rule: &str) -> Option<Possible>;
}

/// Judges the binary of a recipe.
pub(crate) fn judge(
    workplace: &Workplace,
    folder: &Path,
    recipe: &Recipe,
) -> anyhow::Result<Verdict> {
    let path = folder.join(&recipe.name);
    let bytes = fs::read(&path)?;
    let facts: Box<dyn Facts> = match bytes.get(..4).context("it has no four bytes")? {
        b"\x7fELF" => Box::new(elf::Elf::read(workplace, &path, recipe)?),
        [b'M', b'Z', ..] => Box::new(pe::Pe::read(workplace, &path)?),
        b"\xcf\xfa\xed\xfe" | b"\xca\xfe\xba\xbe" => {
            Box::new(macho::MachO::read(workplace, &path)?)
        }
        magic => bail!("`{}` starts with {magic:02x?}", recipe.name),
    };
    let go = go::Go::read(workplace, &path, &bytes)?;
    let mut verdict = Verdict {
        format: facts.format(),
        contradictions: Vec::new(),
        confirmed: 0,
    };
    if facts.kind() != recipe.kind {
        let words = format!(
            "kind = {}, and its judge says {}",
            recipe.kind,
            facts.kind()
        );
        verdict.contradictions.push(words);
    }
    for (rule, answer) in &recipe.answers {
        let possible = match rule.starts_with("go-") {
            true => go.as_ref().and_then(|go| go.possible(rule)),
            false => None,
        };
        let Some(possible) = possible.or_else(|| facts.possible(rule)) else {
            continue;
        };
        verdict.confirmed += 1;
        if !possible.contains(answer) {
            let names: Vec<&str> = possible.iter().map(|answer| answer.name()).collect();
            let names = names.join(" or ");
            let words = format!("{rule} = {}, and its judge says {names}", answer.name());
            verdict.contradictions.push(words);
        }
    }
    Ok(verdict)
}

/// What a tool prints about a file, as text.
fn said(workplace: &Workplace, tool: &str, args: &[&str], path: &Path) -> anyhow::Result<String> {
    let output = workplace
        .tool(tool)
        .args(args)
        .arg(path)
        .env("LC_ALL", "C")
        .run()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
