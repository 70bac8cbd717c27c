//! `cargo xtask corpus --judges`: what other checkers say of the corpus, and how often that
//! contradicts the truth.
//!
//! A checker is asked only what it speaks about: where it says nothing, or "unknown", it is silent
//! and not wrong. Checkers that are not here are named and left out; how to get each stands in
//! the table below.

mod report;
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use handpie_toolchain::command::Output;
use xtask::workplace::Workplace;
use xtask::{output_of, root, system_tools};

use crate::build::in_parallel;
use crate::recipe::{Answer, Recipe};

/// A program that judges binaries, and how its words become our answers.
struct Checker {
    name: &'static str,
    /// What to start: from `target/tools/<folder>/bin` when it is not what PATH has.
    program: &'static str,
    folder: Option<&'static str>,
    /// What makes it name itself; the Debian package does for one that cannot.
    version: &'static [&'static str],
    /// What its version says, so that another program of that name is not taken for it.
    is: &'static str,
    /// What comes before the file; `=` at the end joins both.
    arguments: &'static [&'static str],
    /// What it says of a file; `None` when it could not read it.
    words: fn(&Output) -> Option<Opinions>,
    get: &'static str,
}

/// For each rule that a checker speaks about, the answers that its words can mean: one that tells
/// only that there is a search path means neither of ours alone.
type Opinions = BTreeMap<&'static str, &'static [Answer]>;

/// In place of a flag for the version: the package whose version counts.
const PACKAGE: &str = "package";

const CHECKERS: &[Checker] = &[
    Checker {
        name: "checksec (bash)",
        program: "checksec",
        folder: None,
        version: &["--version"],
        is: "checksec v2",
        arguments: &["--output=json", "--file="],
        words: words::checksec_bash,
        get: "apt-get install checksec",
    },
    Checker {
        name: "checksec (Go)",
        program: "checksec",
        folder: Some("checksec-go"),
        version: &["--version"],
        is: "checksec",
        arguments: &["--output", "json", "file"],
        words: words::checksec_go,
        get: "GOBIN=$PWD/target/tools/checksec-go/bin go install github.com/slimm609/checksec/v3@latest",
    },
    Checker {
        name: "checksec.rs",
        program: "checksec",
        folder: Some("checksec-rs"),
        version: &["--version"],
        is: "checksec 0",
        arguments: &["--json", "--file"],
        words: words::checksec_rs,
        get: "cargo install checksec --locked --root target/tools/checksec-rs",
    },
    Checker {
        name: "hardening-check",
        program: "hardening-check",
        folder: None,
        version: &[PACKAGE, "devscripts"],
        is: "devscripts",
        arguments: &[],
        words: words::hardening_check,
        get: "apt-get install devscripts",
    },
    Checker {
        name: "pwntools",
        program: "pwn",
        folder: Some("pwntools"),
        version: &["version"],
        is: "Pwntools",
        arguments: &["checksec"],
        words: words::pwntools,
        get: "python3 -m venv target/tools/pwntools && target/tools/pwntools/bin/pip install pwntools",
    },
    Checker {
        name: "ldd",
        program: "ldd",
        folder: None,
        version: &["--version"],
        is: "ldd",
        arguments: &[],
        words: words::ldd,
        get: "apt-get install libc-bin",
    },
];

/// A policy that asks every rule, from the folder of the repository.
const EVERY_RULE: &str = "crates/corpus/every-rule.toml";

/// A checker that is here.
struct Present<'a> {
    checker: &'a Checker,
    path: PathBuf,
    version: String,
}

/// Asks every checker that is here, and `handpie check`, about every binary, and writes what came
/// of it to `bench/results`.
pub(crate) fn run(
    workplace: &Workplace,
    handpie: &Path,
    corpus: &Path,
    recipes: &[&Recipe],
) -> anyhow::Result<()> {
    let ours = Checker {
        name: "handpie",
        program: "handpie",
        folder: None,
        version: &["--version"],
        is: "handpie",
        arguments: &["check", "--policy", EVERY_RULE, "--format", "json"],
        words: words::handpie,
        get: "handpie check",
    };
    let mut present = Vec::new();
    let mut absent = Vec::new();
    let known = CHECKERS.iter().map(|checker| (checker, place_of(checker)));
    let ours = (
        &ours,
        can_check(workplace, handpie).then(|| handpie.to_owned()),
    );
    for (checker, path) in std::iter::once(ours).chain(known) {
        let version = path
            .as_ref()
            .and_then(|path| version(workplace, checker, path));
        match (path, version) {
            (Some(path), Some(version)) => present.push(Present {
                checker,
                path,
                version,
            }),
            _ => absent.push(checker),
        }
    }
    let mut columns = Vec::new();
    for present in present {
        println!("asking {}", present.version);
        columns.push((ask(workplace, &present, corpus, recipes), present));
    }
    for checker in &absent {
        println!("left out: {}; to have it: {}", checker.name, checker.get);
    }
    let date = output_of("date", &["+%F"])?;
    let path = root().join(format!("bench/results/{date}-checkers.md"));
    fs::write(&path, report::report(&columns, &absent, corpus, recipes)?)?;
    println!("wrote {}", path.display());
    Ok(())
}

fn place_of(checker: &Checker) -> Option<PathBuf> {
    let Some(folder) = checker.folder else {
        return system_tools::find_in_path(checker.program);
    };
    let ours = root()
        .join("target/tools")
        .join(folder)
        .join("bin")
        .join(checker.program);
    Some(ours).filter(|path| path.is_file())
}

fn can_check(workplace: &Workplace, handpie: &Path) -> bool {
    workplace
        .tool(handpie)
        .args(["check", "--help"])
        .run()
        .is_ok()
}

/// The line in which it names itself.
fn version(workplace: &Workplace, checker: &Checker, path: &Path) -> Option<String> {
    let tool = match checker.version {
        [PACKAGE, package] => workplace.tool("dpkg-query").args(["--show", package]),
        flags => workplace.tool(path).args(flags),
    };
    let output = tool.output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().find(|line| line.contains(checker.is))?;
    let line = line.trim_start_matches("[*] ").trim();
    Some(line.replace('\t', " "))
}

/// What a checker says of each binary.
fn ask(
    workplace: &Workplace,
    present: &Present<'_>,
    corpus: &Path,
    recipes: &[&Recipe],
) -> BTreeMap<String, Option<Opinions>> {
    let answers = Mutex::new(BTreeMap::new());
    in_parallel(recipes, |recipe, _| {
        let file = corpus.join(&recipe.name);
        let mut tool = workplace.tool(&present.path);
        let mut joined = false;
        for argument in present.checker.arguments {
            joined = argument.ends_with('=');
            tool = match joined {
                true => tool.arg(format!("{argument}{}", file.display())),
                false => tool.arg(argument),
            };
        }
        if !joined {
            tool = tool.arg(&file);
        }
        let output = tool
            .env("LC_ALL", "C")
            .env("NO_COLOR", "1")
            .env("PWNLIB_NOTERM", "1")
            .output();
        let said = output
            .ok()
            .and_then(|output| (present.checker.words)(&output));
        if let Ok(mut answers) = answers.lock() {
            answers.insert(recipe.name.clone(), said);
        }
    });
    answers.into_inner().unwrap_or_default()
}
