//! Debuggers, tracers and profilers work on converted programs: the entry point has changed and the
//! loader is gone, and both are things that they look at.

mod support;

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

#[test]
fn gdb_breaks_at_main_and_unwinds() {
    let what = "breaking with gdb";
    let (Some(go), Some(gdb)) = (go(what), tool("gdb", what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let output = Tool::new(gdb)
        .args([
            "-nx",
            "-batch",
            "-ex",
            "break main.burn",
            "-ex",
            "run",
            "-ex",
            "bt",
        ])
        .arg("--args")
        .arg(program.convert())
        .arg("spin")
        .timeout(Duration::from_secs(120))
        .output()
        .expect("gdb");
    let said = text(&output);
    for frame in ["#0  main.burn", "main.spin", "main.main"] {
        assert!(said.contains(frame), "{frame} in\n{said}");
    }
}

#[test]
fn gdb_attaches_to_a_running_program() {
    let what = "attaching with gdb";
    let (Some(go), Some(gdb)) = (go(what), tool("gdb", what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let file = program.convert();
    let running = Running::start(&file);
    let output = Tool::new(gdb)
        .args([
            "-nx",
            "-batch",
            "-p",
            &running.id(),
            "-ex",
            "info address main.main",
        ])
        .args(["-ex", "thread apply all bt"])
        .timeout(Duration::from_secs(120))
        .output()
        .expect("gdb");
    assert!(text(&output).contains("main.spin"), "{}", text(&output));
}

#[test]
fn delve_attaches_and_names_the_functions_on_the_stack() {
    let what = "attaching with delve";
    let (Some(go), Some(dlv)) = (go(what), tool("dlv", what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let file = program.convert();
    let running = Running::start(&file);
    let script = program.path("script");
    std::fs::write(&script, "goroutines -t 8\nexit -c\n").expect("a script");
    let output = Tool::new(dlv)
        .args([
            "attach",
            &running.id(),
            "--check-go-version=false",
            "--allow-non-terminal-interactive=true",
            "--init",
        ])
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

#[test]
fn perf_names_the_functions_it_samples() {
    let what = "sampling with perf";
    let (Some(go), Some(perf)) = (go(what), tool("perf", what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let file = program.convert();
    let running = Running::start(&file);
    let data = program.path("perf.data");
    let record = Tool::new(&perf)
        .args(["record", "-q", "-e", "cpu-clock", "-p", &running.id(), "-o"])
        .arg(&data)
        .args(["--", "sleep", "0.5"])
        .output()
        .expect("perf");
    let report = Tool::new(&perf)
        .args(["report", "--stdio", "-q", "-i"])
        .arg(&data)
        .output()
        .expect("perf");
    let said = text(&report);
    assert!(
        said.contains("main.burn"),
        "{said}\n{}",
        String::from_utf8_lossy(&record.stderr)
    );
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
    let first = lines.next().unwrap_or_default();
    assert!(
        first.starts_with("mprotect(") && first.contains("PROT_READ) = 0"),
        "{first}"
    );
}
