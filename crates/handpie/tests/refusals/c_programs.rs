//! Programs that a C compiler and other tools make and that cannot be converted.

use std::fs;
use std::path::{Path, PathBuf};

use handpie_toolchain::command::Tool;

use crate::judge::{refused, run};
use crate::support::{skip, tool};

const LOADER: &str = "-Wl,--dynamic-linker=/lib64/ld-linux-x86-64.so.2";
/// A program with a loader and nothing else: no C library, no start-up files.
const BARE: [&str; 5] = ["-O1", "-nostdlib", "-pie", "-fPIE", LOADER];

/// A word whose address stands in another keeps one plain relocation in each program.
const START: &str = "int word; int *volatile moved = &word;\n";

struct C {
    gcc: Tool,
    folder: tempfile::TempDir,
}

impl C {
    /// `None` where there is no gcc, or it compiles for another machine than the tests expect.
    fn new(what: &str) -> Option<C> {
        let gcc = tool("gcc", what)?;
        if !cfg!(target_arch = "x86_64") {
            skip(what, "gcc for x86-64");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        Some(C {
            gcc: Tool::new(gcc),
            folder,
        })
    }

    fn try_compile(&self, name: &str, source: &str, flags: &[&str]) -> Option<PathBuf> {
        let file = self.folder.path().join(format!("{name}.c"));
        let output = self.folder.path().join(name);
        fs::write(&file, source).unwrap();
        let gcc = self.gcc.clone().args(flags).arg(&file).arg("-o");
        gcc.arg(&output).run().ok().map(|_| output)
    }

    fn compile(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let program = self.try_compile(name, source, flags);
        program.unwrap_or_else(|| panic!("gcc compiles {name}"))
    }
}

#[test]
fn refuses_c_programs_that_need_a_libc() {
    let Some(c) = C::new("C programs that need a libc") else {
        return;
    };
    let source = "#include <stdio.h>\n__thread int counter;\n\
        __attribute__((constructor)) static void early(void) { counter++; }\n\
        int main(void) { return printf(\"%d\\n\", counter) < 0; }\n";
    let libc: (&str, &[&str]) = ("needs-libraries", &["`libc.so.6` (`DT_NEEDED`)"]);
    let threads: (&str, &[&str]) = ("needs-thread-local-storage", &["0x4 bytes"]);
    let constructors: (&str, &[&str]) = ("needs-initializers", &["`DT_INIT_ARRAY` (at address"]);
    let fixed: (&str, &[&str]) = ("position-dependent", &["linked to run at a fixed address"]);
    let pie = c.compile("pie", source, &["-pie", "-fPIE"]);
    let symbols: (&str, &[&str]) = ("non-relative-relocation", &["`__libc_start_main`"]);
    refused(&pie, &[libc, threads, constructors, symbols]);
    let exe = c.compile("exe", source, &["-no-pie", "-fno-pie"]);
    refused(&exe, &[fixed, libc, threads, constructors]);
    let shown = run(["convert".as_ref(), exe.as_os_str(), "--dry-run".as_ref()]).stdout;
    assert!(
        shown.contains("-static-pie") && !shown.contains("go build"),
        "{shown}"
    );
    let object = c.compile("object", source, &["-c"]);
    refused(&object, &[("relocatable-object", &["not been linked"])]);
    if let Some(fixed_static) = c.try_compile("static", source, &["-static"]) {
        refused(&fixed_static, &[fixed, ("needs-thread-local-storage", &[])]);
    } else {
        skip("a static C program", "libc.a");
    }
}

#[test]
fn what_musl_gcc_calls_a_static_pie_is_taken_for_what_it_is() {
    let what = "a static-PIE of musl-gcc";
    let (Some(c), Some(musl)) = (C::new(what), tool("musl-gcc", what)) else {
        return;
    };
    let c = C {
        gcc: Tool::new(musl),
        ..c
    };
    let program = c.compile("musl", "int main(void) { return 0; }\n", &["-static-pie"]);
    refused(
        &program,
        &[
            ("needs-libraries", &["`libc.so` (`DT_NEEDED`)"]),
            ("needs-initializers", &["`DT_INIT_ARRAY`"]),
            ("non-relative-relocation", &["`__cxa_finalize`"]),
        ],
    );
}

#[test]
fn refuses_c_programs_by_the_relocation_they_need() {
    let Some(c) = C::new("C programs with other relocations") else {
        return;
    };
    let weak = format!(
        "{START}extern int absent __attribute__((weak));\nint *volatile table = &absent;\n\
         void _start(void) {{ for (;;) moved = &absent; }}\n"
    );
    refused(
        &c.compile("weak", &weak, &BARE),
        &[(
            "non-relative-relocation",
            &["R_X86_64_", "of `absent`", "(at offset 0x"],
        )],
    );
    let chosen = format!(
        "{START}static int one(void) {{ return 1; }}\nstatic void *pick(void) {{ return one; }}\n\
         int chosen(void) __attribute__((ifunc(\"pick\")));\nint (*volatile p)(void) = chosen;\n\
         void _start(void) {{ for (;;) p(); }}\n"
    );
    refused(
        &c.compile("ifunc", &chosen, &BARE),
        &[(
            "non-relative-relocation",
            &["`R_X86_64_IRELATIVE` for address"],
        )],
    );
    let text = format!(
        "{START}__asm__(\".text\\n.globl _start\\n_start: movabs $word, %rax\\n jmp _start\\n\");\n"
    );
    let flags = [&BARE[..], &["-Wl,-z,notext"]].concat();
    refused(
        &c.compile("textrel", &text, &flags),
        &[(
            "text-relocations",
            &["`R_X86_64_RELATIVE` for address 0x1002"],
        )],
    );
}

#[test]
fn refuses_bare_c_programs_by_what_a_loader_would_do() {
    let Some(c) = C::new("bare C programs") else {
        return;
    };
    let threads = format!(
        "{START}__thread int counter = 7;\nvoid _start(void) {{ for (;;) moved = &counter; }}\n"
    );
    refused(
        &c.compile("threads", &threads, &BARE),
        &[("needs-thread-local-storage", &["0x4 bytes", "`PT_TLS`"])],
    );
    let constructors = format!(
        "{START}static volatile int done;\n\
         __attribute__((constructor)) static void early(void) {{ done = 1; }}\n\
         __attribute__((destructor)) static void late(void) {{ done = 0; }}\n\
         void _start(void) {{ for (;;); }}\n"
    );
    refused(
        &c.compile("constructors", &constructors, &BARE),
        &[(
            "needs-initializers",
            &["`DT_INIT_ARRAY`", "`DT_FINI_ARRAY`"],
        )],
    );
    let none = "void _start(void) { for (;;); }\n";
    refused(
        &c.compile("none", none, &BARE),
        &[("no-relocations", &["the file does not show"])],
    );
    let x32 = format!("{START}{none}");
    match c.try_compile("x32", &x32, &["-mx32", "-nostdlib", "-pie", "-fPIE"]) {
        Some(x32) => refused(&x32, &[("wrong-class", &["amd64", "`ELFCLASS64`"])]),
        None => skip("an x32 program", "gcc -mx32"),
    }
}

/// GNU ld starts RELRO in the middle of a page, which nothing else uses.
#[test]
fn converts_and_runs_a_bare_c_program() {
    let Some(c) = C::new("a bare C program") else {
        return;
    };
    let source = "static long call(long n, long a, long b, long c) { long r;\n\
        __asm__ volatile(\"syscall\" : \"=a\"(r) : \"a\"(n), \"D\"(a), \"S\"(b), \"d\"(c)\n\
        : \"rcx\", \"r11\", \"memory\"); return r; }\n\
        static const char text[] = \"alive\\n\";\n\
        const char *const table[] = {text, text + 1};\n\
        const char *volatile moving = text;\n\
        void _start(void) { if (moving != table[0]) call(60, 1, 0, 0);\n\
        call(1, 1, (long)moving, 6); call(60, 42, 0, 0); }\n";
    let program = c.compile("bare", source, &BARE);
    let output = c.folder.path().join("bare.static");
    let ran = run(crate::inputs::convert(&program, &output));
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.contains("become read-only at start"), "{ran:?}");
    let alive = Tool::new(&output).output().unwrap();
    assert_eq!(
        (alive.status.code(), &alive.stdout[..]),
        (Some(42), &b"alive\n"[..])
    );
}

#[test]
fn refuses_the_c_library_and_the_loader() {
    let Some(c) = C::new("the C library") else {
        return;
    };
    let ask = c
        .gcc
        .clone()
        .arg("-print-file-name=libc.so.6")
        .run()
        .unwrap();
    let libc = PathBuf::from(String::from_utf8_lossy(&ask.stdout).trim());
    refused(&libc, &[("shared-object", &["shared library"])]);
    let loader = Path::new("/lib64/ld-linux-x86-64.so.2");
    if loader.exists() {
        refused(loader, &[("shared-object", &["shared library"])]);
    }
}

#[test]
fn refuses_a_core_file() {
    let what = "a core file that a debugger wrote";
    let (Some(c), Some(gdb)) = (C::new(what), tool("gdb", what)) else {
        return;
    };
    let source = "void _start(void) { __builtin_trap(); }\n";
    let program = c.compile(
        "crash",
        source,
        &["-nostdlib", "-static", "-no-pie", "-fno-pie"],
    );
    let core = c.folder.path().join("core");
    let save = format!("generate-core-file {}", core.display());
    let gdb = Tool::new(gdb).args(["-batch", "-nx", "-ex", "run", "-ex", &save]);
    let output = gdb.arg(&program).output().unwrap();
    if !core.exists() {
        // Where ptrace is forbidden, gdb cannot run anything.
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return skip(what, "gdb with permission to trace");
    }
    refused(&core, &[("core-file", &["core dump"])]);
}
