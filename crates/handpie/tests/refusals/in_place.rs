//! `--in-place`: the file is the old one or the new one at any moment, and stays the user's file.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use handpie_toolchain::command::{Stream, Tool};
use rustix::fs::{XattrFlags, getxattr, setxattr};

use crate::inputs::{is_root, program};
use crate::judge::run;
use crate::outputs::names;
use crate::support::{handpie, skip, tool};
use handpie_testkit::forge::Program;

fn convert_in_place(path: &Path) {
    let ran = run(["convert".as_ref(), "--in-place".as_ref(), path.as_os_str()]);
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn keeps_mode_owner_and_attributes() {
    let folder = tempfile::tempdir().unwrap();
    let path = program(folder.path());
    let old = fs::read(&path).unwrap();
    if is_root() {
        std::os::unix::fs::chown(&path, Some(1234), Some(2345)).unwrap();
    } else {
        skip("keeping the owner", "root");
    }
    // Set-user-id is lost by a change of the owner, so it must come last.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4751)).unwrap();
    let noted = setxattr(&path, "user.handpie", b"kept", XattrFlags::empty()).is_ok();
    if !noted {
        skip(
            "keeping extended attributes",
            "a file system with user attributes",
        );
    }
    let before = fs::metadata(&path).unwrap();
    convert_in_place(&path);
    let after = fs::metadata(&path).unwrap();
    assert!(fs::read(&path).unwrap() != old, "it was converted");
    assert_eq!(after.mode(), before.mode());
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    if noted {
        let mut value = [0; 16];
        let size = getxattr(&path, "user.handpie", &mut value[..]).unwrap();
        assert_eq!(&value[..size], b"kept");
    }
    assert_eq!(names(folder.path()), ["program"]);
}

#[test]
fn keeps_file_capabilities() {
    let what = "keeping file capabilities";
    let Some(setcap) = tool("setcap", what) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = program(folder.path());
    let set = Tool::new(setcap).arg("cap_net_bind_service=ep").arg(&path);
    if set.run().is_err() {
        return skip(what, "root on a file system with capabilities");
    }
    let read = || {
        let mut value = [0; 64];
        let size = getxattr(&path, "security.capability", &mut value[..]).unwrap();
        value[..size].to_vec()
    };
    let before = read();
    convert_in_place(&path);
    assert_eq!(read(), before);
}

#[test]
fn follows_a_link_and_leaves_other_hard_links_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = program(folder.path());
    let old = fs::read(&path).unwrap();
    let other = folder.path().join("other");
    fs::hard_link(&path, &other).unwrap();
    let link = folder.path().join("link");
    symlink("program", &link).unwrap();
    convert_in_place(&link);
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("program"));
    assert!(fs::read(&path).unwrap() != old);
    assert!(fs::read(&other).unwrap() == old);
    assert_eq!(names(folder.path()), ["link", "other", "program"]);
}

#[test]
fn converting_again_changes_nothing_and_a_refusal_keeps_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = program(folder.path());
    convert_in_place(&path);
    let (bytes, metadata) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap());
    convert_in_place(&path);
    let again = fs::metadata(&path).unwrap();
    assert!(fs::read(&path).unwrap() == bytes);
    assert_eq!(
        again.ino(),
        metadata.ino(),
        "the file was not even replaced"
    );
    let mut lie = Program::of_c();
    lie.machine = 243;
    fs::write(&path, lie.bytes()).unwrap();
    let ran = run(["convert".as_ref(), "--in-place".as_ref(), path.as_os_str()]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(fs::read(&path).unwrap() == lie.bytes());
    assert_eq!(names(folder.path()), ["program"]);
}

/// Killed at sixty moments from start to end. A kill in the instant between the two system calls
/// that give the new file a passing name and then the old one's leaves the passing name; nothing
/// can be done about that, and the file under it is complete.
#[test]
fn a_kill_at_any_moment_leaves_the_old_file_or_the_new_one() {
    const TIMES: u32 = 60;
    let folder = tempfile::tempdir().unwrap();
    let path = program(folder.path());
    // Enough bytes that reading and writing take their time.
    let mut old = Program::of_c().bytes();
    old.resize(24 << 20, 0x5a);
    fs::write(&path, &old).unwrap();
    let start = Instant::now();
    convert_in_place(&path);
    let whole = start.elapsed();
    let new = fs::read(&path).unwrap();
    assert!(new != old);

    let (mut kept, mut replaced, mut litter) = (0, 0, 0);
    for moment in 0..TIMES {
        if replaced > 0 || moment == 0 {
            fs::write(&path, &old).unwrap();
        }
        let tool = handpie(["convert".as_ref(), "--in-place".as_ref(), path.as_os_str()]);
        let tool = tool.stdout(Stream::Null).stderr(Stream::Null);
        let mut child = tool.spawn().unwrap();
        // A little past the end, for runs that are slower than the first one.
        sleep(whole.mul_f64(f64::from(moment) / f64::from(TIMES) * 1.2));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = fs::read(&path).unwrap();
        match (found == old, found == new) {
            (true, _) => kept += 1,
            (_, true) => replaced += 1,
            _ => panic!("{} bytes that are neither old nor new", found.len()),
        }
        for name in names(folder.path()) {
            if name != "program" {
                let path = folder.path().join(&name);
                assert!(name.starts_with(".handpie-"), "{name}");
                assert!(fs::read(&path).unwrap() == new, "{name} is half-written");
                fs::remove_file(path).unwrap();
                litter += 1;
            }
        }
    }
    assert!(litter <= 2, "{litter} of {TIMES} kills left a file behind");
    assert!(kept > 0, "some kills came before the end");
    eprintln!("{kept} kept, {replaced} replaced, {litter} passing names left, {whole:?} a run");
    assert!(whole < Duration::from_secs(30));
}
