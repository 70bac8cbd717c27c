//! Whose functions are in a file, and what it does with those of others: programs that compilers on
//! this machine make from sources, one way of each question. A tool that is missing skips its test.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod folders;
mod judge;

use std::fs;
use std::path::PathBuf;

use folders::folder;
use handpie_audit::{Answer, Language};
use handpie_testkit::tool::{find, run};
use judge::{answer, answers, subject, why};

use Answer::{Fail, NotApplicable, Pass, Unknown, Warn};

const COPIES: &str = "#include <string.h>\n#include <stdio.h>\n\
     int NAME(const char *s) { char b[64]; strcpy(b, s); return puts(b); }\n";
const MAIN: &str = "int first(const char *); int second(const char *);\n\
     int main(int c, char **v) { return first(v[0]) + second(v[0]) + c; }\n";
const PROTECTED: &str = "-O2 -fstack-protector-strong";
const BARE: &str = "-O2 -fno-stack-protector";

/// A folder with compilers in it.
struct Workshop {
    cc: PathBuf,
    folder: PathBuf,
}

impl Workshop {
    fn new(name: &str, tool: &str) -> Option<Self> {
        let cc = find(&[tool], "whose functions are in a file")?;
        let folder = folder(name);
        Some(Self { cc, folder })
    }

    /// Compiles `source` with `flags`.
    fn object(&self, name: &str, source: &str, flags: &str) -> &Self {
        fs::write(self.folder.join(name), source).unwrap();
        self.run(&format!("{flags} -c {name} -o {name}.o"))
    }

    fn run(&self, args: &str) -> &Self {
        run(&self.cc, &self.folder, args, &[]);
        self
    }

    fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap()
    }

    fn strip(&self, name: &str, args: &str) -> Vec<u8> {
        let strip = find(&["strip"], "stripped files").unwrap();
        run(&strip, &self.folder, &format!("{args} {name}"), &[]);
        self.file(name)
    }
}

fn copies(name: &str) -> String {
    COPIES.replace("NAME", name)
}

#[test]
fn a_canary_counts_for_the_object_that_was_compiled_with_it() {
    let Some(shop) = Workshop::new("mixed", "gcc") else {
        return;
    };
    shop.object("main.c", MAIN, BARE)
        .object("first.c", &copies("first"), BARE)
        .object("second.c", &copies("second"), PROTECTED)
        .object("safe.c", &copies("first"), PROTECTED)
        .run("main.c.o first.c.o second.c.o -o mixed")
        .run("main.c.o safe.c.o second.c.o -o whole");
    let mixed = shop.file("mixed");
    assert_eq!(answer(&mixed, "stack-canary"), Warn);
    assert!(
        why(&mixed, "stack-canary").contains("not in 1 of the 2"),
        "{mixed:?}"
    );
    assert_eq!(answer(&shop.file("whole"), "stack-canary"), Pass);
}

#[test]
fn a_canary_is_seen_wherever_its_value_is_kept() {
    let Some(shop) = Workshop::new("guards", "gcc") else {
        return;
    };
    let guard = "unsigned long __stack_chk_guard = 1;\n";
    shop.object("guard.c", guard, BARE)
        .object("main.c", MAIN, BARE);
    for (name, flags) in [
        ("global", "-mstack-protector-guard=global"),
        (
            "register",
            "-mstack-protector-guard=tls -mstack-protector-guard-reg=gs \
                      -mstack-protector-guard-offset=64",
        ),
    ] {
        let flags = format!("{PROTECTED} {flags}");
        shop.object("first.c", &copies("first"), &flags).object(
            "second.c",
            &copies("second"),
            &flags,
        );
        let objects = "main.c.o first.c.o second.c.o guard.c.o";
        shop.run(&format!("{objects} -o {name}"));
        shop.run(&format!("-static {objects} -o {name}-static"));
        assert_eq!(answer(&shop.file(name), "stack-canary"), Pass, "{name}");
        assert_eq!(
            answer(&shop.file(&format!("{name}-static")), "stack-canary"),
            Pass,
            "{name}"
        );
        let stripped = shop.strip(name, "--strip-all");
        assert_eq!(answer(&stripped, "stack-canary"), Pass, "{name}, stripped");
    }
    // What OpenBSD's and old compilers call, and a file of which only some names are left.
    let old = copies("first")
        .replace(
            "#include <stdio.h>",
            "#include <stdio.h>\n\
        extern long __guard[8]; void __stack_smash_handler(char *, int);\n",
        )
        .replace(
            "return puts(b);",
            "if (__guard[0] != 1) __stack_smash_handler(b, 1); return puts(b);",
        );
    shop.object("old.c", &old, "-O2 -fno-stack-protector -fPIC")
        .run("-fPIC -shared old.c.o -o old.so");
    assert_eq!(answer(&shop.file("old.so"), "stack-canary"), Pass);
    shop.object(
        "part.c",
        &format!("{}int other(int a) {{ return a * 3; }}\n", copies("first")),
        "-O2 -fPIC -fstack-protector-strong",
    )
    .run("-shared part.c.o -o part.so");
    let part = shop.strip("part.so", "--strip-all -K other");
    assert_eq!(answer(&part, "stack-canary"), Pass, "only one name is left");
}

#[test]
fn calls_through_the_plt_of_arm64_show_which_functions_check_a_canary() {
    let Some(shop) = Workshop::new("arm64", "aarch64-linux-gnu-gcc") else {
        return;
    };
    let pic = |flags: &str| format!("{flags} -fPIC");
    shop.object("first.c", &copies("first"), &pic(BARE))
        .object("second.c", &copies("second"), &pic(PROTECTED))
        .object("third.c", &copies("first"), &pic(PROTECTED));
    for (name, objects, flags, expected) in [
        ("mixed", "first.c.o second.c.o", "", Warn),
        ("whole", "third.c.o second.c.o", "", Pass),
        ("pads", "third.c.o second.c.o", "-Wl,-z,force-bti", Pass),
        ("bare", "first.c.o", "", Fail),
    ] {
        shop.run(&format!("-shared {objects} {flags} -o {name}.so"));
        let file = shop.file(&format!("{name}.so"));
        assert_eq!(answer(&file, "stack-canary"), expected, "{name}");
        let whole = why(&file, "stack-canary").contains("2 of 2");
        assert_eq!(whole, expected == Pass, "{name}");
    }
}

#[test]
fn a_library_is_not_protected_by_the_cpp_library_that_is_linked_in() {
    let Some(shop) = Workshop::new("cpp", "g++") else {
        return;
    };
    let source = "#include <cstring>\n#include <cstdio>\n#include <stdexcept>\n#include <string>\n\
        extern \"C\" int own(const char *s) {\n\
        char b[64]; strcpy(b, s); puts(b);\n\
        if (b[0] == 'x') throw std::runtime_error(std::string(s)); return b[3]; }\n\
        extern \"C\" int more(const char *s) { char b[80]; strcpy(b, s); return puts(b) + own(b); }\n";
    for (name, flags, expected) in [("bare", BARE, [Warn, Fail]), ("safe", PROTECTED, [Pass; 2])] {
        shop.object("own.cc", source, &format!("{flags} -fPIC"))
            .run(&format!(
                "-shared -static-libstdc++ -static-libgcc own.cc.o -o {name}.so"
            ));
        let found = answer(&shop.file(&format!("{name}.so")), "stack-canary");
        assert!(expected.contains(&found), "{name}: {found:?}");
    }
    let stripped = shop.strip("bare.so", "--strip-all");
    assert_eq!(
        answer(&stripped, "stack-canary"),
        Unknown,
        "it cannot be told any more"
    );
}

#[test]
fn a_function_whose_address_is_taken_is_not_called_without_checks() {
    let Some(shop) = Workshop::new("addresses", "gcc") else {
        return;
    };
    let main = "#include <stdio.h>\n#include <string.h>\n#include <syslog.h>\n\
        typedef int (*print)(const char *, ...); int use(print, int);\n\
        int main(int c, char **v) { char b[32]; strcpy(b, v[0]); printf(\"%s %d\\n\", b, c);\n\
        return use(printf, c); }\n";
    let use_ = "typedef int (*print)(const char *, ...);\n\
        int use(print f, int n) { return f(\"n %d\\n\", n); }\n";
    let calls = "int printf(const char *, ...); typedef int (*print)(const char *, ...);\n\
        int use(print f, int n) { return printf(\"%d\", n) + f(\"n\"); }\n";
    let fortified = "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2";
    shop.object("main.c", main, fortified)
        .object("use.c", use_, fortified)
        .object("calls.c", calls, "-O2 -U_FORTIFY_SOURCE -fno-builtin");
    for (name, flags) in [("lazy", ""), ("now", "-Wl,-z,now"), ("fixed", "-no-pie")] {
        shop.run(&format!("main.c.o use.c.o {flags} -o taken-{name}"))
            .run(&format!("main.c.o calls.c.o {flags} -o called-{name}"));
        assert_eq!(
            answer(&shop.file(&format!("taken-{name}")), "fortify"),
            Pass,
            "{name}"
        );
        assert_eq!(
            answer(&shop.file(&format!("called-{name}")), "fortify"),
            Warn,
            "{name}"
        );
    }
    shop.object(
        "calls.c",
        calls,
        "-O2 -U_FORTIFY_SOURCE -fno-builtin -fno-plt",
    )
    .run("main.c.o calls.c.o -o no-plt");
    assert_eq!(
        answer(&shop.file("no-plt"), "fortify"),
        Warn,
        "called through the GOT"
    );
}

#[test]
fn every_checked_variant_of_glibc_counts() {
    let Some(shop) = Workshop::new("variants", "gcc") else {
        return;
    };
    let jump = "#include <setjmp.h>\njmp_buf at; void leave(void) { longjmp(at, 1); }\n";
    let open = "#include <fcntl.h>\nint flags; int make(void) { return open(\"x\", flags); }\n";
    let wide = "#include <wchar.h>\nvoid put(const wchar_t *s) { wprintf(L\"%ls\", s); }\n";
    let set = "#include <sys/select.h>\nvoid add(int n, fd_set *s) { FD_SET(n, s); }\n";
    for (name, source) in [("jump", jump), ("open", open), ("wide", wide), ("set", set)] {
        let flags = "-O2 -fPIC -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2";
        shop.object("one.c", source, flags)
            .run(&format!("-shared one.c.o -o {name}.so"));
        assert_eq!(
            answer(&shop.file(&format!("{name}.so")), "fortify"),
            Pass,
            "{name}"
        );
    }
    shop.object("one.c", wide, "-O2 -fPIC -U_FORTIFY_SOURCE")
        .run("-shared one.c.o -o bare.so");
    assert_eq!(
        answer(&shop.file("bare.so"), "fortify"),
        Fail,
        "not even wprintf"
    );
}

#[test]
fn counters_and_sanitizers_are_seen_in_stripped_programs() {
    let Some(shop) = Workshop::new("stripped", "gcc") else {
        return;
    };
    shop.object("first.c", &copies("first"), BARE)
        .object("second.c", &copies("second"), BARE);
    fs::write(shop.folder.join("main.c"), MAIN).unwrap();
    for (name, flags, expected) in [
        ("plain", "", Pass),
        ("gcov", "--coverage", Fail),
        ("gprof", "-pg", Fail),
        ("gprof-static", "-pg -static", Fail),
        ("gcov-static", "--coverage -static", Fail),
        ("ubsan", "-fsanitize=undefined", Fail),
    ] {
        shop.run(&format!("{flags} main.c first.c second.c -o {name}"));
        assert_eq!(
            answer(&shop.strip(name, "--strip-all"), "sanitizers"),
            expected,
            "{name}"
        );
    }
    if let Some(clang) = find(&["clang"], "clang's counters") {
        let args = "-fprofile-instr-generate main.c first.c second.c -o prof";
        run(&clang, &shop.folder, args, &[]);
        assert_eq!(
            answer(&shop.strip("prof", "--strip-all"), "sanitizers"),
            Fail
        );
    }
}

#[test]
fn rust_that_calls_c_is_rust_and_c_that_is_linked_in_is_judged_as_c() {
    let Some(shop) = Workshop::new("rust", "rustc") else {
        return;
    };
    let Some(gcc) = find(&["gcc"], "C in Rust") else {
        return;
    };
    let calls = "extern \"C\" { fn snprintf(b: *mut i8, n: usize, f: *const i8, ...) -> i32; }\n\
        fn main() { let mut b = [0i8; 64];\n\
        unsafe { snprintf(b.as_mut_ptr(), 64, b\"n\\0\".as_ptr() as *const i8) };\n\
        println!(\"{}\", b[2]); }\n";
    fs::write(shop.folder.join("calls.rs"), calls).unwrap();
    shop.run("-O calls.rs -o calls");
    let file = shop.file("calls");
    assert_eq!(subject(&file).languages, [Language::Rust]);
    assert_eq!(answer(&file, "stack-canary"), NotApplicable);
    assert_eq!(answer(&file, "fortify"), NotApplicable);

    let exports = "#[no_mangle] pub extern \"C\" fn count(s: *const u8) -> usize {\n\
        let s = unsafe { std::ffi::CStr::from_ptr(s.cast()) };\n\
        println!(\"{s:?}\"); s.to_bytes().len() }\n";
    fs::write(shop.folder.join("exports.rs"), exports).unwrap();
    shop.run("-O --crate-type cdylib exports.rs -o exports.so");
    let file = shop.file("exports.so");
    assert_eq!(
        subject(&file).languages,
        [Language::Rust],
        "as cbindgen and maturin make them"
    );
    assert_eq!(answer(&file, "stack-canary"), NotApplicable);

    let links = "extern \"C\" { fn first(s: *const u8) -> i32; }\n\
        fn main() { println!(\"{}\", unsafe { first(b\"x\\0\".as_ptr()) }); }\n";
    fs::write(shop.folder.join("links.rs"), links).unwrap();
    for (name, flags, expected) in [("bare", BARE, Warn), ("safe", PROTECTED, Pass)] {
        fs::write(shop.folder.join("first.c"), copies("first")).unwrap();
        run(
            &gcc,
            &shop.folder,
            &format!("{flags} -c first.c -o first.o"),
            &[],
        );
        shop.run(&format!("-O links.rs -C link-arg=first.o -o {name}"));
        let file = shop.file(name);
        assert_eq!(
            subject(&file).languages,
            [Language::Rust, Language::C],
            "{name}"
        );
        let found = answer(&file, "stack-canary");
        assert!(
            found == expected || (found, expected) == (Fail, Warn),
            "{name}: {found:?}"
        );
        let why = why(&file, "stack-canary");
        assert!(
            why.contains("1 function") || why.contains("of 1 "),
            "{name}: {why}"
        );
    }
}

#[test]
fn canaries_of_x32_are_seen() {
    let Some(shop) = Workshop::new("x32", "gcc") else {
        return;
    };
    let source = "void fill(char *); int own(void) { char b[64]; fill(b); return b[1]; }\n";
    for (name, flags, expected) in [("safe", PROTECTED, Pass), ("bare", BARE, Unknown)] {
        shop.object(
            "one.c",
            source,
            &format!("{flags} -mx32 -fPIC -ffreestanding"),
        )
        .run(&format!("-mx32 -shared -nostdlib one.c.o -o {name}.so"));
        let file = shop.file(&format!("{name}.so"));
        let found = answer(&file, "stack-canary");
        assert!(
            found == expected || (found, name) == (Fail, "bare"),
            "{name}: {found:?}"
        );
        assert_eq!(
            why(&file, "stack-canary").contains("1 of 1"),
            expected == Pass,
            "{name}"
        );
    }
}

#[test]
fn languages_show_by_their_runtimes() {
    let Some(shop) = Workshop::new("languages", "gcc") else {
        return;
    };
    // What a linker leaves of each: a function of the runtime, or a library that is asked for.
    for (name, source, expected) in [
        (
            "haskell",
            "int hs_main(void) { return 0; }",
            Language::Haskell,
        ),
        (
            "ocaml",
            "int caml_main(void) { return 0; }",
            Language::OCaml,
        ),
        ("nim", "int NimMain(void) { return 0; }", Language::Nim),
        ("ada", "int adainit(void) { return 0; }", Language::Ada),
        (
            "fortran",
            "int MAIN__(void) { return 0; }",
            Language::Fortran,
        ),
        ("d", "int _d_run_main(void) { return 0; }", Language::D),
        (
            "swift",
            "int swift_retain(void) { return 0; }",
            Language::Swift,
        ),
        (
            "pascal",
            "__attribute__((section(\".fpcdata\"))) int mark = 1; int main(void) { return 0; }",
            Language::Pascal,
        ),
        ("c", "int something_else(void) { return 0; }", Language::C),
    ] {
        shop.object("one.c", source, "-O2 -fPIC")
            .run(&format!("-shared one.c.o -o {name}.so"));
        let file = shop.file(&format!("{name}.so"));
        assert_eq!(subject(&file).languages.first(), Some(&expected), "{name}");
    }
    let names: Vec<_> = answers(&shop.file("haskell.so"));
    assert!(
        names.contains(&("stack-canary", NotApplicable)),
        "{names:?}"
    );
}
