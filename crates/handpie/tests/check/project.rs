//! A folder with programs and a policy in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Ran, handpie};
use handpie_testkit::forge::program::{PT_GNU_STACK, Program, Segment};

/// The rules that are asked here.
const ASKED: [&str; 3] = ["pie", "no-loader", "executable-stack"];

const READ_WRITE_EXECUTE: u32 = 7;

/// A folder in which handpie is run.
pub(crate) struct Project {
    folder: TempDir,
}

/// `code = "off"` for every other rule.
static OTHERS: LazyLock<String> = LazyLock::new(|| {
    let others = handpie_audit::rules().map(|rule| rule.code);
    let others = others.filter(|code| !ASKED.contains(code));
    others.map(|code| format!("{code} = \"off\"\n")).collect()
});

impl Project {
    /// `good` is a PIE that needs a loader for nothing, `fixed` runs at a fixed address, `lax` has an
    /// executable stack as well, and `cut` is a program that ends too early.
    pub(crate) fn new() -> Project {
        let folder = tempfile::tempdir().unwrap();
        let project = Project { folder };
        fs::create_dir(project.path("bin")).unwrap();
        // The search for a policy ends here.
        fs::create_dir(project.path(".git")).unwrap();
        let stack = |flags| Segment::new(PT_GNU_STACK, flags, 0, 0);
        let good = Program {
            segments: vec![stack(6)],
            ..Program::of_c()
        };
        let fixed = Program {
            kind: 2,
            needed: vec!["libc.so.6"],
            segments: vec![stack(6)],
            ..Program::of_c()
        };
        let lax = Program {
            kind: 2,
            needed: vec!["libc.so.6"],
            segments: vec![stack(READ_WRITE_EXECUTE)],
            ..Program::of_c()
        };
        let cut = Program {
            size: 0x50,
            ..Program::of_c()
        };
        for (name, forge) in [("good", good), ("fixed", fixed), ("lax", lax), ("cut", cut)] {
            fs::write(project.path("bin").join(name), forge.bytes()).unwrap();
        }
        project
    }

    /// With a policy that asks [`ASKED`] only, and says `more`: lines of `[rules]`, then tables.
    pub(crate) fn with(more: &str) -> Project {
        let project = Project::new();
        project.write("handpie.toml", &format!("[rules]\n{}{more}", *OTHERS));
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The line of the policy on which the text that was added starts.
    pub(crate) fn first_line() -> usize {
        OTHERS.lines().count() + 2
    }

    /// Runs handpie in the folder.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_in("", args)
    }

    pub(crate) fn run_in(&self, folder: &str, args: &[&str]) -> Ran {
        self.run_with(folder, args, &[])
    }

    pub(crate) fn run_with(&self, folder: &str, args: &[&str], env: &[(&str, &str)]) -> Ran {
        let run = handpie(args).dir(self.path(folder)).env_remove("COLUMNS");
        let run = env
            .iter()
            .fold(run, |run, (name, value)| run.env(name, value));
        Ran::of(&run)
    }

    /// What `handpie check --format json` says.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[&["check", "--format", "json"], args].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// The answer of a rule about a file, and whether a waiver is about it.
    pub(crate) fn answer(&self, args: &[&str], file: &str, code: &str) -> String {
        let report = self.json(args);
        let files = report["result"]["files"].as_array().expect("files");
        let file = files
            .iter()
            .find(|it| it["path"] == file)
            .expect("the file");
        let findings = file["findings"].as_array().expect("findings");
        let finding = findings.iter().find(|it| it["code"] == code);
        match finding {
            Some(finding) => finding["answer"].as_str().expect("an answer").to_owned(),
            None => "off".to_owned(),
        }
    }
}

/// Compares what was said with `tests/check/golden/<name>`.
#[track_caller]
pub(crate) fn golden(name: &str, said: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/golden");
    handpie_testkit::golden::assert_golden(&folder.join(name), said);
}
