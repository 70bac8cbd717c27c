//! Programs that Go's toolchain makes and that cannot be converted.

use std::fs;
use std::path::{Path, PathBuf};

use handpie_toolchain::command::Tool;
use tempfile::TempDir;

use crate::judge::{refused, run};
use crate::support::{Program, go, go_release, tool};

const HELLO: &str = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n";

/// Two packages that call C, and one that does not.
const CALLS_C: [(&str, &str); 4] = [
    (
        "main.go",
        "package main\n\nimport (\n\t\"example.test/calls/first\"\n\t\"example.test/calls/plain\"\n\
         \t\"example.test/calls/second\"\n)\n\n\
         func main() { println(first.Twice(3), second.Thrice(3), plain.Four()) }\n",
    ),
    (
        "first/first.go",
        "package first\n\n// static int twice(int n) { return 2 * n; }\nimport \"C\"\n\n\
         func Twice(n int) int { return int(C.twice(C.int(n))) }\n",
    ),
    (
        "second/second.go",
        "package second\n\n// static int thrice(int n) { return 3 * n; }\nimport \"C\"\n\n\
         func Thrice(n int) int { return int(C.thrice(C.int(n))) }\n",
    ),
    (
        "plain/plain.go",
        "package plain\n\n//go:noinline\nfunc Four() int { return 4 }\n",
    ),
];

/// A module in a folder of its own.
struct Module {
    folder: TempDir,
    go: Tool,
}

impl Module {
    fn new(what: &str, files: &[(&str, &str)]) -> Option<Module> {
        let go = go(what)?;
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("go.mod", "module example.test/calls\n\ngo 1.21\n");
        for (name, text) in files {
            write(name, text);
        }
        Some(Module { folder, go })
    }

    /// The same, where a C compiler is needed as well.
    fn with_c(what: &str, files: &[(&str, &str)]) -> Option<Module> {
        tool("gcc", what)?;
        let mut module = Module::new(what, files)?;
        module.go = module.go.env("CGO_ENABLED", "1").env("CC", "gcc");
        Some(module)
    }

    fn build(&self, name: &str, flags: &[&str]) -> PathBuf {
        let output = self.folder.path().join(name);
        let build = self.go.clone().arg("build").args(flags).arg("-o");
        let build = build.arg(&output).arg(".").dir(self.folder.path());
        build.run().expect("go builds the program");
        output
    }
}

#[test]
fn refuses_a_position_dependent_go_program() {
    let Some(module) = Module::new("a position-dependent Go program", &[("main.go", HELLO)]) else {
        return;
    };
    let program = module.build("exe", &["-buildmode=exe"]);
    refused(
        &program,
        &[("position-dependent", &["linked to run at a fixed address"])],
    );
    let ran = run([
        "convert".as_ref(),
        program.as_os_str(),
        "--dry-run".as_ref(),
    ]);
    assert!(ran.stdout.contains("-buildmode=pie"), "{ran:?}");
}

#[test]
fn refuses_a_pie_whose_relocations_were_dropped() {
    let Some(module) = Module::new("a PIE linked with -d", &[("main.go", HELLO)]) else {
        return;
    };
    let program = module.build("d", &["-buildmode=pie", "-ldflags=-d"]);
    refused(
        &program,
        &[("no-relocations", &["it crashes at every address"])],
    );
    let ran = run([
        "convert".as_ref(),
        program.as_os_str(),
        "--dry-run".as_ref(),
    ]);
    assert!(ran.stdout.contains("-ldflags=-d"), "{ran:?}");
}

#[test]
fn refuses_go_programs_for_other_machines_and_systems() {
    let Some(module) = Module::new("Go programs for other machines", &[("main.go", HELLO)]) else {
        return;
    };
    let fixed: (&str, &[&str]) = ("position-dependent", &[]);
    for (system, machine, code, word) in [
        ("linux", "mips64", "unsupported-cpu", "EM_MIPS"),
        ("linux", "386", "unsupported-cpu", "EM_386"),
        ("freebsd", "amd64", "foreign-system", "`EI_OSABI` is 9"),
    ] {
        let go = module.go.clone().env("GOOS", system).env("GOARCH", machine);
        let other = Module {
            folder: tempfile::tempdir().unwrap(),
            go: go.dir(module.folder.path()),
        };
        let output = other.folder.path().join("program");
        let build = other.go.clone().args(["build", "-o"]).arg(&output);
        build.run().expect("go builds for another machine");
        let mut expected = vec![fixed, (code, &[])];
        if system != "linux" {
            // Go asks for a loader only where libc is the way to the kernel.
            expected.truncate(2);
        }
        let words = [word];
        expected[1].1 = &words;
        refused(&output, &expected);
    }
}

/// Go follows ELFv2 on big-endian Power from 1.27 on.
#[test]
fn refuses_power_programs_whose_entry_point_is_no_code() {
    let what = "big-endian Power programs of an older Go";
    let Some(go) = go_release("1.26.6", what) else {
        return;
    };
    let program = Program::build(&go.env("GOARCH", "ppc64"), "works", &["-buildmode=exe"]);
    let elf_v1: (&str, &[&str]) = ("unsupported-cpu", &["ELFv1", "expected ELFv2"]);
    refused(&program.pie, &[("position-dependent", &[]), elf_v1]);
}

#[test]
fn names_the_packages_that_call_c_however_it_was_linked() {
    let Some(module) = Module::with_c("Go programs that call C", &CALLS_C) else {
        return;
    };
    let packages: &[&str] = &[
        "these packages call C functions: `example.test/calls/first`, `example.test/calls/second`",
    ];
    let libraries: (&str, &[&str]) = ("needs-libraries", &["`libc.so.6`"]);
    let relocations: (&str, &[&str]) = (
        "non-relative-relocation",
        &["R_X86_64_GLOB_DAT", "(at offset 0x", "more"],
    );
    let internal = module.build(
        "internal",
        &["-buildmode=pie", "-ldflags=-linkmode=internal"],
    );
    refused(&internal, &[libraries, ("cgo", packages), relocations]);
    // Without symbols the names are still known: Go's runtime needs them.
    for (name, flags) in [
        ("external", "-ldflags=-linkmode=external"),
        ("stripped", "-ldflags=-linkmode=external -s -w"),
    ] {
        let external = module.build(name, &["-buildmode=pie", flags]);
        refused(
            &external,
            &[
                libraries,
                ("cgo", packages),
                ("external-linking", &["`.comment`", "`.init_array`"]),
                (
                    "needs-initializers",
                    &["`DT_INIT`", "`DT_INIT_ARRAY`", "`DT_FINI`"],
                ),
                relocations,
            ],
        );
    }
}

#[test]
fn refuses_pure_go_that_a_c_toolchain_linked() {
    let Some(module) = Module::with_c("external linking of pure Go", &[("main.go", HELLO)]) else {
        return;
    };
    let flags = ["-buildmode=pie", "-ldflags=-linkmode=external"];
    refused(
        &module.build("external", &flags),
        &[
            ("needs-libraries", &["`libc.so.6`"]),
            ("cgo", &["CGO_ENABLED=1", "linked against C libraries"]),
            ("external-linking", &["by a C toolchain"]),
            ("needs-initializers", &[]),
            ("non-relative-relocation", &["`__libc_start_main`"]),
        ],
    );
}

#[test]
fn refuses_a_library_made_by_go() {
    let source = "package main\n\nimport \"C\"\n\n//export Answer\nfunc Answer() int { return 42 }\n\n\
                  func main() {}\n";
    let Some(module) = Module::with_c("a library made by Go", &[("main.go", source)]) else {
        return;
    };
    let library = module.build("library.so", &["-buildmode=c-shared"]);
    refused(&library, &[("shared-object", &["shared library"])]);
    let archive = module.build("library.a", &["-buildmode=c-archive"]);
    crate::judge::unreadable(&archive, "not-elf", &["archive of object files"]);
}

/// Packages in the way of purego ask for a library without cgo: only the file tells.
#[test]
fn names_libraries_that_a_package_without_cgo_asks_for() {
    let source = "package main\n\n//go:cgo_import_dynamic _ _ \"libm.so.6\"\n\n\
                  func main() { println(\"hello\") }\n";
    let Some(module) = Module::new("a library without cgo", &[("main.go", source)]) else {
        return;
    };
    let program = module.build("asks", &["-buildmode=pie"]);
    refused(&program, &[("needs-libraries", &["`libm.so.6`"])]);
}

/// Cut wherever a header or a table begins or is in its middle, a program is never taken for whole.
#[test]
fn a_go_pie_cut_anywhere_is_refused_in_words() {
    let Some(module) = Module::new("a truncated Go program", &[("main.go", HELLO)]) else {
        return;
    };
    let pie = module.build("pie", &["-buildmode=pie"]);
    crate::cut_short::sweep(&pie);
    let stripped = module.build("stripped", &["-buildmode=pie", "-ldflags=-s -w"]);
    crate::cut_short::sweep(&stripped);
    assert_converts(&pie);
}

fn assert_converts(pie: &Path) {
    let ran = run(["convert".as_ref(), pie.as_os_str(), "--dry-run".as_ref()]);
    assert_eq!(ran.status, 0, "the whole file is fine: {ran:?}");
}
