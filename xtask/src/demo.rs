//! Does the main job on a real program and explains each step to a reader who knows nothing.
//!
//! The reader should believe nothing that is not shown: every step prints the command, what the
//! command said, and what that means. If any step does not come out as told, the demo fails.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use handpie_toolchain::command::{Stream, Tool};
use xtask::http::get;
use xtask::workplace::Workplace;
use xtask::{flags, root, system_tools, toolchains};

/// `cargo xtask demo`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    flags(args, [])?;
    let folder = root().join("target/demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;

    heading("What is needed: Rust to build handpie, and Go");
    let workplace = Workplace::prepare()?;
    let handpie = handpie()?;
    show(&workplace.tool("go").arg("version"))?;

    heading("What hurts: a PIE from `go build` wants a loader");
    let plain = folder.join("plain/service");
    println!("CGO_ENABLED=0 GOAMD64=v2, as in what follows, so that Go compiles its library once.");
    show(
        &in_service(workplace.tool("go"))
            .args(["build", "-buildmode=pie"])
            .args(["-trimpath", "-tags=netgo,osusergo", "-o"])
            .arg(&plain)
            .env("CGO_ENABLED", "0")
            .env("GOAMD64", "v2"),
    )?;
    fails_in_an_empty_root(&plain)?;

    heading("handpie build: the same program, as a static-PIE");
    let service = folder.join("root/service");
    let path = path_with_go_only(&folder)?;
    println!(
        "PATH is a folder that holds `go` and `git` and nothing else: no C compiler, no linker."
    );
    show(
        &in_service(workplace.tool(&handpie))
            .args(["build", "-o"])
            .arg(&service)
            .env("PATH", path),
    )?;
    meaning(
        "the program was built by Go's own linker, and then start-up code was added that does the \
         loader's work. `git` is there only for the version.",
    );
    describe(&service);

    heading("handpie prove: run it, with nothing around it, and look");
    show(&workplace.tool(&handpie).arg("prove").arg(&service).args([
        "--",
        "-http",
        "127.0.0.1:0",
        "-https",
        "127.0.0.1:0",
    ]))?;
    meaning(
        "`proven` lines are claims, each with what was seen: it ran with no file around it; nothing \
         but the program itself was in its memory; no memory was writable and executable at once; \
         the tables that the start-up code filled in could not be written afterwards (RELRO).\n    \
         The addresses: with N bits a region may be at 2^N places, and who guesses is right once \
         in so many times. Text is the program's code. On some file systems the kernel puts large \
         files at multiples of 2 MiB only, which takes nine bits; any PIE pays that.\n    \
         A leak: how much of one address is known to an attacker who has seen another. A kernel \
         puts programs without a loader among the mappings, so these hang together.",
    );

    heading("It serves, from a root directory that holds nothing but itself");
    serve(&service)?;

    heading("Done");
    println!(
        "{} is one file that needs no loader, no library and no fixed address.",
        service.display()
    );
    println!("To do this with a program of yours:");
    println!("    cargo install --path crates/handpie");
    println!("    handpie build ./cmd/yours");
    Ok(())
}

/// The handpie that was compiled together with us.
fn handpie() -> anyhow::Result<PathBuf> {
    let handpie = std::env::current_exe()?.with_file_name("handpie");
    ensure!(
        handpie.is_file(),
        "there is no {}; `cargo xtask demo` builds it",
        handpie.display()
    );
    Ok(handpie)
}

fn in_service(tool: Tool) -> Tool {
    tool.dir(root().join("examples/service"))
}

/// A folder for PATH in which there is no C compiler to find.
fn path_with_go_only(folder: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join("path");
    std::fs::create_dir_all(&path)?;
    std::os::unix::fs::symlink(toolchains::go()?, path.join("go"))?;
    if let Some(git) = system_tools::find_in_path("git") {
        std::os::unix::fs::symlink(git, path.join("git"))?;
    }
    Ok(path)
}

/// A program in a root directory that is the folder it lies in, or nothing where the machine
/// lets us do no such thing. The network stays the host's, so that we can ask it.
fn in_empty_root(program: &Path) -> anyhow::Result<Option<Tool>> {
    let folder = program.parent().context("a program lies in a folder")?;
    let name = Path::new("/").join(program.file_name().unwrap_or_default());
    // A user namespace makes anyone root of a root directory; without it only root may.
    let unshare = Tool::new("unshare").arg("--map-root-user");
    if unshare.clone().arg("true").run().is_ok() {
        return Ok(Some(unshare.arg("--root").arg(folder).arg(name)));
    }
    if Tool::new("chroot").args(["/", "true"]).run().is_ok() {
        return Ok(Some(Tool::new("chroot").arg(folder).arg(name)));
    }
    Ok(None)
}

fn fails_in_an_empty_root(program: &Path) -> anyhow::Result<()> {
    let Some(tool) = in_empty_root(program)? else {
        println!("This machine allows no empty root; in one, this program would not start.");
        return Ok(());
    };
    println!("$ {}", tool.short_line());
    let output = tool.arg("-h").output()?;
    print_indented(&output.stderr);
    ensure!(
        !output.status.success(),
        "the plain PIE started in an empty root; then there is nothing to show"
    );
    meaning(
        "the file is there. What does not exist is the loader that it asks for \
         (/lib64/ld-linux-x86-64.so.2 or its like); an image `FROM scratch` has none.",
    );
    Ok(())
}

/// What others say about the file, where they are installed.
fn describe(program: &Path) {
    for (tool, args, purpose) in [
        ("file", &["-b"][..], "`static-pie linked` is what we wanted"),
        (
            "readelf",
            &["-hlW"][..],
            "`DYN` may be loaded anywhere; with no INTERP line it asks for no loader",
        ),
    ] {
        let command = Tool::new(tool).args(args).arg(program);
        let Ok(output) = command.run() else {
            println!("(`{tool}` is not here; it would say more about the file)");
            continue;
        };
        println!("$ {}", command.short_line());
        let text = String::from_utf8_lossy(&output.stdout);
        let interesting = [
            "static",
            "Type:",
            "INTERP",
            "LOAD",
            "GNU_RELRO",
            "interpreter",
        ];
        for line in text.lines() {
            if interesting.iter().any(|word| line.contains(word)) {
                println!("    {}", line.trim());
            }
        }
        meaning(purpose);
    }
}

fn serve(service: &Path) -> anyhow::Result<()> {
    let tool = match in_empty_root(service)? {
        Some(tool) => tool,
        None => {
            println!(
                "This machine allows no empty root (neither unshare nor chroot), so it starts in ours."
            );
            Tool::new(service)
        }
    };
    let tool = tool.args(["-http", "127.0.0.1:0", "-https", "127.0.0.1:0"]);
    println!("$ {}", tool.short_line());
    let mut child = tool.stderr(Stream::Null).spawn()?;
    let asked = ask(&mut child, service);
    let ended = stop(&mut child);
    asked?;
    ended
}

/// Asks the running service over HTTP and over TLS.
fn ask(child: &mut Child, service: &Path) -> anyhow::Result<()> {
    let stdout = child.stdout.take().context("its output is ours")?;
    let mut addresses = Vec::new();
    for line in BufReader::new(stdout).lines().take(2) {
        let line = line?;
        println!("    {line}");
        let (_, address) = line.split_once(' ').context("`scheme address`")?;
        addresses.push(address.to_owned());
    }
    let [http, https] = addresses.as_slice() else {
        bail!("the service did not say where it listens");
    };

    println!("GET http://{http}/version");
    let answer = get(http, "/version")?;
    print_indented(answer.as_bytes());
    ensure!(answer.contains("\"version\""), "the service did not answer");
    meaning("plain HTTP works, and the version is the one that `handpie build` stamped.");

    show(
        &Tool::new(service)
            .arg("-check")
            .arg(format!("https://{https}/healthz")),
    )?;
    meaning(
        "it answered: a second copy of the program asked the first over TLS, whose certificate was \
         made in memory. `-check` says nothing and exits with 0 when all is well.",
    );
    Ok(())
}

/// Asks it to stop, as a container runtime does, and expects that it does.
fn stop(child: &mut Child) -> anyhow::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.context("a process has a number")?, Signal::TERM)?;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        if let Some(status) = child.try_wait()? {
            ensure!(
                status.success(),
                "after SIGTERM the service ended with {status}"
            );
            meaning("told to stop with SIGTERM, it stopped, and exited with 0.");
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    bail!("the service did not stop within ten seconds of SIGTERM");
}

fn heading(text: &str) {
    println!("\n=== {text}\n");
}

/// What the lines above mean, set apart from them.
fn meaning(text: &str) {
    println!("  → {text}\n");
}

/// Prints a command and what it says. Its failure is ours.
fn show(tool: &Tool) -> anyhow::Result<()> {
    println!("$ {}", tool.short_line());
    let output = tool.output()?;
    print_indented(&output.stdout);
    print_indented(&output.stderr);
    ensure!(
        output.status.success(),
        "this command failed: {}",
        output.status
    );
    Ok(())
}

fn print_indented(bytes: &[u8]) {
    for line in String::from_utf8_lossy(bytes).lines() {
        println!("    {line}");
    }
}
