//! `handpie build -- COMMAND`: whatever builds with $CC and $CXX.

use serde_json::Value;

use handpie_toolchain::command::Tool;

use crate::support::{text, tool};
use crate::workshop::{Workshop, assert_static_pie, said};

const SOURCE: &str = "#include <stdio.h>\nint main(void) { puts(\"made\"); return 0; }\n";

fn makefile(recipe: &str) -> String {
    format!("greeter: greeter.c\n\t{recipe}\n")
}

/// A project that make builds with this recipe, or nothing without what builds it.
fn project(what: &str, recipe: &str) -> Option<Workshop> {
    tool("make", what)?;
    tool("musl-gcc", what)?;
    let workshop = Workshop::new();
    workshop.write("greeter.c", SOURCE);
    workshop.write("Makefile", makefile(recipe));
    Some(workshop)
}

fn programs(output: &[u8]) -> Vec<Value> {
    let report: Value = serde_json::from_slice(output).unwrap();
    report["result"]["programs"].as_array().unwrap().clone()
}

#[test]
fn what_make_builds_with_cc_is_a_static_pie() {
    let Some(workshop) = project("make", "$(CC) $(CFLAGS) -o $@ $<") else {
        return;
    };
    let output = workshop.handpie(["build", "--format", "json", "--", "make", "-s"]);
    let programs = programs(&output.run().unwrap().stdout);
    assert_eq!(programs.len(), 1, "{programs:?}");
    assert_eq!(programs[0]["file"], "greeter");
    assert_eq!(programs[0]["kind"], "static-PIE");
    let program = workshop.path("greeter");
    assert_static_pie(&program);
    assert_eq!(text(&Tool::new(&program).run().unwrap()), "made\n");
    // What is there already was not made by this.
    let again = workshop.handpie(["build", "--", "true"]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let again = text(&again.run().unwrap());
    assert!(again.contains("no program is new"), "{again}");
}

#[test]
fn a_program_of_another_compiler_is_named_with_the_reason() {
    let Some(workshop) = project("make with its own compiler", "gcc -o $@ $<") else {
        return;
    };
    let output = workshop
        .handpie(["build", "--", "make", "-s"])
        .output()
        .unwrap();
    let text = text(&output) + &said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("greeter: dynamic PIE"), "{text}");
    assert!(text.contains("no static-PIE"), "{text}");
}

#[test]
fn a_command_that_fails_is_said() {
    let Some(workshop) = project("make that fails", "false") else {
        return;
    };
    let output = workshop
        .handpie(["build", "--", "make", "-s"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(
        said(&output).contains("failed to build"),
        "{}",
        said(&output)
    );
}
