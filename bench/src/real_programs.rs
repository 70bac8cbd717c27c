//! `cargo xtask bench real-programs`: large programs that nobody here wrote, from the Go module proxy.
//!
//! Each is built twice, with `handpie build` and with `go install` in the environment of
//! `handpie env`; both results are looked at with readelf, started, asked something that only a
//! working program answers, and proven. The outcome is written to `bench/results`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use handpie_toolchain::command::{Stream, Tool};
use xtask::http::get;
use xtask::workplace::Workplace;
use xtask::{ReportedFailure, flags, output_of, root};

use crate::readelf::kind;
use crate::results;

struct Real {
    name: &'static str,
    package: &'static str,
    /// The version of its module; `None` for what comes with Go.
    version: Option<&'static str>,
    /// How it is started to be asked and to be proven, in a folder of its own.
    arguments: &'static [&'static str],
    /// A file that it reads from that folder.
    file: Option<(&'static str, &'static str)>,
    ask: fn(&Path) -> anyhow::Result<String>,
}

const PROGRAMS: [Real; 4] = [
    Real {
        name: "coredns",
        version: Some("v1.11.1"),
        package: "github.com/coredns/coredns",
        arguments: &["-dns.port", "15353"],
        file: None,
        ask: |_| dns("127.0.0.1:15353"),
    },
    Real {
        name: "caddy",
        version: Some("v2.10.2"),
        package: "github.com/caddyserver/caddy/v2/cmd/caddy",
        arguments: &["respond", "--listen", "127.0.0.1:15380", "served by caddy"],
        file: None,
        ask: |_| get("127.0.0.1:15380", "/"),
    },
    Real {
        name: "prometheus",
        version: Some("v0.306.0"),
        package: "github.com/prometheus/prometheus/cmd/prometheus",
        arguments: &[
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--web.listen-address=127.0.0.1:15390",
        ],
        file: Some(("prometheus.yml", "global: {}\n")),
        ask: |_| get("127.0.0.1:15390", "/-/ready"),
    },
    Real {
        name: "cmd/go",
        version: None,
        package: "cmd/go",
        arguments: &["version"],
        file: None,
        ask: compile,
    },
];

/// `cargo xtask bench real-programs`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    flags(args, [])?;
    let workplace = Workplace::prepare()?;
    let handpie = workplace.build_handpie()?;
    let folder = root().join("target/real-programs");
    fs::create_dir_all(&folder)?;
    let path = results::file("real-programs")?;
    let mut text = format!(
        "# Programs that nobody here wrote\n\n\
         Made by `cargo xtask bench real-programs` on {}, {}, {}, handpie at {}.\n\
         Each was started, asked and proven; \"answered\" is what it said.\n\n\
         | program | made by | kind | bytes | answered | proven |\n|---|---|---|---|---|---|\n",
        output_of("date", &["+%F"])?,
        output_of("go", &["version"])?,
        output_of("uname", &["-srm"])?,
        output_of("git", &["describe", "--always", "--dirty"])?,
    );
    let mut failed = false;
    for real in &PROGRAMS {
        for (maker, build) in [
            ("handpie build", with_build as Maker),
            ("handpie env", with_env),
        ] {
            let row = build(&handpie, real, &folder)
                .and_then(|program| judge(&handpie, real, &program, &folder));
            let row = row.unwrap_or_else(|error| {
                failed = true;
                eprintln!("{error:#}");
                "FAILED".to_owned()
            });
            println!("{} by {maker}: {row}", real.name);
            writeln!(text, "| {} | `{maker}` | {row} |", real.name)?;
            // After each, so that an interrupted run has not been in vain.
            fs::write(&path, &text)?;
        }
    }
    println!("wrote {}", path.display());
    if failed {
        return Err(ReportedFailure.into());
    }
    Ok(())
}

type Maker = fn(&Path, &Real, &Path) -> anyhow::Result<PathBuf>;

fn with_build(handpie: &Path, real: &Real, folder: &Path) -> anyhow::Result<PathBuf> {
    let module = module(real, folder)?;
    let program = folder.join("built").join(real.name.replace('/', "-"));
    Tool::new(handpie)
        .args(["build", "-o"])
        .arg(&program)
        .arg(real.package)
        .dir(module)
        .run()?;
    Ok(program)
}

fn with_env(handpie: &Path, real: &Real, folder: &Path) -> anyhow::Result<PathBuf> {
    let module = module(real, folder)?;
    let shown = Tool::new(handpie).args(["env", "--shell", "json"]).run()?;
    let variables: BTreeMap<String, String> = serde_json::from_slice(&shown.stdout)?;
    let installed = folder.join("installed");
    let mut go = Tool::new("go").dir(module).env("GOBIN", &installed);
    for (name, value) in &variables {
        go = go.env(name, value);
    }
    // What comes with Go is installed into GOROOT, whatever GOBIN says.
    let output = installed.join(real.name.replace('/', "-"));
    match real.version {
        Some(_) => go.args(["install", real.package]).run()?,
        None => go
            .args(["build", "-o"])
            .arg(&output)
            .arg(real.package)
            .run()?,
    };
    Ok(output)
}

/// A module whose only purpose is to require the program's at that version.
fn module(real: &Real, folder: &Path) -> anyhow::Result<PathBuf> {
    let module = folder.join("modules").join(real.name.replace('/', "-"));
    if !module.join("go.mod").is_file() {
        fs::create_dir_all(&module)?;
        let go = |words: &[&str]| Tool::new("go").args(words).dir(&module).run();
        go(&["mod", "init", "example.com/real"])?;
        if let Some(version) = real.version {
            go(&["get", &format!("{}@{version}", real.package)])?;
        }
    }
    Ok(module)
}

/// The cells of its row: kind, size, answer, proof.
fn judge(handpie: &Path, real: &Real, program: &Path, folder: &Path) -> anyhow::Result<String> {
    let kind = kind(program)?;
    ensure!(kind == "static-PIE", "readelf calls it {kind}");
    let size = fs::metadata(program)?.len();
    let place = folder.join("runs").join(real.name.replace('/', "-"));
    fs::create_dir_all(&place)?;
    if let Some((name, text)) = real.file {
        fs::write(place.join(name), text)?;
    }
    let answer = answer(real, program, &place)?;
    let proof = Tool::new(handpie)
        .arg("prove")
        .arg(program)
        .arg("--")
        .args(real.arguments)
        .output()?;
    let proof = String::from_utf8_lossy(&proof.stdout).into_owned();
    let claims = proof.lines().next().unwrap_or_default();
    ensure!(claims.ends_with("claims are proven"), "{proof}");
    let claims = claims.rsplit(": ").next().unwrap_or_default();
    Ok(format!("{kind} | {size} | {} | {claims}", answer.trim()))
}

fn answer(real: &Real, program: &Path, place: &Path) -> anyhow::Result<String> {
    if real.version.is_none() {
        return (real.ask)(program);
    }
    let server = Tool::new(program)
        .args(real.arguments)
        .dir(place)
        .stdout(Stream::Null)
        .stderr(Stream::Null);
    let mut server = Server(server.spawn()?);
    let mut last = None;
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(100));
        match (real.ask)(program) {
            Ok(answer) => return Ok(answer),
            Err(error) => last = Some(error),
        }
        if let Some(status) = server.0.try_wait()? {
            bail!("it ended with {status}");
        }
    }
    Err(last
        .context("it was not asked")?
        .context("no answer within ten seconds"))
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks a name server for the address of `example.org`. Its built-in configuration answers with
/// who asked, so an answer of any kind to our question is right.
fn dns(address: &str) -> anyhow::Result<String> {
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend(b"\x07example\x03org\0\0\x01\0\x01");
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    socket.send_to(&query, address)?;
    let mut answer = [0; 512];
    let (size, _) = socket.recv_from(&mut answer)?;
    let answer = answer.get(..size).unwrap_or_default();
    ensure!(
        answer.starts_with(&[0x12, 0x34]) && answer.len() > query.len(),
        "no answer"
    );
    let is_answer = answer.get(2).is_some_and(|flags| flags & 0x80 != 0);
    ensure!(is_answer, "our own question came back");
    Ok(format!("a DNS answer of {size} bytes"))
}

/// The go command builds and runs a program.
fn compile(program: &Path) -> anyhow::Result<String> {
    let goroot = Tool::new("go").args(["env", "GOROOT"]).run()?;
    let goroot = String::from_utf8(goroot.stdout)?;
    let ran = Tool::new(program)
        .args(["run", "."])
        .dir(root().join("examples/hello"))
        .env("GOROOT", goroot.trim())
        .env("GOFLAGS", "")
        .env("GOTOOLCHAIN", "local")
        .run()?;
    Ok(format!(
        "`go run`: {}",
        String::from_utf8_lossy(&ran.stdout).trim()
    ))
}
