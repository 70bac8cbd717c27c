//! Libraries that are not there or are something else, response files, and linkers that cannot be
//! used.

use std::fs;
use std::os::unix::fs::FileTypeExt;

use handpie_toolchain::command::{Output, Tool};

use crate::support::{text, tool};
use crate::workshop::{Workshop, assert_static_pie, code_of, said};

/// `handpie link --format json` with hello.o.
fn link(workshop: &Workshop, options: &[&str], words: &[&str]) -> Output {
    let link = workshop.handpie(["link", "--format", "json"]).args(options);
    let link = link.args(["-o", "hello", "hello.o"]).args(words);
    link.output().unwrap()
}

/// Fails unless it ended so, with nothing left behind.
fn assert_refused(workshop: &Workshop, output: &Output, exit: i32, code: &str, part: &str) {
    let everything = format!("{}{}", text(output), said(output));
    assert_eq!(output.status.code(), Some(exit), "{everything}");
    assert_eq!(code_of(output), code, "{everything}");
    assert!(everything.contains(part), "no {part:?} in {everything}");
    let left = workshop.names();
    let left = left
        .iter()
        .any(|name| name == "hello" || name.starts_with(".handpie"));
    assert!(!left, "{:?}", workshop.names());
}

#[test]
fn libraries_that_are_not_there_are_said_all_at_once() {
    let workshop = Workshop::new();
    if workshop.object("hello.c", "missing libraries").is_none() {
        return;
    }
    workshop.write("libshared.so", "\x7fELF");
    let output = link(&workshop, &[], &["-L.", "-lnone", "-lshared"]);
    assert_refused(
        &workshop,
        &output,
        1,
        "link-library",
        "`-lnone` was not found in",
    );
    assert_refused(
        &workshop,
        &output,
        1,
        "link-library",
        "only as a shared library",
    );
    assert_refused(&workshop, &output, 1, "link-library", "--enable-static");
}

#[test]
fn a_linker_script_stands_for_the_archives_that_it_names() {
    let what = "a linker script in the place of an archive";
    let workshop = Workshop::new();
    let (Some(_), Some(ar)) = (workshop.object("hello.c", what), tool("ar", what)) else {
        return;
    };
    workshop.write("answer.c", "int answer(void) { return 42; }\n");
    let compile = Tool::new("musl-gcc").args(["-fPIE", "-c", "answer.c"]);
    compile.dir(workshop.folder()).run().unwrap();
    let archive = Tool::new(ar).args(["rc", "libreal.a", "answer.o"]);
    archive.dir(workshop.folder()).run().unwrap();
    workshop.write("libfront.a", "/* GNU ld script */\nGROUP ( -lreal )\n");
    let output = link(&workshop, &[], &["-L.", "-lfront", "-u", "answer"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_static_pie(&workshop.path("hello"));

    fs::remove_file(workshop.path("hello")).unwrap();
    workshop.write("libfront.a", "INPUT(-lreal)\nSECTIONS { }\n");
    let output = link(&workshop, &[], &["-L.", "-lfront"]);
    assert_refused(&workshop, &output, 1, "link-library", "`SECTIONS`");
}

#[test]
fn words_of_response_files_count_as_words() {
    let workshop = Workshop::new();
    if workshop.object("hello.c", "response files").is_none() {
        return;
    }
    workshop.write("more", "'hello.o'\n");
    workshop.write("words", "-o \"hello world\" @more\n-lm");
    let link = workshop.handpie(["link", "@words"]);
    link.run().unwrap();
    assert_static_pie(&workshop.path("hello world"));
    // A file that names itself ends.
    workshop.write("loop", "@loop\n");
    let output = workshop.handpie(["link", "@loop"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
}

#[test]
fn a_linker_that_is_none_is_refused() {
    let workshop = Workshop::new();
    if workshop.object("hello.c", "unknown linkers").is_none() {
        return;
    }
    let output = link(&workshop, &["--linker", "no-such-ld"], &[]);
    assert_refused(&workshop, &output, 4, "linker-unusable", "not in PATH");
    let output = link(&workshop, &["--linker", "echo"], &[]);
    assert_refused(&workshop, &output, 4, "linker-unusable", "expected GNU ld");
}

#[test]
fn an_lld_that_writes_wrong_pointers_is_refused() {
    let what = "an old LLD";
    let workshop = Workshop::new();
    if workshop.object("hello.c", what).is_none() {
        return;
    }
    let version = "#!/bin/sh\necho 'Debian LLD 17.0.6 (compatible with GNU linkers)'\n";
    let fake = workshop.write("old-lld", version);
    fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut linkers = vec![fake];
    let real = std::path::PathBuf::from("/usr/bin/ld.lld-14");
    linkers.extend(real.is_file().then_some(real));
    for linker in linkers {
        let linker = linker.display().to_string();
        let output = link(&workshop, &["--linker", &linker], &[]);
        assert_refused(&workshop, &output, 4, "linker-unusable", "wrong pointers");
    }
}

#[test]
fn other_kinds_of_output_are_refused_by_name() {
    let workshop = Workshop::new();
    if workshop
        .object("hello.c", "other kinds of output")
        .is_none()
    {
        return;
    }
    for (word, part) in [
        ("-shared", "a shared library"),
        ("-r", "an object"),
        ("-no-pie", "a position-dependent program"),
    ] {
        let output = link(&workshop, &[], &[word]);
        assert_refused(&workshop, &output, 1, "link-kind", part);
    }
}

#[test]
fn a_symbol_that_is_nowhere_is_said_in_the_linkers_words() {
    let what = "an undefined symbol";
    let workshop = Workshop::new();
    if tool("musl-gcc", what).is_none() {
        return;
    }
    workshop.write(
        "hello.c",
        "int absent(void);\nint main(void) { return absent(); }\n",
    );
    let compile = Tool::new("musl-gcc").args(["-fPIE", "-c", "hello.c"]);
    compile.dir(workshop.folder()).run().unwrap();
    for linker in crate::workshop::linkers(what) {
        let linker = linker.display().to_string();
        let output = link(&workshop, &["--linker", &linker], &[]);
        assert_refused(&workshop, &output, 1, "linker-refused", "absent");
    }
}

#[test]
fn an_object_for_another_cpu_is_refused() {
    let what = "an object for another CPU";
    let workshop = Workshop::new();
    let (Some(_), Some(gcc)) = (
        workshop.object("hello.c", what),
        tool("aarch64-linux-gnu-gcc", what),
    ) else {
        return;
    };
    workshop.write("other.c", "int other;\n");
    let compile = Tool::new(gcc).args(["-fPIE", "-c", "other.c"]);
    compile.dir(workshop.folder()).run().unwrap();
    for linker in crate::workshop::linkers(what) {
        let linker = linker.display().to_string();
        let output = link(&workshop, &["--linker", &linker], &["other.o"]);
        assert_refused(&workshop, &output, 1, "pic-mixed-cpus", "other.o");
    }
}

#[test]
fn devices_stay_devices() {
    let workshop = Workshop::new();
    if workshop.object("hello.c", "a device as output").is_none() {
        return;
    }
    let device = workshop.path("device");
    let Some(mknod) = tool("mknod", "a device as output") else {
        return;
    };
    let made = Tool::new(mknod).arg(&device).args(["c", "1", "3"]).run();
    if made.is_err() {
        return crate::support::skip("a device as output", "root");
    }
    let link = workshop.handpie(["link", "-o", "device", "hello.o"]);
    let linked = link.output().unwrap();
    let kind = fs::metadata(&device).unwrap().file_type();
    assert!(kind.is_char_device(), "{kind:?}");
    assert!(linked.status.success(), "{}", said(&linked));
}
