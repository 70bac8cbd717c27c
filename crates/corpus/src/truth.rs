//! Writes `target/corpus/truth.json`: what is there, and what is true of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::Verdicts;
use crate::gaps::Gaps;
use crate::recipe::{Answers, Recipe};
use crate::tools::Tools;

#[derive(Serialize)]
struct Truth<'a> {
    schema: u32,
    binaries: Vec<Binary<'a>>,
    skipped: Vec<Skipped<'a>>,
}

#[derive(Serialize)]
struct Binary<'a> {
    /// The file in the same folder.
    name: &'a str,
    format: &'static str,
    kind: &'a str,
    answers: &'a Answers,
    /// What `handpie check` says instead, where it is known not to reach the truth.
    gaps: Answers,
    /// Mistakes of other checkers that were seen on such a binary.
    mistakes: &'a [u32],
    why: &'a str,
    build: &'a str,
    tools: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Skipped<'a> {
    name: &'a str,
    needs: &'a str,
}

pub(crate) fn write(
    folder: &Path,
    recipes: &[&Recipe],
    verdicts: &Verdicts,
    gaps: &Gaps,
    tools: &Tools,
    skipped: &[(&Recipe, String)],
) -> anyhow::Result<()> {
    let mut binaries = Vec::new();
    for recipe in recipes {
        let Some(Ok(verdict)) = verdicts.get(&recipe.name) else {
            continue;
        };
        let version = |need: &'_ String| tools.get(need).map(|tool| tool.version.as_str());
        let needs = recipe.needs.iter();
        binaries.push(Binary {
            name: &recipe.name,
            format: verdict.format,
            kind: &recipe.kind,
            answers: &recipe.answers,
            gaps: gaps.of(&recipe.name),
            mistakes: &recipe.mistake,
            why: &recipe.why,
            build: &recipe.build,
            tools: needs
                .filter_map(|need| Some((need.as_str(), version(need)?)))
                .collect(),
        });
    }
    let skipped = skipped.iter().map(|(recipe, needs)| Skipped {
        name: &recipe.name,
        needs,
    });
    let truth = Truth {
        schema: 1,
        binaries,
        skipped: skipped.collect(),
    };
    // Renamed into place, since tests read it while others build.
    let partial = folder.join("truth.json.partial");
    fs::write(&partial, serde_json::to_string_pretty(&truth)? + "\n")?;
    fs::rename(partial, folder.join("truth.json"))?;
    Ok(())
}
