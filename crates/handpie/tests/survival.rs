//! A converted program still runs after the tools that distributions put every program through.
//!
//! GNU strip and objcopy clear bytes that no section covers; a stub without a section header dies
//! there without a word.

mod support;

use std::path::{Path, PathBuf};

use handpie_toolchain::command::Tool;
use support::{Program, TREATMENTS, copy, go, run, text, tool};

#[test]
fn it_runs_after_each_tool_that_edits_binaries() {
    let Some(go) = go("running a program after strip and the like") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let converted = program.convert();
    let expected = run(&converted);
    for (name, flags) in TREATMENTS {
        let Some(path) = tool(name, "running a program after a tool edited it") else {
            continue;
        };
        let file = copy(&converted, "treated");
        Tool::new(path)
            .args(*flags)
            .arg(&file)
            .run()
            .unwrap_or_else(|error| panic!("{name} {flags:?}: {error}"));
        assert_eq!(run(&file), expected, "after {name} {flags:?}");
    }
}

#[test]
fn it_runs_after_its_debug_information_was_split_off_and_gdb_finds_it_again() {
    let what = "splitting debug information off";
    let (Some(go), Some(objcopy), Some(gdb)) = (go(what), tool("objcopy", what), tool("gdb", what))
    else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let file = program.convert();
    let expected = run(&file);
    let objcopy = |args: &[&str], files: &[&Path]| {
        Tool::new(&objcopy)
            .args(args)
            .args(files)
            .dir(program.folder.path())
            .run()
            .unwrap_or_else(|error| panic!("{error}"));
    };
    let debug = program.path("works.debug");
    objcopy(&["--only-keep-debug"], &[&file, &debug]);
    objcopy(
        &["--strip-debug", "--add-gnu-debuglink=works.debug"],
        &[&file],
    );
    assert_eq!(run(&file), expected);
    let found = Tool::new(gdb)
        .args(["-batch", "-ex", "info line main.main"])
        .arg(&file)
        .run()
        .expect("gdb");
    assert!(text(&found).contains("works.go"), "{}", text(&found));
}

#[test]
fn arm64_programs_run_after_the_cross_tools() {
    let what = "running arm64 programs after strip";
    let (Some(go), Some(qemu)) = (go(what), tool("qemu-aarch64-static", what)) else {
        return;
    };
    let go = go.env("GOARCH", "arm64");
    let program = Program::build(&go, "works", &["-ldflags=-T 0x1000"]);
    let converted = program.convert();
    let alone = |file: &PathBuf| {
        let output = Tool::new(&qemu).arg(file).arg("alone").run();
        text(&output.expect("it runs"))
    };
    let expected = alone(&converted);
    for name in ["aarch64-linux-gnu-strip", "llvm-strip", "eu-strip"] {
        let Some(path) = tool(name, what) else {
            continue;
        };
        let file = copy(&converted, "treated");
        Tool::new(path).arg(&file).run().expect("it strips");
        assert_eq!(alone(&file), expected, "after {name}");
    }
}

#[test]
fn the_loader_given_the_program_by_name_does_not_relocate_it_twice() {
    let Some(go) = go("starting a program through the loader") else {
        return;
    };
    let loader = Path::new("/lib64/ld-linux-x86-64.so.2");
    if !loader.is_file() {
        support::skip("starting a program through the loader", "glibc's loader");
        return;
    }
    let program = Program::build(&go, "works", &[]);
    let converted = program.convert();
    let output = Tool::new(loader).arg(&converted).arg("child").run();
    assert!(text(&output.expect("it runs")).contains("child of 2 arguments"));
}

#[test]
fn go_rewrites_the_build_id_of_a_converted_program() {
    let Some(go) = go("rewriting a build id") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let file = program.convert();
    let expected = run(&file);
    let buildid = |flags: &[&str]| {
        let tool = go.clone().args(["tool", "buildid"]).args(flags).arg(&file);
        text(&tool.run().expect("go tool buildid"))
    };
    let before = buildid(&[]);
    buildid(&["-w"]);
    let (first, _) = before.rsplit_once('/').expect("an id of several parts");
    assert!(buildid(&[]).starts_with(first), "{before}");
    assert_eq!(run(&file), expected);
}
