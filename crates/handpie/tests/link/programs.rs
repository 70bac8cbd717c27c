//! Programs are linked, looked at by readelf, run, and proven.

use std::fs;
use std::path::Path;

use handpie_toolchain::command::Tool;
use serde_json::Value;

use crate::support::{skip, text, tool};
use crate::workshop::{
    Workshop, assert_proven, assert_static_pie, input, linkers, own, readelf, said, zig,
};

/// What hello.c prints where it can see how its memory is mapped.
const HELLO: &str = "thread 47\nmain 47\nrelro r--p\nwords none\n";
/// What hello.cpp prints.
const HELLO_CPP: &str = "even 0\nodd 1\neven 2\nodd 3\n";

#[test]
fn a_c_program_is_linked_as_a_static_pie_by_every_linker() {
    let what = "linking C with musl";
    let workshop = Workshop::new();
    let Some(object) = workshop.object("hello.c", what) else {
        return;
    };
    for (at, linker) in linkers(what).into_iter().enumerate() {
        let program = workshop.path(&format!("hello-{at}"));
        let link = workshop.handpie(["link", "--linker"]).arg(&linker);
        link.arg("-o").arg(&program).arg(&object).run().unwrap();
        assert_static_pie(&program);
        let output = Tool::new(&program).run().unwrap();
        assert_eq!(text(&output), HELLO, "{}", linker.display());
        assert_proven(&workshop, &program);
    }
}

#[test]
fn the_musl_of_the_distribution_gets_no_more_than_it_reads() {
    let what = "linking C with the musl of the distribution";
    let workshop = Workshop::new();
    let Some(object) = workshop.object("hello.c", what) else {
        return;
    };
    // 1.2.3 of Debian 12 reads no RELR: a program that has it dies before main.
    for linker in linkers(what) {
        let link = workshop.handpie(["link", "--format", "json", "--linker"]);
        let link = link.arg(&linker).env("RUSTUP_HOME", workshop.folder());
        let output = link.args(["-o", "hello"]).arg(&object).run().unwrap();
        assert!(text(&output).contains("musl-dev in"), "{}", text(&output));
        let program = workshop.path("hello");
        assert_static_pie(&program);
        let output = Tool::new(&program).run().unwrap();
        assert_eq!(text(&output), HELLO, "{}", linker.display());
    }
}

#[test]
fn a_program_against_glibc_protects_its_relro_as_well() {
    let Some(gcc) = tool("gcc", "linking C with glibc") else {
        return;
    };
    let workshop = Workshop::new();
    let object = workshop.path("hello.o");
    let compile = Tool::new(gcc)
        .args(["-O2", "-fPIE", "-c", "-o"])
        .arg(&object);
    compile.arg(input("hello.c")).run().unwrap();
    // `-lm` is a linker script there.
    let link = workshop.handpie(["link", "--libc", "glibc", "-o", "hello"]);
    let linked = link.arg(&object).args(["-lpthread", "-lm"]).run().unwrap();
    assert!(said(&linked).contains("NSS"), "{}", said(&linked));
    let program = workshop.path("hello");
    assert_static_pie(&program);
    assert_eq!(text(&Tool::new(&program).run().unwrap()), HELLO);
}

#[test]
fn the_report_says_what_was_linked_by_whom_and_with_which_libc() {
    let workshop = Workshop::new();
    let Some(object) = workshop.object("hello.c", "the report of a link") else {
        return;
    };
    let link = workshop.handpie(["link", "--format", "json", "-o", "hello"]);
    let output = link.arg(&object).run().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let result = &document["result"];
    assert_eq!(document["command"], "link");
    assert_eq!(result["file"], "hello");
    assert_eq!(result["linker"], "libwild");
    let size = fs::metadata(workshop.path("hello")).unwrap().len();
    assert_eq!(result["size"], size);
    for (field, part) in [("libc", "musl"), ("command", "embedded-linker")] {
        let value = result[field].as_str().unwrap();
        assert!(value.contains(part), "{field} is {value}");
    }
}

#[test]
fn two_links_of_the_same_objects_give_the_same_bytes() {
    let what = "the same program twice";
    let workshop = Workshop::new();
    let Some(object) = workshop.object("hello.c", what) else {
        return;
    };
    for linker in linkers(what) {
        let programs = ["one", "two"].map(|folder| {
            let folder = workshop.path(folder);
            fs::create_dir_all(&folder).unwrap();
            let link = workshop.handpie(["link", "--linker"]).arg(&linker);
            let link = link.arg("-o").arg(folder.join("hello")).arg(&object);
            link.run().unwrap();
            fs::read(folder.join("hello")).unwrap()
        });
        assert!(programs[0] == programs[1], "{}", linker.display());
    }
}

#[test]
fn cpp_with_exceptions_and_threads_runs_with_glibc() {
    let what = "C++ with glibc";
    if tool("g++", what).is_none() {
        return;
    }
    let workshop = Workshop::new();
    let compile = workshop.handpie(["c++", "--libc", "glibc", "-O2", "-o", "hello"]);
    compile.arg(input("hello.cpp")).run().unwrap();
    let program = workshop.path("hello");
    assert_static_pie(&program);
    assert_eq!(text(&Tool::new(&program).run().unwrap()), HELLO_CPP);
}

#[test]
fn cpp_with_exceptions_and_threads_runs_with_musl_and_zig() {
    if zig("C++ with musl").is_none() {
        return;
    }
    let workshop = Workshop::new();
    let compile = workshop.handpie(["c++", "-O2", "-o", "hello"]);
    compile.arg(input("hello.cpp")).run().unwrap();
    let program = workshop.path("hello");
    assert_static_pie(&program);
    assert_eq!(text(&Tool::new(&program).run().unwrap()), HELLO_CPP);
    assert_proven(&workshop, &program);
}

#[test]
fn a_program_for_arm64_runs_under_an_emulator() {
    let what = "C for arm64";
    let (Some(_), Some(emulator)) = (zig(what), tool("qemu-aarch64-static", what)) else {
        return;
    };
    let workshop = Workshop::new();
    let compile = workshop.handpie(["cc", "--cpu", "arm64", "-O2", "-o", "hello"]);
    compile.arg(input("hello.c")).run().unwrap();
    let program = workshop.path("hello");
    assert_static_pie(&program);
    let headers = readelf(&program).unwrap_or_default();
    assert!(headers.contains("AArch64"), "{headers}");
    // The emulator shows the program's own mappings.
    let output = Tool::new(emulator).arg(&program).run().unwrap();
    assert_eq!(text(&output), HELLO);
}

#[test]
fn a_program_for_arm64_runs_with_the_glibc_of_a_cross_compiler() {
    let what = "C for arm64 with glibc";
    let compiler = tool("aarch64-linux-gnu-gcc", what);
    let (Some(_), Some(emulator)) = (compiler, tool("qemu-aarch64-static", what)) else {
        return;
    };
    let workshop = Workshop::new();
    let words = ["--libc", "glibc", "--compiler", "aarch64-linux-gnu-gcc"];
    let compile = workshop.handpie(["cc", "--cpu", "arm64"]).args(words);
    let compile = compile.args(["-O2", "-o", "hello"]).arg(input("hello.c"));
    compile.run().unwrap();
    let program = workshop.path("hello");
    assert_static_pie(&program);
    let output = Tool::new(emulator).arg(&program).run().unwrap();
    assert_eq!(text(&output), HELLO);
}

#[test]
fn clang_links_through_handpie_when_it_is_named_as_its_linker() {
    let Some(clang) = tool("clang", "handpie as the linker of clang") else {
        return;
    };
    let workshop = Workshop::new();
    let mut ld_path = std::ffi::OsString::from("--ld-path=");
    ld_path.push(workshop.called("ld"));
    // Without a word about the kind: clang asks for a dynamic PIE against glibc.
    let compile = own(Tool::new(clang))
        .arg(ld_path)
        .args(["-O2", "-fPIE", "-o"]);
    let program = workshop.path("hello");
    compile.arg(&program).arg(input("hello.c")).run().unwrap();
    assert_static_pie(&program);
    assert_eq!(text(&Tool::new(&program).run().unwrap()), HELLO);
}

#[test]
fn gcc_links_through_handpie_when_it_finds_it_in_its_folder() {
    let Some(gcc) = tool("gcc", "handpie as the linker of gcc") else {
        return;
    };
    let workshop = Workshop::new();
    workshop.called("ld");
    let mut folder = std::ffi::OsString::from("-B");
    folder.push(workshop.folder());
    let compile = own(Tool::new(gcc)).arg(folder).args(["-O2", "-fPIE", "-o"]);
    let program = workshop.path("hello");
    let compile = compile.arg(&program).arg(input("hello.c"));
    compile.clone().run().unwrap();
    assert_static_pie(&program);
    assert_eq!(text(&Tool::new(&program).run().unwrap()), HELLO);
    // gcc -v and -Wl,-v are questions beside the link, and not instead of it.
    for word in ["-v", "-Wl,-v", "-Wl,--version"] {
        fs::remove_file(&program).ok();
        compile.clone().arg(word).output().unwrap();
        if program.exists() {
            assert_static_pie(&program);
        }
    }
}

#[test]
fn rustc_links_its_musl_programs_through_handpie() {
    let what = "handpie as the linker of rustc";
    let Some(rustc) = tool("rustc", what) else {
        return;
    };
    let target = "x86_64-unknown-linux-musl";
    let libraries = Tool::new(&rustc).args(["--print", "target-libdir", "--target", target]);
    let libraries = text(&libraries.run().unwrap());
    if !Path::new(libraries.trim()).is_dir() {
        return skip(what, "rustup target add x86_64-unknown-linux-musl");
    }
    let workshop = Workshop::new();
    let source = workshop.write("main.rs", "fn main() { println!(\"from Rust\"); }\n");
    let linker = format!("linker={}", workshop.called("ld.handpie").display());
    let program = workshop.path("hello");
    let compile = own(Tool::new(rustc)).args(["--target", target, "-C", &linker]);
    let compile = compile.args(["-C", "linker-flavor=ld"]);
    compile.arg(&source).arg("-o").arg(&program).run().unwrap();
    assert_static_pie(&program);
    assert_eq!(text(&Tool::new(&program).run().unwrap()), "from Rust\n");
    assert_proven(&workshop, &program);
}
