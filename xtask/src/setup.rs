//! Gets the tools that a machine lacks.
//!
//! It goes into `target`, so that deleting `target` undoes everything; packages are installed into
//! the system only by `--system`, which is for CI and containers.

use anyhow::{Context, bail};
use handpie_toolchain::command::{Stream, Tool};
use xtask::flags;
use xtask::system_tools::{is_in_path, missing_tools};
use xtask::toolchains::{self, GO_RELEASES, OLDEST_GO, ZIG, release_of, users_go};

use crate::{govulncheck_cases, old_go, sarif_schema};

/// `cargo xtask setup`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let [all, system] = flags(args, ["--all", "--system"])?;
    if system {
        system_packages()?;
        rust_for_musl()?;
    }
    let go = toolchains::go()?;
    println!("go: {}", go.display());
    if all {
        for release in GO_RELEASES {
            let go = toolchains::fetch_go(release)?;
            println!("go {}: {}", release.version, go.display());
        }
        if cfg!(target_arch = "x86_64") {
            println!(
                "zig {}: {}",
                ZIG.version,
                toolchains::fetch_zig()?.display()
            );
        }
        let schema = sarif_schema::fetch(&go)?;
        println!("schema of SARIF: {}", schema.display());
        let cases = govulncheck_cases::fetch(&go)?;
        println!("govulncheck's tests: {}", cases.display());
        println!("programs of old Go: {}", old_go::fetch(&go)?.display());
    }
    Ok(())
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

/// Installs what the test matrix needs and the system lacks.
fn system_packages() -> anyhow::Result<()> {
    if !is_in_path("apt-get") {
        bail!("--system knows apt-get only; install what `cargo xtask test` reports as missing");
    }
    let mut packages: Vec<&str> = missing_tools().map(|tool| tool.package).collect();
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
