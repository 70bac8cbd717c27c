//! A program of the toy language runs, as a static-PIE at an address of the kernel's choice.

use std::fs;
use std::path::{Path, PathBuf};

use handpie_toolchain::command::{Output, Tool};

const PROGRAM: &str = "side = 6\narea = side * (side + 1)\nprint area\nprint area - 50\n";

fn toyc(folder: &Path, words: &[&str]) -> Output {
    let own = PathBuf::from(env!("CARGO_BIN_EXE_toyc"));
    let beside = own.parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [beside].into_iter().chain(std::env::split_paths(&path));
    let tool = Tool::new(own).args(words).dir(folder);
    let tool = tool.env("PATH", std::env::join_paths(folders).expect("a PATH"));
    tool.output().expect("toyc starts")
}

#[test]
fn a_portable_program_is_a_static_pie_that_runs() {
    let handpie = Path::new(env!("CARGO_BIN_EXE_toyc")).with_file_name("handpie");
    if !handpie.is_file() || !cfg!(target_arch = "x86_64") {
        return handpie_testkit::skip("linking a toy program", "handpie");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("area.toy");
    fs::write(&file, PROGRAM).expect("a file");
    let compiled = toyc(folder.path(), &["--portable", "-o", "area", "area.toy"]);
    assert!(compiled.status.success(), "{compiled:?}");
    let program = folder.path().join("area");
    let run = Tool::new(&program).run().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&run.stdout), "42\n-8\n");
    let check = Tool::new(&handpie).args(["check", "--profile", "portable"]);
    let check = check.arg(&program).output().expect("handpie starts");
    let said = String::from_utf8_lossy(&check.stdout);
    assert!(said.contains("static-PIE"), "{said}");
    // The object is gone, and the program is all that is left.
    let entries = fs::read_dir(folder.path()).expect("the folder");
    assert_eq!(entries.count(), 2);
}

#[test]
fn an_object_is_told_to_be_fit_for_a_static_pie() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("area.toy"), PROGRAM).expect("a file");
    let compiled = toyc(folder.path(), &["-o", "area.o", "area.toy"]);
    assert!(compiled.status.success(), "{compiled:?}");
    let bytes = fs::read(folder.path().join("area.o")).expect("the object");
    assert!(bytes.starts_with(b"\x7fELF"));
}

#[test]
fn a_mistake_is_said_with_file_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("area.toy"), "print side\n").expect("a file");
    let compiled = toyc(folder.path(), &["-o", "area.o", "area.toy"]);
    let said = String::from_utf8_lossy(&compiled.stderr);
    assert_eq!(said, "toyc: area.toy: line 1: `side` has no value\n");
}
