//! `handpie doctor --try`: builds a small program in each language, for each CPU, with each libc
//! and linker, and runs it where possible.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use handpie_toolchain::command::{Error, Tool};
use handpie_toolchain::link::Libc;
use handpie_toolchain::link::sysroot::{self, TARGETS, Target, Wants, find_zig};

use super::packages::{self, Need};
use super::{Capability, in_path};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::paths;
use crate::promise::{self, Breach, Extent};
use crate::report::Reporter;
use crate::report::doctor::{Attempt, AttemptsReport};

/// The first build for a CPU makes a libc.
const LIMIT: Duration = Duration::from_secs(300);
/// What the programs print.
const WORD: &str = "handpie";

const C: &str = "#include <stdio.h>\nint main(void) { puts(\"handpie\"); return 0; }\n";
const CPP: &str = "#include <iostream>\n#include <stdexcept>\nint main() { try { throw \
                   std::runtime_error(\"handpie\"); } catch (std::exception &e) { std::cout << \
                   e.what() << std::endl; } }\n";
const GO: &str = "package main\n\n// static const char *word(void) { return \"handpie\"; }\nimport \
                  \"C\"\n\nfunc main() { println(C.GoString(C.word())) }\n";
const PURE_GO: &str = "package main\n\nfunc main() { println(\"handpie\") }\n";
const RUST: &str = "fn main() { println!(\"handpie\"); }\n";

/// One language, with what builds it.
struct Way {
    language: &'static str,
    libc: &'static str,
    /// `None` where the language brings its own.
    linker: Option<&'static str>,
}

/// Tries everything for these CPUs.
pub(super) fn run(cpus: &[String], reporter: &Reporter) -> Result<Exit, Failure> {
    let targets = targets(cpus)?;
    let folder = tempfile::tempdir().map_err(|cause| {
        Failure::new(Exit::Input, "failed to create a temporary directory").cause(cause)
    })?;
    let own = paths::own_program()?;
    let mut attempts = Vec::new();
    for target in targets {
        for way in ways(target) {
            let what = format!("{} for {} with {}", way.language, target.go, way.libc);
            let _working = reporter.working(&what);
            let number = attempts.len();
            let place = folder.path().join(number.to_string());
            fs::create_dir(&place).map_err(|cause| {
                Failure::new(Exit::Input, "failed to create a temporary directory").cause(cause)
            })?;
            let answer = attempt(&own, &place, target, &way);
            attempts.push(Attempt {
                language: way.language,
                cpu: target.go,
                libc: way.libc,
                linker: way.linker.unwrap_or("built-in"),
                answer,
            });
        }
    }
    reporter.print("doctor", &AttemptsReport { attempts })?;
    Ok(Exit::Done)
}

/// This machine's CPU, those that are named, or all.
fn targets(cpus: &[String]) -> Result<Vec<&'static Target>, Failure> {
    if cpus.iter().any(|cpu| cpu == "all") {
        return Ok(TARGETS.iter().collect());
    }
    let unknown = |cpu: &str| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.go).collect();
        Failure::new(Exit::Usage, format!("unknown CPU `{cpu}`"))
            .hint(format!("use one of {}, or all", names.join(", ")))
    };
    if cpus.is_empty() {
        let host = Target::host().ok_or_else(|| unknown(std::env::consts::ARCH))?;
        return Ok(vec![host]);
    }
    let named = cpus
        .iter()
        .map(|cpu| Target::named(cpu).ok_or_else(|| unknown(cpu)));
    named.collect()
}

/// What is worth trying: glibc is the machine's, and Rust and pure Go bring all they need.
fn ways(target: &Target) -> Vec<Way> {
    const LINKERS: [&str; 4] = ["embedded", "mold", "lld", "bfd"];
    let way = |language, libc, linker| Way {
        language,
        libc,
        linker,
    };
    let mut ways = vec![way("Go", "none", None)];
    for linker in LINKERS {
        ways.push(way("C", "musl", Some(linker)));
    }
    if target.is_host() {
        ways.push(way("C", "glibc", Some("embedded")));
        ways.push(way("C++", "glibc", Some("embedded")));
    }
    ways.push(way("C++", "musl", Some("embedded")));
    ways.push(way("Go with C", "musl", Some("embedded")));
    if target.rust.is_some() {
        ways.push(way("Rust", "musl", Some("embedded")));
    }
    ways
}

fn attempt(own: &Path, place: &Path, target: &Target, way: &Way) -> Capability {
    if let Err((why, need)) = is_possible(target, way) {
        return Capability::no(format!("{why}: {}", packages::command_for(need)));
    }
    let program = place.join("program");
    if let Err(error) = build(own, place, target, way) {
        return Capability::no(reason(&error));
    }
    match broken_promises(&program) {
        Some(broken) => Capability::no(broken),
        None => prints_its_word(&program, target),
    }
}

/// Which promises the built program breaks; `None` when it keeps them all.
pub(crate) fn broken_promises(program: &Path) -> Option<String> {
    let Ok(inspection) = promise::inspect(program, Extent::Whole) else {
        return Some("the build wrote no program".to_owned());
    };
    let breaches: Vec<String> = inspection.breaches.iter().map(Breach::to_string).collect();
    let breaches = breaches.join("; ");
    (!breaches.is_empty()).then(|| format!("the build wrote a {}: {breaches}", inspection.kind))
}

/// What is known to be needed and is not here.
fn is_possible(target: &Target, way: &Way) -> Result<(), (String, Need)> {
    let missing = |program: &str, need| match in_path(program) {
        Some(_) => Ok(()),
        None => Err((format!("`{program}` is not in PATH"), need)),
    };
    match way.linker {
        Some("mold") => missing("mold", Need::Mold)?,
        Some("bfd") if target.is_host() => missing("ld.bfd", Need::Binutils)?,
        Some("lld") => _ = lld().ok_or(("LLD 18 or newer is not in PATH".to_owned(), Need::Lld))?,
        _ => {}
    }
    let needs_zig = !target.is_host() || (way.language == "C++" && way.libc == "musl");
    match way.language {
        "Rust" => return missing("cargo", Need::Rust),
        "Go" => return missing("go", Need::Go),
        "Go with C" => missing("go", Need::Go)?,
        _ => {}
    }
    if needs_zig && find_zig().is_none() {
        return Err(("`zig` is not installed".to_owned(), Need::Zig));
    }
    if needs_zig {
        return Ok(());
    }
    match way.language {
        "C++" => missing("g++", Need::Gxx)?,
        _ => missing("gcc", Need::Gcc)?,
    }
    let (libc, need) = match way.libc {
        "glibc" => (Libc::Glibc, Need::StaticGlibc),
        _ => (Libc::Musl, Need::Musl),
    };
    let wants = Wants {
        headers: true,
        ..Wants::default()
    };
    match sysroot::find(libc, target, wants) {
        Ok(_) => Ok(()),
        Err(_) => Err((format!("no static {} was found", way.libc), need)),
    }
}

/// LLD, the newest first.
fn lld() -> Option<PathBuf> {
    let names = ["ld.lld-21", "ld.lld-20", "ld.lld-19", "ld.lld-18", "ld.lld"];
    names.iter().find_map(|name| in_path(name))
}

fn build(own: &Path, place: &Path, target: &Target, way: &Way) -> Result<(), Error> {
    let write = |name: &str, text: &str| {
        // A file that is not there is what the build says next.
        _ = fs::write(place.join(name), text);
    };
    let tool = Tool::new(own).dir(place).timeout(LIMIT);
    let linker = match way.linker {
        Some("lld") => lld().map_or_else(|| "lld".into(), PathBuf::into_os_string),
        other => other.unwrap_or("embedded").into(),
    };
    let compiler = |tool: Tool, mode: &str| {
        let tool = tool.args([mode, "--libc", way.libc, "--cpu", target.go, "--linker"]);
        tool.arg(&linker)
    };
    let tool = match way.language {
        "C" => {
            write("main.c", C);
            compiler(tool, "cc").args(["-O1", "-o", "program", "main.c"])
        }
        "C++" => {
            write("main.cpp", CPP);
            compiler(tool, "c++").args(["-O1", "-o", "program", "main.cpp"])
        }
        "Rust" => {
            write(
                "Cargo.toml",
                "[package]\nname = \"program\"\nedition = \"2021\"\n[workspace]\n",
            );
            _ = fs::create_dir(place.join("src"));
            write("src/main.rs", RUST);
            let target = target.rust.unwrap_or_default();
            let tool = tool.env("CARGO_TARGET_DIR", place.join("target"));
            tool.args(["build", "--", "--target", target])
        }
        language => {
            write("go.mod", "module program\n\ngo 1.21\n");
            write("main.go", if language == "Go" { PURE_GO } else { GO });
            let tool = tool.env("GOOS", "linux").env("GOARCH", target.go);
            let tool = tool.args(["build", "--no-stamp", "-o", "program"]);
            if language == "Go" {
                tool
            } else {
                tool.arg("--cgo")
            }
        }
    };
    tool.run()?;
    if way.language == "Rust" {
        let built = target.rust.unwrap_or_default();
        let built = place.join("target").join(built).join("release/program");
        _ = fs::rename(built, place.join("program"));
    }
    Ok(())
}

/// The line that says what is wrong, and the one that says what to do.
fn reason(error: &Error) -> String {
    let Error::Failed { tail, .. } = error else {
        return error.to_string();
    };
    let lines: Vec<&str> = tail.lines().map(str::trim).collect();
    let find = |start: &str| lines.iter().find(|line| line.contains(start)).copied();
    let wrong = lines
        .iter()
        .find(|line| !line.is_empty() && !line.ends_with(':'));
    let cause = find("error:")
        .or(wrong.copied())
        .unwrap_or("the build failed");
    let hint = find("hint: ").map(|hint| format!("; {hint}"));
    format!("{cause}{}", hint.unwrap_or_default())
}

/// Whether the program prints its word, here or under an emulator.
fn prints_its_word(program: &Path, target: &Target) -> Capability {
    let emulator = super::KNOWN.iter().find(|(cpu, _)| *cpu == target.go);
    let emulator = emulator.map_or("", |(_, emulator)| emulator);
    let tool = match super::is_native(target.go) {
        true => Tool::new(program),
        false => {
            let name = format!("qemu-{emulator}-static");
            let Some(emulator) = in_path(&name) else {
                let command = packages::command_for(Need::Qemu);
                return Capability::yes(format!(
                    "built, but not run: {name} is missing: {command}"
                ));
            };
            Tool::new(emulator).arg(program)
        }
    };
    match tool.timeout(LIMIT).run() {
        Ok(output) => {
            let printed = [output.stdout, output.stderr].concat();
            match String::from_utf8_lossy(&printed).trim() == WORD {
                true => Capability::yes("built and run".to_owned()),
                false => {
                    Capability::no("built, but the program prints unexpected output".to_owned())
                }
            }
        }
        Err(error) => Capability::no(format!("built, but the program fails: {}", reason(&error))),
    }
}
