//! Commands that look as if they gave a static-PIE and do not, beside ours on the same source.

use std::path::Path;

use handpie_toolchain::command::Tool;

use crate::support::tool;
use crate::workshop::{Workshop, assert_static_pie, input, own, readelf, zig};

/// What readelf says of a program that a compiler's driver made; its command as one line.
fn made_by(workshop: &Workshop, compiler: &Path, words: &[&str]) -> Option<String> {
    let program = workshop.path("theirs");
    let compile = own(Tool::new(compiler)).args(words).arg("-o").arg(&program);
    compile.arg(input("hello.c")).run().unwrap();
    readelf(&program)
}

fn assert_ours_is_one(workshop: &Workshop, compiler: &str) {
    let compile = workshop.handpie(["cc", "--compiler", compiler, "-O2", "-o", "ours"]);
    compile.arg(input("hello.c")).run().unwrap();
    assert_static_pie(&workshop.path("ours"));
    Tool::new(workshop.path("ours")).run().unwrap();
}

#[test]
fn musl_gcc_gives_a_dynamic_pie_where_handpie_cc_gives_a_static_one() {
    let Some(compiler) = tool("musl-gcc", "the recipe with musl-gcc") else {
        return;
    };
    let workshop = Workshop::new();
    let Some(headers) = made_by(&workshop, &compiler, &["-static-pie", "-fPIE"]) else {
        return;
    };
    assert!(headers.contains("INTERP"), "{headers}");
    let Some(headers) = made_by(&workshop, &compiler, &["-static", "-pie", "-fPIE"]) else {
        return;
    };
    assert!(headers.contains("EXEC (Executable"), "{headers}");
    assert_ours_is_one(&workshop, "gcc");
}

#[test]
fn gcc_static_with_pie_gives_a_fixed_address_where_handpie_cc_does_not() {
    let Some(compiler) = tool("gcc", "the recipe with -static -pie") else {
        return;
    };
    let workshop = Workshop::new();
    let Some(headers) = made_by(&workshop, &compiler, &["-static", "-pie", "-fPIE"]) else {
        return;
    };
    assert!(headers.contains("EXEC (Executable"), "{headers}");
    let compile = workshop.handpie(["cc", "-static", "-pie", "-o", "ours"]);
    compile.arg(input("hello.c")).run().unwrap();
    assert_static_pie(&workshop.path("ours"));
}

#[test]
fn zig_cc_gives_a_fixed_address_where_handpie_cc_gives_a_static_pie() {
    let Some(compiler) = zig("the recipe with zig") else {
        return;
    };
    let workshop = Workshop::new();
    let words = ["cc", "-target", "x86_64-linux-musl", "-static-pie"];
    let Some(headers) = made_by(&workshop, &compiler, &words) else {
        return;
    };
    assert!(headers.contains("EXEC (Executable"), "{headers}");
    assert_ours_is_one(&workshop, "zig");
}
