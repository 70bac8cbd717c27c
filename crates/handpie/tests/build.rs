//! `handpie build` and `handpie env` with the real go: what a user sees.
//!
//! Each test has a module of its own; all share the user's build cache, as they would in life.

#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot run says so on standard error, and one that fails panics"
)]

mod support;

use std::fs;
use std::path::PathBuf;

use handpie_binary::Elf;
use handpie_binary::elf::constants::PT_GNU_STACK;
use handpie_toolchain::command::{Output, Tool};
use tempfile::TempDir;

struct Module {
    folder: TempDir,
}

const HELLO: &str =
    "package main\n\nvar version string\n\nfunc main() { println(\"hello\", version) }\n";

impl Module {
    /// A module of these files, or nothing without a go that can build it.
    fn new(what: &str, files: &[(&str, &str)]) -> Option<Module> {
        support::tool("go", what)?;
        let folder = tempfile::tempdir().unwrap();
        let module = Module { folder };
        module.write("go.mod", "module example.com/app\n\ngo 1.21\n");
        for (name, text) in files {
            module.write(name, text);
        }
        Some(module)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn tool(&self, program: &str, words: &[&str]) -> Tool {
        let tool = Tool::new(program)
            .args(words)
            .env("GOTOOLCHAIN", "local")
            .env("GOENV", "off")
            .env("GOFLAGS", "")
            .env("GOPROXY", "off")
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("GOCACHE", go_cache())
            .dir(self.folder.path());
        let unset = [
            "CGO_ENABLED",
            "GOOS",
            "GOARCH",
            "GOAMD64",
            "GOARM64",
            "GOWORK",
        ];
        unset.iter().fold(tool, |tool, name| tool.env_remove(name))
    }

    fn handpie(&self, words: &[&str]) -> Tool {
        self.tool(env!("CARGO_BIN_EXE_handpie"), words)
    }

    fn build(&self, words: &[&str]) -> Output {
        let words: Vec<&str> = [&["build"], words].concat();
        self.handpie(&words).output().unwrap()
    }

    fn git(&self, words: &[&str]) {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        let words: Vec<&str> = [&who, words].concat();
        self.tool("git", &words).run().unwrap();
    }

    fn is_static_pie(&self, name: &str) -> bool {
        let bytes = fs::read(self.path(name)).unwrap();
        matches!(
            handpie_pie::convert(&bytes, handpie_pie::Options::default()),
            Ok(handpie_pie::Outcome::AlreadyStaticPie { by_us: true })
        )
    }
}

/// XDG_CACHE_HOME is each test's own; go's cache is not.
fn go_cache() -> String {
    let cache = Tool::new("go").args(["env", "GOCACHE"]).run().unwrap();
    String::from_utf8(cache.stdout).unwrap().trim().to_owned()
}

#[track_caller]
fn ends(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "no `{word}` in:\n{text}");
    }
}

#[test]
fn builds_stamps_and_says_when_nothing_is_new() {
    let Some(module) = Module::new("handpie build", &[("main.go", HELLO)]) else {
        return;
    };
    let first = module.build(&[]);
    ends(
        &first,
        0,
        &["app: static-PIE", "none: not in a git repository"],
    );
    module.git(&["init", "-q"]);
    module.write(".gitignore", "/app\n/cache\n");
    module.git(&["add", "."]);
    module.git(&["commit", "-qm", "first"]);
    module.git(&["tag", "v1.2.3"]);
    let stamped = module.build(&["-v"]);
    ends(
        &stamped,
        0,
        &["v1.2.3, in main.version", "go made", "go build"],
    );
    assert!(module.is_static_pie("app"));
    let run = Tool::new(module.path("app")).run().unwrap();
    assert_eq!(String::from_utf8_lossy(&run.stderr), "hello v1.2.3\n");
    let again = module.build(&[]);
    ends(
        &again,
        0,
        &["up to date; converted by an earlier build", "go made"],
    );
    // What was remembered is about this file only.
    fs::remove_dir_all(module.path("cache")).unwrap();
    ends(
        &module.build(&[]),
        0,
        &["up to date", "v1.2.3, in main.version"],
    );
    module.write("main.go", "package main\n\nfunc main() {}\n");
    ends(
        &module.build(&[]),
        0,
        &["the program has no variable main.Version"],
    );
}

/// go takes a program for up to date by the build id alone, so what is wrong with the rest of it is
/// for us to see.
#[test]
fn a_program_that_breaks_a_promise_is_not_reported_as_built() {
    let Some(module) = Module::new("a broken promise", &[("main.go", HELLO)]) else {
        return;
    };
    let build = || module.build(&["--no-stamp", "-o", "app"]);
    ends(&build(), 0, &["static-PIE"]);
    let mut bytes = fs::read(module.path("app")).unwrap();
    let elf = Elf::parse(&bytes[..]).unwrap();
    let stack = elf.segments().iter().find(|s| s.kind == PT_GNU_STACK);
    // `p_flags` of a 64-bit program header.
    let flags = usize::try_from(stack.unwrap().header.0).unwrap() + 4;
    bytes[flags] |= 1;
    fs::write(module.path("app"), bytes).unwrap();
    let parts = ["executable-stack: ", "link-not-static-pie"];
    ends(&build(), 1, &parts);
    // Nor is it when the note of the build before is there.
    ends(&build(), 1, &parts);
}

#[test]
fn keeps_what_the_user_says() {
    let files = [
        ("main.go", HELLO),
        (
            "tagged.go",
            "//go:build ui\n\npackage main\n\nfunc init() { println(\"ui\") }\n",
        ),
    ];
    let Some(module) = Module::new("handpie build with flags", &files) else {
        return;
    };
    let words = [
        "-o",
        "out",
        "--",
        "-tags=ui",
        "-ldflags=-s -X main.version=mine",
    ];
    let output = module.build(&words);
    ends(
        &output,
        0,
        &[
            "out: static-PIE",
            "yours, from -ldflags=-X",
            "warning: `-ldflags=-s`",
        ],
    );
    let run = Tool::new(module.path("out")).run().unwrap();
    assert_eq!(String::from_utf8_lossy(&run.stderr), "ui\nhello mine\n");
    let dry = module.build(&["--dry-run", "--cpu", "v3"]);
    ends(
        &dry,
        0,
        &["CGO_ENABLED=0 GOAMD64=v3 go build -buildmode=pie"],
    );
    let dry = module.build(&["--dry-run", "--cpu", "v3", "--format", "json"]);
    ends(
        &dry,
        0,
        &[r#""command": "CGO_ENABLED=0 GOAMD64=v3 go build"#],
    );
}

#[test]
fn builds_several_programs() {
    let files = [
        ("cmd/a/main.go", HELLO),
        ("cmd/b/main.go", HELLO),
        ("lib/lib.go", "package lib\n"),
    ];
    let Some(module) = Module::new("handpie build of several programs", &files) else {
        return;
    };
    ends(&module.build(&["./..."]), 1, &["build-no-output", "a, b"]);
    ends(&module.build(&["./lib"]), 1, &["build-no-program"]);
    ends(
        &module.build(&["-o", "bin/", "./..."]),
        0,
        &["bin/a: static-PIE", "bin/b: static-PIE"],
    );
    assert!(module.is_static_pie("bin/a") && module.is_static_pie("bin/b"));
    let json = module
        .handpie(&["build", "--format=json", "-o", "bin/", "./cmd/..."])
        .run()
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let programs = json["result"]["programs"].as_array().unwrap();
    assert_eq!(programs.len(), 2);
    assert_eq!(programs[0]["kind_after"], "static-PIE");
}

#[test]
fn refuses_before_anything_is_built() {
    let Some(module) = Module::new("refusals of handpie build", &[("main.go", HELLO)]) else {
        return;
    };
    let output = module.build(&["--", "-race", "-buildmode=c-shared"]);
    ends(&output, 1, &["build-race", "build-mode", "hint: "]);
    assert!(!module.path("app").exists());
}

const NEEDS_C: &str = "package c\n\n// int one() { return 1; }\nimport \"C\"\n\nfunc One() int { return int(C.one()) }\n";

#[test]
fn refuses_a_stand_in_unless_it_is_called_pure() {
    let files = [
        (
            "main.go",
            "package main\n\nimport \"example.com/app/c\"\n\nfunc main() { println(c.One()) }\n",
        ),
        ("c/c.go", NEEDS_C),
        (
            "c/nocgo.go",
            "//go:build !cgo\n\npackage c\n\nfunc One() int { return 1 }\n",
        ),
    ];
    let Some(module) = Module::new("the cgo question", &files) else {
        return;
    };
    let chain = "example.com/app -> example.com/app/c";
    let output = module.build(&[]);
    ends(
        &output,
        1,
        &[
            "cgo-stand-in",
            "c.go",
            "uses nocgo.go instead",
            chain,
            "--pure example.com/app/c",
        ],
    );
    ends(
        &module.build(&["--pure", "example.com/app/..."]),
        0,
        &["app: static-PIE"],
    );
    fs::remove_file(module.path("c/nocgo.go")).unwrap();
    ends(&module.build(&[]), 1, &["needs-cgo"]);
    module.write("main.go", "package main\n\nimport \"plugin\"\n\nfunc main() { _, err := plugin.Open(\"x\"); println(err != nil) }\n");
    ends(&module.build(&[]), 1, &["uses-plugin"]);
    ends(
        &module.build(&["--pure", "plugin"]),
        0,
        &["app: static-PIE"],
    );
}

#[test]
fn tells_gos_failures_from_ours() {
    let Some(module) = Module::new(
        "failures of handpie build",
        &[("main.go", "package main\n\nfunc main() { undefined() }\n")],
    ) else {
        return;
    };
    let output = module.build(&[]);
    ends(
        &output,
        4,
        &["undefined: undefined", "go build -buildmode=pie"],
    );
    // Needs a library although it needs no cgo: only the converter can see that.
    module.write(
        "main.go",
        "package main\n\nimport _ \"example.com/app/dynamic\"\n\nfunc main() {}\n",
    );
    module.write(
        "dynamic/dynamic.go",
        "package dynamic\n\n//go:cgo_import_dynamic _ _ \"libc.so.6\"\n",
    );
    let output = module.build(&[]);
    let words = [
        "# example.com/app",
        "handpie: ",
        "libc.so.6",
        "a program cannot be converted",
    ];
    ends(&output, 1, &words);
    assert!(!module.path("app").exists());
    module.write(
        "main.go",
        "package main\n\nvar version int\n\nfunc main() { println(version) }\n",
    );
    module.git(&["init", "-q"]);
    module.git(&["add", "main.go"]);
    module.git(&["commit", "-qm", "first"]);
    ends(&module.build(&[]), 4, &["--no-stamp"]);
    ends(&module.build(&["--no-stamp"]), 0, &["none: --no-stamp"]);
}

#[test]
fn the_environment_makes_static_pie_in_a_shell() {
    let Some(module) = Module::new("handpie env", &[("main.go", HELLO)]) else {
        return;
    };
    let handpie = env!("CARGO_BIN_EXE_handpie");
    let script = format!(
        "set -eu; export GOFLAGS=-modcacherw; eval \"$({handpie} env)\"; go build -o one .; \
         eval \"$({handpie} env)\"; go build -o two .; echo \"$GOFLAGS\""
    );
    let output = module.tool("sh", &["-c", &script]).run().unwrap();
    let goflags = String::from_utf8(output.stdout).unwrap();
    assert!(
        goflags.starts_with("-modcacherw -buildmode=pie '-toolexec="),
        "{goflags}"
    );
    assert_eq!(goflags.matches("toolexec=").count(), 1, "{goflags}");
    assert!(module.is_static_pie("one") && module.is_static_pie("two"));
    let json = module.handpie(&["env", "--shell", "json"]).run().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["CGO_ENABLED"], "0");
}

#[test]
fn outside_any_module_a_folder_is_built_in_its_module_and_written_here() {
    let files = [
        ("sources/go.mod", "module example.com/svc\n\ngo 1.21\n"),
        ("sources/main.go", HELLO),
    ];
    let Some(module) = Module::new("building a folder of a module", &files) else {
        return;
    };
    fs::remove_file(module.path("go.mod")).unwrap();
    for (words, written) in [
        (&["./sources"][..], "svc"),
        (&["-o", "out/", "./sources"], "out/svc"),
        (&["-o", "named", "sources"], "named"),
    ] {
        let output = module.build(words);
        assert!(output.status.success(), "{output:?}");
        assert!(module.is_static_pie(written), "{written}");
    }
    assert!(!module.path("sources/svc").exists());
}
