//! Where `handpie check` is known not to reach the truth: `known-gaps.toml` beside the recipes.
//!
//! A gap does not change the truth. It goes into `truth.json` for the test, which expects what is said
//! instead and notices when a gap has closed.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::recipe::{Answer, Answers, Recipe};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gaps {
    gap: Vec<Gap>,
}

/// What a rule says of some binaries instead of the truth.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gap {
    rule: String,
    says: Answer,
    binaries: Vec<String>,
    why: String,
}

impl Gaps {
    /// Reads them; one that no recipe has, or that is the truth, is an error.
    pub(crate) fn read(path: &Path, recipes: &[Recipe]) -> anyhow::Result<Gaps> {
        let text = fs::read_to_string(path)?;
        let gaps: Gaps =
            toml::from_str(&text).with_context(|| format!("read {}", path.display()))?;
        for gap in &gaps.gap {
            ensure!(
                !gap.why.is_empty(),
                "a gap of `{}` does not say why",
                gap.rule
            );
            for name in &gap.binaries {
                let recipe = recipes.iter().find(|recipe| recipe.name == *name);
                let truth = recipe.and_then(|recipe| recipe.answers.get(&gap.rule));
                let truth = truth.with_context(|| {
                    format!("there is no truth about `{}` of `{name}` to miss", gap.rule)
                })?;
                ensure!(*truth != gap.says, "`{}` of `{name}` is no gap", gap.rule);
            }
        }
        Ok(gaps)
    }

    /// The gaps of one binary.
    pub(crate) fn of(&self, name: &str) -> Answers {
        let gaps = self.gap.iter();
        let gaps = gaps.filter(|gap| gap.binaries.iter().any(|binary| binary == name));
        gaps.map(|gap| (gap.rule.clone(), gap.says)).collect()
    }
}
