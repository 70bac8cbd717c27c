//! What `go version -m` says about a Go binary, and whether the path of its sources is in it.

use std::path::Path;

use xtask::root;
use xtask::workplace::Workplace;

use super::{BAD, FAIL, NOT_APPLICABLE, NOT_BAD, NOT_SEEN, PASS, Possible};
use crate::recipe::Answer;

pub(super) struct Go {
    /// `go1.27.3`, and what follows it on its line.
    version: String,
    /// The lines below, without the tab before them.
    lines: Vec<String>,
    names_our_folder: bool,
}

/// The oldest release that still gets fixes. Recipes name toolchains that are older by years, so
/// that the truth does not change with the next release.
const OLDEST_SUPPORTED: u32 = 26;

impl Go {
    /// `None` when it is no Go binary that Go itself knows as one.
    pub(super) fn read(
        workplace: &Workplace,
        path: &Path,
        bytes: &[u8],
    ) -> anyhow::Result<Option<Go>> {
        let output = workplace
            .tool("go")
            .args(["version", "-m"])
            .arg(path)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        let Some((_, version)) = lines.next().and_then(|line| line.rsplit_once(": ")) else {
            return Ok(None);
        };
        let folder = root();
        let folder = folder.as_os_str().as_encoded_bytes();
        Ok(Some(Go {
            version: version.to_owned(),
            lines: lines.map(|line| line.trim().to_owned()).collect(),
            names_our_folder: bytes.windows(folder.len()).any(|window| window == folder),
        }))
    }

    fn setting(&self, name: &str) -> Option<&str> {
        let start = format!("build\t{name}=");
        self.lines.iter().find_map(|line| line.strip_prefix(&start))
    }

    fn is_on(&self, name: &str) -> bool {
        self.setting(name) == Some("true")
    }

    pub(super) fn possible(&self, rule: &str) -> Option<Possible> {
        let when = |seen: bool, yes: Possible, no: Possible| Some(if seen { yes } else { no });
        match rule {
            "go-toolchain" => {
                let minor = self.version.strip_prefix("go1.")?;
                let minor = minor.split(|c: char| !c.is_ascii_digit()).next()?;
                when(minor.parse::<u32>().ok()? < OLDEST_SUPPORTED, FAIL, PASS)
            }
            "go-trimpath" => when(self.is_on("-trimpath"), PASS, NOT_SEEN),
            "go-path-leak" => when(self.names_our_folder, BAD, NOT_BAD),
            "go-cgo" if self.setting("-buildmode") == Some("c-shared") => Some(NOT_APPLICABLE),
            "go-cgo" => when(self.setting("CGO_ENABLED") == Some("1"), BAD, PASS),
            "go-cpu-level" => {
                let high = ["GOAMD64=v3", "GOAMD64=v4", "GOARM64=v9.0"];
                let is_high = |line: &String| high.iter().any(|level| line.contains(level));
                when(self.lines.iter().any(is_high), BAD, NOT_BAD)
            }
            "go-vcs" => when(self.setting("vcs.revision").is_some(), PASS, NOT_SEEN),
            "go-vcs-dirty" => match self.setting("vcs.modified") {
                Some("true") => Some(BAD),
                Some(_) => Some(PASS),
                None => Some(&[Answer::Unknown, Answer::NotApplicable]),
            },
            "go-instrumented" => {
                let ways = ["-race", "-cover", "-msan", "-asan"];
                when(ways.iter().any(|way| self.is_on(way)), FAIL, PASS)
            }
            "go-version-stamp" => {
                let module = self.lines.iter().find(|line| line.starts_with("mod\t"));
                let version = module.and_then(|line| line.split('\t').nth(2));
                let tagged = version.is_some_and(|version| version.starts_with('v'));
                // What -X sets has a symbol of its own, or is in the record of the flags.
                let asked = |line: &String| line.contains("-X main.Version=");
                let set = tagged || self.lines.iter().any(asked);
                set.then_some(PASS)
            }
            "go-cgo-flags" => {
                let flags = self.setting("CGO_CFLAGS").unwrap_or_default();
                when(flags.contains("-fstack-protector-strong"), PASS, NOT_SEEN)
            }
            "go-fips" => when(
                self.setting("GOFIPS140").is_some(),
                &[Answer::Pass, Answer::Warn],
                NOT_SEEN,
            ),
            "go-build-info" => Some(PASS),
            "go-module-list" => when(
                self.lines.iter().any(|line| line.starts_with("mod\t")),
                PASS,
                NOT_SEEN,
            ),
            "go-heap-base" => {
                let off = self.version.contains("norandomizedheapbase64");
                when(
                    off,
                    BAD,
                    &[Answer::Pass, Answer::NotApplicable, Answer::Fail],
                )
            }
            _ => None,
        }
    }
}
