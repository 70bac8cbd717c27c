//! Converted programs of every CPU run, under an emulator of user programs. The judge is what the
//! plain executable of the same source prints.
//!
//! The emulator maps a PIE at its link address if that is free, and relocation is then a no-op. So
//! programs are linked at address 0, which is never free.

mod support;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use handpie_toolchain::command::{Output, Tool};
use support::{Program, RELEASES, go_release, handpie, plain_lines, text, tool};

/// A CPU in Go's words, its emulator, and the oldest release that is tried: compiling the standard
/// library for each takes a while, so only one CPU has two.
const CPUS: [(&str, &str, &str); 5] = [
    ("arm64", "qemu-aarch64-static", RELEASES[0]),
    ("loong64", "qemu-loongarch64-static", NEWEST),
    ("ppc64", "qemu-ppc64-static", NEWEST),
    ("ppc64le", "qemu-ppc64le-static", NEWEST),
    ("s390x", "qemu-s390x-static", NEWEST),
];
const NEWEST: &str = RELEASES[RELEASES.len() - 1];
const AT_ZERO: &str = "-ldflags=-T 0x1000";

#[test]
fn programs_run_with_a_bias_that_is_not_zero() {
    let what = "running programs of other CPUs";
    let Some(expected) = plain_lines(what) else {
        return;
    };
    for_each_cpu(what, |goarch, qemu, oldest| {
        let mut releases = vec![oldest, NEWEST];
        releases.dedup();
        for release in releases {
            let Some(go) = go_release(release, what) else {
                continue;
            };
            let go = go.env("GOARCH", goarch);
            let program = Program::build(&go, "works", &[AT_ZERO]);
            let run = |file: &Path| Tool::new(qemu).arg(file).arg("alone");
            let converted = program.convert();
            let output = run(&converted).run().expect("it runs");
            assert_eq!(text(&output), expected, "{goarch}, Go {release}");
            // Without its loader the unconverted PIE does not: the test could fail.
            assert!(run(&program.pie).run().is_err(), "{goarch}");
            if release == NEWEST {
                moves_itself(qemu, &program, &expected);
                let checked = run(&converted).env("GODEBUG", "fips140=on").run();
                let checked = checked.expect("the FIPS 140 self-test passes");
                assert_eq!(text(&checked), expected, "{goarch}");
            }
        }
    });
}

/// With all options on, the program does the same at an address of its own choosing.
fn moves_itself(qemu: &Path, program: &Program, expected: &str) {
    let hardened = program.harden();
    let run = |options: &[&str]| {
        let emulator = Tool::new(qemu).args(options).arg(&hardened);
        emulator.arg("alone").run().expect("it runs")
    };
    assert_eq!(text(&run(&[])), expected);
    let traced = run(&["-strace"]);
    let traced = String::from_utf8_lossy(&traced.stderr).into_owned();
    let calls = |name: &str| {
        let lines = traced.lines().filter(|line| line.contains(name));
        lines.filter(|line| !line.contains("= -1")).count()
    };
    // Code, read-only data, RELRO, data, and the pages behind it.
    assert_eq!(calls(" mremap("), 5, "{traced}");
}

#[test]
fn build_makes_a_service_that_answers() {
    let what = "serving on other CPUs";
    for_each_cpu(what, |goarch, qemu, _| {
        let Some(go) = go_release(NEWEST, what) else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let service = example("service", &go, goarch, folder.path());
        let answer = ask(qemu, &service);
        assert!(answer.status.success(), "{goarch}: {answer:?}");
    });
}

#[test]
fn build_makes_a_hello_that_is_not_where_it_was_linked() {
    let what = "greeting on other CPUs";
    let Some(go) = go_release(NEWEST, what) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let here = go.clone().args(["env", "GOARCH"]).run().unwrap();
    let here = text(&here);
    greets(Tool::new(example("hello", &go, here.trim(), folder.path())));
    for_each_cpu(what, |goarch, qemu, _| {
        greets(Tool::new(qemu).arg(example("hello", &go, goarch, folder.path())));
    });
}

/// The address that hello prints is above all at which it was linked.
fn greets(hello: Tool) {
    let said = text(&hello.run().expect("it runs"));
    let (greeting, address) = said.trim().rsplit_once("0x").expect("an address");
    assert!(greeting.starts_with("hello, version "), "{said}");
    let address = u64::from_str_radix(address, 16).expect("an address");
    assert!(address > 16 << 20, "{said}");
}

/// `handpie build` of one of the examples.
fn example(name: &str, go: &Tool, goarch: &str, folder: &Path) -> PathBuf {
    let output = folder.join(name);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let path = std::env::join_paths([go_folder(go), PathBuf::from("/usr/bin")]).expect("a PATH");
    let built = handpie(["build", "-o"])
        .arg(&output)
        .args([".", "--", AT_ZERO])
        .env("PATH", path)
        .env("GOARCH", goarch)
        .env("GOFLAGS", "")
        .dir(examples.join(name))
        .run()
        .unwrap_or_else(|error| panic!("{goarch}: {error}"));
    assert!(text(&built).contains("static-PIE"), "{}", text(&built));
    output
}

/// Starts the service and lets it ask itself whether it is well.
fn ask(qemu: &Path, service: &Path) -> Output {
    const SCRIPT: &str = r#"
        "$0" "$1" -http "$2" & pid=$!
        for try in 1 2 3 4 5 6 7 8 9 10; do
            sleep 0.5
            if "$0" "$1" -check "http://$2/healthz"; then kill $pid; exit 0; fi
        done
        kill $pid; exit 1"#;
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = port.local_addr().expect("its address").to_string();
    drop(port);
    let asked = Tool::new("sh").args(["-c", SCRIPT]).args([qemu, service]);
    asked.arg(address).output().expect("a shell")
}

fn go_folder(go: &Tool) -> PathBuf {
    let goroot = go.clone().args(["env", "GOROOT"]).run().expect("GOROOT");
    Path::new(text(&goroot).trim()).join("bin")
}

fn for_each_cpu(what: &str, mut judge: impl FnMut(&str, &Path, &str)) {
    for (goarch, qemu, oldest) in CPUS {
        if let Some(qemu) = tool(qemu, what) {
            judge(goarch, &qemu, oldest);
        }
    }
}
