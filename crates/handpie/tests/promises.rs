//! What handpie made is held against what it promises, whoever made it: a linker, go, or a build tool.
//! Each promise on its own is tested in `src/promise`; here it is the commands.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot run says so on standard error, and one that fails panics"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use handpie_testkit::forge::program::{DF_1_PIE, DT_FLAGS_1, PT_GNU_RELRO, Program, Segment};
use handpie_toolchain::command::{Output, Tool};
use support::{handpie, tool};

/// A static-PIE with RELRO and a stack that is not executable.
fn sound() -> Program {
    const PT_GNU_STACK: u32 = 0x6474_e551;
    Program {
        interpreter: None,
        tags: vec![(DT_FLAGS_1, DF_1_PIE)],
        segments: vec![
            Segment::new(PT_GNU_RELRO, 6, 0x1000, 0x200),
            Segment::new(PT_GNU_STACK, 6, 0, 0),
        ],
        ..Program::of_c()
    }
}

/// The same with memory that is writable and executable.
fn broken() -> Program {
    let mut forge = sound();
    forge.loads[1].flags = 7;
    forge
}

#[track_caller]
fn ends(output: &Output, code: i32, parts: &[&str]) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
}

#[test]
fn a_program_that_a_build_tool_brings_is_listed_with_the_promise_that_it_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let from = elsewhere.path().join("from");
    let build = || {
        let build = handpie(["build", "--", "cp"]).arg(&from).arg("program");
        build.dir(folder.path()).output().unwrap()
    };
    fs::write(&from, sound().bytes()).unwrap();
    ends(&build(), 0, &["program: static-PIE"]);
    fs::write(&from, broken().bytes()).unwrap();
    ends(&build(), 1, &["writable-code: "]);
}

/// A linker that gives this program, whatever it is asked for.
fn linker(folder: &Path, forge: &Program) -> PathBuf {
    let program = folder.join("forged");
    fs::write(&program, forge.bytes()).unwrap();
    let linker = folder.join("linker");
    let script = format!(
        "#!/bin/sh\n[ $1 = --version ] && echo 'GNU ld (a test)' && exit\ncp {} $2\n",
        program.display()
    );
    fs::write(&linker, script).unwrap();
    fs::set_permissions(&linker, fs::Permissions::from_mode(0o755)).unwrap();
    linker
}

#[test]
fn nothing_is_written_when_a_linker_breaks_a_promise() {
    let object = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/link/inputs/wild-hangs.o");
    for (forge, code) in [(sound(), 0), (broken(), 1)] {
        let folder = tempfile::tempdir().unwrap();
        let link = handpie(["link", "--libc", "given", "--linker"]);
        let link = link.arg(linker(folder.path(), &forge));
        let link = link.args(["-o", "program"]).arg(&object);
        let output = link.dir(folder.path()).output().unwrap();
        ends(&output, code, &[]);
        assert_eq!(folder.path().join("program").exists(), code == 0);
        if code != 0 {
            ends(&output, 1, &["writable-code: ", "link-not-static-pie"]);
        }
    }
}

/// The linker that is built in does not align the block of thread-local variables; with glibc, the
/// first of these would then read as zero.
#[test]
fn thread_local_variables_of_a_large_alignment_are_right_or_refused() {
    const SOURCE: &str = "#include <stdio.h>\n_Thread_local int first = 5;\n\
        _Thread_local _Alignas(128) int second;\n\
        int main(void) { printf(\"%d %d\\n\", first, second); return 0; }\n";
    let what = "thread-local variables with glibc";
    let Some(gcc) = tool("gcc", what) else { return };
    let library = Tool::new(&gcc)
        .arg("-print-file-name=rcrt1.o")
        .run()
        .unwrap();
    if !String::from_utf8_lossy(&library.stdout).contains('/') {
        support::skip(what, "rcrt1.o of glibc");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("main.c"), SOURCE).unwrap();
    let compile = Tool::new(&gcc).args(["-O1", "-fPIE", "-c", "main.c"]);
    compile.dir(folder.path()).run().unwrap();
    let link = handpie(["link", "--libc", "glibc", "-o", "program", "main.o"]);
    let output = link.dir(folder.path()).output().unwrap();
    let program = folder.path().join("program");
    if output.status.success() {
        let ran = Tool::new(program).run().unwrap();
        assert_eq!(String::from_utf8_lossy(&ran.stdout), "5 0\n");
    } else {
        ends(&output, 1, &["tls-alignment: ", "link-not-static-pie"]);
        assert!(!program.exists());
    }
}
