//! The version that goes into a program: what git says about its folder.

use std::path::Path;

use crate::command::{self, Tool};

/// What git said, or why it said nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// A tag, a tag and a distance, or a commit; `-dirty` when files are changed.
    Described(String),
    /// No version, for this reason.
    Unknown(String),
}

impl Version {
    /// Asks `git describe --tags --dirty --always --abbrev=12` in this folder.
    pub fn of(dir: &Path) -> Version {
        // Without a repository above there is no need to start git.
        if !dir.ancestors().any(|above| above.join(".git").exists()) {
            return Version::Unknown("not in a git repository".to_owned());
        }
        let git = Tool::new("git")
            .args(["describe", "--tags", "--dirty", "--always", "--abbrev=12"])
            // A read-only repository, or one that another git works in, is described as well.
            .env("GIT_OPTIONAL_LOCKS", "0")
            .dir(dir);
        match git.run() {
            Ok(output) => match String::from_utf8_lossy(&output.stdout).trim() {
                "" => Version::Unknown("git describe printed nothing".to_owned()),
                version => Version::Described(version.to_owned()),
            },
            Err(command::Error::NotFound { .. }) => {
                Version::Unknown("`git` is not in PATH".to_owned())
            }
            Err(command::Error::Failed { tail, .. }) => {
                let first = tail.lines().next().unwrap_or("git describe failed");
                Version::Unknown(first.trim_start_matches("fatal: ").to_owned())
            }
            Err(error) => Version::Unknown(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_why_there_is_no_version() {
        let folder = tempfile::tempdir().unwrap();
        let Version::Unknown(reason) = Version::of(folder.path()) else {
            panic!("a version out of nowhere");
        };
        assert_eq!(reason, "not in a git repository");
        let empty = Tool::new("git").args(["init", "-q"]).dir(folder.path());
        if let Err(error) = empty.run() {
            return handpie_testkit::skip("the version of a work tree", &format!("git: {error}"));
        }
        assert!(matches!(Version::of(folder.path()), Version::Unknown(_)));
    }

    #[test]
    fn describes_a_tag_and_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let git = |words: &[&str]| {
            Tool::new("git")
                .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
                .args(words)
                .dir(folder.path())
                .run()
        };
        if let Err(error) = git(&["init", "-q"]) {
            return handpie_testkit::skip("the version of a work tree", &format!("git: {error}"));
        }
        std::fs::write(folder.path().join("file"), "1").unwrap();
        git(&["add", "file"]).unwrap();
        git(&["commit", "-qm", "first"]).unwrap();
        git(&["tag", "v1.2.3"]).unwrap();
        let version = |text: &str| Version::Described(text.to_owned());
        assert_eq!(Version::of(folder.path()), version("v1.2.3"));
        std::fs::write(folder.path().join("file"), "2").unwrap();
        assert_eq!(Version::of(folder.path()), version("v1.2.3-dirty"));
    }
}
