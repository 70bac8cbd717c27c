//! Paths that are no readable file: what is at them is said, and nobody waits.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::judge::{failed, run, unreadable};
use crate::support::{handpie, skip, tool};
use handpie_testkit::forge::Program;

/// Puts what is needed into a folder and returns what is to be run.
type Arrange = fn(&Path) -> Vec<OsString>;

/// How each code comes about that is no property of the file's bytes.
pub(crate) const CASES: &[(&str, Arrange)] = &[
    ("not-a-regular-file", |folder| {
        convert(folder, &folder.join("output"))
    }),
    ("unreadable-file", |folder| {
        convert(&folder.join("absent"), &folder.join("output"))
    }),
    ("output-is-input", |folder| {
        let program = program(folder);
        convert(&program, &program)
    }),
    ("output-not-written", |folder| {
        convert(&program(folder), &folder.join("absent/output"))
    }),
    ("cannot-move", |folder| {
        let program = program(folder);
        let mut bytes = fs::read(&program).unwrap();
        // Pages of 64 KiB, by `p_align` of the first PT_LOAD; the others start at multiples of 4 KiB.
        let header = (0x40..).step_by(56).find(|&at| bytes[at] == 1).unwrap();
        bytes[header + 48..header + 56].copy_from_slice(&0x1_0000u64.to_le_bytes());
        fs::write(&program, bytes).unwrap();
        hardened(&program)
    }),
    ("already-converted", |folder| {
        let converted = folder.join("output");
        assert_eq!(run(convert(&program(folder), &converted)).status, 0);
        hardened(&converted)
    }),
];

/// The arguments of a conversion with all options on.
fn hardened(input: &Path) -> Vec<OsString> {
    let words = ["convert", "--dry-run", "--aslr", "full", "--seal"];
    words
        .map(OsString::from)
        .into_iter()
        .chain([input.into()])
        .collect()
}

/// A program that can be converted.
pub(crate) fn program(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("program");
    fs::write(&path, Program::of_c().bytes()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// The arguments of a conversion.
pub(crate) fn convert(input: &Path, output: &Path) -> Vec<OsString> {
    let args = ["convert".as_ref(), input.as_os_str(), "-o".as_ref()];
    let last = [output.as_os_str()];
    [&args[..], &last]
        .concat()
        .into_iter()
        .map(Into::into)
        .collect()
}

#[test]
fn names_what_is_no_regular_file() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let link = folder.path().join("link");
    symlink("/dev/null", &link).unwrap();
    unreadable(folder.path(), "not-a-regular-file", &["a directory"]);
    unreadable(&socket, "not-a-regular-file", &["a socket"]);
    unreadable(Path::new("/dev/null"), "not-a-regular-file", &["a device"]);
    unreadable(&link, "not-a-regular-file", &["a device"]);
    if let Some(mkfifo) = tool("mkfifo", "refusing a FIFO") {
        let fifo = folder.path().join("fifo");
        let make = handpie_toolchain::command::Tool::new(mkfifo).arg(&fifo);
        make.run().unwrap();
        // Nobody will ever write to it.
        unreadable(&fifo, "not-a-regular-file", &["a FIFO"]);
    }
}

#[test]
fn says_why_a_path_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    unreadable(&absent, "unreadable-file", &["absent", "No such file"]);
    let below = program(folder.path()).join("below");
    unreadable(&below, "unreadable-file", &["Not a directory"]);
    let itself = folder.path().join("loop");
    symlink(&itself, &itself).unwrap();
    unreadable(&itself, "unreadable-file", &["symbolic links"]);
}

#[test]
fn says_that_permission_is_missing() {
    let Some(setpriv) = tool("setpriv", "reading a file without permission") else {
        return;
    };
    if !is_root() {
        return skip("reading a file without permission", "root");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // The user nobody may not be able to reach the folder of the build.
    let handpie = folder.path().join("handpie");
    fs::copy(env!("CARGO_BIN_EXE_handpie"), &handpie).unwrap();
    let secret = program(folder.path());
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o711)).unwrap();
    let tool = handpie_toolchain::command::Tool::new(setpriv)
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(handpie)
        .args(convert(&secret, &folder.path().join("output")))
        .env("NO_COLOR", "1");
    let busy = |output: &handpie_toolchain::command::Output| {
        String::from_utf8_lossy(&output.stderr).contains("Text file busy")
    };
    // A test beside this one may just be starting a process, which holds what we have copied open
    // for writing until it becomes another program.
    let mut output = tool.output().unwrap();
    while busy(&output) {
        output = tool.output().unwrap();
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("Permission denied"), "{stderr}");
    assert!(
        stderr.ends_with("handpie explain unreadable-file\n"),
        "{stderr}"
    );
}

#[test]
fn a_file_above_the_limit_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse");
    let file = fs::File::create(&path).unwrap();
    if file.set_len((4 << 30) + 1).is_err() {
        return skip("a file above the limit", "a file system with sparse files");
    }
    let ran = run(convert(&path, &folder.path().join("output")));
    failed(&ran, "too-large", &["larger than 4 GiB"]);
}

#[test]
fn standard_input_is_judged_like_a_file() {
    // Standard input is empty here.
    let output = handpie(["convert", "-", "-o", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("standard input"), "{stderr}");
    assert!(stderr.ends_with("handpie explain empty-file\n"), "{stderr}");
    let usage = run(["convert", "-", "--in-place"]);
    assert_eq!(usage.status, 2, "{usage:?}");
}
