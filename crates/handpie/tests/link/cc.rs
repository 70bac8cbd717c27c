//! `handpie cc`: which flags it adds, that the user's win, and what it leaves to the compiler.

use handpie_toolchain::command::Tool;

use crate::support::{text, tool};
use crate::workshop::{Workshop, assert_static_pie, input, own, readelf, said, zig};

/// What `handpie cc` would run.
fn shown(workshop: &Workshop, words: &[&str]) -> String {
    let show = workshop.handpie(["cc", "--show"]).args(words);
    text(&show.run().unwrap())
}

/// Whether a function of an object looks at a canary.
fn has_canary(workshop: &Workshop, words: &[&str], environment: &[(&str, &str)]) -> Option<bool> {
    let nm = tool("nm", "canaries in an object")?;
    let object = workshop.path("buffer.o");
    let compile = workshop.handpie(["cc", "-O2", "-c", "-o"]).arg(&object);
    let mut compile = compile.args(words).arg(input("buffer.c"));
    for (name, value) in environment {
        compile = compile.env(name, value);
    }
    compile.run().unwrap();
    let symbols = text(&Tool::new(nm).arg(&object).run().unwrap());
    Some(symbols.contains("__stack_chk_fail"))
}

#[test]
fn functions_get_canaries_and_the_users_word_wins() {
    if tool("musl-gcc", "canaries with musl").is_none() {
        return;
    }
    let workshop = Workshop::new();
    let Some(canary) = has_canary(&workshop, &[], &[]) else {
        return;
    };
    assert!(canary);
    let without = has_canary(&workshop, &["-fno-stack-protector"], &[]);
    assert_eq!(without, Some(false));
}

#[test]
fn canaries_stop_a_program_that_overflows() {
    if tool("musl-gcc", "canaries with musl").is_none() {
        return;
    }
    let workshop = Workshop::new();
    let compile = workshop.handpie(["cc", "-O1", "-o", "buffer"]);
    compile.arg(input("buffer.c")).run().unwrap();
    let program = workshop.path("buffer");
    Tool::new(&program).arg("short").run().unwrap();
    let output = Tool::new(&program).arg("x".repeat(200)).output().unwrap();
    assert!(!output.status.success());
    let check = workshop.handpie(["check", "--format", "json", "buffer"]);
    let report = text(&check.output().unwrap());
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let findings = report["result"]["files"][0]["findings"].as_array().unwrap();
    let canary = findings.iter().find(|it| it["code"] == "stack-canary");
    assert_eq!(canary.unwrap()["answer"], "pass", "{canary:#?}");
}

/// What `handpie check` says of a program's flags, with a log.
fn judged(workshop: &Workshop, program: &str) -> serde_json::Value {
    let check = workshop.handpie(["check", "--evidence", "log", "--format", "json", program]);
    let report: serde_json::Value =
        serde_json::from_slice(&check.output().unwrap().stdout).unwrap();
    let findings = report["result"]["files"][0]["findings"].as_array().unwrap();
    let finding = findings.iter().find(|it| it["code"] == "compiler-flags");
    finding.unwrap_or_else(|| panic!("{findings:#?}")).clone()
}

#[test]
fn a_log_of_the_build_tells_how_each_object_was_compiled() {
    let what = "a log of the build";
    let (Some(_), Some(ar), Some(strip)) = (
        tool("musl-gcc", what),
        tool("ar", what),
        tool("strip", what),
    ) else {
        return;
    };
    let workshop = Workshop::new();
    workshop.write(
        "main.c",
        "int f(void), g(void);\nint main(void) { return f() + g(); }\n",
    );
    workshop.write("f.c", "int f(void) { return 0; }\n");
    workshop.write("g.c", "int g(void) { return 0; }\n");
    let cc = |words: &[&str]| {
        let cc = workshop
            .handpie(["cc"])
            .args(words)
            .env("HANDPIE_EVIDENCE", "log");
        cc.run().unwrap();
    };
    cc(&["-c", "f.c"]);
    cc(&["-c", "g.c", "-o", "g.o"]);
    let archive = Tool::new(ar).args(["rcs", "libg.a", "g.o"]);
    archive.dir(workshop.folder()).run().unwrap();
    cc(&["-o", "all", "main.c", "f.o", "-L.", "-lg"]);
    assert_eq!(judged(&workshop, "all")["answer"], "pass");
    // The build id stays, and with it what is known.
    Tool::new(strip).arg(workshop.path("all")).run().unwrap();
    assert_eq!(judged(&workshop, "all")["answer"], "pass");

    cc(&["-fno-stack-protector", "-c", "g.c"]);
    cc(&["-o", "part", "main.c", "f.o", "g.o"]);
    let part = judged(&workshop, "part");
    assert_eq!(part["answer"], "warn", "{part:#}");
    let evidence = part["evidence"][0]["what"].as_str().unwrap();
    assert!(
        evidence.ends_with("g.o: compiled without -fstack-protector-strong"),
        "{part:#}"
    );

    // What nobody wrote down is not known.
    workshop.handpie(["cc", "-O1", "-c", "g.c"]).run().unwrap();
    cc(&["-o", "strange", "main.c", "f.o", "g.o"]);
    let strange = judged(&workshop, "strange");
    assert_eq!(strange["answer"], "unknown", "{strange:#}");
    workshop
        .handpie(["cc", "-o", "other", "main.c", "f.o", "g.o"])
        .run()
        .unwrap();
    assert_eq!(judged(&workshop, "other")["answer"], "unknown");
}

#[test]
fn hardening_can_be_switched_off_in_two_ways() {
    if tool("musl-gcc", "hardening switched off").is_none() {
        return;
    }
    let workshop = Workshop::new();
    let line = shown(&workshop, &["-O2", "-c", "x.c"]);
    assert!(line.contains("-fstack-protector-strong"), "{line}");
    let show = workshop.handpie(["cc", "--show", "-O2", "-c", "x.c"]);
    let line = text(&show.env("HANDPIE_HARDENING", "off").run().unwrap());
    assert!(!line.contains("-fstack-protector-strong"), "{line}");
    assert!(line.contains("-fPIE"), "{line}");
    let line = shown(&workshop, &["--no-hardening", "-O2", "-c", "x.c"]);
    assert!(!line.contains("-fstack-protector-strong"), "{line}");
}

#[test]
fn show_runs_nothing_and_has_every_flag_that_the_compiler_knows() {
    if tool("musl-gcc", "the command of handpie cc").is_none() {
        return;
    }
    let workshop = Workshop::new();
    for compiler in ["gcc", "clang"] {
        if tool(compiler, "the flags of a compiler").is_none() {
            continue;
        }
        let words = [
            "--compiler",
            compiler,
            "-O2",
            "-o",
            "x",
            "-fno-strict-aliasing",
            "x.c",
        ];
        let line = shown(&workshop, &words);
        for flag in [
            "-fstack-protector-strong",
            "-fstack-clash-protection",
            "-Wformat",
            "-Werror=format-security",
            "-static-pie",
        ] {
            assert!(line.contains(flag), "{compiler}: no {flag} in {line}");
        }
        let (ours, users) = line.split_once("-O2").unwrap();
        assert!(ours.contains("-fPIE") && users.contains("x.c"), "{line}");
        if cfg!(target_arch = "x86_64") {
            assert!(line.contains("-fcf-protection=full"), "{compiler}: {line}");
        }
    }
    assert_eq!(workshop.names().len(), 0, "{:?}", workshop.names());
}

#[test]
fn a_format_that_is_no_literal_is_an_error() {
    if tool("musl-gcc", "formats that are no literals").is_none() {
        return;
    }
    let workshop = Workshop::new();
    let source = "#include <stdio.h>\nvoid say(const char *text) { printf(text); }\n";
    workshop.write("say.c", source);
    let compile = workshop.handpie(["cc", "-c", "say.c"]).output().unwrap();
    assert!(!compile.status.success());
    assert!(
        said(&compile).contains("format-security"),
        "{}",
        said(&compile)
    );
}

#[test]
fn with_glibc_and_optimisation_the_checked_functions_are_used() {
    if tool("gcc", "FORTIFY").is_none() {
        return;
    }
    let workshop = Workshop::new();
    let line = shown(&workshop, &["--libc", "glibc", "-O2", "-c", "x.c"]);
    assert!(line.contains("-D_FORTIFY_SOURCE=3"), "{line}");
    for words in [
        ["--libc", "glibc", "-O0", "-c", "x.c"],
        ["--libc", "musl", "-O2", "-c", "x.c"],
        ["--libc", "glibc", "-O2", "-D_FORTIFY_SOURCE=1", "x.c"],
    ] {
        let line = shown(&workshop, &words);
        assert!(!line.contains("-D_FORTIFY_SOURCE=3"), "{line}");
    }
}

#[test]
fn flags_for_another_cpu_are_those_of_that_cpu() {
    if zig("flags for another CPU").is_none() {
        return;
    }
    let workshop = Workshop::new();
    let line = shown(&workshop, &["--cpu", "arm64", "-O2", "-c", "x.c"]);
    assert!(line.contains("-mbranch-protection=standard"), "{line}");
    assert!(!line.contains("-fcf-protection"), "{line}");
}

#[test]
fn an_index_behind_the_end_of_a_vector_stops_the_program() {
    let workshop = Workshop::new();
    let source = "#include <vector>\nint main(int argc, char **) {\n  \
                  std::vector<int> two(2);\n  return two[argc + 4] * 0;\n}\n";
    workshop.write("index.cpp", source);
    let mut libraries: Vec<&[&str]> = Vec::new();
    if zig("hardened C++ with musl").is_some() {
        libraries.push(&["--libc", "musl"]);
    }
    if tool("g++", "hardened C++ with glibc").is_some() {
        libraries.push(&["--libc", "glibc"]);
    }
    for libc in libraries {
        for (hardening, stops) in [(None, true), (Some("--no-hardening"), false)] {
            let compile = workshop.handpie(["c++"]).args(libc).args(hardening);
            let compile = compile.args(["-O1", "-o", "index", "index.cpp"]);
            compile.run().unwrap();
            let output = Tool::new(workshop.path("index")).output().unwrap();
            assert_eq!(!output.status.success(), stops, "{libc:?} {hardening:?}");
        }
    }
}

#[test]
fn what_makes_no_program_is_left_to_the_compiler() {
    let what = "handpie cc for what is no program";
    if tool("musl-gcc", what).is_none() || tool("gcc", what).is_none() {
        return;
    }
    let workshop = Workshop::new();
    let ours = text(&workshop.handpie(["cc", "--version"]).run().unwrap());
    let theirs = text(&Tool::new("gcc").arg("--version").run().unwrap());
    assert_eq!(ours, theirs);

    let compile = workshop.handpie(["cc", "-c", "-o", "buffer.o"]);
    compile.arg(input("buffer.c")).run().unwrap();
    let headers = readelf(&workshop.path("buffer.o")).unwrap_or_default();
    assert!(headers.contains("REL (Relocatable"), "{headers}");

    workshop.write("answer.c", "int answer(void) { return 42; }\n");
    let words = ["cc", "-shared", "-fPIC", "-o", "libanswer.so", "answer.c"];
    workshop.handpie(words).run().unwrap();
    let headers = readelf(&workshop.path("libanswer.so")).unwrap_or_default();
    assert!(headers.contains("DYN (Shared object"), "{headers}");
}

#[test]
fn fuse_ld_chooses_the_linker() {
    let what = "handpie cc with -fuse-ld";
    if tool("musl-gcc", what).is_none() || tool("mold", what).is_none() {
        return;
    }
    let workshop = Workshop::new();
    let compile = workshop.handpie(["cc", "-O2", "-fuse-ld=mold", "-o", "hello"]);
    compile.arg(input("hello.c")).run().unwrap();
    let program = workshop.path("hello");
    assert_static_pie(&program);
    Tool::new(&program).run().unwrap();
    let Some(readelf) = tool("readelf", "which linker it was") else {
        return;
    };
    let comment = Tool::new(readelf).args(["-p", ".comment"]).arg(&program);
    let comment = text(&comment.run().unwrap());
    assert!(comment.contains("mold"), "{comment}");
}

#[test]
fn the_host_profile_gives_a_dynamic_pie_of_this_machine() {
    if tool("gcc", "the host profile").is_none() {
        return;
    }
    let workshop = Workshop::new();
    let words = ["cc", "--profile", "host", "-O2", "-o", "hello"];
    workshop.handpie(words).arg(input("hello.c")).run().unwrap();
    let headers = readelf(&workshop.path("hello")).unwrap_or_default();
    for part in ["DYN (Position-Independent", "INTERP", "GNU_RELRO", "NOW"] {
        assert!(headers.contains(part), "no {part}\n{headers}");
    }
    Tool::new(workshop.path("hello")).run().unwrap();
}

#[test]
fn sources_are_compiled_apart_with_their_flags_where_zig_compiles() {
    if zig("a project with zig").is_none() {
        return;
    }
    let workshop = Workshop::new();
    std::fs::create_dir(workshop.path("include")).unwrap();
    workshop.write("include/number.h", "int number(void);\n");
    workshop.write(
        "number.c",
        "#include <number.h>\nint number(void) { return NUMBER; }\n",
    );
    let main = "#include <number.h>\n#include <stdio.h>\n\
                int main(void) { printf(\"%d %s\\n\", number(), WORD); return 0; }\n";
    workshop.write("main.c", main);
    // Values in words of their own, of flags that only one of the two steps knows.
    let compile = workshop.handpie(["cc", "--compiler", "zig", "-I", "include"]);
    let compile = compile.args(["-D", "NUMBER=7", "-DWORD=\"x\"", "-include", "stddef.h"]);
    let compile = compile.args(["-MD", "-MF", "main.d", "-O2", "main.c", "number.c"]);
    compile
        .args(["-L", ".", "-lm", "-o", "both"])
        .run()
        .unwrap();
    let program = workshop.path("both");
    assert_static_pie(&program);
    assert_eq!(text(&Tool::new(&program).run().unwrap()), "7 x\n");
}

#[test]
fn links_of_the_name_handpie_cc_are_a_compiler() {
    if tool("musl-gcc", "handpie-cc").is_none() {
        return;
    }
    let workshop = Workshop::new();
    let compiler = workshop.called("handpie-cc");
    let program = workshop.path("hello");
    let compile = own(Tool::new(&compiler)).args(["-O2", "-o"]).arg(&program);
    compile.arg(input("hello.c")).run().unwrap();
    assert_static_pie(&program);
}

#[test]
fn headers_of_another_libc_are_never_taken() {
    let what = "headers of musl for another CPU";
    if tool("aarch64-linux-gnu-gcc", what).is_none() {
        return;
    }
    // The compiler has glibc's headers, and musl's for this CPU are nowhere that it could look.
    let workshop = Workshop::new();
    let words = [
        "cc",
        "--cpu",
        "arm64",
        "--compiler",
        "aarch64-linux-gnu-gcc",
        "-c",
    ];
    let output = workshop.handpie(words).arg(input("hello.c")).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    for part in [
        "no musl for aarch64",
        "--compiler zig",
        "explain link-no-libc",
    ] {
        assert!(said(&output).contains(part), "{}", said(&output));
    }
}

#[test]
fn a_compiler_that_is_not_there_is_said() {
    let workshop = Workshop::new();
    let compile = workshop.handpie(["cc", "--compiler", "no-such-cc", "-c", "x.c"]);
    let output = compile.output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    for part in [
        "`no-such-cc` is not in PATH",
        "handpie explain cc-no-compiler",
    ] {
        assert!(said(&output).contains(part), "{}", said(&output));
    }
}
