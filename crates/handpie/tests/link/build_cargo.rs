//! `handpie build` of cargo projects.

use handpie_toolchain::command::Tool;
use serde_json::Value;

use crate::support::{skip, text};
use crate::workshop::{Workshop, assert_proven, assert_static_pie, said};

const MANIFEST: &str = "[package]\nname = \"greeter\"\nedition = \"2021\"\n\n[workspace]\n";
/// Threads, thread-local variables and unwinding are what start-up code can get wrong.
const MAIN: &str = r#"
use std::cell::Cell;

thread_local!(static NUMBER: Cell<u32> = const { Cell::new(41) });

fn main() {
    let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(1)));
    let thread = std::thread::spawn(|| {
        NUMBER.set(NUMBER.get() + 1);
        NUMBER.get()
    });
    println!("caught {} number {}", caught.is_err(), thread.join().unwrap());
}
"#;

/// A project of one program, if this machine can build it.
fn project(what: &str) -> Option<Workshop> {
    let ask = [
        "--print",
        "target-libdir",
        "--target",
        "x86_64-unknown-linux-musl",
    ];
    let folder = text(&Tool::new("rustc").args(ask).run().unwrap());
    if !std::path::Path::new(folder.trim()).is_dir() {
        skip(what, "Rust's musl target");
        return None;
    }
    let workshop = Workshop::new();
    std::fs::create_dir(workshop.path("src")).unwrap();
    workshop.write("Cargo.toml", MANIFEST);
    workshop.write("src/main.rs", MAIN);
    Some(workshop)
}

fn build(workshop: &Workshop, words: &[&str]) -> Tool {
    let tool = workshop.handpie(["build"]).args(words);
    let own = ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"];
    own.iter().fold(tool, |tool, name| tool.env_remove(name))
}

#[test]
fn the_programs_of_a_cargo_project_are_static_pies_with_relro_applied() {
    let Some(workshop) = project("cargo projects") else {
        return;
    };
    let output = build(&workshop, &["--format", "json"]).run().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let programs = report["result"]["programs"].as_array().unwrap();
    assert_eq!(programs.len(), 1, "{report:#}");
    assert_eq!(programs[0]["kind"], "static-PIE", "{report:#}");
    assert_eq!(programs[0]["reasons"], serde_json::json!([]), "{report:#}");
    let program = workshop.path("target/x86_64-unknown-linux-musl/release/greeter");
    assert_static_pie(&program);
    let output = Tool::new(&program).run().unwrap();
    assert_eq!(text(&output), "caught true number 42\n");
    assert_proven(&workshop, &program);
}

#[test]
fn a_target_with_glibc_gives_a_static_pie_as_well() {
    let Some(workshop) = project("cargo projects with glibc") else {
        return;
    };
    let words = ["--", "--target", "x86_64-unknown-linux-gnu"];
    let output = build(&workshop, &words).output().unwrap();
    let words = text(&output) + &said(&output);
    assert_eq!(output.status.code(), Some(0), "{words}");
    let program = workshop.path("target/x86_64-unknown-linux-gnu/release/greeter");
    assert_static_pie(&program);
    assert_eq!(
        text(&Tool::new(&program).run().unwrap()),
        "caught true number 42\n"
    );
    assert_proven(&workshop, &program);
}

#[test]
fn a_project_that_asks_for_one_address_is_refused_with_the_reason() {
    let Some(workshop) = project("projects that ask for one address") else {
        return;
    };
    std::fs::create_dir(workshop.path(".cargo")).unwrap();
    let flags = "[build]\nrustflags = [\"-C\", \"relocation-model=static\"]\n";
    workshop.write(".cargo/config.toml", flags);
    let output = build(&workshop, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    for part in ["pic-narrow-address", "-C relocation-model=pic"] {
        assert!(said(&output).contains(part), "{}", said(&output));
    }
}

#[test]
fn a_target_that_is_not_installed_is_said_with_the_command_that_gets_it() {
    let Some(workshop) = project("targets that are not installed") else {
        return;
    };
    let words = ["--", "--target", "riscv64gc-unknown-linux-musl"];
    let output = build(&workshop, &words).output().unwrap();
    let said = said(&output);
    if output.status.success() {
        return skip(
            "targets that are not installed",
            "a machine without this one",
        );
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("rustup target add riscv64gc-unknown-linux-musl"),
        "{said}"
    );
}
