//! Programs for 386, arm and riscv64, which handpie links itself as the external linker of Go's
//! linker: built without a C compiler, run, read by other tools, stripped; and real objects damaged.
//!
//! 386 runs on the machine itself (an emulator of user programs cannot run Go for it), the others
//! under one. Programs are linked at address 0, which is never free, so that every run relocates.

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use handpie_binary::elf::{Elf, Kind};
use handpie_pie::link::{Options, link};
use handpie_pie::{Outcome, convert};
use handpie_toolchain::command::{Error, Output, Tool};
use support::{RELEASES, go_release, handpie, plain_lines, skip, text, tool};
use tempfile::TempDir;

/// A CPU in Go's words, what it is built with, and its emulator.
const CPUS: [(&str, &[&str], Option<&str>); 3] = [
    ("386", &[], None),
    ("arm", &["--cpu", "v6"], Some("qemu-arm-static")),
    ("riscv64", &[], Some("qemu-riscv64-static")),
];
const OLDEST: &str = RELEASES[0];
const NEWEST: &str = RELEASES[RELEASES.len() - 1];

/// One way of building, and a folder for what is made.
struct Bench {
    go: Tool,
    goroot_bin: PathBuf,
    goarch: &'static str,
    level: &'static [&'static str],
    emulator: Option<PathBuf>,
    folder: TempDir,
}

impl Bench {
    /// Every CPU with one release of Go, as far as it can be run here.
    fn all(release: &str, what: &str) -> Vec<Bench> {
        let Some(go) = go_release(release, what) else {
            return Vec::new();
        };
        let goroot = go.clone().args(["env", "GOROOT"]).run().expect("GOROOT");
        let goroot_bin = Path::new(text(&goroot).trim()).join("bin");
        let mut benches = Vec::new();
        for (goarch, level, emulator) in CPUS {
            let emulator = match emulator {
                Some(name) => match tool(name, what) {
                    Some(path) => Some(path),
                    None => continue,
                },
                None => None,
            };
            let bench = Bench {
                go: go.clone().env("GOARCH", goarch),
                goroot_bin: goroot_bin.clone(),
                goarch,
                level,
                emulator,
                folder: tempfile::tempdir().expect("a temporary folder"),
            };
            match bench.emulator.is_some() || bench.runs_here() {
                true => benches.push(bench),
                false => skip(what, "a kernel that runs 386 programs"),
            }
        }
        benches
    }

    fn runs_here(&self) -> bool {
        let probe = self.path("probe");
        self.plain("exit", &probe);
        Tool::new(&probe)
            .output()
            .is_ok_and(|output| output.status.success())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `handpie build` of a program in tests/programs, where PATH has Go and no C compiler.
    fn build(&self, name: &str, flags: &[&str]) -> Tool {
        let build = handpie(["build", "--no-stamp", "-o"])
            .arg(self.path(name))
            .args(self.level)
            .arg(format!("{name}.go"))
            .arg("--")
            .args(flags);
        self.without_compiler(build).dir(programs())
    }

    fn without_compiler(&self, tool: Tool) -> Tool {
        let tool = tool
            .env("PATH", &self.goroot_bin)
            .env("GOARCH", self.goarch)
            .env("GOFLAGS", "")
            .env("GOENV", "off")
            .env("GOTOOLCHAIN", "local");
        match self.goroot_bin.parent() {
            Some(goroot) => tool.env("GOROOT", goroot),
            None => tool,
        }
    }

    /// Builds and returns the path.
    fn built(&self, name: &str, flags: &[&str]) -> PathBuf {
        let output = self.build(name, flags).run();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", self.goarch));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("loadinternal"), "{}: {said}", self.goarch);
        for part in [
            "static-PIE",
            "which handpie linked",
            "words, done by the program",
        ] {
            assert!(text(&output).contains(part), "{part}: {}", text(&output));
        }
        self.path(name)
    }

    /// The same source as Go builds it by itself.
    fn plain(&self, name: &str, output: &Path) {
        let go = self
            .go
            .clone()
            .args(["build", "-trimpath", "-o"])
            .arg(output);
        let built = go.arg(format!("{name}.go")).dir(programs()).run();
        built.expect("go builds it");
    }

    fn run(&self, program: &Path) -> Tool {
        match &self.emulator {
            Some(emulator) => Tool::new(emulator).arg(program),
            None => Tool::new(program),
        }
    }

    /// An emulator starts no child.
    fn works(&self, program: &Path) -> Tool {
        match self.emulator {
            Some(_) => self.run(program).arg("alone"),
            None => self.run(program),
        }
    }

    /// A tool of Go on a file.
    fn go_says(&self, words: &[&str], file: &Path) -> String {
        let said = self.go.clone().args(words).arg(file).run();
        text(&said.unwrap_or_else(|error| panic!("{}: {error}", self.goarch)))
    }
}

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs")
}

#[test]
fn programs_do_what_their_plain_executables_do() {
    let what = "running programs that handpie links";
    let Some(expected) = plain_lines(what) else {
        return;
    };
    for release in [OLDEST, NEWEST] {
        // Compiling the standard library for each takes a while, so the oldest is tried on one.
        let benches = Bench::all(release, what);
        let count = if release == OLDEST { 1 } else { CPUS.len() };
        for bench in benches.into_iter().take(count) {
            let program = bench.built("works", &[]);
            let bytes = fs::read(&program).expect("the program");
            let elf = Elf::parse(&bytes[..]).expect("an ELF file");
            assert_eq!(Kind::of(&elf).expect("a kind"), Kind::StaticPie);
            let start = elf.loads().next().expect("a segment").address.0;
            assert_eq!(
                start, 0,
                "elsewhere the bias could be 0, which proves nothing"
            );
            let output = bench.run(&program).arg("alone").run();
            let output =
                output.unwrap_or_else(|error| panic!("{} {release}: {error}", bench.goarch));
            assert_eq!(text(&output), expected, "{} {release}", bench.goarch);
        }
    }
}

/// Another level is another standard library to compile, so a small program has to do.
#[test]
fn a_program_for_arm_v7_runs() {
    let what = "running programs for arm v7";
    let benches = Bench::all(NEWEST, what);
    let Some(bench) = benches.into_iter().find(|bench| bench.goarch == "arm") else {
        return;
    };
    let bench = Bench {
        level: &["--cpu", "v7"],
        ..bench
    };
    let program = bench.built("exit", &[]);
    bench.run(&program).run().expect("it runs");
}

#[test]
fn the_integrity_self_test_passes_and_notices_one_changed_byte() {
    for bench in Bench::all(
        NEWEST,
        "the FIPS 140 self-test of programs that handpie links",
    ) {
        let program = bench.built("works", &[]);
        for mode in ["on", "only", "debug"] {
            let run = bench.run(&program).arg("child");
            let output = run.env("GODEBUG", format!("fips140={mode}")).run();
            let output = output.unwrap_or_else(|error| panic!("{}: {error}", bench.goarch));
            assert!(text(&output).contains("child of"), "{}", bench.goarch);
        }
        let symbols = bench.go_says(&["tool", "nm", "-n"], &program);
        let line = symbols
            .lines()
            .find(|line| line.contains("crypto/internal/fips140/sha256.block"))
            .expect("a function of the module");
        let address = line.split_whitespace().next().expect("its address");
        let address = usize::from_str_radix(address, 16).expect("a number");
        let mut bytes = fs::read(&program).expect("the program");
        // Code starts at the start of the file, and its addresses at 0.
        bytes[address] ^= 1;
        fs::write(&program, bytes).expect("the program");
        let run = bench
            .run(&program)
            .arg("child")
            .env("GODEBUG", "fips140=on");
        let output = run.output().expect("it starts");
        assert!(
            !output.status.success(),
            "{}: it went unnoticed",
            bench.goarch
        );
    }
}

#[test]
fn other_tools_read_the_program_without_a_warning() {
    let what = "reading programs that handpie links";
    let (Some(readelf), Some(file)) = (tool("readelf", what), tool("file", what)) else {
        return;
    };
    for bench in Bench::all(NEWEST, what) {
        let program = bench.built("works", &["-ldflags=-w=0"]);
        for views in ["-hlSdnW", "-sW", "--debug-dump=abbrev,aranges,frames"] {
            let read = Tool::new(&readelf).arg(views).arg(&program);
            let output = read.run().expect("readelf reads it");
            let warnings = String::from_utf8_lossy(&output.stderr);
            assert_eq!(warnings, "", "{} {views}", bench.goarch);
        }
        let dynamic = Tool::new(&readelf).arg("-dlW").arg(&program).run();
        let dynamic = text(&dynamic.expect("readelf reads it"));
        for part in ["(RELR)", "BIND_NOW", "NOW PIE", "GNU_RELRO", "GNU_STACK"] {
            assert!(dynamic.contains(part), "{part}: {dynamic}");
        }
        for part in ["INTERP", "NEEDED", "TEXTREL", "RWE"] {
            assert!(!dynamic.contains(part), "{part}: {dynamic}");
        }
        let said = text(&Tool::new(&file).arg(&program).run().expect("file reads it"));
        assert!(said.contains("static-pie linked"), "{said}");
        let info = bench.go_says(&["version", "-m"], &program);
        let goarch = format!("GOARCH={}", bench.goarch);
        assert!(
            info.contains(&goarch) && info.contains("CGO_ENABLED=0"),
            "{info}"
        );
        // Names, code and lines agree about where a function is.
        let listing = bench.go_says(&["tool", "objdump", "-s", "^main.work$"], &program);
        assert!(listing.contains("works.go:"), "{listing}");
        let symbols = bench.go_says(&["tool", "nm"], &program);
        let line = symbols.lines().find(|line| line.ends_with(" t main.work"));
        let address = line.expect("main.work").split_whitespace().next();
        let address = address.expect("an address").trim_start_matches('0');
        assert!(listing.contains(&format!("0x{address}")), "{listing}");
        let id = bench.go_says(&["tool", "buildid"], &program);
        assert!(id.trim().split('/').count() == 4, "{id}");
        let again = handpie([
            "convert".as_ref(),
            "--dry-run".as_ref(),
            program.as_os_str(),
        ])
        .run();
        let again = text(&again.expect("handpie reads it"));
        assert!(again.contains("static-PIE"), "{again}");
    }
}

#[test]
fn stripped_programs_still_run() {
    let what = "stripping programs that handpie links";
    for bench in Bench::all(NEWEST, what) {
        let strip = match bench.emulator {
            // GNU strip knows the CPU it was built for, and 386 with amd64.
            None => tool("strip", what),
            Some(_) => tool("llvm-strip", what),
        };
        let Some(strip) = strip else { continue };
        let program = bench.built("works", &[]);
        let before = bench.run(&program).arg("child").run().expect("it runs");
        Tool::new(strip)
            .arg(&program)
            .run()
            .expect("it can be stripped");
        let after = bench.run(&program).arg("child").run();
        let after = after.unwrap_or_else(|error| panic!("{}: {error}", bench.goarch));
        assert_eq!(text(&before), text(&after), "{}", bench.goarch);
    }
}

#[test]
fn a_debugger_finds_functions_and_lines() {
    let what = "debugging programs that handpie links";
    let Some(gdb) = tool("gdb", what) else { return };
    let benches = Bench::all(NEWEST, what);
    let Some(bench) = benches.iter().find(|bench| bench.emulator.is_none()) else {
        return;
    };
    let program = bench.built("works", &["-ldflags=-w=0"]);
    let output = Tool::new(gdb)
        .args([
            "-nx",
            "-batch",
            "-ex",
            "break main.reflection",
            "-ex",
            "run",
        ])
        .args(["-ex", "bt"])
        .arg(&program)
        .output()
        .expect("gdb runs");
    let said = text(&output);
    assert!(
        said.contains("main.reflection") && said.contains("works.go:"),
        "{said}"
    );
    assert!(said.contains("in main.main ()"), "{said}");
}

#[test]
fn env_makes_go_itself_build_them() {
    let what = "go build with the environment of handpie";
    for bench in Bench::all(NEWEST, what) {
        let environment = handpie(["env", "--shell", "json"]);
        let environment = bench
            .without_compiler(environment)
            .run()
            .expect("handpie env");
        let variables: std::collections::BTreeMap<String, String> =
            serde_json::from_slice(&environment.stdout).expect("an object");
        let go = variables
            .iter()
            .fold(bench.go.clone(), |go, (name, value)| go.env(name, value));
        let go = go.env("PATH", &bench.goroot_bin).dir(programs());
        let program = bench.path("exit");
        let build = |go: &Tool| {
            let build = go.clone().args(["build", "-trimpath", "-o"]).arg(&program);
            let output = build.arg("exit.go").run().expect("go builds it");
            assert_eq!(
                String::from_utf8_lossy(&output.stderr),
                "",
                "{}",
                bench.goarch
            );
            let bytes = fs::read(&program).expect("the program");
            Kind::of(&Elf::parse(&bytes[..]).expect("an ELF file")).expect("a kind")
        };
        assert_eq!(build(&go), Kind::StaticPie, "{}", bench.goarch);
        bench.run(&program).run().expect("it runs");
        // Neither is up to date for the other.
        let plain = bench.go.clone().dir(programs());
        assert_eq!(build(&plain), Kind::StaticExecutable, "{}", bench.goarch);
        assert_eq!(build(&go), Kind::StaticPie, "{}", bench.goarch);
    }
}

#[test]
fn a_hello_greets_and_a_service_answers() {
    let what = "serving with programs that handpie links";
    let Some(shell) = tool("sh", what) else {
        return;
    };
    for bench in Bench::all(NEWEST, what) {
        let build = |name| {
            let output = bench.path(name);
            let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
            let build = handpie(["build", "--no-stamp", "-o"]).arg(&output);
            bench
                .without_compiler(build.args(bench.level))
                .dir(examples.join(name))
                .run()
                .unwrap_or_else(|error| panic!("{}: {error}", bench.goarch));
            output
        };
        let said = bench.run(&build("hello")).run();
        let said = said.unwrap_or_else(|error| panic!("{}: {error}", bench.goarch));
        assert!(text(&said).starts_with("hello, version "), "{said:?}");
        let service = build("service");
        // It asks itself whether it is well.
        const SCRIPT: &str = r#"
            port=$1; shift
            "$@" -http "$port" & pid=$!
            for try in 1 2 3 4 5 6 7 8 9 10; do
                sleep 0.5
                if "$@" -check "http://$port/healthz"; then kill $pid; exit 0; fi
            done
            kill $pid; exit 1"#;
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = port.local_addr().expect("its address").to_string();
        drop(port);
        let asked = Tool::new(&shell).args(["-c", SCRIPT, "sh", &address]);
        let asked = asked.args(&bench.emulator).arg(&service).output();
        let asked = asked.expect("a shell");
        assert!(asked.status.success(), "{}: {asked:?}", bench.goarch);
    }
}

#[test]
fn says_what_it_cannot_link() {
    let what = "refusing to link";
    for bench in Bench::all(NEWEST, what) {
        let Err(Error::Failed { .. }) = bench.build("exit", &["-ldflags=-extldflags=-lm"]).run()
        else {
            panic!("{}: a library cannot be linked", bench.goarch);
        };
        let output = bench.build("exit", &["-ldflags=-extldflags=-lm"]).output();
        let output: Output = output.expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("unsupported command from Go's linker: `-lm`"),
            "{said}"
        );
        assert!(said.contains("handpie explain linker-command"), "{said}");
    }
}

#[test]
fn what_these_cpus_cannot_have_is_refused_before_building() {
    for bench in Bench::all(NEWEST, "refusing to move programs that handpie links") {
        if bench.goarch == "riscv64" {
            continue;
        }
        for command in ["build", "env"] {
            for option in [&["--aslr", "full"][..], &["--seal"]] {
                let asked = bench.without_compiler(handpie([command]).args(option));
                let output = asked.dir(programs()).output().expect("it starts");
                let said = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(1), "{said}");
                assert!(said.contains("handpie explain cannot-move"), "{said}");
            }
        }
    }
}

#[test]
fn riscv64_programs_move_and_seal_themselves() {
    for bench in Bench::all(NEWEST, "moving programs that handpie links") {
        if bench.goarch != "riscv64" {
            continue;
        }
        let expected = bench
            .works(&bench.built("works", &[]))
            .run()
            .expect("it runs");
        let hardened = handpie(["build", "--no-stamp", "--aslr", "full", "--seal", "-o"]);
        let moved = bench.path("moved");
        let build = bench.without_compiler(hardened.arg(&moved).arg("works.go"));
        build.dir(programs()).run().expect("it builds");
        let output = bench.works(&moved).run().expect("it runs");
        assert_eq!(text(&output), text(&expected));
        let emulator = bench.emulator.as_ref().expect("an emulator");
        let traced = Tool::new(emulator).arg("-strace").arg(&moved).arg("alone");
        let traced = traced.output().expect("it starts");
        let traced = String::from_utf8_lossy(&traced.stderr).into_owned();
        let moves = traced.lines().filter(|line| line.contains(" mremap("));
        let done = moves.filter(|line| !line.contains("= -1")).count();
        // Code, read-only data, RELRO, data, and the pages behind it.
        assert_eq!(done, 5, "{traced}");
    }
}

/// How many damaged copies of each real object are linked.
const DAMAGED: usize = 100;

#[test]
fn damaged_objects_of_real_programs_end_in_an_error_or_a_program() {
    let what = "damaging real objects";
    for bench in Bench::all(NEWEST, what) {
        let kept = bench.path("kept");
        fs::create_dir(&kept).expect("a folder");
        let flag = format!("-ldflags=-w -tmpdir={}", kept.display());
        bench.built("exit", &[&flag]);
        let object = fs::read(kept.join("go.o")).expect("the object");
        assert!(
            link(&object, &Options::default()).is_ok(),
            "{}",
            bench.goarch
        );
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = |end: usize| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (state >> 33) as usize % end.max(1)
        };
        let (mut linked, mut failed) = (0, 0);
        for round in 0..DAMAGED {
            let mut damaged = object.clone();
            for _ in 0..4 {
                // Headers and tables stand at the ends; what is between is mostly code.
                let at = match random(4) {
                    0 => random(64),
                    1 => damaged.len() / 2 + random(damaged.len() / 2),
                    _ => damaged.len() - 1 - random(4096),
                };
                damaged[at] = random(256) as u8;
            }
            if random(20) == 0 {
                damaged.truncate(random(object.len()));
            }
            match link(&damaged, &Options::default()) {
                Ok(program) => {
                    linked += 1;
                    assert!(program.bytes.len() < 2 * object.len(), "round {round}");
                    let again = convert(&program.bytes[..], handpie_pie::Options::default());
                    assert!(matches!(
                        again,
                        Ok(Outcome::AlreadyStaticPie { by_us: true })
                    ));
                }
                Err(error) => {
                    failed += 1;
                    assert!(error.to_string().len() > 10, "{error}");
                }
            }
        }
        assert!(
            linked > 2 && failed > 2,
            "{}: {linked} {failed}",
            bench.goarch
        );
    }
}
