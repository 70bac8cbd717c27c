//! What go answered last time, so that a build of nothing new starts nothing but the build.
//!
//! `go env` and `go list -deps` take up to half the time of a `go build` that has nothing to do, and
//! go asks each of its tools what it is.
//! Their answers are kept in the user's cache folder together with the state of everything that
//! can change them: the names, times, sizes and inodes of files. A change too small to see is
//! excluded by waiting: what is younger than two seconds is not kept, because a file may be
//! written twice within one tick of the clock.
//!
//! Any doubt means that go is asked again: a missing or broken file, an overlay, GOPATH mode, a
//! pattern that is not a folder, a `go` that is a script of a version manager.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::command::{self, Output, Tool};
use crate::go::{self, Go, GoEnv};
use crate::packages::{self, Listing};
use crate::profile::Profile;

/// Where answers are kept, if anywhere.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    dir: Option<PathBuf>,
}

impl Cache {
    /// In the cache folder of the user.
    pub fn of_user() -> Cache {
        Cache {
            dir: user_folder().map(|folder| folder.join("go")),
        }
    }

    /// In this folder.
    pub fn at(dir: impl Into<PathBuf>) -> Cache {
        Cache {
            dir: Some(dir.into()),
        }
    }

    /// Nowhere: go is asked every time.
    pub fn none() -> Cache {
        Cache::default()
    }

    /// The settings of go; see [`Go::env`].
    pub fn env(&self, go: &Go) -> Result<GoEnv, go::Error> {
        let Some(watch) = settings_watch(go) else {
            return go.env();
        };
        let key = format!("env {go:?} {:?} {:?}", base(go), variables());
        self.answer(&key, || Ok((go.env()?, watch)))
    }

    /// What the patterns name; see [`packages::list`].
    pub fn list(&self, go: &Go, env: &GoEnv, profile: &Profile) -> Result<Listing, go::Error> {
        let Some(trees) = pattern_trees(go, env, profile) else {
            return packages::list(go, profile);
        };
        let key = format!(
            "list {go:?} {:?} {env:?} {:?} {:?} {:?} {:?}",
            base(go),
            profile.env,
            profile.list_flags,
            profile.packages,
            variables(),
        );
        self.answer(&key, || {
            let listing = packages::list(go, profile)?;
            let watch = listing_watch(env, &listing, trees);
            Ok((listing, watch))
        })
    }

    /// What the tool at `program` says of itself; `asking` is the command that makes it say so.
    pub(crate) fn tool_id(&self, program: &OsStr, asking: &Tool) -> Result<String, Unidentified> {
        let mut variables = variables();
        variables.retain(|(name, _)| name.as_encoded_bytes().starts_with(b"GO"));
        let key = format!("id {program:?} {variables:?}");
        self.answer(&key, || {
            let output = asking.output().map_err(Unidentified::Command)?;
            match String::from_utf8(output.stdout.clone()) {
                Ok(answer) if output.status.success() => {
                    let watch = Watch {
                        files: vec![PathBuf::from(program)],
                        ..Watch::default()
                    };
                    Ok((answer, watch))
                }
                _ => Err(Unidentified::Ended(output)),
            }
        })
    }

    /// The kept answer if nothing it depends on has changed, otherwise a new one.
    fn answer<T, E>(&self, key: &str, ask: impl FnOnce() -> Result<(T, Watch), E>) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
    {
        let file = self.dir.as_ref().map(|dir| {
            let mut hasher = DefaultHasher::new();
            (env!("CARGO_PKG_VERSION"), key).hash(&mut hasher);
            dir.join(format!("{:016x}.json", hasher.finish()))
        });
        if let Some(kept) = file.as_deref().and_then(|file| read(file, key)) {
            return Ok(kept);
        }
        let started = SystemTime::now();
        let (answer, watch) = ask()?;
        if let Some(file) = file {
            // A cache that cannot be written only costs time.
            _ = write(&file, key, watch, &answer, started);
        }
        Ok(answer)
    }
}

/// A tool did not say what it is.
pub(crate) enum Unidentified {
    /// It could not be run.
    Command(command::Error),
    /// It failed, or said something that is not a text.
    Ended(Output),
}

/// Our folder in the user's cache folder, by the rules of the system.
pub fn user_folder() -> Option<PathBuf> {
    folder_of_user("Library/Caches", "XDG_CACHE_HOME", ".cache")
}

/// Our folder in the user's data folder, likewise: what is there is not made again by itself.
pub fn user_data_folder() -> Option<PathBuf> {
    folder_of_user(
        "Library/Application Support",
        "XDG_DATA_HOME",
        ".local/share",
    )
}

fn folder_of_user(on_macos: &str, variable: &str, by_default: &str) -> Option<PathBuf> {
    let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let absolute = |path: &PathBuf| path.is_absolute();
    let home = || var("HOME").filter(absolute);
    let base = if cfg!(windows) {
        var("LocalAppData").filter(absolute)
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join(on_macos))
    } else {
        var(variable)
            .filter(absolute)
            .or_else(|| home().map(|home| home.join(by_default)))
    };
    base.map(|base| base.join("handpie"))
}

/// One kept answer.
#[derive(Serialize, Deserialize)]
struct Kept<T> {
    key: String,
    watch: Watch,
    state: u64,
    answer: T,
}

/// The things whose change changes an answer.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Watch {
    /// Files that are there or not.
    files: Vec<PathBuf>,
    /// Folders of packages: which Go files they have, and their state.
    dirs: Vec<PathBuf>,
    /// The same with all folders below.
    trees: Vec<PathBuf>,
}

/// How old a change must be to be told from the next one.
const TICK: Duration = Duration::from_secs(2);
/// How many folders a pattern may mean before asking go is cheaper.
const MAX_DIRS: usize = 20_000;
/// How long an answer that nobody asks for is kept.
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// What is another when a file was written to, for the key of an answer about it.
pub fn state_of(file: &Metadata) -> impl Hash + use<> {
    (file.len(), file.mtime(), file.mtime_nsec(), file.ino())
}

/// A file or folder below the user's cache folder, of a name that `key` decides.
pub fn user_file(kind: &str, key: &impl Hash) -> Option<PathBuf> {
    let mut hasher = DefaultHasher::new();
    (env!("CARGO_PKG_VERSION"), key).hash(&mut hasher);
    Some(
        user_folder()?
            .join(kind)
            .join(format!("{:016x}", hasher.finish())),
    )
}

fn read<T: DeserializeOwned>(file: &Path, key: &str) -> Option<T> {
    let kept: Kept<T> = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    let (state, _) = kept.watch.state()?;
    (kept.key == key && kept.state == state).then_some(kept.answer)
}

fn write<T: Serialize>(
    file: &Path,
    key: &str,
    watch: Watch,
    answer: &T,
    started: SystemTime,
) -> Option<()> {
    let (state, newest) = watch.state()?;
    if newest + TICK > started {
        return None;
    }
    let kept = Kept {
        key: key.to_owned(),
        watch,
        state,
        answer,
    };
    let dir = file.parent()?;
    std::fs::create_dir_all(dir).ok()?;
    remove_old(dir, started);
    let new = file.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&new, serde_json::to_vec(&kept).ok()?).ok()?;
    std::fs::rename(&new, file).ok()
}

fn remove_old(dir: &Path, now: SystemTime) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        let age = written.ok().and_then(|time| now.duration_since(time).ok());
        if age.is_some_and(|age| age > MAX_AGE) {
            _ = std::fs::remove_file(entry.path());
        }
    }
}

impl Watch {
    /// A number that is another one after a change, and the time of the last change. Nothing if
    /// it cannot be known.
    fn state(&self) -> Option<(u64, SystemTime)> {
        let mut state = State {
            hasher: DefaultHasher::new(),
            newest: SystemTime::UNIX_EPOCH,
            n_dirs: 0,
        };
        for file in &self.files {
            file.hash(&mut state.hasher);
            match std::fs::metadata(file) {
                Ok(metadata) => state.add(&metadata)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {}
                Err(_) => return None,
            }
        }
        for dir in &self.dirs {
            state.add_dir(dir, Below::Not)?;
        }
        for dir in &self.trees {
            state.add_dir(dir, Below::Too)?;
        }
        Some((state.hasher.finish(), state.newest))
    }
}

struct State {
    hasher: DefaultHasher,
    newest: SystemTime,
    n_dirs: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Below {
    Not,
    Too,
}

impl State {
    fn add(&mut self, metadata: &Metadata) -> Option<()> {
        let modified = metadata.modified().ok()?;
        (metadata.is_file(), metadata.len(), modified).hash(&mut self.hasher);
        self.newest = self.newest.max(modified);
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            // The time of the last change of the inode cannot be set back.
            let (seconds, nanos) = (metadata.ctime(), metadata.ctime_nsec());
            (metadata.ino(), metadata.dev(), seconds, nanos).hash(&mut self.hasher);
            let changed = Duration::from_secs(u64::try_from(seconds).ok()?);
            self.newest = self.newest.max(SystemTime::UNIX_EPOCH + changed);
        }
        Some(())
    }

    /// The folder's own time is of no use: `go build` writes programs into it.
    fn add_dir(&mut self, dir: &Path, below: Below) -> Option<()> {
        self.n_dirs += 1;
        if self.n_dirs > MAX_DIRS {
            return None;
        }
        dir.hash(&mut self.hasher);
        let mut names = Vec::new();
        let mut dirs = Vec::new();
        for entry in std::fs::read_dir(dir).ok()? {
            let entry = entry.ok()?;
            let name = entry.file_name();
            if is_source(Path::new(&name)) {
                names.push(name);
            } else if below == Below::Too && is_walked(&name) && entry.file_type().ok()?.is_dir() {
                dirs.push(name);
            }
        }
        names.sort();
        dirs.sort();
        for name in names {
            name.hash(&mut self.hasher);
            // A link that leads nowhere is no Go file for go either.
            if let Ok(metadata) = std::fs::metadata(dir.join(&name)) {
                self.add(&metadata)?;
            }
        }
        for name in dirs {
            self.add_dir(&dir.join(name), below)?;
        }
        Some(())
    }
}

/// The files that decide whether a package uses C; tests do not.
fn is_source(name: &Path) -> bool {
    match name.extension().and_then(OsStr::to_str) {
        Some("go") => !name.to_string_lossy().ends_with("_test.go"),
        Some("swig" | "swigcxx" | "mod") => true,
        _ => false,
    }
}

/// The folders that `...` looks into.
fn is_walked(name: &OsStr) -> bool {
    !matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_')) && name != "testdata"
}

fn base(go: &Go) -> Option<PathBuf> {
    let dir = go.dir.as_deref().unwrap_or(Path::new("."));
    std::path::absolute(dir).ok()
}

/// Every variable that go may look at to find out what to do.
fn variables() -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
    let matters = |name: &OsStr| {
        let name = name.as_encoded_bytes();
        name.starts_with(b"GO")
            || name.starts_with(b"CGO_")
            || [
                &b"PATH"[..],
                b"HOME",
                b"XDG_CONFIG_HOME",
                b"CC",
                b"PWD",
                b"AppData",
            ]
            .contains(&name)
    };
    let mut variables: Vec<_> = std::env::vars_os()
        .filter(|(name, _)| matters(name))
        .collect();
    variables.sort();
    variables
}

/// What `go env` depends on, if this is a `go` that depends on nothing else.
fn settings_watch(go: &Go) -> Option<Watch> {
    let program = real_go(go)?;
    let root = program.parent()?.parent()?;
    let base = base(go)?;
    let mut files = vec![root.join("VERSION"), root.join("go.env"), config_file()?];
    // A version manager installs a script, or one program under many names.
    if program.file_name()? != "go" || !root.join("VERSION").is_file() {
        return None;
    }
    for above in base.ancestors() {
        files.extend([above.join("go.mod"), above.join("go.work")]);
    }
    for name in ["GOWORK", "GOENV"] {
        files.extend(std::env::var_os(name).map(PathBuf::from));
    }
    files.push(program);
    Some(Watch {
        files,
        ..Watch::default()
    })
}

/// The file behind the name `go`, where the system would find it.
fn real_go(go: &Go) -> Option<PathBuf> {
    let program = Path::new(&go.program);
    if program.components().count() > 1 {
        return program.canonicalize().ok();
    }
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).map(|dir| dir.join(program));
    places.find(|place| is_program(place))?.canonicalize().ok()
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

/// The file of `go env -w`, as `os.UserConfigDir` of Go finds it.
fn config_file() -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let config = match std::env::var_os("XDG_CONFIG_HOME").filter(|dir| !dir.is_empty()) {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".config"),
    };
    Some(config.join("go").join("env"))
}

/// The folders in which a pattern may find new packages, if the patterns are simple enough.
fn pattern_trees(go: &Go, env: &GoEnv, profile: &Profile) -> Option<Vec<PathBuf>> {
    env.module_dir()?;
    let elsewhere = |text: &str| {
        ["overlay", "modfile", "pkgdir"]
            .iter()
            .any(|f| text.contains(f))
    };
    if elsewhere(&env.goflags) || profile.list_flags.iter().any(|flag| elsewhere(flag)) {
        return None;
    }
    let base = base(go)?;
    let mut trees = Vec::new();
    for pattern in &profile.packages {
        let local = pattern.starts_with('.') || Path::new(pattern).is_absolute();
        match pattern.split_once("...") {
            Some((before, "")) if local => trees.push(base.join(before)),
            Some(_) => return None,
            None if ["all", "std", "cmd", "work", "tool"].contains(&pattern.as_str()) => {
                return None;
            }
            None if pattern.contains('@') => return None,
            None => {}
        }
    }
    Some(trees)
}

fn listing_watch(env: &GoEnv, listing: &Listing, trees: Vec<PathBuf>) -> Watch {
    let never_changes = |path: &Path| {
        [&env.gomodcache, &env.goroot]
            .iter()
            .any(|root| !root.is_empty() && path.starts_with(root))
    };
    let changing = |paths: &[PathBuf]| -> Vec<PathBuf> {
        let paths = paths.iter().filter(|path| !never_changes(path));
        paths.cloned().collect()
    };
    let mut files = changing(&listing.go_mods);
    if let Some(module) = env.module_dir() {
        files.extend(["go.mod", "go.sum", "vendor/modules.txt"].map(|name| module.join(name)));
    }
    if !env.gowork.is_empty() {
        let work = PathBuf::from(&env.gowork);
        files.extend([
            work.with_file_name("vendor/modules.txt"),
            work.with_extension("work.sum"),
            work,
        ]);
    }
    let mut watch = Watch {
        files,
        dirs: changing(&listing.dirs),
        trees,
    };
    // Go's own programs change with the release; a Go that somebody is working on has no VERSION.
    let release = Path::new(&env.goroot).join("VERSION");
    let standard = listing.mains.iter().any(|main| main.standard);
    let in_the_works = standard && !release.is_file();
    if standard {
        watch.files.push(release);
    }
    // An answer with holes is not kept: a folder that is not there has no state.
    if listing.incomplete || in_the_works {
        watch.dirs.push(PathBuf::from("/nonexistent"));
    }
    watch
}

#[cfg(test)]
mod tests;
