//! `handpie check` of Mach-O and PE files, and of files that are no binaries: as its users see it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of it is test code; skips are said aloud"
)]

mod support;

use std::path::{Path, PathBuf};

use handpie_testkit::forge::macho::{self, MachO};
use handpie_testkit::forge::pe::Pe;
use serde_json::Value;
use support::handpie;

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The exit status and the result of `handpie check --format json`.
fn checked(paths: &[&Path]) -> (i32, Value) {
    let output = handpie(["check", "--format", "json"])
        .args(paths)
        .output()
        .unwrap();
    let mut document: Value = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), document["result"].take())
}

fn texts<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item[field].as_str().unwrap()).collect()
}

#[test]
fn names_each_member_of_a_fat_file_by_its_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let intel = MachO {
        cpu_type: macho::X86_64,
        ..MachO::default()
    };
    let fat = macho::fat(&[MachO::default().build(), intel.build()], false);
    let path = written(folder.path(), "app", &fat);
    let (status, result) = checked(&[&path]);
    assert_eq!(status, 0, "{result:#}");
    let members = texts(&result["files"], "member");
    assert_eq!(members, ["arm64", "x86_64"]);
    let kinds = ["macho-executable", "macho-executable"];
    assert_eq!(texts(&result["files"], "kind"), kinds);
}

#[test]
fn a_failing_rule_ends_with_status_1_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let fixed = Pe {
        dll_characteristics: 0,
        ..Pe::default()
    };
    let path = written(folder.path(), "app.exe", &fixed.build());
    let (status, result) = checked(&[&path]);
    assert_eq!(status, 1);
    assert_eq!(texts(&result["files"], "kind"), ["pe-executable"]);
    let findings = result["files"][0]["findings"].as_array().unwrap();
    let mut findings = findings.iter();
    let position = findings.find(|finding| finding["code"] == "pe-dynamic-base");
    let position = position.unwrap();
    assert_eq!(position["answer"], "fail");
    assert_eq!(position["evidence"][0]["offset"], 0x80 + 24 + 70);
}

#[test]
fn what_is_no_binary_is_named_when_it_was_asked_for_and_else_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let class = written(folder.path(), "Main.class", b"\xca\xfe\xba\xbe\0\0\0\x41");
    let dos = written(folder.path(), "old.exe", b"MZ\x90\0");
    let dos = {
        let mut bytes = std::fs::read(&dos).unwrap();
        bytes.resize(0x100, 0);
        written(folder.path(), "old.exe", &bytes)
    };
    let (status, result) = checked(&[&class, &dos]);
    assert_eq!(status, 3);
    let codes = ["not-a-binary", "not-a-binary"];
    assert_eq!(texts(&result["unread"], "code"), codes);
    let said = texts(&result["unread"], "message");
    assert!(said[0].contains("a Java class file"), "{said:?}");
    assert!(said[1].contains("a DOS program"), "{said:?}");
    let archive = macho::fat(&[b"!<arch>\nmember".to_vec()], false);
    written(folder.path(), "libfat.a", &archive);
    let (status, result) = checked(&[folder.path()]);
    assert_eq!((status, &result["unread"]), (0, &Value::Array(vec![])));
}

#[test]
fn a_type_that_nothing_loads_is_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    let kernel = MachO {
        kind: macho::FILESET,
        ..MachO::default()
    };
    let path = written(folder.path(), "kernel", &kernel.build());
    let (status, result) = checked(&[&path]);
    assert_eq!(status, 3);
    let code = texts(&result["unread"], "code");
    assert_eq!(code, ["unsupported-binary"]);
}

#[test]
fn what_only_check_cannot_read_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/findings");
    for code in ["not-a-binary", "unsupported-binary"] {
        let text = std::fs::read_to_string(folder.join(format!("{code}.md"))).unwrap();
        for part in ["## Fix\n", "## Verify\n", "## Sources\n"] {
            assert!(text.contains(part), "the page of {code} lacks {part:?}");
        }
        let long = text.lines().find(|line| line.chars().count() > 100);
        assert_eq!(long, None, "{code}.md has a line of more than 100 columns");
    }
}
