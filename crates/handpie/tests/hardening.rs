//! Programs that choose their own load address and seal themselves: they do what they did, tools and
//! debuggers find them, and who asks for what cannot be had is told. The judge of where a program lies
//! is `/proc/PID/maps`.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use handpie_toolchain::command::{Stream, Tool};
use support::{Program, go, handpie, run, text, tool};

const FULL: [&str; 3] = ["--aslr", "full", "--seal"];

/// Where the code of the program and the vdso start, in a run of their own.
fn places(program: &Path) -> (u64, u64) {
    let mut child = Tool::new(program)
        .arg("spin")
        .stdout(Stream::Capture)
        .spawn()
        .expect("it starts");
    let mut first = [0];
    let mut stdout = child.stdout.take().expect("its output");
    // Once it has said something, it has moved.
    std::io::Read::read_exact(&mut stdout, &mut first).expect("a first line");
    let maps = fs::read_to_string(format!("/proc/{}/maps", child.id())).expect("its maps");
    child.kill().expect("it can be ended");
    child.wait().expect("it ends");
    let name = program
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let start = |has: &dyn Fn(&str) -> bool| {
        let line = maps.lines().find(|line| has(line)).expect("a mapping");
        let start = line.split('-').next().expect("an address");
        u64::from_str_radix(start, 16).expect("an address")
    };
    let code = start(&|line| line.contains("r-xp") && line.ends_with(&name));
    (code, start(&|line| line.ends_with("[vdso]")))
}

#[test]
fn a_program_that_moves_and_seals_itself_prints_what_it_printed() {
    let Some(go) = go("programs that move themselves") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    assert_eq!(run(&program.harden()), run(&program.convert()));
}

#[test]
fn its_address_tells_nothing_of_the_vdso_and_uses_more_bits_than_the_kernels() {
    let Some(go) = go("the addresses of programs that move themselves") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let bits = |places: &[(u64, u64)]| {
        let codes = || places.iter().map(|(code, _)| *code);
        let varying =
            codes().fold(0, |all, code| all | code) & !codes().fold(!0, |all, code| all & code);
        varying.count_ones()
    };
    let distances = |places: &[(u64, u64)]| {
        let distances = places.iter().map(|(code, vdso)| code.wrapping_sub(*vdso));
        distances.collect::<BTreeSet<_>>().len()
    };
    let sample = |file: &Path| (0..24).map(|_| places(file)).collect::<Vec<_>>();
    let moved = sample(&program.harden());
    // In 24 runs, a random bit stays the same in one of eight million cases.
    assert!(bits(&moved) >= 33, "{} bits vary", bits(&moved));
    assert_eq!(distances(&moved), 24);
    let kernels = sample(&program.convert());
    assert!(bits(&kernels) < 33, "{} bits vary", bits(&kernels));
}

/// The release of the running kernel as two numbers.
fn kernel() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut numbers = release
        .split(['.', '-'])
        .map(|number| number.trim().parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[test]
fn sealed_code_cannot_be_made_writable_and_prove_says_so() {
    let what = "sealing a program";
    let Some(go) = go(what) else { return };
    if kernel() < (6, 10) {
        support::skip(what, "Linux 6.10 or newer");
        return;
    }
    let program = Program::build(&go, "unprotect", &[]);
    let open = run(&program.convert());
    assert_eq!(
        open, "code can be written\n",
        "otherwise the test shows nothing"
    );
    let hardened = program.harden();
    assert_eq!(
        run(&hardened),
        "code stays as it is: operation not permitted\n"
    );
    let proof = handpie(["prove", "--format", "json", "--runs", "20"]).arg(&hardened);
    let proof = proof.output().expect("a proof");
    let proof: serde_json::Value = serde_json::from_slice(&proof.stdout).expect("JSON");
    let sealing = &proof["result"]["sealing"];
    assert_eq!(sealing["asked"], true, "{sealing}");
    assert!(
        sealing["sealed"].as_u64().expect("a number") > 0,
        "{sealing}"
    );
    assert_eq!(sealing["sealed"], sealing["read_only"]);
}

#[test]
fn prove_counts_the_bits_of_a_program_that_moves_itself() {
    let Some(go) = go("proving a program that moves itself") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let prove = |file: &Path| {
        let proof = handpie(["prove", "--format", "json"])
            .arg(file)
            .args(["--", "alone"]);
        let proof = proof.output().expect("a proof");
        let proof: serde_json::Value = serde_json::from_slice(&proof.stdout).expect("JSON");
        proof["result"].clone()
    };
    let bits = |proof: &serde_json::Value| {
        let regions = proof["entropy"].as_array().expect("regions").clone();
        let text = regions.into_iter().find(|it| it["region"] == "text");
        text.expect("text")["bits"].as_f64().expect("bits")
    };
    let about_text = |proof: &serde_json::Value, other: &str| {
        let pairs = proof["relations"].as_array().expect("relations").clone();
        let is = |name: &serde_json::Value| name == "text" || name == other;
        pairs.iter().any(|it| is(&it["first"]) && is(&it["second"]))
    };
    let (moved, kernels) = (prove(&program.harden()), prove(&program.convert()));
    assert!(bits(&moved) >= 33.0, "{}", bits(&moved));
    assert!(bits(&kernels) < 30.0, "{}", bits(&kernels));
    assert!(about_text(&kernels, "vdso") && !about_text(&moved, "vdso"));
    assert!(!about_text(&moved, "mmap"));
}

#[test]
fn without_randomisation_it_stays_where_the_kernel_put_it() {
    let what = "switching randomisation off";
    let (Some(go), Some(setarch)) = (go(what), tool("setarch", what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let hardened = program.harden();
    let wrapper = program.path("wrapper");
    let script = format!(
        "#!/bin/sh\nexec {} -R {} \"$@\"\n",
        setarch.display(),
        hardened.display()
    );
    fs::write(&wrapper, script).expect("a script");
    let same = Tool::new("sh")
        .arg(&wrapper)
        .arg("alone")
        .run()
        .expect("it runs");
    assert!(text(&same).contains("TLS: "));
    let maps = |n: u32| {
        let script = format!(
            "{} -R {} spin & pid=$!; sleep 0.{n}; cat /proc/$pid/maps; kill $pid",
            setarch.display(),
            hardened.display()
        );
        let said = Tool::new("sh")
            .args(["-c", &script])
            .output()
            .expect("a shell");
        let line = text(&said)
            .lines()
            .find(|line| line.contains("r-xp") && line.contains("hardened"))
            .map(str::to_owned);
        line.expect("the code")
    };
    assert_eq!(maps(3), maps(4));
}

#[test]
fn it_survives_what_distributions_do_to_programs() {
    let what = "programs that move themselves, after strip and the like";
    let Some(go) = go(what) else { return };
    let program = Program::build(&go, "works", &[]);
    let hardened = program.harden();
    let expected = run(&hardened);
    for (name, flags) in support::TREATMENTS {
        let Some(path) = tool(name, what) else {
            continue;
        };
        let file = support::copy(&hardened, "treated");
        let treated = Tool::new(path).args(*flags).arg(&file).run();
        treated.unwrap_or_else(|error| panic!("{name} {flags:?}: {error}"));
        assert_eq!(run(&file), expected, "after {name} {flags:?}");
    }
}

#[test]
fn build_and_env_hand_the_options_to_the_linker() {
    let what = "building programs that move themselves";
    let Some(go) = go(what) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("go.mod"), "module m\ngo 1.22\n").expect("a file");
    let source = "package main\n\nfunc main() { println(\"here\") }\n";
    fs::write(folder.path().join("main.go"), source).expect("a file");
    let build = |options: &[&str], output: &str| {
        let built = handpie(["build"])
            .args(options)
            .args(["-o", output])
            .dir(folder.path());
        let said = text(&built.env("GOFLAGS", "").run().expect("it builds"));
        for words in [
            "chosen by the program itself",
            "code, read-only data and RELRO",
        ] {
            assert_eq!(said.contains(words), options == FULL, "{said}");
        }
        fs::read(folder.path().join(output)).expect("the program")
    };
    let (plain, hard) = (build(&[], "a"), build(&FULL, "b"));
    assert!(build(&FULL, "b") == hard, "it was up to date");
    let again = build(&[], "b");
    let moves = |bytes: &[u8]| bytes.windows(8).any(|part| part == b"handmove");
    assert_eq!(
        [&plain, &hard, &again].map(|bytes| moves(bytes)),
        [false, true, false]
    );
    let env = handpie(["env", "--shell", "json"])
        .args(FULL)
        .dir(folder.path());
    let env = env.env("GOFLAGS", "").run().expect("an environment");
    let value: serde_json::Value = serde_json::from_slice(&env.stdout).expect("JSON");
    let flags = value["GOFLAGS"].as_str().expect("GOFLAGS");
    go.env("GOFLAGS", flags)
        .args(["build", "-o", "c"])
        .dir(folder.path())
        .run()
        .expect("go builds");
    assert!(moves(
        &fs::read(folder.path().join("c")).expect("the program")
    ));
}

#[test]
fn a_program_that_was_converted_without_is_not_passed_off_as_hardened() {
    let Some(go) = go("converting twice with other options") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let plain = program.convert();
    let asked = handpie(["convert", "--dry-run", "--seal"])
        .arg(&plain)
        .output();
    let asked = asked.expect("handpie");
    assert_eq!(asked.status.code(), Some(1));
    assert!(
        text(&asked).contains("already-converted"),
        "{}",
        text(&asked)
    );
    let hardened = program.harden();
    let same = handpie(["convert", "--dry-run"])
        .args(FULL)
        .arg(&hardened)
        .run();
    assert!(text(&same.expect("nothing to do")).contains("nothing to do"));
}

/// As under seccomp, a limit of the address space, or before there is randomness.
#[test]
fn where_the_system_refuses_a_step_the_program_runs_all_the_same() {
    let what = "refusing what a mover asks for";
    let (Some(go), Some(strace)) = (go(what), tool("strace", what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let hardened = program.harden();
    let with = |refused: &str| {
        Tool::new(&strace)
            .args(["-o", "/dev/null", "-e", &format!("inject={refused}")])
            .arg(&hardened)
            .arg("alone")
            .output()
            .expect("strace")
    };
    let expected = support::plain_lines(what).expect("go, as above");
    for refused in [
        "personality:error=EPERM:when=1",
        "getrandom:error=EAGAIN:when=1",
        "mmap:error=ENOMEM:when=1..2",
        "mremap:error=EPERM:when=1",
        "prctl:error=EPERM:when=1",
    ] {
        assert_eq!(text(&with(refused)), expected, "{refused}");
    }
    // Half of it moved, and no way on: it must not run.
    let half = with("mremap:error=EPERM:when=2");
    assert!(!half.status.success() && half.stdout.is_empty(), "{half:?}");
}
