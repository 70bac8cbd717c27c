//! Debuggers, tracers and profilers work on converted programs: the entry point has changed and the
//! loader is gone, and both are things that they look at. A program that moves itself is, besides, not
//! where the kernel put it. What works in which mode is the table of docs/design/aslr.md.

mod support;

use std::path::PathBuf;
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

use handpie_toolchain::command::{Stream, Tool};
use support::{Program, go, text, tool};

/// A program that runs until it is dropped.
struct Running(Child);

impl Running {
    fn start(program: &std::path::Path) -> Running {
        let child = Tool::new(program)
            .arg("spin")
            .stdout(Stream::Null)
            .stderr(Stream::Null)
            .spawn()
            .expect("it starts");
        sleep(Duration::from_millis(300));
        Running(child)
    }

    fn id(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program as the kernel places it, and one that moves and seals itself.
fn both(program: &Program) -> [PathBuf; 2] {
    [program.convert(), program.harden()]
}

#[test]
fn gdb_breaks_at_main_and_unwinds() {
    let what = "breaking with gdb";
    let (Some(go), Some(gdb)) = (go(what), tool("gdb", what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    for file in both(&program) {
        let output = Tool::new(&gdb)
            .args(["-nx", "-batch", "-ex", "break main.burn", "-ex", "run"])
            .args(["-ex", "bt", "--args"])
            .arg(file)
            .arg("spin")
            .timeout(Duration::from_secs(120))
            .output()
            .expect("gdb");
        let said = text(&output);
        for frame in ["#0  main.burn", "main.spin", "main.main"] {
            assert!(said.contains(frame), "{frame} in\n{said}");
        }
    }
}

#[test]
fn gdb_attaches_to_a_running_program() {
    let what = "attaching with gdb";
    let (Some(go), Some(gdb)) = (go(what), tool("gdb", what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    for file in both(&program) {
        let running = Running::start(&file);
        let output = Tool::new(&gdb)
            .args(["-nx", "-batch", "-p", &running.id()])
            .args(["-ex", "thread apply all bt"])
            .timeout(Duration::from_secs(120))
            .output()
            .expect("gdb");
        assert!(text(&output).contains("main.spin"), "{}", text(&output));
    }
}

#[test]
fn gdb_reads_a_core_of_a_running_program() {
    let what = "reading a core with gdb";
    let (Some(go), Some(gdb)) = (go(what), tool("gdb", what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    for file in both(&program) {
        let running = Running::start(&file);
        let core = program.path("core");
        let gdb = |words: &[&str]| {
            let gdb = Tool::new(&gdb).args(["-nx", "-batch"]).args(words);
            gdb.timeout(Duration::from_secs(120)).output().expect("gdb")
        };
        let dump = format!("generate-core-file {}", core.display());
        gdb(&["-p", &running.id(), "-ex", &dump]);
        let (file, core) = (file.display().to_string(), core.display().to_string());
        let said = text(&gdb(&[&file, &core, "-ex", "thread apply all bt"]));
        assert!(said.contains("main.spin"), "{said}");
    }
}

#[test]
fn delve_attaches_and_names_the_functions_on_the_stack() {
    let what = "attaching with delve";
    let (Some(go), Some(dlv)) = (go(what), tool("dlv", what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    for file in both(&program) {
        let running = Running::start(&file);
        let script = program.path("script");
        std::fs::write(&script, "goroutines -t 8\nexit -c\n").expect("a script");
        let output = Tool::new(&dlv)
            .args(["attach", &running.id(), "--check-go-version=false"])
            .args(["--allow-non-terminal-interactive=true", "--init"])
            .arg(&script)
            .timeout(Duration::from_secs(120))
            .output()
            .expect("dlv");
        let said = text(&output);
        assert!(
            said.contains("main.main"),
            "{said}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn perf_names_the_functions_it_samples() {
    let what = "sampling with perf";
    let (Some(go), Some(perf)) = (go(what), tool("perf", what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let data = program.path("perf.data");
    let record = |words: &[&str]| {
        let record = Tool::new(&perf).args(["record", "-q", "-e", "cpu-clock", "-o"]);
        let record = record.arg(&data).args(words).output().expect("perf");
        let report = Tool::new(&perf).args(["report", "--stdio", "-q", "-i"]);
        let report = report.arg(&data).output().expect("perf");
        let said = text(&report);
        let problem = String::from_utf8_lossy(&record.stderr).into_owned();
        assert!(said.contains("main.burn"), "{words:?}:\n{said}\n{problem}");
    };
    for file in both(&program) {
        let running = Running::start(&file);
        record(&["-p", &running.id(), "--", "sleep", "0.5"]);
        drop(running);
        // From the start: perf hears of the code from the kernel, while the program moves itself.
        record(&["--", "timeout", "1", &file.display().to_string(), "spin"]);
    }
}

#[test]
fn a_profile_that_a_program_makes_of_itself_names_functions() {
    let Some(go) = go("profiling with runtime/pprof") else {
        return;
    };
    let program = Program::build(&go, "profile", &[]);
    for file in both(&program) {
        let profile = program.path("profile");
        Tool::new(&file).arg(&profile).run().expect("a profile");
        let top = go
            .clone()
            .args(["tool", "pprof", "-top"])
            .args([&file, &profile]);
        let top = text(&top.run().expect("pprof"));
        assert!(top.contains("main.burn"), "{top}");
    }
}

#[test]
fn go_tool_pprof_and_addr2line_name_functions() {
    let Some(go) = go("naming addresses with go's tools") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let file = program.convert();
    let symbols = go
        .clone()
        .args(["tool", "nm"])
        .arg(&file)
        .run()
        .expect("nm");
    let symbols = text(&symbols);
    let line = symbols.lines().find(|line| line.ends_with(" T main.burn"));
    let address = line
        .and_then(|line| line.split_whitespace().next())
        .expect("main.burn");
    let list = go
        .args(["tool", "objdump", "-s", "^main.burn$"])
        .arg(&file)
        .run()
        .expect("objdump");
    assert!(
        text(&list).contains(&format!("0x{address}")),
        "{}",
        text(&list)
    );
}

#[test]
fn strace_sees_the_program_protect_its_relro_before_it_goes_on() {
    let what = "tracing with strace";
    let (Some(go), Some(strace)) = (go(what), tool("strace", what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let log = program.path("log");
    Tool::new(strace)
        .arg("-o")
        .arg(&log)
        .arg(program.convert())
        .arg("child")
        .run()
        .expect("strace");
    let log = std::fs::read_to_string(log).expect("the log");
    let mut lines = log.lines();
    assert!(
        lines.next().is_some_and(|line| line.starts_with("execve(")),
        "{log}"
    );
    let protected = lines.next().unwrap_or_default();
    assert!(
        protected.starts_with("mprotect(") && protected.contains("PROT_READ) = 0"),
        "{protected}"
    );
}
