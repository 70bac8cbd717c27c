//! Real programs, compiled here, most of them not nice.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests start compilers themselves and stop at what they did not expect"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::RwLock;
use std::time::{Duration, Instant};

use handpie_prove::{Base, Claim, Code, Ending, Entropy, Error, Proof, Region, Request, Verdict};
use handpie_testkit::skip;

/// As root, all programs run as the one user `nobody`, whose processes are counted together: while a
/// fork bomb uses them up, no other program can start a thread.
static PROCESSES_OF_NOBODY: RwLock<()> = RwLock::new(());

fn prove(program: &Path, request: &Request) -> Result<Proof, Error> {
    let _shared = PROCESSES_OF_NOBODY.read();
    handpie_prove::prove(program, request)
}

/// A program that does not end must not make a proof last longer than this, however busy the
/// machine is.
const AT_MOST: Duration = Duration::from_secs(30);

#[test]
fn a_static_pie_starts_in_an_empty_root_at_a_random_address() {
    let Some(program) = gcc("hello", "hello.c", &["-static-pie"]) else {
        return;
    };
    let proof = prove(&program, &Request::default()).unwrap();
    assert_eq!(proof.stdout.text, "hello\n");
    assert_eq!(proof.ending, Ending::Exited { status: 0 });
    if !has_empty_root(&proof) {
        let root = &claim(&proof, Code::RunsInEmptyRoot).verdict;
        assert!(matches!(root, Verdict::Unknown { .. }));
        return;
    }
    assert!(proof.is_complete(), "{:#?}", proof.claims);
    let text = region(&proof, Region::Text);
    assert_eq!(text.samples, 200);
    if let Some(promised) = proof.machine.mmap_rnd_bits {
        assert!((text.bits - promised as f64).abs() < 0.3, "{text:?}");
    }
    assert_eq!(proof.base, Some(Base::Full));
    // The kernel puts every static-PIE at a constant distance from the vdso.
    let constant = |a, b| {
        let mut relations = proof.relations.iter();
        relations.any(|it| (it.first, it.second) == (a, b) && it.distance.is_some())
    };
    assert!(
        constant(Region::Text, Region::Data),
        "{:?}",
        proof.relations
    );
    assert!(
        !constant(Region::Text, Region::Stack),
        "{:?}",
        proof.relations
    );
}

#[test]
fn a_large_static_pie_loses_nine_bits_where_the_file_system_aligns_for_huge_pages() {
    let Some(program) = gcc("large", "hello.c", &["-static-pie", "-DSIZE=5000000"]) else {
        return;
    };
    let proof = prove(&program, &Request::default()).unwrap();
    let file_system = proof.machine.file_system.as_str();
    if !["ext4", "xfs"].contains(&file_system) || proof.machine.page_size != 4096 {
        let needs = format!("ext4 or xfs, not {file_system}");
        return skip("a 2 MiB-aligned base", &needs);
    }
    let text = region(&proof, Region::Text);
    match &proof.base {
        Some(Base::Aligned {
            step,
            lost_bits,
            why,
        }) => {
            assert_eq!((*step, *lost_bits), (2 << 20, 9));
            assert!(why.contains(file_system), "{why}");
        }
        // The alignment came with Linux 5.18 and depends on the configuration of the kernel.
        other => {
            assert_eq!(text.step, proof.machine.page_size, "{other:?}");
            return skip("a 2 MiB-aligned base", "another kernel");
        }
    }
    // Only root may read what the kernel promises.
    if let Some(promised) = proof.machine.mmap_rnd_bits {
        assert!(
            (text.bits - (promised as f64 - 9.0)).abs() < 0.3,
            "{text:?}"
        );
    }
    assert!(claim(&proof, Code::RandomBase).is_proven());
}

#[test]
fn a_position_dependent_go_program_has_a_fixed_base() {
    let Some(program) = go("server", "server.go", &[]) else {
        return;
    };
    let proof = prove(&program, &Request::default()).unwrap();
    let claim = claim(&proof, Code::RandomBase);
    assert_eq!(claim.verdict, Verdict::NotProven);
    assert!(claim.evidence.join(" ").contains("ET_EXEC"), "{claim:?}");
    assert!(matches!(proof.base, Some(Base::Fixed { .. })));
    assert_eq!(region(&proof, Region::Text).bits, 0.0);
    // What does not depend on the program is random all the same.
    assert!(region(&proof, Region::Stack).bits > 16.0);
    // Go 1.25 and older have their heap at a fixed place.
    assert!(region(&proof, Region::GoHeap).samples >= 10);
}

#[test]
fn a_go_server_runs_with_its_threads_signals_and_loopback() {
    let Some(program) = go("server", "server.go", &[]) else {
        return;
    };
    let proof = prove(&program, &quick()).unwrap();
    assert_eq!(proof.ending, Ending::StillRunning { stopped: false });
    assert_eq!(
        proof.stdout.text,
        "hello over the network\nrecovered: true\n"
    );
    assert!(claim(&proof, Code::Starts).is_proven());
    assert!(claim(&proof, Code::NoLoaderNoSharedObject).is_proven());
}

#[test]
fn a_dynamic_pie_does_not_start_and_its_loader_is_named() {
    let Some(program) = gcc("dynamic", "hello.c", &["-pie", "-fPIE"]) else {
        return;
    };
    let proof = prove(&program, &quick()).unwrap();
    if !has_empty_root(&proof) {
        return;
    }
    let starts = claim(&proof, Code::Starts);
    assert_eq!(starts.verdict, Verdict::NotProven);
    let evidence = starts.evidence.join("\n");
    assert!(
        evidence.contains("ENOENT") && evidence.contains("/ld-"),
        "{evidence}"
    );
    assert_eq!(
        claim(&proof, Code::RunsInEmptyRoot).verdict,
        Verdict::NotProven
    );
    for code in [Code::NoRwxMapping, Code::RelroReadOnly] {
        assert!(
            matches!(claim(&proof, code).verdict, Verdict::Unknown { .. }),
            "{code:?}"
        );
    }
}

#[test]
fn the_bits_of_a_dynamic_pie_are_counted_beside_its_loader() {
    let Some(program) = gcc("dynamic", "hello.c", &["-pie", "-fPIE"]) else {
        return;
    };
    let proof = prove(&program, &quick()).unwrap();
    assert_eq!(claim(&proof, Code::RandomBase).verdict, Verdict::Proven);
    let text = proof.entropy.iter().find(|it| it.region == Region::Text);
    let bits = text.expect("text").bits;
    // Linux has 28 by default on 64-bit CPUs, and may be told to use 32.
    assert!((20.0..=33.0).contains(&bits), "{bits}");
}

#[test]
fn a_go_pie_needs_the_loader_too() {
    let Some(program) = go("server-pie", "server.go", &["-buildmode=pie"]) else {
        return;
    };
    let proof = prove(&program, &quick()).unwrap();
    if !has_empty_root(&proof) {
        return;
    }
    let evidence = claim(&proof, Code::Starts).evidence.join("\n");
    assert!(
        evidence.contains("needs the dynamic loader `/"),
        "{evidence}"
    );
}

#[test]
fn memory_that_is_writable_and_executable_is_found() {
    let Some(program) = gcc("rwx", "rwx.c", &["-static-pie"]) else {
        return;
    };
    let proof = prove(&program, &quick()).unwrap();
    let claim = claim(&proof, Code::NoRwxMapping);
    assert_eq!(claim.verdict, Verdict::NotProven);
    assert!(claim.evidence[0].ends_with("rwx"), "{claim:?}");
}

#[test]
fn a_program_without_relro_is_told() {
    let Some(program) = gcc("norelro", "hello.c", &["-static-pie", "-Wl,-z,norelro"]) else {
        return;
    };
    let proof = prove(&program, &quick()).unwrap();
    let claim = claim(&proof, Code::RelroReadOnly);
    assert_eq!(claim.verdict, Verdict::NotProven);
    assert_eq!(claim.evidence, ["the file has no `PT_GNU_RELRO`"]);
}

#[test]
fn a_segmentation_fault_is_named_with_its_address_and_last_words() {
    let Some(program) = gcc("segfault", "segfault.c", &["-static-pie"]) else {
        return;
    };
    let proof = prove(&program, &quick()).unwrap();
    let starts = claim(&proof, Code::Starts);
    assert_eq!(starts.verdict, Verdict::NotProven);
    let evidence = starts.evidence.join("\n");
    for part in ["SIGSEGV", "0x1234", "about to die"] {
        assert!(evidence.contains(part), "{evidence}");
    }
    // Nothing else is claimed of a program that crashed.
    let relro = &claim(&proof, Code::RelroReadOnly).verdict;
    assert!(matches!(relro, Verdict::Unknown { .. }));
}

#[test]
fn a_fork_bomb_is_contained() {
    let Some(program) = gcc("bomb-of-prove", "bomb.c", &["-static-pie"]) else {
        return;
    };
    let _alone = PROCESSES_OF_NOBODY.write();
    let before = Instant::now();
    let proof = handpie_prove::prove(&program, &quick()).unwrap();
    assert!(before.elapsed() < AT_MOST, "{:?}", before.elapsed());
    assert_eq!(proof.ending, Ending::StillRunning { stopped: false });
    assert!(all_die("bomb-of-prove"));
}

#[test]
fn a_stubborn_program_is_ended_with_its_children() {
    let Some(program) = gcc("stubborn-one", "stubborn.c", &["-static-pie"]) else {
        return;
    };
    let before = Instant::now();
    let proof = prove(&program, &quick()).unwrap();
    assert!(before.elapsed() < AT_MOST, "{:?}", before.elapsed());
    assert_eq!(proof.ending, Ending::StillRunning { stopped: true });
    assert!(all_die("stubborn-one"));
}

#[test]
fn endless_output_is_read_and_not_kept() {
    let Some(program) = gcc("noise", "noise.c", &["-static-pie"]) else {
        return;
    };
    let before = Instant::now();
    let proof = prove(&program, &quick()).unwrap();
    assert!(before.elapsed() < AT_MOST, "{:?}", before.elapsed());
    assert_eq!(proof.stdout.text.len(), 64 << 10);
    assert!(proof.stdout.total > 1 << 20, "{}", proof.stdout.total);
    assert!(proof.stderr.text.len() <= 64 << 10);
}

#[test]
fn a_program_that_sleeps_for_ever_is_ended_in_time() {
    let Some(program) = gcc("sleeper", "rwx.c", &["-static-pie"]) else {
        return;
    };
    let request = Request {
        time: Duration::from_millis(100),
        ..quick()
    };
    let before = Instant::now();
    let proof = prove(&program, &request).unwrap();
    assert!(before.elapsed() < AT_MOST, "{:?}", before.elapsed());
    assert_eq!(proof.ending, Ending::StillRunning { stopped: false });
}

#[test]
fn signals_of_the_program_are_its_own() {
    let Some(program) = gcc("signals", "signals.c", &["-static-pie"]) else {
        return;
    };
    let proof = prove(&program, &quick()).unwrap();
    assert_eq!(proof.stdout.text, "handled 1\nhandled 2\n");
    let Ending::Killed { signal, address } = &proof.ending else {
        panic!("{:?}", proof.ending);
    };
    assert!(signal.starts_with("signal 3"), "{signal}");
    assert_eq!(*address, None);
}

#[test]
fn there_is_nothing_to_see_in_the_empty_root() {
    let Some(program) = gcc("look-around", "look_around.c", &["-static-pie"]) else {
        return;
    };
    let request = Request {
        arguments: vec!["one".into(), "two words".into()],
        environment: vec![("NAME".into(), "value".into())],
        ..quick()
    };
    let proof = prove(&program, &request).unwrap();
    if !proof.confinement.fallbacks.is_empty() {
        let needs = format!("another machine: {:?}", proof.confinement);
        return skip("the confinement", &needs);
    }
    // ENETUNREACH is 101.
    let expected = "\
arguments [one] [two words]
environment [NAME=value]
files in root 0
escape 0
create 0
open files 0
root 0
no new privileges 1
network 101 loopback 0
SIGPIPE ignored 0
stdin 0
";
    assert_eq!(proof.stdout.text, expected);
    assert_eq!(proof.ending, Ending::Exited { status: 42 });
}

#[test]
fn without_randomisation_the_personality_is_the_reason() {
    use nix::sys::personality::{self, Persona};
    let Some(program) = gcc("unrandom", "hello.c", &["-static-pie"]) else {
        return;
    };
    // A personality belongs to a thread and its children: as `setarch -R` does, but only here.
    let thread = std::thread::spawn(move || {
        personality::set(Persona::ADDR_NO_RANDOMIZE).unwrap();
        prove(&program, &Request::default()).unwrap()
    });
    let proof = thread.join().unwrap();
    let claim = claim(&proof, Code::RandomBase);
    assert_eq!(claim.verdict, Verdict::NotProven);
    assert!(
        claim.evidence.join(" ").contains("ADDR_NO_RANDOMIZE"),
        "{claim:?}"
    );
    assert!(proof.machine.no_randomize);
    assert!(claim.evidence[0].contains("200 of 200"));
}

#[test]
fn the_cost_of_starting_is_measured_up_to_the_entry_that_is_asked_for() {
    let Some(program) = gcc("entry", "hello.c", &["-static-pie"]) else {
        return;
    };
    let bytes = std::fs::read(&program).unwrap();
    let elf = handpie_binary::Elf::parse(&bytes).unwrap();
    let symbols = elf.symbols().unwrap();
    let main = symbols
        .iter()
        .find(|symbol| symbol.name == b"main")
        .unwrap();
    let request = Request {
        program_entry: Some(main.address),
        ..quick()
    };
    let proof = prove(&program, &request).unwrap();
    let start_up = proof.start_up.unwrap();
    assert_eq!(start_up.runs, request.starts);
    assert_eq!(start_up.entry, main.address.0);
    // From exec to `main`, libc relocates itself: that touches pages and takes time.
    assert!(start_up.minor_faults.least > 5, "{start_up:?}");
    assert!(start_up.microseconds.least > 0, "{start_up:?}");
    // Other runs than those to the entry, so nothing is said of which took longer; on a machine
    // that is very busy none may have ended in its time.
    let exit = start_up.microseconds_to_exit;
    assert!(exit.is_none_or(|exit| exit.least > 0));
}

#[test]
fn many_proofs_at_once_do_not_disturb_each_other() {
    let Some(program) = gcc("crowd", "hello.c", &["-static-pie"]) else {
        return;
    };
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let proof = prove(&program, &quick()).unwrap();
                assert!(claim(&proof, Code::Starts).is_proven(), "{proof:#?}");
                assert_eq!(proof.stdout.text, "hello\n");
            });
        }
        // A child of ours is not waited for by a proof.
        for _ in 0..20 {
            let status = Command::new("true").status();
            assert!(status.is_ok_and(|status| status.success()));
        }
    });
}

#[test]
fn what_is_no_program_of_this_machine_is_an_error_with_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let code_of = |path: &Path| prove(path, &quick()).unwrap_err().code();
    assert_eq!(code_of(folder.path()), "not-a-regular-file");
    assert_eq!(code_of(&folder.path().join("absent")), "unreadable-file");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    assert_eq!(code_of(&file("empty", b"")), "empty-file");
    assert_eq!(code_of(&file("script", b"#!/bin/sh\n")), "not-elf");

    // Our own test program, with another `e_machine` and another `e_type`.
    let mut elf = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    elf.truncate(64);
    elf[16..20].copy_from_slice(&[2, 0, 0xff, 0xff]);
    elf[32..64].fill(0);
    elf[52] = 64;
    let foreign = file("foreign", &elf);
    assert_eq!(code_of(&foreign), "foreign-cpu");
    elf[16] = 1;
    assert_eq!(code_of(&file("object", &elf)), "not-a-program");
    let message = prove(&foreign, &quick()).unwrap_err().to_string();
    assert!(message.contains(std::env::consts::ARCH), "{message}");
}

#[test]
fn an_argument_with_a_nul_is_refused() {
    let request = Request {
        arguments: vec!["a\0b".into()],
        ..quick()
    };
    let program = std::env::current_exe().unwrap();
    assert!(matches!(prove(&program, &request), Err(Error::Nul { .. })));
}

#[test]
fn a_file_without_segments_is_not_started() {
    let mut elf = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    elf.truncate(64);
    elf[32..64].fill(0);
    elf[52] = 64;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hollow");
    std::fs::write(&path, &elf).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).unwrap();
    let proof = prove(&path, &quick()).unwrap();
    let starts = claim(&proof, Code::Starts);
    assert_eq!(starts.verdict, Verdict::NotProven, "{starts:?}");
}

/// Few runs, where the bits do not matter.
fn quick() -> Request {
    Request {
        runs: 5,
        starts: 5,
        time: Duration::from_millis(300),
        ..Request::default()
    }
}

/// Whether the machine gave an empty root; without one the tests of it say so and end.
fn has_empty_root(proof: &Proof) -> bool {
    let has = proof.confinement.empty_root;
    if !has {
        let needs = format!("another machine: {:?}", proof.confinement);
        skip("an empty root", &needs);
    }
    has
}

fn claim(proof: &Proof, code: Code) -> &Claim {
    proof.claim(code).unwrap()
}

fn region(proof: &Proof, region: Region) -> &Entropy {
    let found = proof.entropy.iter().find(|it| it.region == region);
    found.unwrap_or_else(|| panic!("no {region:?} in {:#?}", proof.entropy))
}

/// Whether none of that name lives on. All have been killed by then; a machine with few processors
/// takes a moment to bury a hundred of them.
fn all_die(name: &str) -> bool {
    let start = Instant::now();
    while alive(name) > 0 {
        if start.elapsed() > Duration::from_secs(5) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// How many processes have that name as their first argument; the dead have no arguments.
fn alive(name: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|it| std::fs::read(it.path().join("cmdline")).ok());
    lines
        .filter(|line| line.split(|byte| *byte == 0).next() == Some(name.as_bytes()))
        .count()
}

fn gcc(name: &str, source: &str, flags: &[&str]) -> Option<PathBuf> {
    let mut command = Command::new("gcc");
    command.args(["-O1", "-o"]).arg(output(name));
    command.arg(source_file(source)).args(flags);
    compile(name, command, "gcc and a static libc")
}

fn go(name: &str, source: &str, flags: &[&str]) -> Option<PathBuf> {
    let usual = Path::new("/usr/local/go/bin/go");
    let mut command = Command::new(if usual.exists() {
        usual
    } else {
        Path::new("go")
    });
    command.env("CGO_ENABLED", "0").env("GOFLAGS", "");
    command.arg("build").args(flags).arg("-o").arg(output(name));
    command.arg(source_file(source));
    compile(name, command, "go")
}

fn compile(name: &str, mut command: Command, needs: &str) -> Option<PathBuf> {
    match command.output() {
        Ok(done) if done.status.success() => Some(output(name)),
        Ok(done) => {
            let words = String::from_utf8_lossy(&done.stderr).into_owned();
            skip(name, &format!("{needs}: {words}"));
            None
        }
        Err(_) => {
            skip(name, needs);
            None
        }
    }
}

/// Two tests may build the same program at the same time, so each has its own.
fn output(name: &str) -> PathBuf {
    let test = std::thread::current().name().unwrap_or("test").to_owned();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn source_file(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs");
    Path::new(folder).join(name)
}
