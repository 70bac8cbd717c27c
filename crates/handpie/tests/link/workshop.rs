//! A folder to link in, the tools that do it, and what is true of a result.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use handpie_toolchain::command::{Output, Tool};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{self, skip, text, tool};

/// A folder in which a test works.
pub(crate) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    pub(crate) fn new() -> Workshop {
        Workshop {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of this text in the folder.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The names of all files in the folder.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.folder()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    /// An object in the folder, compiled from a file of `inputs/` with musl's headers.
    pub(crate) fn object(&self, source: &str, what: &str) -> Option<PathBuf> {
        let compiler = tool("musl-gcc", what)?;
        let object = self.path(source).with_extension("o");
        let compile = Tool::new(compiler).args(["-O2", "-fPIE", "-c"]);
        let compile = compile.arg(input(source)).arg("-o").arg(&object);
        compile.run().unwrap();
        Some(object)
    }

    /// `handpie` in this folder.
    pub(crate) fn handpie<S: AsRef<std::ffi::OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Tool {
        own(support::handpie(args)).dir(self.folder())
    }

    /// This folder's link to handpie under another name.
    pub(crate) fn called(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_handpie"), &path).unwrap();
        path
    }
}

/// Nothing of the user's settings, and answers of compilers in a place of the tests.
pub(crate) fn own(tool: Tool) -> Tool {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("link-cache");
    let mut tool = tool.env("XDG_CACHE_HOME", cache);
    for name in [
        "HANDPIE_CC",
        "HANDPIE_HARDENING",
        "HANDPIE_LIBC",
        "HANDPIE_LINKER",
        "HANDPIE_TARGET",
        "HANDPIE_CPP",
    ] {
        tool = tool.env_remove(name);
    }
    match zig_folder() {
        Some(folder) => tool.env("PATH", with_first(&folder)),
        None => tool,
    }
}

/// A file of `inputs/`.
pub(crate) fn input(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/link/inputs");
    folder.join(name)
}

/// zig: the one that `cargo xtask setup --all` fetches, or one of this machine.
pub(crate) fn zig(what: &str) -> Option<PathBuf> {
    let found = zig_folder().map(|folder| folder.join("zig"));
    let found = found.or_else(handpie_toolchain::link::sysroot::find_zig);
    if found.is_none() {
        skip(what, "zig (`cargo xtask setup --all`)");
    }
    found
}

fn zig_folder() -> Option<PathBuf> {
    let toolchains = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/toolchains");
    let entries = toolchains.read_dir().ok()?;
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path().join("ziglang")));
    let mut folders = folders.filter(|folder| folder.join("zig").is_file());
    folders.next()?.canonicalize().ok()
}

fn with_first(folder: &Path) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = [folder.to_owned()].into_iter();
    std::env::join_paths(all.chain(std::env::split_paths(&path))).unwrap()
}

/// The linkers that are here, as `--linker` calls them.
pub(crate) fn linkers(what: &str) -> Vec<OsString> {
    let mut linkers = vec![OsString::from("embedded")];
    for (name, program) in [("bfd", "ld.bfd"), ("mold", "mold")] {
        if tool(program, what).is_some() {
            linkers.push(name.into());
        }
    }
    // `ld.lld` may be one that is too old.
    linkers.extend(tool("ld.lld-19", what).map(OsString::from));
    linkers
}

/// Fails unless GNU readelf sees a static-PIE: position-independent, without a loader, without
/// libraries, with RELRO.
pub(crate) fn assert_static_pie(program: &Path) {
    let Some(headers) = readelf(program) else {
        return;
    };
    for part in ["DYN (Position-Independent", "GNU_RELRO", "NOW"] {
        assert!(
            headers.contains(part),
            "{}: no {part}\n{headers}",
            program.display()
        );
    }
    for part in ["INTERP", "(NEEDED)", "(TEXTREL)", "RWE"] {
        assert!(
            !headers.contains(part),
            "{}: {part}\n{headers}",
            program.display()
        );
    }
}

/// Fails unless every claim of `handpie prove` holds: it starts in an empty root, nothing else is
/// mapped, RELRO is read-only, and so on.
pub(crate) fn assert_proven(workshop: &Workshop, program: &Path) {
    let proof = workshop.handpie(["prove", "--format", "json", "--runs", "20"]);
    let proof = proof.arg(program).output().unwrap();
    let proof: Value = serde_json::from_slice(&proof.stdout).unwrap();
    let claims = proof["result"]["claims"].as_array().unwrap();
    let verdict = |code: &str| {
        let claim = claims.iter().find(|claim| claim["code"] == code);
        claim.unwrap_or_else(|| panic!("no claim {code}"))["verdict"].clone()
    };
    for code in [
        "starts",
        "runs-in-empty-root",
        "no-loader-no-shared-object",
        "no-rwx-mapping",
        "relro-read-only",
        "random-base",
    ] {
        assert_eq!(
            verdict(code),
            "proven",
            "{}: {claims:#?}",
            program.display()
        );
    }
}

/// The headers and the dynamic table in GNU readelf's words.
pub(crate) fn readelf(program: &Path) -> Option<String> {
    let readelf = tool("readelf", "what others say of a program")?;
    let output = Tool::new(readelf).arg("-hldW").arg(program).run().unwrap();
    Some(text(&output))
}

/// What a failing command says as JSON: its code, which it must have.
pub(crate) fn code_of(output: &Output) -> String {
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}{}", text(output), said(output));
    });
    let code = document["error"]["code"].as_str();
    code.unwrap_or_else(|| panic!("no code in {document:#}"))
        .to_owned()
}

/// Standard error.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
