//! Outputs that cannot be, or must not be, written: nothing is left behind, and what was there stays.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use handpie_toolchain::command::Tool;

use crate::inputs::{convert, is_root, program};
use crate::judge::{failed, run};
use crate::support::{skip, tool};

/// What is in a folder, by name.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn an_output_that_is_the_input_is_refused_under_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let input = program(folder.path());
    let old = fs::read(&input).unwrap();
    let link = folder.path().join("link");
    symlink(&input, &link).unwrap();
    let hard_link = folder.path().join("hard-link");
    fs::hard_link(&input, &hard_link).unwrap();
    let detour = folder.path().join(".").join("program");
    for (from, to) in [
        (&input, &input),
        (&input, &link),
        (&input, &hard_link),
        (&input, &detour),
        (&link, &input),
    ] {
        let ran = run(convert(from, to));
        failed(
            &ran,
            "output-is-input",
            &["is the input file", "hint: use --in-place"],
        );
        assert_eq!(ran.stdout, "");
    }
    assert!(fs::read(&input).unwrap() == old);
    assert_eq!(names(folder.path()), ["hard-link", "link", "program"]);
}

#[test]
fn says_why_the_output_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let input = program(folder.path());
    let place = folder.path().join("place");
    fs::create_dir(&place).unwrap();
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let before = names(folder.path());
    let not_written = |output: PathBuf, words: &[&str]| {
        let ran = run(convert(&input, &output));
        failed(&ran, "output-not-written", words);
        assert_eq!(ran.stdout, "", "nothing is claimed to be done");
    };
    not_written(
        folder.path().join("absent/output"),
        &["the directory", "absent", "does not exist"],
    );
    not_written(input.join("output"), &["Not a directory"]);
    not_written(place.clone(), &["the target is a directory"]);
    not_written(socket, &["the target is a socket"]);
    not_written("/dev/null".into(), &["the target is a device"]);
    if let Some(mkfifo) = tool("mkfifo", "writing to a FIFO") {
        let fifo = place.join("fifo");
        Tool::new(mkfifo).arg(&fifo).run().unwrap();
        not_written(fifo, &["the target is a FIFO"]);
    }
    assert_eq!(names(folder.path()), before);
}

#[test]
fn a_dry_run_writes_nothing_and_a_refusal_makes_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let input = program(folder.path());
    let output = folder.path().join("output");
    let mut args = convert(&input, &output);
    args.push("--dry-run".into());
    assert_eq!(run(&args).status, 0);
    assert_eq!(names(folder.path()), ["program"]);
    // An output of an earlier run is not touched by a later refusal.
    fs::write(&output, "earlier").unwrap();
    let mut lie = handpie_testkit::forge::Program::of_c();
    lie.needed = vec!["libc.so.6"];
    fs::write(&input, lie.bytes()).unwrap();
    assert_eq!(run(convert(&input, &output)).status, 1);
    assert_eq!(fs::read_to_string(&output).unwrap(), "earlier");
    assert_eq!(names(folder.path()), ["output", "program"]);
}

#[test]
fn a_folder_without_permission_stays_as_it_is() {
    let what = "writing to a folder without permission";
    let Some(setpriv) = tool("setpriv", what) else {
        return;
    };
    if !is_root() {
        return skip(what, "root");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let handpie = folder.path().join("handpie");
    fs::copy(env!("CARGO_BIN_EXE_handpie"), &handpie).unwrap();
    let input = program(folder.path());
    let old = fs::read(&input).unwrap();
    let output = folder.path().join("output");
    for args in [
        convert(&input, &output),
        vec!["convert".into(), "--in-place".into(), input.clone().into()],
    ] {
        let output = Tool::new(&setpriv)
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
            .arg(&handpie)
            .args(args)
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains("Permission denied"), "{stderr}");
        assert!(
            stderr.contains("the directory must be writable"),
            "{stderr}"
        );
    }
    assert!(fs::read(&input).unwrap() == old);
    assert_eq!(names(folder.path()), ["handpie", "program"]);
}

#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    let what = "a full disk";
    let Some(unshare) = tool("unshare", what) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let input = program(folder.path());
    // The program takes two pages of the four; its result does not fit into what is left.
    let script = "set -e; mkdir disk; mount -t tmpfs -o size=12k handpie-test disk; cd disk
        cp ../program old; echo mounted
        NO_COLOR=1 $HANDPIE convert ../program -o new 2>&1 || echo status $?
        NO_COLOR=1 $HANDPIE convert --in-place old 2>&1 || echo status $?
        cmp old ../program && ls -A";
    let output = Tool::new(unshare)
        .args(["-rm", "sh", "-c", script])
        .env("HANDPIE", env!("CARGO_BIN_EXE_handpie"))
        .dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    if !said.contains("mounted") {
        return skip(what, "unshare with permission to mount");
    }
    assert_eq!(said.matches("No space left on device").count(), 2, "{said}");
    assert_eq!(said.matches("status 3\n").count(), 2, "{said}");
    assert_eq!(
        said.matches("hint: no partial file was left behind")
            .count(),
        2,
        "{said}"
    );
    assert!(
        said.ends_with("status 3\nold\n"),
        "the folder has the old file alone: {said}"
    );
    assert!(input.exists());
}

#[test]
fn a_limit_on_file_sizes_leaves_nothing_behind() {
    let what = "a limit on file sizes";
    let Some(shell) = tool("sh", what) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let input = program(folder.path());
    // With the signal ignored, writing fails; otherwise the signal ends the program.
    for (script, status) in [
        ("trap '' XFSZ; ulimit -f 1; exec \"$@\"", Some(3)),
        ("ulimit -c 0; ulimit -f 1; exec \"$@\"", None),
    ] {
        let output = Tool::new(&shell)
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_handpie")])
            .args(convert(&input, &folder.path().join("output")))
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), status, "{stderr}");
        if status.is_some() {
            assert!(stderr.contains("output-not-written"), "{stderr}");
        }
        assert_eq!(names(folder.path()), ["program"]);
    }
}
