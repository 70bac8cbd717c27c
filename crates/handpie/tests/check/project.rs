//! A folder with programs and a policy in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::forge::{Forge, Segment};
use crate::support::handpie;

/// The rules that are asked here.
const ASKED: [&str; 3] = ["pie", "no-loader", "executable-stack"];

const PT_GNU_STACK: u32 = 0x6474_e551;
const READ_WRITE_EXECUTE: u32 = 7;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

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
        let good = Forge {
            segments: vec![stack(6)],
            ..Forge::program()
        };
        let fixed = Forge {
            kind: 2,
            needed: vec!["libc.so.6"],
            segments: vec![stack(6)],
            ..Forge::program()
        };
        let lax = Forge {
            kind: 2,
            needed: vec!["libc.so.6"],
            segments: vec![stack(READ_WRITE_EXECUTE)],
            ..Forge::program()
        };
        let cut = Forge {
            size: 0x50,
            ..Forge::program()
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
        let output = run.output().expect("handpie starts and ends");
        Ran {
            status: output.status.code().expect("handpie ends by itself"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
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

/// Compares what was said with `tests/check/golden/<name>`; with `HANDPIE_BLESS=1` it becomes that.
pub(crate) fn golden(name: &str, said: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/check/golden")
        .join(name);
    if std::env::var_os("HANDPIE_BLESS").is_some() {
        fs::write(&path, said).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        said == wanted,
        "{} differs; HANDPIE_BLESS=1 takes what is said now:\n{said}\nin place of:\n{wanted}",
        path.display()
    );
}
