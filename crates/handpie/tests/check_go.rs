//! `handpie check` on programs that Go has built, with Go's own tools as judges: `go version -m` for
//! the build info, `go tool nm` for symbols and functions.
//!
//! The programs import nothing, so that only the runtime is compiled. Detectors, cgo and other
//! releases of Go are in the corpus; every answer of every rule is in crates/audit/tests/go.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use handpie_binary::Binary;
use handpie_binary::go::{BuildInfo, Module, Pclntab};
use handpie_toolchain::command::Tool;
use serde_json::Value;
use support::{go, handpie, text, tool};
use tempfile::TempDir;

const SOURCE: &str = "package main\n\nvar Version = \"none\"\n\nfunc main() { println(Version) }\n";

/// A module in a repository, with one commit that is tagged.
struct Project {
    folder: TempDir,
    go: Tool,
}

impl Project {
    fn new(what: &str) -> Option<Self> {
        let (go, git) = (go(what)?, tool("git", what)?);
        let folder = tempfile::tempdir().expect("a folder");
        let project = Self { folder, go };
        project.write("go.mod", "module example.org/app\n\ngo 1.22\n");
        project.write("main.go", SOURCE);
        project.write(".gitignore", "/bin/\n");
        for arguments in [
            &["init", "-q"][..],
            &["add", "."],
            &[
                "-c",
                "user.name=x",
                "-c",
                "user.email=x@example.org",
                "commit",
                "-qm",
                "x",
            ],
            &["tag", "v1.2.3"],
        ] {
            let git = Tool::new(&git).args(arguments).dir(project.folder.path());
            git.env("GIT_CONFIG_GLOBAL", "/dev/null")
                .run()
                .expect("git");
        }
        Some(project)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("a file");
    }

    fn build(&self, name: &str, flags: &[&str], variables: &[(&str, &str)]) -> PathBuf {
        let output = self.folder.path().join("bin").join(name);
        let mut go = self.go.clone().arg("build").args(flags);
        for (name, value) in variables {
            go = go.env(name, value);
        }
        let built = go
            .arg("-o")
            .arg(&output)
            .arg(".")
            .dir(self.folder.path())
            .run();
        built.expect("go builds it");
        output
    }
}

/// The answers of the rules for Go programs, as they count without a policy.
fn answers(program: &Path) -> BTreeMap<String, (String, String)> {
    let said = handpie(["check", "--format", "json"]).arg(program).output();
    let said: Value = serde_json::from_slice(&said.expect("an end").stdout).expect("JSON");
    let findings = said["result"]["files"][0]["findings"]
        .as_array()
        .expect("findings");
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    let answers = findings.iter().map(|finding| {
        let said = (word(&finding["answer"]), word(&finding["why"]));
        (word(&finding["code"]), said)
    });
    answers
        .filter(|(code, _)| code.starts_with("go-"))
        .collect()
}

fn expect(program: &Path, wanted: &[(&str, &str)]) {
    let answers = answers(program);
    for (code, answer) in wanted {
        let (found, why) = &answers[*code];
        assert_eq!(found, answer, "{code} of {}: {why}", program.display());
    }
}

#[test]
fn flags_of_a_build_are_seen_in_what_comes_out() {
    let Some(project) = Project::new("checking Go programs") else {
        return;
    };
    let plain = project.build("plain", &[], &[]);
    expect(
        &plain,
        &[
            ("go-build-info", "pass"),
            ("go-module-list", "pass"),
            ("go-cgo", "pass"),
            ("go-symbols", "pass"),
            ("go-dwarf", "warn"),
            ("go-trimpath", "warn"),
            ("go-path-leak", "warn"),
            ("go-libc-resolver", "pass"),
            ("go-instrumented", "pass"),
        ],
    );
    let release = project.build("release", &["-trimpath", "-ldflags=-w"], &[]);
    expect(
        &release,
        &[
            ("go-symbols", "pass"),
            ("go-dwarf", "pass"),
            ("go-trimpath", "pass"),
            ("go-path-leak", "pass"),
            ("go-vcs", "pass"),
            ("go-vcs-dirty", "pass"),
        ],
    );
    let stripped = project.build("stripped", &["-trimpath", "-ldflags=-s -w"], &[]);
    expect(
        &stripped,
        &[("go-symbols", "warn"), ("go-path-leak", "pass")],
    );
}

#[test]
fn a_dirty_tree_and_a_version_are_seen() {
    let Some(project) = Project::new("checking Go programs") else {
        return;
    };
    project.write("other.go", "package main\n");
    let dirty = project.build("dirty", &["-trimpath"], &[]);
    expect(&dirty, &[("go-vcs", "pass"), ("go-vcs-dirty", "warn")]);
    let none = project.build("none", &["-trimpath", "-buildvcs=false"], &[]);
    let answered = [
        ("go-vcs", "warn"),
        ("go-vcs-dirty", "unknown"),
        ("go-version-stamp", "warn"),
    ];
    expect(&none, &answered);
    let set = "-ldflags=-X main.Version=4.5.6";
    let stamped = project.build("stamped", &["-trimpath", "-buildvcs=false", set], &[]);
    let (answer, why) = answers(&stamped)
        .remove("go-version-stamp")
        .expect("an answer");
    assert_eq!((&*answer, &*why), ("pass", "main.Version is `4.5.6`"));
    let flags = [
        "-trimpath",
        "-buildvcs=false",
        "-ldflags=-s -X main.Version=4.5.6",
    ];
    let unknown = project.build("unknown", &flags, &[]);
    expect(&unknown, &[("go-version-stamp", "unknown")]);
}

#[test]
fn programs_of_other_systems_are_read_alike() {
    let Some(project) = Project::new("checking Go programs of other systems") else {
        return;
    };
    // Two byte orders, both widths, three formats.
    for (system, cpu) in [
        ("windows", "amd64"),
        ("windows", "386"),
        ("darwin", "arm64"),
        ("linux", "arm"),
        ("linux", "mips"),
        ("linux", "s390x"),
    ] {
        let flags = [
            "-trimpath",
            "-buildvcs=false",
            "-ldflags=-w -X main.Version=4.5.6",
        ];
        let name = format!("{system}-{cpu}");
        let program = project.build(&name, &flags, &[("GOOS", system), ("GOARCH", cpu)]);
        expect(
            &program,
            &[
                ("go-build-info", "pass"),
                ("go-version-stamp", "pass"),
                ("go-cgo", "pass"),
                ("go-symbols", "pass"),
                ("go-dwarf", "pass"),
                ("go-path-leak", "pass"),
                ("go-instrumented", "pass"),
            ],
        );
        reads_what_go_reads(&project.go, &program);
        names_the_functions_that_nm_names(&project.go, &program);
    }
}

#[test]
fn the_build_info_is_read_as_go_reads_it() {
    let what = "comparing build info";
    let Some(go) = go(what) else { return };
    let root = go.clone().args(["env", "GOROOT"]).run().expect("GOROOT");
    let root = PathBuf::from(text(&root).trim());
    // A program that holds the magic of build info itself, and those that were built for a test of
    // real programs.
    let mut programs = vec![root.join("bin/go")];
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/real-programs/installed");
    let entries = fs::read_dir(real).into_iter().flatten().flatten();
    programs.extend(entries.map(|entry| entry.path()));
    for program in programs {
        reads_what_go_reads(&go, &program);
    }
}

/// Holds our reading of the build info against `go version -m`, line by line.
fn reads_what_go_reads(go: &Tool, program: &Path) {
    let said = go.clone().args(["version", "-m"]).arg(program).run();
    let said = text(&said.expect("go version -m"));
    let mut lines = said.lines();
    let first = lines.next().expect("a first line");
    let file = fs::read(program).expect("the program");
    let binaries = Binary::parse(&file).expect("a binary");
    let info = BuildInfo::read(&binaries[0])
        .expect("all of it is there")
        .expect("build info");
    assert!(
        first.ends_with(&format!(": {}", info.go_version)),
        "{first}"
    );
    let mut ours = vec![format!("path\t{}", info.path)];
    let module = |word: &str, module: &Module| {
        format!(
            "{word}\t{}\t{}\t{}",
            module.path, module.version, module.sum
        )
    };
    let modules = info.main.iter().map(|it| ("mod", it));
    let modules = modules.chain(info.dependencies.iter().map(|it| ("dep", it)));
    for (word, it) in modules {
        ours.push(module(word, it));
        ours.extend(it.replacement.iter().map(|it| module("=>", it)));
    }
    for setting in &info.settings {
        // Go prints some values in quotes.
        ours.push(format!("build\t{}={}", setting.key, setting.value));
        let at = usize::try_from(setting.offset.0).expect("an offset");
        assert!(file[at..].starts_with(format!("build\t{}", setting.key).as_bytes()));
    }
    let theirs: Vec<String> = lines
        .map(|line| line.trim_start_matches('\t').replace('"', ""))
        .collect();
    assert_eq!(ours, theirs, "{}", program.display());
}

/// Every function of the program's own symbols is in the table of functions.
fn names_the_functions_that_nm_names(go: &Tool, program: &Path) {
    let said = go.clone().args(["tool", "nm"]).arg(program).run();
    let said = text(&said.expect("go tool nm"));
    let file = fs::read(program).expect("the program");
    let binaries = Binary::parse(&file).expect("a binary");
    let table = Pclntab::read(&binaries[0]).expect("all of it is there");
    let table = table.expect("a table of functions");
    let names: Vec<&[u8]> = table
        .functions()
        .expect("all of it is there")
        .map(|name| name.bytes)
        .collect();
    let mut compared = 0;
    for line in said.lines() {
        let mut words = line.split_whitespace().rev();
        let (name, kind) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let is_function =
            kind == "T" && (name.starts_with("main.") || name.starts_with("runtime.g"));
        // Marks at the start and end of the code are no functions, and one has another name there.
        if is_function && !name.ends_with(".abi0") {
            compared += 1;
            assert!(
                names.contains(&name.as_bytes()),
                "{name} of {}",
                program.display()
            );
        }
    }
    assert!(compared > 50, "{compared} functions");
}
