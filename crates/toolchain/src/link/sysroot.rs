//! The libc that is linked in: its start files, its archive, and the compiler's own library.
//!
//! musl is looked for where it can be had without building it: with rustup's musl target, in
//! Debian's musl-dev, in zig. glibc's is the one of the machine.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::cache;

mod zig;

pub use zig::find as find_zig;

/// Which libc.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Libc {
    /// musl: made for static programs.
    #[default]
    Musl,
    /// glibc: NSS, iconv and dlopen want its shared libraries at run time all the same.
    Glibc,
}

/// A libc, ready to be linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sysroot {
    /// Which libc.
    pub libc: Libc,
    /// Where it is from, in words.
    pub origin: String,
    /// Start files before the program's objects.
    pub start: Vec<PathBuf>,
    /// Archives behind them, that refer to each other.
    pub libraries: Vec<PathBuf>,
    /// Start files behind all.
    pub end: Vec<PathBuf>,
    /// Where `-lNAME` is looked for behind the folders of `-L`.
    pub search: Vec<PathBuf>,
    /// Its C headers; empty when it comes without, or when its compiler knows them.
    pub include: Vec<PathBuf>,
    /// Whether its start-up code reads RELR.
    pub relr: bool,
}

/// A CPU in the words of those who are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// As `uname -m`, gcc and zig say.
    pub gnu: &'static str,
    /// As Go says.
    pub go: &'static str,
    /// rustup's musl target, where it brings a libc with it.
    pub rust: Option<&'static str>,
    /// Debian's folder below `/usr/lib` and name of cross compilers.
    pub debian: &'static str,
    /// `-m` of GNU ld.
    pub emulation: &'static str,
}

/// The CPUs that programs are linked for.
pub const TARGETS: [Target; 8] = [
    target(
        "x86_64",
        "amd64",
        Some("x86_64-unknown-linux-musl"),
        "x86_64-linux-gnu",
        "elf_x86_64",
    ),
    target(
        "x86",
        "386",
        Some("i686-unknown-linux-musl"),
        "i386-linux-gnu",
        "elf_i386",
    ),
    target(
        "aarch64",
        "arm64",
        Some("aarch64-unknown-linux-musl"),
        "aarch64-linux-gnu",
        "aarch64linux",
    ),
    target(
        "arm",
        "arm",
        Some("armv7-unknown-linux-musleabihf"),
        "arm-linux-gnueabihf",
        "armelf_linux_eabi",
    ),
    target(
        "riscv64",
        "riscv64",
        Some("riscv64gc-unknown-linux-musl"),
        "riscv64-linux-gnu",
        "elf64lriscv",
    ),
    target(
        "loongarch64",
        "loong64",
        Some("loongarch64-unknown-linux-musl"),
        "loongarch64-linux-gnu",
        "elf64loongarch",
    ),
    target(
        "powerpc64le",
        "ppc64le",
        Some("powerpc64le-unknown-linux-musl"),
        "powerpc64le-linux-gnu",
        "elf64lppc",
    ),
    target("s390x", "s390x", None, "s390x-linux-gnu", "elf64_s390"),
];

const fn target(
    gnu: &'static str,
    go: &'static str,
    rust: Option<&'static str>,
    debian: &'static str,
    emulation: &'static str,
) -> Target {
    Target {
        gnu,
        go,
        rust,
        debian,
        emulation,
    }
}

impl Target {
    /// The CPU of this name, in anybody's words.
    pub fn named(name: &str) -> Option<&'static Target> {
        let mut all = TARGETS.iter();
        all.find(|target| {
            [target.gnu, target.go, target.debian].contains(&name) || target.rust == Some(name)
        })
    }

    /// This machine's.
    pub fn host() -> Option<&'static Target> {
        Target::named(std::env::consts::ARCH)
    }

    /// Whether this machine runs its programs itself.
    pub fn is_host(&self) -> bool {
        self.gnu == std::env::consts::ARCH
    }

    /// zig's target with musl.
    pub(crate) fn zig(&self) -> String {
        let abi = if self.gnu == "arm" {
            "musleabihf"
        } else {
            "musl"
        };
        format!("{}-linux-{abi}", self.gnu)
    }

    /// Debian's folder of musl.
    fn debian_musl(&self) -> String {
        self.debian.replace("-gnu", "-musl")
    }
}

/// What is missing where no libc was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no {libc} for {cpu} was found on this machine{}", list(.looked))]
pub struct NotFound {
    /// Which libc.
    pub libc: &'static str,
    /// For which CPU, in the words of gcc.
    pub cpu: &'static str,
    /// Each place, and what was not there.
    pub looked: Vec<String>,
    /// What to install.
    pub hint: String,
}

fn list(looked: &[String]) -> String {
    looked.iter().map(|one| format!("\n    {one}")).collect()
}

/// What a libc is wanted for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// C is to be compiled, so its headers are needed.
    pub headers: bool,
    /// C++ is linked, so a C++ library made for this libc is needed.
    pub cpp: bool,
    /// The objects are zig's.
    pub zig: bool,
}

/// A place that a libc may be in.
type Layout = Box<dyn Fn(&Target) -> Result<Sysroot, String>>;

/// Best first.
fn places(libc: Libc, wants: Wants) -> Vec<Layout> {
    let zig: Layout = Box::new(move |target| zig::musl(target, wants.cpp));
    match (libc, wants) {
        (Libc::Glibc, _) => vec![Box::new(glibc)],
        // The C++ libraries of distributions are made for glibc.
        (Libc::Musl, Wants { cpp: true, .. } | Wants { zig: true, .. }) => vec![zig],
        // rustup's has no headers, and only zig's own compiler finds those of zig.
        (Libc::Musl, Wants { headers: true, .. }) => vec![Box::new(debian_musl)],
        (Libc::Musl, _) => vec![Box::new(rustup), Box::new(debian_musl), zig],
    }
}

/// The libc to link: the best that is here.
///
/// # Errors
/// When there is none; it says where it was looked for.
pub fn find(libc: Libc, target: &Target, wants: Wants) -> Result<Sysroot, NotFound> {
    let mut looked = Vec::new();
    for place in places(libc, wants) {
        match place(target) {
            Ok(sysroot) => return Ok(sysroot),
            Err(why) => looked.push(why),
        }
    }
    let hint = match (libc, target.rust) {
        (Libc::Glibc, _) => format!("apt install libc6-dev:{}", target.go),
        (Libc::Musl, _) if wants.cpp || wants.zig => "pip install ziglang".to_owned(),
        (Libc::Musl, _) if wants.headers && target.is_host() => {
            "apt install musl-tools, or pip install ziglang and pass --compiler zig".to_owned()
        }
        (Libc::Musl, Some(rust)) if !wants.headers => {
            format!("rustup target add {rust}, or pip install ziglang")
        }
        (Libc::Musl, _) if wants.headers => "pip install ziglang, and pass --compiler \
                                             zig"
        .to_owned(),
        (Libc::Musl, _) => "pip install ziglang".to_owned(),
    };
    Err(NotFound {
        libc: libc.name(),
        cpu: target.gnu,
        looked,
        hint,
    })
}

impl Libc {
    /// As its authors spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Musl => "musl",
            Self::Glibc => "glibc",
        }
    }
}

/// rustup's musl target has musl's archive and start files; no headers, and no libgcc but what Rust
/// needs of it. No rustc is asked: to start it takes longer than to link a program.
fn rustup(target: &Target) -> Result<Sysroot, String> {
    let rust = target.rust.ok_or("rustup has no musl for this CPU")?;
    let inside = Path::new("lib/rustlib")
        .join(rust)
        .join("lib/self-contained");
    let folder = rust_toolchains()
        .map(|toolchain| toolchain.join(&inside))
        .find(|folder| folder.join("rcrt1.o").is_file())
        .ok_or_else(|| format!("no Rust toolchain has the target {rust} installed"))?;
    let file = |name: &str| present(&folder, name);
    let mut libraries = vec![file("libc.a")?];
    libraries.extend(libgcc(target).map(|folder| folder.join("libgcc.a")));
    libraries.push(file("libunwind.a")?);
    Ok(Sysroot {
        libc: Libc::Musl,
        origin: format!("the Rust target {rust} in {}", folder.display()),
        start: vec![file("rcrt1.o")?, file("crti.o")?, file("crtbeginS.o")?],
        relr: musl_reads_relr(&folder.join("libc.a")),
        libraries,
        end: vec![file("crtendS.o")?, file("crtn.o")?],
        search: vec![folder],
        include: Vec::new(),
    })
}

/// The folders of Rust toolchains: the chosen one first, then the others, then a distribution's.
fn rust_toolchains() -> impl Iterator<Item = PathBuf> {
    let home = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".rustup")));
    let folder = home.map(|home| home.join("toolchains"));
    let mut all: Vec<PathBuf> = folder
        .and_then(|folder| folder.read_dir().ok())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    let chosen = std::env::var("RUSTUP_TOOLCHAIN").unwrap_or_else(|_| "stable".to_owned());
    all.sort_by_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        (!name.starts_with(&chosen), path.clone())
    });
    all.into_iter().chain([PathBuf::from("/usr")])
}

/// Whether musl's start-up code applies RELR. The answer is kept: to look for it takes half as long as
/// to link a program.
fn musl_reads_relr(libc: &Path) -> bool {
    let Ok(metadata) = libc.metadata() else {
        return false;
    };
    let state = cache::state_of(&metadata);
    let kept = cache::user_file("relr", &(libc, state));
    let known = kept.as_ref().and_then(|kept| std::fs::read(kept).ok());
    match known.as_deref() {
        Some(b"yes") => return true,
        Some(b"no") => return false,
        _ => {}
    }
    let reads = version_reads_relr(libc);
    if let Some(kept) = kept {
        // Without it, the archive is read again.
        _ = kept.parent().map(std::fs::create_dir_all);
        _ = std::fs::write(kept, if reads { "yes" } else { "no" });
    }
    reads
}

/// Since 1.2.4 (musl WHATSNEW). The version stands in the archive, because musl's
/// `src/internal/version.c` is part of it.
fn version_reads_relr(libc: &Path) -> bool {
    let Ok(archive) = std::fs::read(libc) else {
        return false;
    };
    let mut places = memmem::find_iter(&archive, b"1.");
    let version = places.find_map(|place| match archive.get(place..)? {
        [
            b'1',
            b'.',
            minor @ b'2'..=b'9',
            b'.',
            patch @ b'0'..=b'9',
            0,
            ..,
        ] => Some((*minor, *patch)),
        _ => None,
    });
    version.is_some_and(|version| version >= (b'2', b'4'))
}

/// musl-dev of Debian and Ubuntu, and what Alpine has in /usr/lib.
fn debian_musl(target: &Target) -> Result<Sysroot, String> {
    let triple = target.debian_musl();
    let folder = PathBuf::from("/usr/lib").join(&triple);
    let file = |name: &str| present(&folder, name);
    let gcc = libgcc(target).ok_or_else(|| format!("gcc for {} is not installed", target.gnu))?;
    Ok(Sysroot {
        libc: Libc::Musl,
        origin: format!("musl-dev in {}", folder.display()),
        start: vec![
            file("rcrt1.o")?,
            file("crti.o")?,
            present(&gcc, "crtbeginS.o")?,
        ],
        libraries: vec![file("libc.a")?, present(&gcc, "libgcc.a")?],
        end: vec![present(&gcc, "crtendS.o")?, file("crtn.o")?],
        include: vec![PathBuf::from("/usr/include").join(triple)],
        relr: musl_reads_relr(&folder.join("libc.a")),
        search: vec![folder],
    })
}

/// The machine's glibc, or Debian's for another CPU.
fn glibc(target: &Target) -> Result<Sysroot, String> {
    let gcc = libgcc(target).ok_or_else(|| format!("gcc for {} is not installed", target.gnu))?;
    let native = PathBuf::from("/usr/lib").join(target.debian);
    let cross = PathBuf::from("/usr").join(target.debian).join("lib");
    let other = [PathBuf::from("/usr/lib64"), PathBuf::from("/usr/lib")];
    let own = other.into_iter().filter(|_| target.is_host());
    let folders: Vec<PathBuf> = [native, cross].into_iter().chain(own).collect();
    let folder = folders
        .iter()
        .find(|folder| folder.join("rcrt1.o").is_file())
        .ok_or_else(|| format!("no glibc with rcrt1.o is in {}", folders_of(&folders)))?;
    let file = |name: &str| present(folder, name);
    Ok(Sysroot {
        libc: Libc::Glibc,
        origin: format!("glibc in {}", folder.display()),
        start: vec![
            file("rcrt1.o")?,
            file("crti.o")?,
            present(&gcc, "crtbeginS.o")?,
        ],
        libraries: vec![
            file("libc.a")?,
            present(&gcc, "libgcc.a")?,
            present(&gcc, "libgcc_eh.a")?,
        ],
        end: vec![present(&gcc, "crtendS.o")?, file("crtn.o")?],
        search: vec![folder.clone(), gcc],
        include: Vec::new(),
        // glibc 2.36 reads RELR; older ones do not, and nothing in the files says which it is.
        relr: false,
    })
}

fn folders_of(folders: &[PathBuf]) -> String {
    let folders: Vec<String> = folders
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    folders.join(", ")
}

/// Where the newest gcc for this CPU keeps its own library.
fn libgcc(target: &Target) -> Option<PathBuf> {
    let mut triples = vec![target.debian.to_owned()];
    for vendor in ["redhat", "pc", "suse", "alpine"] {
        triples.push(target.debian.replace("-linux", &format!("-{vendor}-linux")));
    }
    triples.push(target.debian.replace("-gnu", "-musl"));
    let roots = ["/usr/lib/gcc", "/usr/lib/gcc-cross", "/usr/lib64/gcc"];
    let folders = roots.iter().flat_map(|root| {
        let triples = triples.iter();
        triples.map(move |triple| Path::new(root).join(triple))
    });
    let versions = folders
        .filter_map(|folder| folder.read_dir().ok())
        .flatten();
    versions
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.join("libgcc.a").is_file())
        .max_by_key(|folder| {
            let version = folder
                .file_name()
                .and_then(OsStr::to_str)
                .unwrap_or_default();
            let numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
            numbers.collect::<Vec<u32>>()
        })
}

fn present(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let path = folder.join(name);
    match path.is_file() {
        true => Ok(path),
        false => Err(format!("{} does not exist", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_has_a_name_for_everyone() {
        for name in [
            "aarch64",
            "arm64",
            "aarch64-linux-gnu",
            "aarch64-unknown-linux-musl",
        ] {
            assert_eq!(
                Target::named(name).map(|target| target.go),
                Some("arm64"),
                "{name}"
            );
        }
        assert_eq!(Target::named("mips"), None);
    }

    #[test]
    fn headers_are_found_with_the_libc_or_not_at_all() {
        let wants = Wants {
            headers: true,
            ..Wants::default()
        };
        for target in &TARGETS {
            let places = places(Libc::Musl, wants);
            let mut found = places.iter().filter_map(|place| place(target).ok());
            assert!(found.all(|sysroot| !sysroot.include.is_empty()));
        }
    }

    #[test]
    fn what_is_not_here_is_said_with_every_place() {
        let nowhere = target("none", "none", None, "none-linux-gnu", "none");
        let error = find(Libc::Glibc, &nowhere, Wants::default()).unwrap_err();
        assert_eq!(error.looked.len(), 1, "{error}");
    }
}
