//! `handpie integrate`: the flags without a wrapper.

use handpie_toolchain::command::Tool;

use crate::support::{text, tool};
use crate::workshop::{Workshop, input};

/// The functions of libc that a program calls, with these flags.
fn imports(workshop: &Workshop, compiler: &Tool, words: &[&str]) -> Option<String> {
    let nm = tool("nm", "what a program calls")?;
    let program = workshop.path("buffer");
    let compile = compiler.clone().args(words).arg(input("buffer.c"));
    compile.arg("-o").arg(&program).run().unwrap();
    Some(text(&Tool::new(nm).arg("-D").arg(&program).run().unwrap()))
}

fn compiler(name: &str, file: &str, flag: &str) -> Option<(Workshop, Tool)> {
    let path = tool(name, "a compiler with handpie's flags")?;
    let workshop = Workshop::new();
    let made = text(&workshop.handpie(["integrate", file]).run().unwrap());
    let made = workshop.write("hardening", made);
    let compiler = match flag.strip_suffix('=') {
        Some(_) => Tool::new(path).arg(format!("{flag}{}", made.display())),
        None => Tool::new(path).arg(flag).arg(made),
    };
    Some((workshop, compiler))
}

#[test]
fn a_spec_file_hardens_at_every_level_of_optimisation_and_the_users_word_wins() {
    let Some((workshop, gcc)) = compiler("gcc", "gcc-spec", "-specs=") else {
        return;
    };
    // -Ofast is the level that published spec files misspell.
    for level in ["-O1", "-O2", "-Os", "-Ofast"] {
        let Some(calls) = imports(&workshop, &gcc, &[level]) else {
            return;
        };
        assert!(calls.contains("__stack_chk_fail"), "{level}: {calls}");
        assert!(calls.contains("_chk@"), "{level}: {calls}");
    }
    let words = ["-O2", "-fno-stack-protector", "-U_FORTIFY_SOURCE"];
    let calls = imports(&workshop, &gcc, &words).unwrap();
    assert!(!calls.contains("_chk"), "{calls}");
    // Nothing is checked without optimisation, and glibc's headers must not say so.
    let calls = imports(&workshop, &gcc, &["-O0", "-Werror"]).unwrap();
    assert!(!calls.contains("_chk@"), "{calls}");
}

#[test]
fn a_configuration_file_hardens_what_clang_compiles() {
    let Some((workshop, clang)) = compiler("clang", "clang-cfg", "--config") else {
        return;
    };
    let Some(calls) = imports(&workshop, &clang, &["-O2"]) else {
        return;
    };
    assert!(calls.contains("__stack_chk_fail"), "{calls}");
    let calls = imports(&workshop, &clang, &["-O2", "-fno-stack-protector"]).unwrap();
    assert!(!calls.contains("__stack_chk_fail"), "{calls}");
}
