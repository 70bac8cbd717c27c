//! Builds the binaries of the corpus, each only when its recipe, its sources, its tools or the
//! binary it is made of have changed.
//!
//! A build runs in a folder of its own with nothing of the user's settings, and its result is
//! renamed into place: an interrupted build is never taken for a binary.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use xtask::root;
use xtask::workplace::Workplace;

use crate::recipe::{self, Recipe};
use crate::tools::Tools;

/// Variables that would change what compilers make.
const USERS_SETTINGS: &[&str] = &[
    "CC",
    "CXX",
    "CFLAGS",
    "CPPFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "CGO_CFLAGS",
    "CGO_LDFLAGS",
    "GOOS",
    "GOARCH",
    "GOAMD64",
    "GOARM64",
    "GOROOT",
    "GOEXPERIMENT",
    "GOFIPS140",
    "RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "SOURCE_DATE_EPOCH",
];

const LIMIT: Duration = Duration::from_secs(20 * 60);

pub(crate) struct Builder<'a> {
    pub(crate) workplace: &'a Workplace,
    pub(crate) tools: &'a Tools,
    /// Where binaries go.
    pub(crate) folder: &'a Path,
    /// Where sources are.
    pub(crate) sources: &'a Path,
}

/// What became of a recipe.
pub(crate) enum Built {
    UpToDate,
    Now,
    Failed(anyhow::Error),
}

impl Builder<'_> {
    /// Builds everything that can be built, as many at a time as there are CPUs, and says so.
    pub(crate) fn build(&self, recipes: &[&Recipe]) -> anyhow::Result<BTreeMap<String, Built>> {
        fs::create_dir_all(self.folder.join(".keys"))?;
        let keys = self.keys(recipes)?;
        let outcomes = Mutex::new(BTreeMap::new());
        for wave in waves(recipes) {
            let stale: Vec<&Recipe> = wave
                .into_iter()
                .filter(|recipe| {
                    let stale = !self.is_up_to_date(recipe, &keys);
                    if !stale {
                        record(&outcomes, recipe, Built::UpToDate);
                    }
                    stale
                })
                .collect();
            in_parallel(&stale, |recipe, progress| {
                let start = Instant::now();
                let key = keys.get(&recipe.name).map_or("", String::as_str);
                let built = self.build_one(recipe, key);
                let seconds = start.elapsed().as_secs_f32();
                println!("{progress} {} ({seconds:.1} s)", recipe.name);
                record(
                    &outcomes,
                    recipe,
                    built.map_or_else(Built::Failed, |()| Built::Now),
                );
            });
        }
        self.remove_what_no_recipe_makes(&keys)?;
        Ok(outcomes.into_inner().unwrap_or_default())
    }

    /// What each binary depends on, as a hash.
    fn keys(&self, recipes: &[&Recipe]) -> anyhow::Result<BTreeMap<String, String>> {
        let mut keys = BTreeMap::new();
        for recipe in waves(recipes).into_iter().flatten() {
            // Binaries of Go and of others name the folder that they were built in.
            let mut text = format!("{}\n{}", recipe.build, self.sources.display());
            for need in &recipe.needs {
                let version = self.tools.get(need).map_or("", |tool| &tool.version);
                text += &format!("\n{need} {version}");
            }
            if let Some(from) = &recipe.from {
                text += keys.get(from).map_or("", String::as_str);
            }
            let mut bytes = text.into_bytes();
            for path in sources_of(&recipe.build) {
                read_all(&self.sources.join(path), &mut bytes)
                    .with_context(|| format!("recipe `{}`, source `{path}`", recipe.name))?;
            }
            keys.insert(recipe.name.clone(), hash_of(&bytes));
        }
        Ok(keys)
    }

    fn is_up_to_date(&self, recipe: &Recipe, keys: &BTreeMap<String, String>) -> bool {
        let key = fs::read_to_string(self.key_file(&recipe.name)).ok();
        self.folder.join(&recipe.name).is_file() && key.as_ref() == keys.get(&recipe.name)
    }

    fn build_one(&self, recipe: &Recipe, key: &str) -> anyhow::Result<()> {
        let work = self.folder.join(".work").join(&recipe.name);
        if work.exists() {
            fs::remove_dir_all(&work)?;
        }
        fs::create_dir_all(&work)?;
        let out = work.join("out").join(&recipe.name);
        fs::create_dir_all(work.join("out"))?;
        let path = |path: &Path| path.display().to_string();
        let script = recipe::put_in(&recipe.build, &|word| match word {
            "src" => Some(path(self.sources)),
            "out" => Some(path(&out)),
            "work" => Some(path(&work)),
            "from" => recipe
                .from
                .as_ref()
                .map(|from| path(&self.folder.join(from))),
            tool => self.tools.get(tool).map(|found| found.call.clone()),
        })?;
        let mut shell = self.workplace.tool("sh").args(["-eu", "-c", &script]);
        for name in USERS_SETTINGS {
            shell = shell.env_remove(name);
        }
        shell
            .env("LC_ALL", "C")
            .env("CGO_ENABLED", "0")
            .env("GOTOOLCHAIN", "local")
            .env("GOENV", "off")
            .env("GOPROXY", "off")
            .env("GOWORK", "off")
            // Our own repository's state is no part of a binary.
            .env("GOFLAGS", "-buildvcs=false")
            .env("ZIG_GLOBAL_CACHE_DIR", root().join("target/zig-cache"))
            .env("ZIG_LOCAL_CACHE_DIR", root().join("target/zig-cache"))
            .dir(&work)
            .timeout(LIMIT)
            .run()?;
        ensure!(out.is_file(), "its build wrote no `{{out}}`");
        fs::rename(&out, self.folder.join(&recipe.name))?;
        fs::write(self.key_file(&recipe.name), key)?;
        fs::remove_dir_all(&work)?;
        Ok(())
    }

    fn key_file(&self, name: &str) -> PathBuf {
        self.folder.join(".keys").join(name)
    }

    /// What was built from a recipe that is gone, or cannot be built here any more.
    fn remove_what_no_recipe_makes(&self, keys: &BTreeMap<String, String>) -> anyhow::Result<()> {
        for entry in fs::read_dir(self.folder.join(".keys"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !keys.contains_key(&name) {
                fs::remove_file(self.key_file(&name))?;
                let file = self.folder.join(&name);
                if file.exists() {
                    fs::remove_file(file)?;
                }
            }
        }
        Ok(())
    }
}

fn record(outcomes: &Mutex<BTreeMap<String, Built>>, recipe: &Recipe, built: Built) {
    if let Ok(mut outcomes) = outcomes.lock() {
        outcomes.insert(recipe.name.clone(), built);
    }
}

/// The recipes in an order in which each comes in a later wave than the one it is made from.
fn waves<'a>(recipes: &[&'a Recipe]) -> Vec<Vec<&'a Recipe>> {
    let mut waves: Vec<Vec<&Recipe>> = Vec::new();
    let mut waiting = recipes.to_vec();
    while !waiting.is_empty() {
        let is_waiting = |name: &String| waiting.iter().any(|other| other.name == *name);
        let (ready, later): (Vec<&Recipe>, Vec<&Recipe>) = waiting
            .iter()
            .partition(|recipe| !recipe.from.as_ref().is_some_and(is_waiting));
        // Recipes that are made from each other never become ready; their builds say why.
        if ready.is_empty() {
            waves.push(later);
            break;
        }
        waves.push(ready);
        waiting = later;
    }
    waves
}

/// Does the same with each item, on every CPU; `work` also gets `3/17`, to say how far it is.
pub(crate) fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&T, String) + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let number = done.fetch_add(1, Ordering::Relaxed) + 1;
                    work(item, format!("{number:3}/{}", items.len()));
                }
            });
        }
    });
}

/// The paths behind `{src}/` in a build.
fn sources_of(build: &str) -> impl Iterator<Item = &str> {
    build.split("{src}/").skip(1).map(|rest| {
        let end = rest.find(|c: char| c.is_whitespace() || "'\";)".contains(c));
        &rest[..end.unwrap_or(rest.len())]
    })
}

/// The content of a file, or of everything in a folder.
fn read_all(path: &Path, bytes: &mut Vec<u8>) -> anyhow::Result<()> {
    if path.is_dir() {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            entries.push(entry?.path());
        }
        entries.sort();
        return entries.iter().try_for_each(|entry| read_all(entry, bytes));
    }
    bytes.extend(fs::read(path)?);
    Ok(())
}

/// Enough to see that something has changed; nobody attacks it.
pub(crate) fn hash_of(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_sources_that_a_build_names() {
        let build = "cd {src}/go/plain && cc {src}/a.c; python3 '{src}/b.py'";
        let found: Vec<&str> = sources_of(build).collect();
        assert_eq!(found, ["go/plain", "a.c", "b.py"]);
    }
}
