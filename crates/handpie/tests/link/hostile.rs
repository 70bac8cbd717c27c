//! Objects that are damaged, or that are legal and cannot be position-independent: nothing is
//! written, nothing is left running, and what went wrong is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use handpie_toolchain::command::{Output, Tool};

use crate::support::{text, tool};
use crate::workshop::{Workshop, assert_static_pie, code_of, input, said};

const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Links the file with a time limit, and fails when something is left behind.
fn link(workshop: &Workshop, object: &Path, linker: &str, limit: Duration) -> Output {
    let before = workshop.names();
    let link = workshop.handpie(["link", "--format", "json", "--linker", linker]);
    let link = link.args(["--time-limit", &limit.as_secs().to_string()]);
    let output = link.args(["-o", "program"]).arg(object).output().unwrap();
    let mut after = workshop.names();
    let is_there = after.remove("program");
    assert_eq!(is_there, output.status.success(), "{}", said(&output));
    assert_eq!(after, before, "{}", said(&output));
    output
}

/// Whether a process has this folder in its command.
fn runs(folder: &Path) -> bool {
    let folder = folder.display().to_string();
    fs::read_dir("/proc").unwrap().any(|entry| {
        let command = entry.unwrap().path().join("cmdline");
        let words = fs::read(command).unwrap_or_default();
        String::from_utf8_lossy(&words).contains(&folder)
    })
}

/// musl-gcc stands for its libc; no compiler is needed here.
fn has_musl(what: &str) -> bool {
    tool("musl-gcc", what).is_some()
}

#[test]
fn an_object_on_which_the_linker_spins_ends_at_the_time_limit() {
    if !has_musl("a linker that spins") {
        return;
    }
    let workshop = Workshop::new();
    let object = workshop.path("object.o");
    fs::copy(input("wild-hangs.o"), &object).unwrap();
    let start = Instant::now();
    let output = link(&workshop, &object, "embedded", TIME_LIMIT);
    let took = start.elapsed();
    let everything = text(&output);
    assert_eq!(output.status.code(), Some(4), "{everything}");
    assert_eq!(code_of(&output), "linker-crashed");
    assert!(
        everything.contains("still running after 5 s"),
        "{everything}"
    );
    assert!(everything.contains("--time-limit"), "{everything}");
    assert!(took >= TIME_LIMIT && took < 3 * TIME_LIMIT, "{took:?}");
    assert!(!runs(workshop.folder()));
}

#[test]
fn an_object_on_which_the_linker_would_abort_is_refused_before_it_starts() {
    if !has_musl("an object on which a linker aborts") {
        return;
    }
    let workshop = Workshop::new();
    let object = workshop.path("object.o");
    fs::copy(input("wild-aborts.o"), &object).unwrap();
    let output = link(&workshop, &object, "embedded", TIME_LIMIT);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!(code_of(&output), "pic-damaged-object");
}

#[test]
fn a_linker_that_dies_is_said_and_leaves_nothing() {
    let workshop = Workshop::new();
    let Some(object) = workshop.object("buffer.c", "a linker that dies") else {
        return;
    };
    // `-o OUTPUT` are its first words.
    let script = "#!/bin/sh\n[ $1 = --version ] && echo 'GNU ld (a test)' && exit\n\
                  echo half > $2; echo 'last words' >&2; kill -ABRT $$\n";
    let linker = workshop.write("dying-ld", script);
    fs::set_permissions(&linker, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let linker = linker.display().to_string();
    let output = link(&workshop, &object, &linker, TIME_LIMIT);
    let everything = text(&output);
    assert_eq!(output.status.code(), Some(4), "{everything}");
    assert_eq!(code_of(&output), "linker-crashed");
    assert!(everything.contains("last words"), "{everything}");
    assert!(everything.contains("SIGABRT"), "{everything}");
}

#[test]
fn what_is_no_static_pie_is_thrown_away() {
    let what = "a linker that makes something else";
    let workshop = Workshop::new();
    let (Some(object), Some(gcc)) = (workshop.object("buffer.c", what), tool("gcc", what)) else {
        return;
    };
    let other = workshop.path("other");
    let compile = Tool::new(gcc).arg(input("buffer.c")).arg("-o").arg(&other);
    compile.run().unwrap();
    let copy = format!("cp {} $2", other.display());
    let script =
        format!("#!/bin/sh\n[ $1 = --version ] && echo 'GNU ld (a test)' && exit\n{copy}\n");
    let linker = workshop.write("other-ld", script);
    fs::set_permissions(&linker, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let linker = linker.display().to_string();
    let output = link(&workshop, &object, &linker, TIME_LIMIT);
    let everything = text(&output);
    assert_eq!(output.status.code(), Some(1), "{everything}");
    assert_eq!(code_of(&output), "link-not-static-pie");
    for part in [
        "the file is a dynamic PIE",
        "static start-up code does not apply",
    ] {
        assert!(everything.contains(part), "no {part:?} in {everything}");
    }
}

#[test]
fn a_linker_that_spins_ends_with_handpie() {
    if !has_musl("a linker whose handpie is killed") {
        return;
    }
    let workshop = Workshop::new();
    let object = workshop.path("object.o");
    fs::copy(input("wild-hangs.o"), &object).unwrap();
    let link = workshop.handpie(["link", "-o", "program"]).arg(&object);
    let mut handpie = link.spawn().unwrap();
    let is_linking = || {
        let pid = handpie.id();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let children = fs::read_to_string(children).unwrap_or_default();
        children.split_whitespace().next().is_some_and(|child| {
            let state = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            // In user mode for a tenth of a second: it spins.
            let user = state.split_whitespace().nth(13).unwrap_or("0").to_owned();
            user.parse::<u64>().unwrap_or(0) > 10
        })
    };
    wait_for(is_linking);
    handpie.kill().unwrap();
    handpie.wait().unwrap();
    wait_for(|| !runs(workshop.folder()));
}

fn wait_for(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn damaged_objects_are_linked_right_or_refused() {
    const MUTATIONS: u64 = 300;
    const MAX_TIME: Duration = Duration::from_secs(50);
    let workshop = Workshop::new();
    let Some(sound) = workshop.object("buffer.c", "damaged objects") else {
        return;
    };
    let sound = fs::read(sound).unwrap();
    let object = workshop.path("damaged.o");
    fs::write(&object, &sound).unwrap();
    assert!(
        link(&workshop, &object, "embedded", TIME_LIMIT)
            .status
            .success()
    );
    let start = Instant::now();
    let mut ended: BTreeMap<(i32, String), u64> = BTreeMap::new();
    let mut done = 0;
    for seed in 0..MUTATIONS {
        if start.elapsed() > MAX_TIME {
            break;
        }
        fs::remove_file(workshop.path("program")).ok();
        fs::write(&object, damaged(&sound, seed)).unwrap();
        let output = link(&workshop, &object, "embedded", Duration::from_secs(2));
        let exit = output.status.code();
        let exit = exit.unwrap_or_else(|| panic!("seed {seed}: {}", output.status));
        let code = match exit {
            0 => {
                assert_static_pie(&workshop.path("program"));
                String::new()
            }
            1 | 3 | 4 => code_of(&output),
            _ => panic!(
                "seed {seed}: exit {exit}: {}{}",
                text(&output),
                said(&output)
            ),
        };
        *ended.entry((exit, code)).or_default() += 1;
        done += 1;
    }
    eprintln!("{done} damaged objects in {:?}: {ended:?}", start.elapsed());
    assert!(done >= MUTATIONS / 10, "{done} in {:?}", start.elapsed());
    assert!(!runs(workshop.folder()));
    // Otherwise the damage does not reach anything.
    assert!(ended.keys().any(|(exit, _)| *exit == 0), "{ended:?}");
    assert!(ended.keys().any(|(exit, _)| *exit == 1), "{ended:?}");
}

/// One to eight bytes changed, the same ones for a seed.
fn damaged(sound: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut bytes = sound.to_vec();
    for _ in 0..1 + random() % 8 {
        let length = u64::try_from(bytes.len()).unwrap();
        let place = usize::try_from(random() % length).unwrap();
        bytes[place] = match random() % 4 {
            0 => 0,
            1 => 0xff,
            _ => u8::try_from(random() & 0xff).unwrap(),
        };
    }
    bytes
}

#[test]
fn an_absolute_address_in_half_a_word_is_refused_by_every_linker() {
    let what = "an address in half a word";
    let workshop = Workshop::new();
    let Some(gcc) = tool("musl-gcc", what) else {
        return;
    };
    let object = workshop.path("neighbour.o");
    let assemble = Tool::new(gcc).args(["-c", "-o"]).arg(&object);
    assemble.arg(input("neighbour.s")).run().unwrap();
    for linker in crate::workshop::linkers(what) {
        let linker = linker.display().to_string();
        let output = link(&workshop, &object, &linker, TIME_LIMIT);
        assert_eq!(output.status.code(), Some(1), "{linker}: {}", text(&output));
        let everything = text(&output);
        assert!(everything.contains("neighbour.o"), "{linker}: {everything}");
    }
}

#[test]
fn code_for_one_address_is_refused_by_every_linker() {
    let what = "code for one address";
    let workshop = Workshop::new();
    let Some(gcc) = tool("musl-gcc", what) else {
        return;
    };
    let source = "int table[4];\nint main(int argc, char **argv) { return table[argc & 3]; }\n";
    workshop.write("fixed.c", source);
    let object = workshop.path("fixed.o");
    let compile = Tool::new(gcc).args(["-O2", "-fno-pie", "-c", "fixed.c"]);
    compile.dir(workshop.folder()).run().unwrap();
    for linker in crate::workshop::linkers(what) {
        let linker = linker.display().to_string();
        let output = link(&workshop, &object, &linker, TIME_LIMIT);
        let everything = text(&output);
        assert_eq!(output.status.code(), Some(1), "{linker}: {everything}");
        assert!(everything.contains("fixed.o"), "{linker}: {everything}");
        code_of(&output);
    }
}
