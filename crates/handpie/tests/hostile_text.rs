//! Every command and every format, with hostile text wherever text comes from: through a pipe and on a
//! terminal, nothing of it comes out as it went in.
//!
//! The commands are those that `handpie help` lists, and the formats those that each one's help lists;
//! a command that is new has no case here yet, and the test says so.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of it is test code; skips are said aloud"
)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use handpie_toolchain::command::{Output, Tool, quote};
use serde_json::{Value, json};
use support::{handpie, tool};
use tempfile::TempDir;

use handpie_testkit::forge::program::Program;

/// What a terminal obeys, what hides or turns text round, and what is a command to a CI server.
const HOSTILE: &str = "::error::x\u{1b}[2J\u{1b}]0;t\u{7}\r\n::error::FORGED\u{9b}m\u{7f}\u{202e}\
                       \u{2066}\u{200b}\u{feff}\u{2028}\u{e0041}##[error]y\n  ::warning::z##vso[a]";
/// The loader, a library and a symbol of a forged program; they have little room.
const NAME: &str = "l\u{1b}[2J\n::error::\u{202e}##[x]";
/// A setting that Go writes into a program.
const SETTING: &str =
    "build\t-ldflags=a\u{1b}[2J\u{202e}##[error]b\nbuild\tvcs.time=::error::\u{9b}2J\n";

struct Yard {
    folder: TempDir,
}

/// A command line, and in whose place handpie is started.
struct Case {
    name: &'static str,
    words: Vec<String>,
}

#[test]
fn no_command_prints_what_a_terminal_or_a_log_obeys() {
    let yard = Yard::new();
    for command in listed(&yard.run(&[], &["help"])) {
        for words in yard.cases(&command) {
            let formats = formats(&yard.run(&[], &[command.as_str(), "-h"]));
            // Without `--format` where there is none.
            let formats = formats
                .iter()
                .map(|format| vec!["--format", format.as_str()]);
            let formats: Vec<Vec<&str>> = match formats.len() {
                0 => vec![vec![]],
                _ => formats.collect(),
            };
            for format in formats {
                let words = words.iter().map(String::as_str);
                let words: Vec<&str> = [command.as_str()]
                    .into_iter()
                    .chain(format.iter().copied())
                    .chain(words)
                    .collect();
                yard.judge(&[], &words, format.get(1).copied().unwrap_or("text"));
            }
        }
    }
}

#[test]
fn no_personality_and_no_mistake_prints_what_a_terminal_or_a_log_obeys() {
    let yard = Yard::new();
    for Case { name, words } in yard.others() {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        yard.judge(&[name], &words, "text");
    }
}

impl Yard {
    fn new() -> Yard {
        let yard = Yard {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in ["", "new", "old", "db", "bin", "tools"] {
            fs::create_dir_all(yard.path(folder).join(HOSTILE)).unwrap();
        }
        // The search for a policy ends here.
        fs::create_dir(yard.path(".git")).unwrap();
        let mut refused = Program::of_c();
        refused.interpreter = Some(NAME);
        refused.needed = vec![NAME];
        refused.symbol = NAME;
        let settings = Program::of_go(SETTING);
        yard.write(&format!("new/{HOSTILE}/program"), &Program::of_c().bytes());
        yard.write(&format!("new/{HOSTILE}/refused"), &refused.bytes());
        yard.write(&format!("new/{HOSTILE}/settings"), &settings.bytes());
        yard.write(&format!("old/{HOSTILE}/program"), &refused.bytes());
        yard.write(&format!("old/{HOSTILE}/removed"), &refused.bytes());
        yard.write(&format!("{HOSTILE}.text"), HOSTILE.as_bytes());
        yard.write(&format!("{HOSTILE}.toml"), HOSTILE.as_bytes());
        yard.write(&format!("{HOSTILE}.json"), b"{");
        yard.write(&format!("{HOSTILE}.cut"), &Program::of_c().bytes()[..70]);
        yard.write(&format!("{HOSTILE}.a"), &archive());
        yard.write("facts.json", record().to_string().as_bytes());
        yard.write("vex.json", vex().to_string().as_bytes());
        yard.write("policy.toml", policy().as_bytes());
        let folder = format!("db/{HOSTILE}");
        yard.write(
            &format!("{folder}/A-1.json"),
            advisory().to_string().as_bytes(),
        );
        // Tools that fail with the same words.
        for name in ["go", "git", "cargo", "gcc", "g++", "clang", "zig", "ld"] {
            let script = format!(
                "#!/bin/sh\ncat '{}' >&2\nexit 1\n",
                yard.path("said").display()
            );
            yard.write(&format!("tools/{name}"), script.as_bytes());
        }
        yard.write("said", HOSTILE.as_bytes());
        for name in ["handpie", "ld", "handpie-cc", "handpie-c++", "govulncheck"] {
            symlink(env!("CARGO_BIN_EXE_handpie"), yard.path("bin").join(name)).unwrap();
        }
        yard
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path(name), mode).unwrap();
    }

    /// What a command is started with.
    fn cases(&self, command: &str) -> Vec<Vec<String>> {
        let hostile = |end: &str| format!("{HOSTILE}{end}");
        let new = |name: &str| format!("new/{HOSTILE}/{name}");
        let (text, cut, archive) = (hostile(".text"), hostile(".cut"), hostile(".a"));
        let (program, refused, settings) = (new("program"), new("refused"), new("settings"));
        let out = hostile(".out");
        let absent = hostile(".absent");
        let [text, cut, archive, out, absent] =
            [&text, &cut, &archive, &out, &absent].map(String::as_str);
        let [program, refused, settings] = [&program, &refused, &settings].map(String::as_str);
        let cases: Vec<Vec<&str>> = match command {
            "build" => vec![
                vec!["--dry-run", HOSTILE],
                vec!["-o", HOSTILE, HOSTILE],
                vec!["--cpu", HOSTILE, "./x"],
                vec!["--pure", HOSTILE, "./x"],
                vec!["--dry-run", "--", "make", HOSTILE],
                vec!["--", HOSTILE],
            ],
            "convert" => vec![
                vec![program, "-o", out],
                vec!["--dry-run", program],
                vec!["--dry-run", refused],
                vec!["--dry-run", settings],
                vec!["--dry-run", text],
                vec!["--dry-run", cut],
                vec!["--dry-run", absent],
                vec![program, "-o", HOSTILE],
                vec![program, "-o", "facts.json/x"],
            ],
            "link" => vec![
                vec!["-o", HOSTILE, absent],
                vec!["-o", HOSTILE, program],
                vec!["--linker", HOSTILE, text],
                vec![
                    "--libc", "given", "--linker", "tools/ld", archive, "-l", HOSTILE,
                ],
                vec![HOSTILE],
            ],
            "cc" | "c++" => vec![
                vec!["--compiler", HOSTILE, HOSTILE],
                vec!["--compiler", "tools/gcc", HOSTILE],
                vec!["--libc", HOSTILE],
                vec!["--cpu", HOSTILE],
                vec!["--profile", HOSTILE],
                vec!["--linker", HOSTILE, "-c", HOSTILE],
            ],
            "ld" => vec![
                vec!["-o", HOSTILE, absent],
                vec![text],
                vec![archive, "-l", HOSTILE],
            ],
            "check" => vec![
                vec!["-v", "new", text, cut, absent, archive],
                vec![refused, archive],
                vec!["-v", "--policy", "policy.toml", "new"],
                vec!["--policy", "policy.toml", "--print-policy"],
                vec!["--policy", absent, "new"],
                vec!["--policy", HOSTILE, "new"],
                vec!["--evidence", text, "new"],
            ],
            "diff" => vec![
                vec!["-v", "old", "new"],
                vec![program, refused],
                vec![text, absent],
                vec![HOSTILE, text],
            ],
            "vuln" => vec![
                vec!["--show", "all", "--db", "db", "--facts", "facts.json"],
                vec![
                    "-v",
                    "--db",
                    "db",
                    "--policy",
                    "policy.toml",
                    "--facts",
                    "facts.json",
                ],
                vec![
                    "-v",
                    "--db",
                    "db",
                    "--vex",
                    "vex.json",
                    "--facts",
                    "facts.json",
                ],
                vec!["--db", "db", "new", settings, text, cut, absent],
                vec!["--db", HOSTILE, program],
                vec!["--db", text, program],
                vec!["--db", "db", "--vex", text, program],
                vec!["--db", "db", "--facts", text],
            ],
            "facts" => vec![vec![settings, text, cut, absent]],
            "db" => vec![
                vec!["info", "--db", "db"],
                vec!["info", "--db", HOSTILE],
                vec!["info", "--db", text],
                vec!["update", "--from", text],
                vec!["update", "--from", HOSTILE],
            ],
            "prove" => vec![
                vec!["--runs", "3", program],
                vec![
                    "--runs", "3", "-v", "--env", HOSTILE, settings, "--", HOSTILE,
                ],
                vec![text],
                vec![absent],
                vec!["--for", HOSTILE, program],
            ],
            "env" => vec![vec![], vec!["--shell", HOSTILE]],
            "doctor" => vec![
                vec![],
                vec!["--try", HOSTILE],
                vec!["--fleet", HOSTILE],
                vec!["--fleet", text],
            ],
            "integrate" => vec![vec!["gcc-spec", "--compiler", HOSTILE], vec!["clang-cfg"]],
            "explain" => vec![vec![HOSTILE], vec![]],
            "completions" => vec![vec![HOSTILE]],
            "man" => vec![vec![HOSTILE], vec!["facts.json/x"]],
            "help" => vec![vec![], vec![HOSTILE]],
            other => {
                panic!("`{other}` has no case here: how could a stranger's text come out of it?")
            }
        };
        // A mistake is one of every command.
        let wrong = format!("--{HOSTILE}");
        let mistake = match command {
            "cc" | "c++" | "ld" | "link" => None,
            _ => Some(vec![wrong.as_str()]),
        };
        let all = cases.into_iter().chain(mistake);
        all.map(|words| words.into_iter().map(str::to_owned).collect())
            .collect()
    }

    /// What is no command: mistakes, and what others start.
    fn others(&self) -> Vec<Case> {
        let program = format!("new/{HOSTILE}/settings");
        let wrong = format!("--{HOSTILE}");
        let absent = format!("{HOSTILE}/absent");
        let [program, wrong, absent] = [&program, &wrong, &absent].map(String::as_str);
        let cases: [(&'static str, Vec<&str>); 17] = [
            ("handpie", vec![HOSTILE]),
            ("handpie", vec![wrong]),
            ("handpie", vec!["--color", HOSTILE, "explain"]),
            ("handpie", vec!["toolexec", absent]),
            ("handpie", vec!["toolexec", "--aslr", HOSTILE]),
            ("handpie", vec!["extld", HOSTILE, "-o", HOSTILE]),
            ("handpie", vec!["extld", "-o", HOSTILE, program]),
            ("handpie", vec!["extld", "-o", "x", wrong]),
            ("handpie", vec!["embedded-linker", HOSTILE]),
            ("handpie", vec!["vuln", "--compat", "govulncheck", HOSTILE]),
            (
                "govulncheck",
                vec!["-mode=binary", "-db", "db", "-show", "verbose", program],
            ),
            (
                "govulncheck",
                vec!["-mode=binary", "-db", "db", "-format", "json", program],
            ),
            ("govulncheck", vec!["-mode=binary", "-db", HOSTILE, program]),
            ("govulncheck", vec!["-mode", HOSTILE, HOSTILE]),
            ("govulncheck", vec![wrong]),
            ("ld", vec!["-o", HOSTILE, absent]),
            ("handpie-cc", vec!["--compiler", HOSTILE, "-c", HOSTILE]),
        ];
        let cases = cases.into_iter().map(|(name, words)| Case {
            name,
            words: words.into_iter().map(str::to_owned).collect(),
        });
        cases.collect()
    }

    /// With nothing around but the tools that fail.
    fn tool(&self, tool: Tool) -> Tool {
        let path = format!("{}:/usr/bin:/bin", self.path("tools").display());
        tool.dir(self.path(""))
            .env("PATH", path)
            .env("SHELL", "/bin/bash")
            .env("XDG_DATA_HOME", self.path(HOSTILE))
            .env("XDG_CACHE_HOME", self.path(HOSTILE))
            .env("GOFLAGS", HOSTILE)
            .env_remove("COLUMNS")
    }

    fn run(&self, name: &[&str], words: &[&str]) -> Output {
        let tool = match name {
            [name] => Tool::new(self.path("bin").join(name))
                .args(words)
                .env("NO_COLOR", "1"),
            _ => handpie(words),
        };
        self.tool(tool).output().expect("handpie starts and ends")
    }

    fn judge(&self, name: &[&str], words: &[&str], format: &str) {
        let ran = self.run(name, words);
        for printed in [&ran.stdout, &ran.stderr] {
            judge(printed, words, format, false);
        }
        let is_json = !["text", "junit", "github"].contains(&format);
        // A document that has begun when a record cannot be read is cut short.
        let is_whole = matches!(ran.status.code(), Some(0 | 1));
        if is_json && is_whole && !ran.stdout.is_empty() {
            let parsed = serde_json::from_slice::<Value>(&ran.stdout);
            assert!(parsed.is_ok(), "{words:?}: {parsed:?}");
        }
        let Some(script) = tool("script", "hostile text on a terminal") else {
            return;
        };
        let program = self.path("bin").join(name.first().unwrap_or(&"handpie"));
        let mut line = quote(program.as_os_str());
        for word in words {
            line = format!("{line} {}", quote(word.as_ref()));
        }
        let script =
            Tool::new(script).args(["-q", "-E", "never", "-c", line.as_str(), "/dev/null"]);
        let shown = self.tool(script).output().expect("a terminal");
        judge(&shown.stdout, words, format, true);
    }
}

/// Panics where something hostile came out as it went in.
fn judge(printed: &[u8], words: &[&str], format: &str, is_terminal: bool) {
    let text = std::str::from_utf8(printed).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let found = |what: &str| panic!("{what} after {words:?}: {text:?}");
    let unseen = "\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{e0041}\u{9b}\u{7f}\u{7}";
    if let Some(character) = text.chars().find(|c| unseen.contains(*c)) {
        found(&format!("{character:?}"));
    }
    // A terminal gets colours and the spinner's moves, which are ours, and has carriage returns.
    let is_ours = |c: char| c == '\n' || (is_terminal && matches!(c, '\r' | '\u{1b}'));
    if let Some(control) = text.chars().find(|c| c.is_control() && !is_ours(*c)) {
        found(&format!("{control:?}"));
    }
    for raw in ["\u{1b}[2J", "\u{1b}]", "##[", "##vso["] {
        if text.contains(raw) {
            found(&format!("{raw:?}"));
        }
    }
    for line in text.lines() {
        let line = line.trim_start();
        let annotates = ["::error file=", "::warning file="];
        let is_ours = format == "github" && annotates.iter().any(|own| line.starts_with(own));
        if (line.starts_with("::") && !is_ours) || line.starts_with("FORGED") {
            found(&format!("the line {line:?}"));
        }
    }
}

/// The commands in the list of `handpie help`.
fn listed(help: &Output) -> Vec<String> {
    let text = String::from_utf8(help.stdout.clone()).unwrap();
    let list = text.split("Commands:\n").nth(1).unwrap();
    let list = list.split("\n\n").next().unwrap();
    // A line that is indented further goes on with what a command does.
    let lines = list.lines().filter(|line| !line.starts_with("   "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(
        names.len() > 15 && names.contains(&"cc".to_owned()),
        "{names:?}"
    );
    names
}

/// The formats that a command's help lists.
fn formats(help: &Output) -> Vec<String> {
    let text = String::from_utf8(help.stdout.clone()).unwrap();
    // A long list is broken into lines.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((_, rest)) = text.split_once("--format <FORMAT>") else {
        return Vec::new();
    };
    let (_, rest) = rest.split_once("[possible values: ").unwrap();
    let list = rest.split(']').next().unwrap();
    list.split(',').map(|name| name.trim().to_owned()).collect()
}

/// An archive whose one member is an object for one address, with a hostile name.
fn archive() -> Vec<u8> {
    let name = "m\u{1b}[2J\u{7}\u{202e}/";
    let mut bytes = b"!<arch>\n".to_vec();
    let member = Program::of_c().bytes();
    bytes.extend(format!("{name:<16}").as_bytes().get(..16).unwrap());
    bytes.extend(format!("{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, member.len()).bytes());
    bytes.extend(member);
    bytes
}

fn advisory() -> Value {
    json!({
        "id": format!("A-1{HOSTILE}"),
        "modified": HOSTILE,
        "summary": HOSTILE,
        "details": HOSTILE,
        "aliases": [format!("CVE-{HOSTILE}")],
        "affected": [{
            "package": { "ecosystem": "Go", "name": "x.test/lib" },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.5.0" }] }],
            "ecosystem_specific": { "imports": [{ "path": HOSTILE, "symbols": [HOSTILE] }] },
        }],
        "database_specific": { "url": HOSTILE },
    })
}

fn record() -> Value {
    let module = |path: &str, version: &str| json!({ "path": path, "version": version });
    json!({ "schema": 1, "command": "facts", "result": { "files": [{
        "path": HOSTILE, "member": HOSTILE, "go": HOSTILE, "build_info": true, "package": HOSTILE,
        "main": null, "settings": { HOSTILE: HOSTILE }, "os": HOSTILE, "cpu": HOSTILE,
        "modules": [module("x.test/lib", "v1.2.0"), module(HOSTILE, HOSTILE)],
        "crates": null, "packages": [HOSTILE], "symbols": "",
    }] } })
}

fn vex() -> Value {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": HOSTILE,
        "author": HOSTILE,
        "timestamp": "2026-01-01T00:00:00Z",
        "version": 1,
        "statements": [{
            "vulnerability": { "name": format!("A-1{HOSTILE}") },
            "products": [{ "@id": HOSTILE }],
            "status": "not_affected",
            "justification": "component_not_present",
            "impact_statement": HOSTILE,
        }],
    })
}

fn policy() -> String {
    let text = Value::from(HOSTILE.replace('\u{7f}', "")).to_string();
    format!(
        "[[waivers]]\nrule = 'pie'\nreason = {text}\nexpires = 2000-01-01\n\
         [[waivers]]\nrule = 'no-loader'\npath = {text}\nreason = {text}\nexpires = 9999-01-01\n\
         [[paths]]\nmatch = {text}\n[paths.rules]\npie = 'warn'\n\
         [[vuln]]\nid = {text}\nreason = {text}\nuntil = 9999-12-31\n"
    )
}

/// What is forged here is read where it matters, and not refused before it is looked at.
#[test]
fn the_hostile_documents_are_read() {
    let yard = Yard::new();
    let vuln = [
        "vuln",
        "--db",
        "db",
        "--facts",
        "facts.json",
        "--show",
        "all",
    ];
    let ran = yard.run(&[], &vuln);
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(text.contains("A-1::error::x\\x1b[2J"), "{ran:?}");
    let policy = ["check", "--policy", "policy.toml", "--print-policy"];
    let ran = yard.run(&[], &policy);
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(text.contains("\\u{202e}"), "{ran:?}");
    let program = Path::new("new").join(HOSTILE).join("refused");
    let ran = yard.run(&[], &["check", "-v", program.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        text.contains("l\\x1b[2J\\n::error::\\u{202e}\\u{23}#[x]"),
        "{ran:?}"
    );
}
