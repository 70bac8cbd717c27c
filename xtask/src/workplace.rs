//! The environment that tests, measurements and the demo run in, and the handpie that they judge.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use handpie_toolchain::command::{Stream, Tool};

use crate::{root, system_tools, toolchains};

/// PATH with a Go in front, and a Go cache that goes when `target` goes.
pub struct Workplace {
    path: OsString,
}

impl Workplace {
    /// Finds or fetches a Go and puts it first in PATH.
    pub fn prepare() -> anyhow::Result<Workplace> {
        let go = toolchains::go()?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = go.parent().map(Into::into).into_iter();
        let folders = folders
            .chain(std::env::split_paths(&path))
            .chain(system_tools::folders_besides_path());
        Ok(Workplace {
            path: std::env::join_paths(folders)?,
        })
    }

    /// A program in that environment, started in the folder of the repository.
    pub fn tool(&self, program: impl AsRef<OsStr>) -> Tool {
        Tool::new(program)
            .dir(root())
            .env("PATH", &self.path)
            // Not the user's: what we put into it should go when `target` goes.
            .env("GOCACHE", root().join("target/go-cache"))
    }

    /// Builds handpie as it is released, with the linker that is part of it.
    pub fn build_handpie(&self) -> anyhow::Result<PathBuf> {
        println!("building handpie; the first time takes some minutes");
        let target = target_folder()?;
        let build = self
            .tool(cargo())
            .args(["build", "--release", "--package", "handpie", "--target-dir"])
            .arg(&target);
        build
            .stdout(Stream::Inherit)
            .stderr(Stream::Inherit)
            .run()?;
        Ok(target.join("release/handpie"))
    }
}

/// The cargo that runs us.
pub fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Where cargo builds.
fn target_folder() -> std::io::Result<PathBuf> {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => std::path::absolute(target),
        None => Ok(root().join("target")),
    }
}
