//! Each way of not being able to read something, as an ordinary user: it is said and counted, and the
//! exit status is 3, in every format and for every command that looks into folders.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod support;

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use handpie_toolchain::command::Tool;
use rustix::fs::{Mode, OFlags, mkdirat, openat};
use serde_json::Value;
use support::{skip, tool};
use tempfile::TempDir;

/// A folder that everybody may read, with handpie in it.
struct Place {
    folder: TempDir,
}

#[derive(Debug)]
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// What cannot be read, by the name of the folder that it is in, what is said of it, and its path.
const CASES: [(&str, &str, &str); 6] = [
    ("locked-folder", "Permission denied", "locked-folder/inner"),
    ("locked-file", "Permission denied", "locked-file/program"),
    ("loop", "Too many levels of symbolic links", "loop/round"),
    ("long", "File name too long", "long/nnnnnnnnnn"),
    ("empty", "there is no file in this folder", "empty"),
    ("hollow", "there is no file in this folder", "hollow"),
];

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self { folder };
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(place.folder.path(), open).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_handpie"), place.path("handpie")).unwrap();
        // The search for a policy ends here.
        fs::create_dir(place.path(".git")).unwrap();
        place.write_database();
        place.program("locked-folder/inner/program");
        place.lock("locked-folder/inner");
        place.program("locked-file/program");
        place.lock("locked-file/program");
        place.program("loop/program");
        symlink("round", place.path("loop/round")).unwrap();
        place.program("long/program");
        place.dig("long");
        fs::create_dir_all(place.path("empty")).unwrap();
        fs::create_dir_all(place.path("hollow/a/b")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a program of this machine there.
    fn program(&self, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy("/bin/true", path).unwrap();
    }

    fn lock(&self, name: &str) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o0)).unwrap();
    }

    /// Puts folders into each other until the path is longer than the kernel takes (PATH_MAX, 4096).
    fn dig(&self, name: &str) {
        let directory = OFlags::DIRECTORY | OFlags::RDONLY;
        let mut folder = fs::File::open(self.path(name)).map(OwnedFd::from).unwrap();
        let inner = "n".repeat(200);
        for _ in 0..30 {
            mkdirat(&folder, &inner, Mode::RWXU | Mode::from_raw_mode(0o055)).unwrap();
            folder = openat(&folder, &inner, directory, Mode::empty()).unwrap();
        }
    }

    fn write_database(&self) {
        fs::create_dir(self.path("db")).unwrap();
        let advisory = r#"{"id": "GO-9999-0001", "modified": "2026-01-01T00:00:00Z",
            "affected": [{"package": {"ecosystem": "Go", "name": "a.test/m"}}]}"#;
        fs::write(self.path("db/GO-9999-0001.json"), advisory).unwrap();
    }

    /// Runs handpie here as an ordinary user.
    fn run(&self, args: &[&str]) -> Ran {
        self.start(&self.path("handpie").display().to_string(), args)
    }

    fn start(&self, program: &str, args: &[&str]) -> Ran {
        let start = match is_root() {
            true => Tool::new("setpriv")
                .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
                .arg(program),
            false => Tool::new(program),
        };
        let start = start.args(args).dir(self.folder.path());
        let output = start.env("NO_COLOR", "1").env("HOME", "/nonexistent");
        let output = output.output().expect("handpie starts and ends");
        Ran {
            status: output.status.code().expect("handpie ends by itself"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Or the folder could not be removed by its owner.
        let open = fs::Permissions::from_mode(0o755);
        let _ = fs::set_permissions(self.path("locked-folder/inner"), open);
    }
}

fn is_root() -> bool {
    let id = Tool::new("id").arg("-u").run().expect("id runs");
    id.stdout == b"0\n"
}

/// Whether an ordinary user can be had.
fn can_be_ordinary() -> bool {
    !is_root() || tool("setpriv", "reading as an ordinary user").is_some()
}

#[test]
fn check_says_and_counts_what_it_cannot_read() {
    if !can_be_ordinary() {
        return;
    }
    let place = Place::new();
    for (folder, why, path) in CASES {
        let text = place.run(&["check", folder]);
        assert_eq!(text.status, 3, "{folder}: {text:?}");
        assert!(text.stdout.contains(why), "{folder}: {text:?}");
        assert!(text.stdout.contains(path), "{folder}: {text:?}");

        let json = place.run(&["check", "--format", "json", folder]);
        assert_eq!(json.status, 3, "{folder}: {json:?}");
        let json = json.json();
        assert_eq!(json["result"]["summary"]["unreadable"], 1, "{json}");
        let unread = &json["result"]["unread"][0];
        assert!(unread["message"].as_str().unwrap().contains(why), "{json}");
        assert!(unread["path"].as_str().unwrap().starts_with(path), "{json}");

        let sarif = place.run(&["check", "--format", "sarif", folder]);
        assert_eq!(sarif.status, 3, "{folder}: {sarif:?}");
        let sarif = sarif.json();
        let invocation = &sarif["runs"][0]["invocations"][0];
        // It is successful, and incomplete, where something else was examined.
        let examined = !json["result"]["files"].as_array().unwrap().is_empty();
        assert_eq!(invocation["executionSuccessful"], examined, "{invocation}");
        assert_eq!(invocation["exitCode"], 3, "{invocation}");
        let notification = &invocation["toolExecutionNotifications"][0]["message"]["text"];
        assert!(notification.as_str().unwrap().contains(why), "{invocation}");

        let github = place.run(&["check", "--format", "github", folder]);
        assert_eq!(github.status, 3, "{folder}: {github:?}");
        let mut lines = github.stdout.lines();
        let line = lines.find(|line| line.starts_with("::error ") && line.contains(why));
        assert!(line.is_some(), "{folder}: {github:?}");

        let junit = place.run(&["check", "--format", "junit", folder]);
        assert_eq!(junit.status, 3, "{folder}: {junit:?}");
        assert!(junit.stdout.contains("<error "), "{folder}: {junit:?}");
    }
}

#[test]
fn vuln_and_facts_say_and_count_what_they_cannot_read() {
    if !can_be_ordinary() {
        return;
    }
    let place = Place::new();
    for (folder, why, path) in CASES {
        let text = place.run(&["vuln", "--db", "db", folder]);
        assert_eq!(text.status, 3, "{folder}: {text:?}");
        assert!(text.stdout.contains(why), "{folder}: {text:?}");
        assert!(text.stdout.contains(path), "{folder}: {text:?}");

        let json = place.run(&["vuln", "--db", "db", "--format", "json", folder]);
        assert_eq!(json.status, 3, "{folder}: {json:?}");
        let summary = json.json()["result"]["summary"].clone();
        assert_eq!(summary["unreadable"], 1);

        let sarif = place.run(&["vuln", "--db", "db", "--format", "sarif", folder]);
        assert_eq!(sarif.status, 3, "{folder}: {sarif:?}");
        let invocation = &sarif.json()["runs"][0]["invocations"][0];
        let examined = summary["passed"] != 0 || summary["failed"] != 0;
        assert_eq!(invocation["executionSuccessful"], examined);

        // Neither has room for it.
        for format in ["openvex", "cyclonedx"] {
            let vex = place.run(&["vuln", "--db", "db", "--format", format, folder]);
            assert_eq!(vex.status, 3, "{folder}: {vex:?}");
            assert!(vex.stderr.contains(why), "{folder}: {vex:?}");
        }

        let facts = place.run(&["facts", folder]);
        assert_eq!(facts.status, 3, "{folder}: {facts:?}");
        let unread = facts.json()["result"]["unread"].clone();
        assert!(unread[0]["message"].as_str().unwrap().contains(why));
    }
}

#[test]
fn what_is_named_and_cannot_be_read_ends_with_3() {
    if !can_be_ordinary() {
        return;
    }
    let place = Place::new();
    for path in [
        "locked-folder/inner",
        "locked-folder/inner/program",
        "locked-file/program",
        "loop/round",
        "not-there",
    ] {
        for command in [&["check"][..], &["vuln", "--db", "db"], &["facts"]] {
            let ran = place.run(&[command, &[path]].concat());
            assert_eq!(ran.status, 3, "{command:?} {path}: {ran:?}");
        }
    }
}

#[test]
fn a_file_that_is_no_binary_is_counted_and_is_no_mistake() {
    let place = Place::new();
    fs::create_dir(place.path("mixed")).unwrap();
    fs::write(place.path("mixed/README"), "words").unwrap();
    symlink("README", place.path("mixed/link")).unwrap();
    symlink("nowhere", place.path("mixed/dangling")).unwrap();
    let ran = place.run(&["check", "--format", "json", "mixed"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(ran.json()["result"]["summary"]["passed_over"], 3);
    assert_eq!(ran.json()["result"]["summary"]["files"], 0);
    let ran = place.run(&["check", "mixed"]);
    assert!(ran.stdout.contains("3 other files"), "{ran:?}");
}

#[test]
fn diff_never_calls_what_it_cannot_read_removed() {
    if !can_be_ordinary() {
        return;
    }
    let place = Place::new();
    for (folder, why, _) in CASES {
        let old = format!("old-{folder}");
        // The same files, all of which can be read.
        for name in ["program", "inner/program", "round", "a/b/program"] {
            place.program(&format!("{old}/{name}"));
        }
        let ran = place.run(&["diff", &old, folder]);
        assert_eq!(ran.status, 3, "{folder}: {ran:?}");
        assert!(ran.stdout.contains(why), "{folder}: {ran:?}");
        let json = place
            .run(&["diff", "--format", "json", &old, folder])
            .json();
        let files = json["result"]["files"].as_array().unwrap();
        let hidden = match folder {
            "locked-folder" => vec!["inner/program"],
            "locked-file" => vec!["program"],
            "loop" => vec!["round"],
            "long" => vec![],
            _ => vec!["program", "inner/program", "round", "a/b/program"],
        };
        for file in files {
            let path = file["path"].as_str().unwrap();
            assert!(
                !hidden.contains(&path),
                "{folder}: {path} is {}",
                file["status"]
            );
        }
        assert_eq!(
            json["result"]["unread"].as_array().unwrap().len(),
            1,
            "{json}"
        );
    }
}

#[test]
fn too_few_descriptors_are_said() {
    let place = Place::new();
    for number in 0..400 {
        place.program(&format!("many/{number}"));
    }
    // One descriptor besides the standard ones, and eight threads that want it.
    let script = "ulimit -n 4; exec env RAYON_NUM_THREADS=8 ./handpie check --format json many";
    let ran = place.start("sh", &["-c", script]);
    if ran.stderr.contains("error while loading shared libraries") {
        return skip(
            "reading with too few descriptors",
            "a loader that needs one",
        );
    }
    assert_eq!(ran.status, 3, "{ran:?}");
    let json = ran.json();
    let unread = json["result"]["unread"].as_array().unwrap();
    assert_eq!(json["result"]["summary"]["files"], 400);
    let unreadable = &json["result"]["summary"]["unreadable"];
    assert_eq!(*unreadable, unread.len());
    for one in unread {
        let message = one["message"].as_str().unwrap();
        assert!(message.contains("Too many open files"), "{message}");
        assert!(Path::new(one["path"].as_str().unwrap()).starts_with("many"));
    }
}

#[test]
fn a_build_says_what_it_could_not_look_into() {
    if !can_be_ordinary() {
        return;
    }
    let place = Place::new();
    let open = fs::Permissions::from_mode(0o777);
    fs::create_dir(place.path("built")).unwrap();
    fs::set_permissions(place.path("built"), open).unwrap();
    let build = "cd built; XDG_CACHE_HOME=$PWD/cache ../handpie build -- sh -c 'mkdir a; chmod 0 a'; code=$?; \
                 chmod 700 a; exit $code";
    let ran = place.start("sh", &["-c", build]);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(ran.stderr.contains("built/a: "), "{ran:?}");
    assert!(ran.stderr.contains("Permission denied"), "{ran:?}");
}
