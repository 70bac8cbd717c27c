//! The Go toolchain: where it is, how old it is, and what it takes for granted.
//!
//! One start of `go env` answers everything. It is asked in the folder of the build, because
//! GOTOOLCHAIN and `go.mod` decide there which Go really runs.
//!
//! `go env` is never asked for everything: without names it starts the C compiler to guess
//! GOGCCFLAGS.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::command::{self, Tool};

/// The program `go`, and the folder it works in.
#[derive(Clone, Debug)]
pub struct Go {
    /// The program, by path or by name.
    pub program: OsString,
    /// Where it is started; the current folder if absent.
    pub dir: Option<PathBuf>,
}

/// What `go env` answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE", default)]
#[expect(
    missing_docs,
    reason = "the names are Go's; `go help environment` has them"
)]
pub struct GoEnv {
    pub goos: String,
    pub goarch: String,
    pub goversion: String,
    pub goroot: String,
    pub goflags: String,
    pub goenv: String,
    pub gomod: String,
    pub gowork: String,
    pub gomodcache: String,
    pub gopath: String,
    pub goexperiment: String,
    pub goamd64: String,
    pub goarm64: String,
    pub goarm: String,
    pub cgo_enabled: String,
    pub cgo_cflags: String,
    pub cgo_cxxflags: String,
    /// The names that the user set, in the environment or with `go env -w`.
    #[serde(rename = "set")]
    pub set: Vec<String>,
}

const NAMES: [&str; 17] = [
    "GOOS",
    "GOARCH",
    "GOVERSION",
    "GOROOT",
    "GOFLAGS",
    "GOENV",
    "GOMOD",
    "GOWORK",
    "GOMODCACHE",
    "GOPATH",
    "GOEXPERIMENT",
    "GOAMD64",
    "GOARM64",
    "GOARM",
    "CGO_ENABLED",
    "CGO_CFLAGS",
    "CGO_CXXFLAGS",
];

/// `go` did not answer, or not in a way that can be understood.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be run.
    #[error(transparent)]
    Command(#[from] command::Error),
    /// It printed something else than JSON.
    #[error("parse the output of `{command}`: {cause}")]
    Answer {
        /// The whole command.
        command: String,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
}

impl Go {
    /// `go` from PATH, working in `dir`.
    pub fn in_path(dir: Option<PathBuf>) -> Go {
        Go {
            program: "go".into(),
            dir,
        }
    }

    /// The command `go` with these first words.
    pub fn tool(&self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Tool {
        let tool = Tool::new(&self.program)
            .hint("install Go (https://go.dev/dl), or add its `bin` directory to PATH")
            .args(words);
        match &self.dir {
            Some(dir) => tool.dir(dir),
            None => tool,
        }
    }

    /// Asks for the settings.
    pub fn env(&self) -> Result<GoEnv, Error> {
        let tool = self.tool(["env", "-json"]).args(NAMES);
        let output = tool.run()?;
        let mut env: GoEnv =
            serde_json::from_slice(&output.stdout).map_err(|cause| Error::Answer {
                command: tool.shell_line(),
                cause,
            })?;
        env.set = written_names(Path::new(&env.goenv));
        let given = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        env.set
            .extend(NAMES.iter().filter(given).map(|name| (*name).to_owned()));
        Ok(env)
    }
}

impl GoEnv {
    /// Whether the user set this, in the environment or with `go env -w`; a default is not set.
    pub fn is_set(&self, name: &str) -> bool {
        self.set.iter().any(|set| set == name)
    }

    /// `(1, 22)` for `go1.22.3`, also for a development version of it.
    pub fn version(&self) -> Option<(u32, u32)> {
        let (_, version) = self.goversion.split_once("go")?;
        let mut numbers = version.split(|letter: char| !letter.is_ascii_digit());
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        Some((major, minor))
    }

    /// Whether this Go is at least that; a version that cannot be read counts as new.
    pub fn is_at_least(&self, version: (u32, u32)) -> bool {
        self.version().is_none_or(|ours| ours >= version)
    }

    /// The folder of `go.mod`, if there is one.
    pub fn module_dir(&self) -> Option<&Path> {
        let file = Path::new(&self.gomod);
        // Outside a module Go says /dev/null, and nothing in GOPATH mode.
        (file.file_name()? == "go.mod")
            .then(|| file.parent())
            .flatten()
    }
}

/// The names in the file of `go env -w`, which has one `NAME=value` a line.
fn written_names(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.map(|(name, _)| name.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        for (text, version) in [
            ("go1.22.10", Some((1, 22))),
            ("go1.27rc1", Some((1, 27))),
            ("devel go1.28-0123abc Mon Jan 1", Some((1, 28))),
            ("go1.26.6 X:nocoverageredesign", Some((1, 26))),
            ("tip", None),
        ] {
            let env = GoEnv {
                goversion: text.to_owned(),
                ..GoEnv::default()
            };
            assert_eq!(env.version(), version, "{text}");
        }
    }

    #[test]
    fn knows_a_module_from_the_null_device() {
        let mut env = GoEnv {
            gomod: "/src/app/go.mod".to_owned(),
            ..GoEnv::default()
        };
        assert_eq!(env.module_dir(), Some(Path::new("/src/app")));
        env.gomod = "/dev/null".to_owned();
        assert_eq!(env.module_dir(), None);
    }
}
