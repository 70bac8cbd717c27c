//! `cargo xtask bench check-speed`: `handpie check` beside checksec.rs on the same files in one run, and
//! all of /usr, written to `bench/results`. Nothing here gates a test.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use handpie_toolchain::command::{Stream, Tool};
use xtask::workplace::Workplace;
use xtask::{flags, output_of, root};

use crate::results;
use crate::timing::{PAIRS, timed};

const FILES: usize = 100;
/// The crate of the peer, and its version.
const PEER: (&str, &str) = ("checksec", "0.0.9");
const ELF: [u8; 4] = *b"\x7fELF";

/// `cargo xtask bench check-speed`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    flags(args, [])?;
    let handpie = Workplace::prepare()?.build_handpie()?;
    let folder = sample()?;
    let cpus = std::thread::available_parallelism()?;
    let mut text = format!(
        "# Speed of `handpie check`\n\n\
         Made by `cargo xtask bench check-speed` on {}, {}, {cpus} CPUs. Release build of handpie at {}. \
         Times are medians of {PAIRS} runs of the whole process, in milliseconds; a ratio is the \
         median of the ratios of neighbouring runs.\n\n",
        output_of("date", &["+%F"])?,
        output_of("uname", &["-srm"])?,
        output_of("git", &["describe", "--always", "--dirty"])?,
    );
    let ours = Tool::new(&handpie)
        .arg("check")
        .arg(&folder)
        .stdout(Stream::Null);
    let peer = peer()?;
    let theirs = Tool::new(&peer).arg("-d").arg(&folder).stdout(Stream::Null);
    let time = |tool: &Tool| {
        let start = Instant::now();
        // Both end with their own status when they have found something.
        tool.output()?;
        Ok(start.elapsed().as_secs_f64() * 1000.0)
    };
    let row = timed(&mut || time(&ours), &mut || time(&theirs))?;
    write!(
        text,
        "The first {FILES} programs of /usr/bin, {} bytes, as one folder:\n\n\
         | handpie check | checksec.rs {} | ratio |\n|---|---|---|\n| {row} |\n\n",
        size(&folder)?,
        PEER.1,
    )?;
    text += &everything(&handpie)?;
    results::write("check-speed", &text)
}

/// All of /usr in one process: time, memory, and how many files.
fn everything(handpie: &Path) -> anyhow::Result<String> {
    let timed = Tool::new("/usr/bin/time").args(["-f", "%e s, %M KiB at most"]);
    let output = timed.arg(handpie).args(["check", "/usr"]).output();
    let Ok(output) = output else {
        return Ok(
            "All of /usr was left out, for want of /usr/bin/time (Debian: time).\n".to_owned(),
        );
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().last().unwrap_or_default();
    let binaries = output.stdout.iter().filter(|&&byte| byte == b'\n').count();
    let files = said_count()?;
    Ok(format!(
        "All of /usr: {files} files, {binaries} lines of report: {last} (files may not have been in \
         memory before).\n"
    ))
}

fn said_count() -> anyhow::Result<String> {
    let found = Tool::new("find").args(["/usr", "-type", "f"]).output()?;
    let count = found.stdout.iter().filter(|&&byte| byte == b'\n').count();
    Ok(count.to_string())
}

/// A folder with the first programs of /usr/bin.
fn sample() -> anyhow::Result<PathBuf> {
    let folder = root().join("target/bench/check");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let mut paths = Vec::new();
    for entry in fs::read_dir("/usr/bin")? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    let mut count = 0;
    for path in paths {
        let is_elf = fs::read(&path).is_ok_and(|bytes| bytes.starts_with(&ELF));
        if let (true, Some(name)) = (is_elf && count < FILES, path.file_name()) {
            fs::copy(&path, folder.join(name))?;
            count += 1;
        }
    }
    anyhow::ensure!(count == FILES, "/usr/bin has only {count} programs");
    Ok(folder)
}

fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut size = 0;
    for entry in fs::read_dir(folder)? {
        size += entry?.metadata()?.len();
    }
    Ok(size)
}

fn peer() -> anyhow::Result<PathBuf> {
    let folder = root().join("target/tools/checksec");
    let program = folder.join("bin").join(PEER.0);
    if !program.is_file() {
        let cargo = Tool::new("cargo").args(["install", PEER.0, "--version", PEER.1, "--root"]);
        cargo
            .arg(&folder)
            .run()
            .context("failed to install checksec.rs")?;
    }
    Ok(program)
}
