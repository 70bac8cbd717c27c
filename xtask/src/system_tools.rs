//! The commands that tests start, and where they are on this machine.

use std::path::PathBuf;

use handpie_toolchain::command::Tool;

use crate::root;

/// A command that tests start, the Debian package it is in, and what for.
const SYSTEM_TOOLS: &[(&str, &str, &str)] = &[
    ("git", "git", "the version that `build` stamps"),
    ("pip3", "python3-pip", "the wheels with the Go releases"),
    ("npm", "npm", "`check` on files of others"),
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

/// A command that is not on this machine.
pub struct MissingTool {
    /// Its name, or `clang:libx.a`: a file that a compiler finds by itself.
    pub command: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
    /// What is not tested without it.
    pub purpose: &'static str,
}

/// Every tool that tests and the corpus start and that is not there.
pub fn missing_tools() -> impl Iterator<Item = MissingTool> {
    let corpus: &[_] = match cfg!(target_arch = "x86_64") {
        true => CORPUS_TOOLS,
        false => &[],
    };
    let tools = SYSTEM_TOOLS.iter().chain(corpus);
    tools
        .map(|&(command, package, purpose)| MissingTool {
            command,
            package,
            purpose,
        })
        .filter(|tool| !is_there(tool.command))
}

/// A command, or a file that a compiler finds by itself.
fn is_there(tool: &str) -> bool {
    match tool.split_once(':') {
        Some((compiler, file)) => compilers_file(compiler, file).is_some(),
        None => is_in_path(tool),
    }
}

/// A file that a compiler finds by itself.
pub fn compilers_file(compiler: &str, file: &str) -> Option<PathBuf> {
    let print = format!("-print-file-name={file}");
    let output = Tool::new(compiler).arg(print).run().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    // One that it does not find is printed as it was given.
    path.is_absolute().then_some(path)
}

/// Whether a program is on this machine.
pub fn is_in_path(command: &str) -> bool {
    find_in_path(command).is_some()
}

/// Where a program is. The folders of root are looked at too, since Debian keeps some there, and
/// what was installed for us alone.
pub fn find_in_path(command: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(folders_besides_path())
        .map(|folder| folder.join(command))
        .find(|file| file.is_file())
}

/// Where Debian keeps setcap and chroot, and where `cargo install --root target/tools` puts what
/// Debian does not package.
pub(crate) fn folders_besides_path() -> [PathBuf; 3] {
    [
        "/usr/sbin".into(),
        "/sbin".into(),
        root().join("target/tools/bin"),
    ]
}

/// Tools that CI does without: a skip for want of one is counted and shown like any other, but
/// accepted. Debian packages none of them; PowerShell is not to be had by other ways, and compiling
/// cargo-deny takes longer than all of our tests, so whoever changes dependencies has it.
/// cargo-auditable writes what a recipe of the corpus also forges. upx is not in Debian 12.
const EXCUSED: &[&str] = &["pwsh", "cargo-deny", "cargo-auditable", "upx"];

/// Whether CI accepts a `SKIPPED: <what> needs <tool>`.
pub fn is_excused(skip: &str) -> bool {
    let tool = skip.rsplit("needs ").next().unwrap_or_default();
    EXCUSED.contains(&tool.trim_matches('`'))
}
