//! `handpie build` of Go programs with C in them.

use std::fs;

use handpie_toolchain::command::{Output, Tool};
use serde_json::Value;

use crate::support::{text, tool};
use crate::workshop::{Workshop, assert_proven, assert_static_pie, input, said, zig};

/// What the program prints, wherever it runs.
const PRINTS: &str = "digits 123\ndoubled [0 2 4 6 8 10 12 14]\naddress <nil>\nuser true\n";

/// A folder with the program, or nothing without what builds it.
fn service(what: &str) -> Option<Workshop> {
    tool("go", what)?;
    tool("musl-gcc", what)?;
    let workshop = Workshop::new();
    for name in ["go.mod", "main.go", "text.c"] {
        fs::copy(input("cgo").join(name), workshop.path(name)).unwrap();
    }
    Some(workshop)
}

fn build(workshop: &Workshop, words: &[&str]) -> Tool {
    let tool = workshop.handpie(["build"]).args(words);
    let tool = [("GOTOOLCHAIN", "local"), ("GOENV", "off"), ("GOFLAGS", "")]
        .into_iter()
        .fold(tool, |tool, (name, value)| tool.env(name, value));
    let unset = ["CGO_ENABLED", "CC", "CXX", "GOOS", "GOARCH", "CGO_CFLAGS"];
    unset.iter().fold(tool, |tool, name| tool.env_remove(name))
}

#[track_caller]
fn assert_ends(output: &Output, code: i32, words: &[&str]) {
    let text = text(output) + &said(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "no `{word}` in:\n{text}");
    }
}

/// What `handpie check` answers to a rule.
fn answer(workshop: &Workshop, program: &str, rule: &str) -> Value {
    let check = workshop.handpie(["check", "--format", "json", program]);
    let report: Value = serde_json::from_slice(&check.output().unwrap().stdout).unwrap();
    let findings = report["result"]["files"][0]["findings"].as_array().unwrap();
    let finding = findings.iter().find(|it| it["code"] == rule);
    finding.unwrap_or_else(|| panic!("{findings:#?}"))["answer"].clone()
}

#[test]
fn a_go_program_with_c_is_a_hardened_static_pie() {
    let Some(workshop) = service("Go with C") else {
        return;
    };
    let output = build(&workshop, &["--cgo", "-o", "service"])
        .output()
        .unwrap();
    assert_ends(&output, 0, &["static-PIE", "example.com/service"]);
    let program = workshop.path("service");
    assert_static_pie(&program);
    assert_eq!(text(&Tool::new(&program).run().unwrap()), PRINTS);
    assert_proven(&workshop, &program);
    for rule in [
        "stack-canary",
        "relro-applied",
        "bind-now",
        "executable-stack",
    ] {
        assert_eq!(answer(&workshop, "service", rule), "pass", "{rule}");
    }
    let overflow = |length: &str| {
        Tool::new(&program)
            .args(["overflow", length])
            .output()
            .unwrap()
    };
    assert!(overflow("4").status.success());
    assert!(!overflow("400").status.success());
}

#[test]
fn a_go_program_with_c_runs_on_another_cpu() {
    let what = "Go with C for arm64";
    let (Some(_), Some(emulator)) = (zig(what), tool("qemu-aarch64-static", what)) else {
        return;
    };
    let Some(workshop) = service(what) else {
        return;
    };
    let build = build(&workshop, &["--cgo", "-o", "service"]).env("GOARCH", "arm64");
    assert_ends(&build.output().unwrap(), 0, &["static-PIE"]);
    assert_static_pie(&workshop.path("service"));
    let run = Tool::new(emulator).arg(workshop.path("service")).run();
    assert_eq!(text(&run.unwrap()), PRINTS);
}

#[test]
fn packages_that_the_project_names_may_use_c_and_no_others() {
    let Some(workshop) = service("declared C") else {
        return;
    };
    let output = build(&workshop, &["-o", "service"]).output().unwrap();
    assert_ends(&output, 1, &["needs-cgo", "uses C in main.go"]);
    let declare = |package: &str| {
        let text = format!("[cgo]\npackages = [\"{package}\"]\nwhy = \"numbers in text\"\n");
        workshop.write("handpie.toml", text);
        build(&workshop, &["-o", "service"]).output().unwrap()
    };
    assert_ends(&declare("example.com/other"), 1, &["needs-cgo"]);
    assert!(!workshop.path("service").exists());
    assert_ends(&declare("example.com/service"), 0, &["static-PIE"]);
    assert_eq!(
        text(&Tool::new(workshop.path("service")).run().unwrap()),
        PRINTS
    );
}

#[test]
fn a_library_that_is_only_shared_or_for_one_address_is_refused() {
    let what = "libraries for Go with C";
    let (Some(workshop), Some(gcc), Some(ar)) =
        (service(what), tool("gcc", what), tool("ar", what))
    else {
        return;
    };
    let source = "int value = 3; int *where(int i) { return &value + i; }";
    workshop.write("number.c", source);
    let make = |words: &[&str]| {
        let make = Tool::new(&gcc).args(words).arg("number.c");
        make.dir(workshop.folder()).run().unwrap()
    };
    make(&["-shared", "-fPIC", "-o", "libnumber.so"]);
    let linked = "package main\n\n// #cgo LDFLAGS: -L${SRCDIR} -lnumber\n// int *where(int);\n\
                  import \"C\"\n\nfunc init() { C.where(0) }\n";
    workshop.write("number.go", linked);
    fs::rename(workshop.path("number.c"), workshop.path("number.c.txt")).unwrap();
    let output = build(&workshop, &["--cgo"]).output().unwrap();
    assert_ends(
        &output,
        4,
        &["libnumber.so", "a static-PIE needs an archive (.a)"],
    );

    fs::rename(workshop.path("number.c.txt"), workshop.path("number.c")).unwrap();
    make(&["-c", "-fno-pic", "-mcmodel=medium", "-O1", "-o", "number.o"]);
    fs::rename(workshop.path("number.c"), workshop.path("number.c.txt")).unwrap();
    let archive = Tool::new(ar).args(["rcs", "libnumber.a", "number.o"]);
    archive.dir(workshop.folder()).run().unwrap();
    fs::remove_file(workshop.path("libnumber.so")).unwrap();
    let output = build(&workshop, &["--cgo"]).output().unwrap();
    assert_ends(&output, 4, &["libnumber.a", "number.o", "-fPIC"]);
}

#[test]
fn a_flag_that_go_forbids_in_a_cgo_line_is_explained() {
    let Some(workshop) = service("flags that go forbids") else {
        return;
    };
    let flags = "package main\n\n// #cgo CFLAGS: -ftrivial-auto-var-init=zero\nimport \"C\"\n";
    workshop.write("flags.go", flags);
    let output = build(&workshop, &["--cgo"]).output().unwrap();
    let words = [
        "go-forbids-flag",
        "-ftrivial-auto-var-init=zero",
        "CGO_CFLAGS_ALLOW",
    ];
    assert_ends(&output, 4, &words);
}
