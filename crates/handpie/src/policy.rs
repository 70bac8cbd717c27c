//! The project's policy: where `handpie.toml` is, what its paths are relative to, and what is said
//! of mistakes in it. What it means is in the crate `audit`.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;
use handpie_audit::{Date, MAX_POLICY, Policy, PolicyError, Ruling, Scope, Table};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::nearest::nearest;
use crate::paths;
use crate::today;

/// The file that is looked for, upwards from the working directory.
pub(crate) const FILE_NAME: &str = "handpie.toml";

/// Which policy holds; for every command that judges.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyArgs {
    /// What the binaries are built for, which decides which rules apply; overrides the profile of
    /// the policy
    #[arg(long, value_enum, value_name = "PROFILE")]
    profile: Option<Profile>,
    /// The policy file or pipe, instead of the nearest `handpie.toml` in this directory or above;
    /// path patterns are then relative to the working directory
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl PolicyArgs {
    /// A file that was named, or the project's, and the profile that it has.
    pub(crate) fn of_file(policy: Option<PathBuf>) -> Self {
        Self {
            profile: None,
            policy,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// A single file that runs anywhere: `FROM scratch`, any distribution
    Portable,
    /// A program for one machine, linked against its libc and libraries
    Host,
    /// A distribution package: debug information is split off, build IDs are kept
    Distro,
}

impl From<Profile> for handpie_audit::Profile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Portable => Self::Portable,
            Profile::Host => Self::Host,
            Profile::Distro => Self::Distro,
        }
    }
}

/// A policy and where it holds.
#[derive(Debug)]
pub(crate) struct Rulebook {
    pub(crate) policy: Policy,
    /// The file it was read from; `None` without one.
    pub(crate) file: Option<PathBuf>,
    /// The folder that its paths are relative to.
    folder: PathBuf,
    /// The working directory.
    pub(crate) here: PathBuf,
    /// What the shell calls it, where that is through a link.
    called: Option<PathBuf>,
    pub(crate) today: Date,
    /// Tables by which a file was meant so far.
    matched: Mutex<BTreeSet<(Table, usize)>>,
}

impl Rulebook {
    /// The policy that was asked for, or the project's; the default one where there is none.
    pub(crate) fn open(args: &PolicyArgs) -> Result<Self, Failure> {
        let here = std::env::current_dir().map_err(|cause| {
            Failure::new(Exit::Input, "failed to find the working directory").cause(cause)
        })?;
        let file = match &args.policy {
            Some(file) => Some(file.clone()),
            None => upwards_from(&here),
        };
        let folder = match (&file, &args.policy) {
            (Some(file), None) => file.parent().unwrap_or(&here).to_owned(),
            _ => here.clone(),
        };
        let mut policy = match &file {
            Some(file) => {
                let name = paths::relative_to(&here, &here, file);
                read(file, &name, args.policy.is_some())?
            }
            None => Policy::default(),
        };
        if let Some(profile) = args.profile {
            policy.set_profile(profile.into());
        }
        Ok(Self {
            policy,
            file,
            folder,
            called: paths::logical(&here),
            here,
            today: today::today(),
            matched: Mutex::default(),
        })
    }

    /// How people read the path of the policy.
    pub(crate) fn file_name(&self) -> String {
        match &self.file {
            Some(file) => paths::relative_to(&self.here, &self.here, file)
                .display()
                .to_string(),
            None => FILE_NAME.to_owned(),
        }
    }

    /// What holds for the file at `path`, which is meant from the working directory.
    pub(crate) fn ruling(&self, path: &Path) -> Ruling<'_> {
        let names = match self.policy.has_globs() {
            true => paths::names(&self.folder, &self.here, self.called.as_deref(), path),
            // Where it makes no difference, no system call is made for it.
            false => Vec::new(),
        };
        self.policy.ruling(&names, self.today)
    }

    /// Remembers that there was a file of which a ruling is.
    pub(crate) fn met(&self, ruling: &Ruling<'_>) {
        if self.policy.has_globs() {
            let mut matched = self.matched.lock().unwrap_or_else(PoisonError::into_inner);
            matched.extend(ruling.tables());
        }
    }

    /// The tables of some kinds that name files, of which none was met.
    pub(crate) fn unmatched(&self, tables: &[Table]) -> Vec<Scope<'_>> {
        let matched = self.matched.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unmatched = self.policy.unmatched(&matched);
        unmatched.retain(|scope| tables.contains(&scope.table.0));
        unmatched
    }
}

/// The next `handpie.toml` in `folder` or above; the search ends with the repository. One that is no
/// file, or a link to nowhere, is found as well, and said to be that when it is read.
fn upwards_from(folder: &Path) -> Option<PathBuf> {
    for folder in folder.ancestors() {
        let file = folder.join(FILE_NAME);
        if fs::symlink_metadata(&file).is_ok() {
            return Some(file);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

/// The policy of a project is a file; one that was named may be a pipe as well.
fn read(file: &Path, name: &Path, is_named: bool) -> Result<Policy, Failure> {
    let name = name.display();
    let metadata = fs::metadata(file).map_err(|cause| input::unreadable(&name, &cause))?;
    let kind = metadata.file_type();
    let may_be_read = is_named && (kind.is_fifo() || kind.is_char_device());
    if !kind.is_file() && !may_be_read {
        let what = input::describe(&metadata);
        let failure = Failure::new(Exit::Usage, format!("the policy `{name}` is {what}"));
        return Err(failure.hint("a policy is a TOML file, or comes from a pipe"));
    }
    let bytes = read_bounded(file).map_err(|cause| input::unreadable(&name, &cause))?;
    Policy::parse_bytes(&bytes).map_err(|error| mistaken(&name, &error))
}

/// The file, or so much of it that it is too much for a policy.
fn read_bounded(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(file)?;
    file.take(MAX_POLICY as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn mistaken(name: &dyn Display, error: &PolicyError) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("`{name}`, {error}")).code(error.code);
    let Some(unknown) = &error.unknown else {
        return failure;
    };
    let known = unknown.known.iter().map(String::as_str);
    match nearest(&unknown.name, known) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None if unknown.known.len() > 8 => {
            failure.hint("`handpie explain` lists all codes, including those of rules")
        }
        None => failure.hint(format!("expected one of: {}", unknown.known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_for_a_policy_ends_with_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let above = folder.path().join(FILE_NAME);
        let inner = folder.path().join("repository/bin");
        fs::create_dir_all(&inner).unwrap();
        fs::write(&above, "").unwrap();
        assert_eq!(upwards_from(&inner), Some(above));
        fs::create_dir(folder.path().join("repository/.git")).unwrap();
        assert_eq!(upwards_from(&inner), None);
        let own = folder.path().join("repository").join(FILE_NAME);
        fs::write(&own, "").unwrap();
        assert_eq!(upwards_from(&inner), Some(own));
    }

    #[test]
    fn a_mistake_is_told_with_the_name_that_was_meant() {
        let said = |text: &str| {
            let error = Policy::parse(text).unwrap_err();
            mistaken(&Path::new("handpie.toml").display(), &error)
        };
        let failure = said("[rules]\npi = 'off'");
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(failure.code, Some("policy-unknown-name"));
        assert_eq!(failure.hints, ["did you mean `pie`?"]);
        assert!(
            failure
                .message
                .starts_with("`handpie.toml`, line 2, column 1: ")
        );
        assert_eq!(
            said("[rules]\npie = 'fale'").hints,
            ["did you mean `fail`?"]
        );
        assert_eq!(
            said("[xyz]").hints,
            ["expected one of: profile, unknown, rules, paths, waivers, vuln, cgo"]
        );
    }
}
