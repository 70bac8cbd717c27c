use super::*;
use std::cell::Cell;
use std::fs;

struct Fixture {
    folder: tempfile::TempDir,
    asked: Cell<u32>,
}

impl Fixture {
    /// A package whose files are old enough to be trusted.
    fn new() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("p/below")).unwrap();
        fs::write(folder.path().join("go.mod"), "module m").unwrap();
        fs::write(folder.path().join("p/a.go"), "package p").unwrap();
        Fixture {
            folder,
            asked: Cell::new(0),
        }
    }

    fn settle(&self) {
        std::thread::sleep(TICK + Duration::from_millis(1100));
    }

    /// How often go was asked so far, after asking once more.
    fn ask(&self) -> u32 {
        let path = |name: &str| self.folder.path().join(name);
        let cache = Cache::at(path("cache"));
        let answer = cache.answer("key", || {
            self.asked.set(self.asked.get() + 1);
            let watch = Watch {
                files: vec![path("go.mod"), path("go.work")],
                dirs: vec![],
                trees: vec![path("p")],
            };
            Ok::<_, ()>((self.asked.get(), watch))
        });
        assert_eq!(answer, Ok(self.asked.get()), "an old answer");
        self.asked.get()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }
}

#[test]
fn asks_again_only_after_a_change_that_matters() {
    let fixture = Fixture::new();
    assert_eq!(fixture.ask(), 1);
    assert_eq!(fixture.ask(), 2, "what is young is not kept");
    fixture.settle();
    assert_eq!(fixture.ask(), 3);
    assert_eq!(fixture.ask(), 3, "kept");

    fixture.write("p/program", "what go build writes");
    fixture.write("p/a_test.go", "package p");
    assert_eq!(fixture.ask(), 3, "no source");

    fixture.write("p/a.go", "package q");
    assert_eq!(fixture.ask(), 4, "a file of the same size");
    fixture.settle();
    assert_eq!(fixture.ask(), 5);
    assert_eq!(fixture.ask(), 5);

    fixture.write("p/below/b.go", "package b");
    assert_eq!(fixture.ask(), 6, "a new package");
    fixture.settle();
    fixture.ask();
    fixture.write("go.work", "go 1.21");
    assert_eq!(fixture.ask(), 8, "a file that was not there");
}

#[test]
fn a_broken_file_means_asking() {
    let fixture = Fixture::new();
    fixture.settle();
    assert_eq!(fixture.ask(), 1);
    assert_eq!(fixture.ask(), 1);
    let cache = fixture.folder.path().join("cache");
    for entry in fs::read_dir(&cache).unwrap() {
        fs::write(entry.unwrap().path(), "{\"key\":").unwrap();
    }
    assert_eq!(fixture.ask(), 2);
    assert_eq!(fixture.ask(), 2, "and it is repaired");
    // Times set back do not hide a change.
    let file = fixture.folder.path().join("p/a.go");
    let time = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, "package r").unwrap();
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(time)
        .unwrap();
    assert_eq!(fixture.ask(), 3);
}

#[test]
fn no_cache_asks_every_time() {
    let mut n = 0;
    for _ in 0..2 {
        let answer = Cache::none().answer("key", || {
            n += 1;
            Ok::<_, ()>((1, Watch::default()))
        });
        assert_eq!(answer, Ok(1));
    }
    assert_eq!(n, 2);
}

#[test]
fn what_is_a_part_of_go_is_kept_for_a_release_of_go() {
    let goroot = tempfile::tempdir().unwrap();
    let env = GoEnv {
        goroot: goroot.path().display().to_string(),
        ..GoEnv::default()
    };
    let listing = Listing {
        mains: vec![packages::Main {
            standard: true,
            ..packages::Main::default()
        }],
        ..Listing::default()
    };
    let state = || listing_watch(&env, &listing, Vec::new()).state();
    assert_eq!(state(), None, "a Go that is being worked on");
    fs::write(goroot.path().join("VERSION"), "go1.26.6").unwrap();
    let release = state().unwrap();
    fs::write(goroot.path().join("VERSION"), "go1.26.6-patched").unwrap();
    assert_ne!(state().unwrap().0, release.0);
}

#[cfg(unix)]
#[test]
fn a_tool_is_asked_again_only_when_it_is_another_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (tool, log) = (folder.path().join("tool"), folder.path().join("log"));
    let install = |end: &str| {
        let script = format!("#!/bin/sh\necho asked >>{}\n{end}\n", log.display());
        fs::write(&tool, script).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        std::thread::sleep(TICK + Duration::from_millis(1100));
    };
    let cache = Cache::at(folder.path().join("cache"));
    let ask = || cache.tool_id(tool.as_os_str(), &Tool::new(&tool).arg("-V=full"));
    let asked = || fs::read_to_string(&log).unwrap_or_default().lines().count();

    install("echo tool version go1.26.6");
    for _ in 0..2 {
        assert_eq!(ask().ok().unwrap(), "tool version go1.26.6\n");
        assert_eq!(asked(), 1);
    }
    install("echo tool version go1.26.7");
    assert_eq!(ask().ok().unwrap(), "tool version go1.26.7\n");
    assert_eq!(asked(), 2);

    install("echo half an answer; exit 3");
    for times in [3, 4] {
        let Err(Unidentified::Ended(output)) = ask() else {
            panic!("a tool that failed has no id");
        };
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(asked(), times, "a failure is not kept");
    }
}
