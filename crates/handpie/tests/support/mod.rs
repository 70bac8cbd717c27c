//! What the tests of the program share: tools that may be missing, Go programs, and handpie itself.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test target uses a part of it"
)]

pub mod sarif;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub use handpie_testkit::skip;
use handpie_testkit::tool::CLEAN_GO;
use handpie_toolchain::command::{Output, Tool};
use tempfile::TempDir;

/// The releases that must all convert; `cargo xtask setup --all` fetches them.
pub const RELEASES: [&str; 4] = ["1.22.10", "1.24.11", "1.26.6", "1.27.3"];

/// A tool, its arguments before the file, and its arguments after it.
pub const TREATMENTS: &[(&str, &[&str])] = &[
    ("strip", &[]),
    ("strip", &["-g"]),
    ("strip", &["--strip-unneeded"]),
    ("objcopy", &["--strip-debug"]),
    ("objcopy", &["--strip-all"]),
    ("objcopy", &["--compress-debug-sections"]),
    ("objcopy", &["--remove-section=.comment"]),
    ("eu-strip", &[]),
    ("eu-strip", &["-g"]),
    ("llvm-strip", &[]),
    ("llvm-strip", &["-g"]),
    ("llvm-objcopy", &["--strip-debug"]),
    ("patchelf", &["--print-needed"]),
    ("patchelf", &["--print-soname"]),
    ("debugedit", &["-b", "/tmp", "-d", "/usr/src/debug"]),
];

/// The `tool` for `what`, or `None` after saying aloud that the test is skipped.
pub fn tool(tool: &str, what: &str) -> Option<PathBuf> {
    handpie_testkit::tool::find(&[tool], what)
}

/// The Go that is in PATH.
pub fn go(what: &str) -> Option<Tool> {
    tool("go", what).map(|go| clean(Tool::new(go)))
}

/// A Go of a certain version, as `cargo xtask setup --all` fetches it.
pub fn go_release(version: &str, what: &str) -> Option<Tool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/toolchains");
    let goroot = root.join(format!("go-{version}/go"));
    let go = goroot.join("bin/go");
    if !go.is_file() {
        skip(what, &format!("Go {version} (`cargo xtask setup --all`)"));
        return None;
    }
    Some(clean(Tool::new(go)).env("GOROOT", goroot))
}

/// Nothing of the user's own settings, and nothing from the network.
fn clean(go: Tool) -> Tool {
    let set = |go: Tool, (name, value)| go.env(name, value);
    CLEAN_GO
        .into_iter()
        .fold(go, set)
        .env_remove("GOOS")
        .env_remove("GOARCH")
}

/// What the plain executable of tests/programs/works.go prints on this machine without starting a
/// child, which an emulator cannot: the same lines as on every other CPU and with every release.
pub fn plain_lines(what: &str) -> Option<String> {
    let program = Program::plain(&go(what)?, "works");
    let output = Tool::new(program.path("plain")).arg("alone").run();
    let lines = text(&output.expect("the plain executable runs"));
    assert!(lines.contains("TLS: "), "{lines}");
    Some(lines)
}

/// `handpie` with these arguments.
pub fn handpie<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Tool {
    Tool::new(env!("CARGO_BIN_EXE_handpie"))
        .args(args)
        .env("NO_COLOR", "1")
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    /// The exit status.
    pub status: i32,
    /// What it printed as data.
    pub stdout: String,
    /// What it printed as talk.
    pub stderr: String,
}

impl Ran {
    /// Runs handpie; a run that does not end by itself fails the test.
    #[track_caller]
    pub fn of(handpie: &Tool) -> Ran {
        let output = handpie.output().expect("handpie starts and ends");
        Ran {
            status: output.status.code().expect("handpie ends by itself"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A program of `tests/programs/`, built from its source as a PIE that needs a loader.
pub struct Program {
    /// The folder that holds everything made here; gone with the value.
    pub folder: TempDir,
    /// The PIE.
    pub pie: PathBuf,
}

impl Program {
    /// Builds `tests/programs/<name>.go` with `go` and more build flags.
    pub fn build(go: &Tool, name: &str, flags: &[&str]) -> Program {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pie = folder.path().join("pie");
        let program = Program { pie, folder };
        program.compile(
            go,
            name,
            &program.pie,
            &[&["-buildmode=pie"], flags].concat(),
        );
        program
    }

    /// Builds it as `plain` in its folder, an executable for one address, and no PIE.
    pub fn plain(go: &Tool, name: &str) -> Program {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pie = folder.path().join("no-pie");
        let program = Program { pie, folder };
        program.compile(go, name, &program.path("plain"), &["-buildmode=exe"]);
        program
    }

    /// Builds the same source in another way, to `output`.
    pub fn compile(&self, go: &Tool, name: &str, output: &Path, flags: &[&str]) {
        // One place for each way of building: go links again only what has changed, and most tests
        // want the same program.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
        // As `handpie build` does it, so that the standard library is compiled once for all tests.
        let like_ours = ["build", "-trimpath", "-tags=netgo,osusergo"];
        let go = go.clone().env("GOAMD64", "v2").args(like_ours).args(flags);
        let mut hasher = DefaultHasher::new();
        (go.shell_line(), name).hash(&mut hasher);
        let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{:x}", hasher.finish()));
        go.arg("-o")
            .arg(&built)
            .arg(format!("{name}.go"))
            .dir(programs)
            .run()
            .expect("go builds the program");
        fs::copy(&built, output).expect("a copy");
    }

    /// Converts the PIE and returns the path of the static-PIE.
    pub fn convert(&self) -> PathBuf {
        let output = self.folder.path().join("static-pie");
        handpie(["convert".as_ref(), self.pie.as_os_str()])
            .args(["-o".as_ref(), output.as_os_str()])
            .run()
            .expect("handpie converts it");
        output
    }

    /// Converts the PIE with all options on and returns the path of the static-PIE.
    pub fn harden(&self) -> PathBuf {
        let output = self.path("hardened");
        handpie(["convert", "--aslr", "full", "--seal"])
            .arg(&self.pie)
            .arg("-o")
            .arg(&output)
            .run()
            .expect("handpie converts it");
        output
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Runs a program and returns what it printed; panics with its last words when it fails.
pub fn run(program: &Path) -> String {
    text(&Tool::new(program).run().expect("the program runs"))
}

/// What a tool printed.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A copy of a file with another name beside it.
pub fn copy(from: &Path, name: &str) -> PathBuf {
    let to = from.with_file_name(name);
    fs::copy(from, &to).expect("a copy");
    to
}
