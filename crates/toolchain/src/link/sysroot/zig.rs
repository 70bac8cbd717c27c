//! zig's musl, and its C++ library: built by zig when somebody first asks, kept in zig's cache, for
//! every CPU.
//!
//! zig tells where they are only in the command of its linker, which it shows when asked to
//! (`ZIG_VERBOSE_LINK`, zig's src/main.zig). A program is linked for that and thrown away.

use std::path::{Path, PathBuf};

use super::{Libc, Sysroot, Target, musl_reads_relr};
use crate::command::Tool;

/// zig's musl for this CPU; with the C++ library if asked for.
pub(super) fn musl(target: &Target, with_cpp: bool) -> Result<Sysroot, String> {
    let zig = find().ok_or("zig is not installed")?;
    let folder = tempfile::tempdir().map_err(|error| {
        format!(
            "failed to create a temporary \
        directory: {error}"
        )
    })?;
    let (mode, source) = match with_cpp {
        true => ("c++", "empty.cpp"),
        false => ("cc", "empty.c"),
    };
    let source = folder.path().join(source);
    std::fs::write(&source, "int main(void) { return 0; }\n")
        .map_err(|error| format!("failed to write a temporary file: {error}"))?;
    let output = Tool::new(&zig)
        .args([
            mode,
            "-target",
            &target.zig(),
            "-O2",
            "-fPIE",
            "-pie",
            "-static",
        ])
        .arg(&source)
        .arg("-o")
        .arg(folder.path().join("empty"))
        .env("ZIG_VERBOSE_LINK", "1")
        .run()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().rfind(|line| line.contains("rcrt1.o"));
    let line = line.ok_or("zig did not print its linker command")?;
    let files = || line.split_whitespace().map(PathBuf::from);
    let start = files().filter(|path| path.ends_with("rcrt1.o"));
    // What a program of ours is linked to; UBSan is not.
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".a") && name != "libubsan_rt.a"
    };
    let libraries: Vec<PathBuf> = files().filter(is_library).collect();
    let libc = libraries.iter().find(|path| path.ends_with("libc.a"));
    let relr = libc.is_some_and(|libc| musl_reads_relr(libc));
    Ok(Sysroot {
        libc: Libc::Musl,
        origin: format!("zig ({})", zig.display()),
        start: start.collect(),
        libraries,
        end: Vec::new(),
        search: Vec::new(),
        include: Vec::new(),
        relr,
    })
}

/// The program: in PATH, or in the Python package `ziglang`.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let in_path = std::env::split_paths(&path).map(|folder| folder.join("zig"));
    if let Some(zig) = in_path.into_iter().find(|path| path.is_file()) {
        return Some(zig);
    }
    let script = "import ziglang; print(ziglang.__path__[0])";
    let output = Tool::new("python3").args(["-c", script]).run().ok()?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Some(Path::new(&folder).join("zig")).filter(|path| path.is_file())
}
