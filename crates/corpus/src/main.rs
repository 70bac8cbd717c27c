//! `cargo xtask corpus`: binaries of which the truth is known, in `target/corpus`.
//!
//! Recipes and sources stand in `crates/corpus`. Each recipe says how a binary is
//! built and what every rule of `handpie check` that it is about must say; `target/corpus/truth.json`
//! says the same for programs. A truth that readelf and others contradict is an error here, so the
//! rules are never held against a mistaken recipe.
//!
//! The binaries are made on x86-64 Linux only: what is true of them depends on the CPU.
//!
//! `cargo xtask world` is the other half: files of others, of which only judges can tell what is true.

#![expect(
    clippy::print_stdout,
    reason = "this is a program for the terminal and it has no other output"
)]

mod build;
mod checkers;
mod gaps;
mod judge;
mod recipe;
mod tools;
mod truth;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::ensure;
use xtask::system_tools::is_excused;
use xtask::workplace::Workplace;
use xtask::{ReportedFailure, flags, root};

use build::{Builder, Built, in_parallel};
use gaps::Gaps;
use judge::Verdict;
use recipe::Recipe;
use tools::Tools;

/// The handpie that converts what recipes convert; the test of the corpus has one at hand.
const HANDPIE: &str = "HANDPIE_OF_CORPUS";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    xtask::exit_code(match args.split_first() {
        Some((task, args)) if task == "world" => world::run(args),
        Some((task, args)) if task == "corpus" => run(args),
        _ => run(&args),
    })
}

fn run(args: &[String]) -> anyhow::Result<()> {
    let [judges, quick] = flags(args, ["--judges", "--quick"])?;
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "the corpus is made on x86-64 Linux"
    );
    let home = root().join("crates/corpus");
    let folder = folder();
    let workplace = Workplace::prepare()?;
    let mut recipes = recipe::read(&home.join("recipes"))?;
    recipes.retain(|recipe| !(quick && recipe.rare));
    let gaps = Gaps::read(&home.join("known-gaps.toml"), &recipes)?;
    let handpie = match std::env::var_os(HANDPIE) {
        Some(handpie) => handpie.into(),
        None => workplace.build_handpie()?,
    };
    let tools = Tools::find(&recipes, &workplace, &handpie);

    let (possible, skipped) = possible(&recipes, &tools);
    let builder = Builder {
        workplace: &workplace,
        tools: &tools,
        folder: &folder,
        sources: &home.join("sources"),
    };
    let outcomes = builder.build(&possible)?;
    let there: Vec<&Recipe> = possible
        .iter()
        .filter(|recipe| !matches!(outcomes.get(&recipe.name), Some(Built::Failed(_)) | None))
        .copied()
        .collect();
    let verdicts = verdicts(&workplace, &folder, &there);
    truth::write(&folder, &there, &verdicts, &gaps, &tools, &skipped)?;
    summary(&recipes, &outcomes, &verdicts, &skipped)?;
    if judges {
        checkers::run(&workplace, &handpie, &folder, &there)?;
    }
    Ok(())
}

/// Where the binaries are, whatever CARGO_TARGET_DIR says: tests look here.
fn folder() -> PathBuf {
    root().join("target/corpus")
}

/// The recipes whose tools are here, and the others with what they lack.
fn possible<'a>(
    recipes: &'a [Recipe],
    tools: &Tools,
) -> (Vec<&'a Recipe>, Vec<(&'a Recipe, String)>) {
    let mut lacks: BTreeMap<&str, String> = BTreeMap::new();
    // Once for each link of the longest chain: what is made from a missing binary is missing too.
    for _ in 0..recipes.len() {
        let before = lacks.len();
        for recipe in recipes.iter().filter(|recipe| !recipe.name.is_empty()) {
            let missing = tools.missing(recipe).join(", ");
            let from = recipe
                .from
                .as_ref()
                .and_then(|from| lacks.get(from.as_str()))
                .cloned();
            match from {
                _ if !missing.is_empty() => _ = lacks.insert(&recipe.name, missing),
                Some(missing) => _ = lacks.insert(&recipe.name, missing),
                None => {}
            }
        }
        if lacks.len() == before {
            break;
        }
    }
    let is_missing = |recipe: &&Recipe| lacks.contains_key(recipe.name.as_str());
    let (skipped, possible): (Vec<&Recipe>, Vec<&Recipe>) = recipes.iter().partition(is_missing);
    let with_reason = |recipe: &'a Recipe| {
        let reason = lacks.get(recipe.name.as_str()).cloned();
        (recipe, reason.unwrap_or_default())
    };
    (possible, skipped.into_iter().map(with_reason).collect())
}

type Verdicts = BTreeMap<String, anyhow::Result<Verdict>>;

fn verdicts(workplace: &Workplace, folder: &std::path::Path, recipes: &[&Recipe]) -> Verdicts {
    let verdicts = Mutex::new(BTreeMap::new());
    in_parallel(recipes, |recipe, _| {
        let verdict = judge::judge(workplace, folder, recipe);
        if let Ok(mut verdicts) = verdicts.lock() {
            verdicts.insert(recipe.name.clone(), verdict);
        }
    });
    verdicts.into_inner().unwrap_or_default()
}

fn summary(
    recipes: &[Recipe],
    outcomes: &BTreeMap<String, Built>,
    verdicts: &Verdicts,
    skipped: &[(&Recipe, String)],
) -> anyhow::Result<()> {
    let mut bad = 0;
    let (mut new, mut old) = (0, 0);
    for (name, built) in outcomes {
        match built {
            Built::Now => new += 1,
            Built::UpToDate => old += 1,
            Built::Failed(error) => {
                println!("`{name}` could not be built: {error:#}");
                bad += 1;
            }
        }
    }
    let mut confirmed = 0;
    for (name, verdict) in verdicts {
        match verdict {
            Ok(verdict) => {
                confirmed += verdict.confirmed;
                for words in &verdict.contradictions {
                    println!("`{name}`: {words}");
                }
                bad += verdict.contradictions.len();
            }
            Err(error) => {
                println!("`{name}` could not be judged: {error:#}");
                bad += 1;
            }
        }
    }
    for (recipe, missing) in skipped {
        println!("SKIPPED: corpus binary `{}` needs {missing}", recipe.name);
    }
    let answers: usize = recipes.iter().map(|recipe| recipe.answers.len()).sum();
    println!(
        "{} recipes: {new} built, {old} up to date, {} skipped for want of a tool; \
         {confirmed} of {answers} answers confirmed by other judges; {}",
        recipes.len(),
        skipped.len(),
        folder().display()
    );
    let strict = std::env::var_os("HANDPIE_REQUIRE").is_some_and(|value| value == "all");
    let lacking = skipped.iter().any(|(_, tool)| !is_excused(tool));
    ensure!(
        !strict || !lacking,
        "HANDPIE_REQUIRE=all, and tools are missing"
    );
    if bad > 0 {
        return Err(ReportedFailure.into());
    }
    Ok(())
}
