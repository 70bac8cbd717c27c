//! `cargo xtask bench boot`: converted programs of other CPUs under real kernels, in emulated machines.
//!
//! An emulator of user programs answers system calls by itself; what a kernel of that CPU makes of the
//! mover's calls is seen only here. Debian's kernels are fetched by apt into `target/boot`, with lists
//! of its own, so that nothing of this system changes. The machine boots into `bench/boot`, a program
//! that starts the others and says what it sees.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use handpie_toolchain::command::Tool;
use xtask::workplace::Workplace;
use xtask::{flags, output_of, root};

use crate::results;

/// A machine to be emulated.
struct Machine {
    goarch: &'static str,
    /// The architecture of Debian, and its kernel.
    debian: &'static str,
    kernel: &'static str,
    emulator: &'static str,
    /// The machine and its CPU.
    arguments: &'static [&'static str],
    console: &'static str,
}

const MACHINES: [Machine; 3] = [
    Machine {
        goarch: "arm64",
        debian: "arm64",
        kernel: "linux-image-arm64",
        emulator: "qemu-system-aarch64",
        arguments: &["-M", "virt", "-cpu", "cortex-a72"],
        console: "ttyAMA0",
    },
    Machine {
        goarch: "ppc64le",
        debian: "ppc64el",
        kernel: "linux-image-powerpc64le",
        emulator: "qemu-system-ppc64",
        arguments: &["-M", "pseries", "-cpu", "POWER9", "-vga", "none"],
        console: "hvc0",
    },
    Machine {
        goarch: "s390x",
        debian: "s390x",
        kernel: "linux-image-s390x",
        emulator: "qemu-system-s390x",
        arguments: &["-M", "s390-ccw-virtio", "-cpu", "max"],
        console: "ttysclp0",
    },
];

/// The first release whose linker makes PIE for all of them.
const GO: &str = "1.27.3";
/// How often the first process starts each program.
const RUNS: u32 = 24;

/// `cargo xtask bench boot`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    flags(args, [])?;
    let workplace = Workplace::prepare()?;
    let handpie = workplace.build_handpie()?;
    let mut text = format!(
        "# Under real kernels\n\nMade by `cargo xtask bench boot` on {}, Go {GO}, {}. Each program was \
         started {RUNS} times: how many bits of its address varied, how many distances to the vdso \
         there were, and whether the kernel's copy of the auxiliary vector names the place where \
         the program is.\n\n\
         | CPU | kernel | page size | program | same output | bits | distances | auxv |\n\
         |---|---|---|---|---|---|---|---|\n",
        output_of("date", &["+%F"])?,
        output_of("qemu-system-aarch64", &["--version"])?
            .lines()
            .next()
            .unwrap_or_default(),
    );
    for machine in &MACHINES {
        let folder = root().join("target/boot").join(machine.goarch);
        fs::create_dir_all(&folder)?;
        let kernel = kernel(machine, &folder)?;
        let initrd = initrd(&workplace, &handpie, machine, &folder)?;
        let console = boot(machine, &kernel, &initrd)?;
        text += &rows(machine, &console)?;
    }
    results::write("boot", &text)
}

/// Debian's kernel, fetched once.
fn kernel(machine: &Machine, folder: &Path) -> anyhow::Result<PathBuf> {
    if let Some(kernel) = unpacked(folder) {
        return Ok(kernel);
    }
    let (lists, cache) = (
        folder.join("lists/partial"),
        folder.join("cache/archives/partial"),
    );
    fs::create_dir_all(&lists)?;
    fs::create_dir_all(&cache)?;
    let apt = |program: &str| {
        Tool::new(program).dir(folder).args([
            "-o".to_owned(),
            format!("Dir::State::lists={}", folder.join("lists").display()),
            "-o".to_owned(),
            format!("Dir::Cache={}", folder.join("cache").display()),
            "-o".to_owned(),
            format!("APT::Architecture={}", machine.debian),
            "-o".to_owned(),
            format!("APT::Architectures={}", machine.debian),
        ])
    };
    println!("fetching {}", machine.kernel);
    // One of several lists may be missing on a mirror; without the one that counts, what follows fails.
    apt("apt-get").args(["update", "-q"]).output()?;
    let depends = apt("apt-cache").args(["depends", machine.kernel]).run()?;
    let depends = String::from_utf8_lossy(&depends.stdout).into_owned();
    let words = depends.split_whitespace();
    let is_image = |word: &&str| {
        word.strip_prefix("linux-image-")
            .is_some_and(starts_with_digit)
    };
    let image = words.into_iter().find(is_image).context("no kernel")?;
    let image = image.split(':').next().unwrap_or(image);
    apt("apt-get").args(["download", "-q", image]).run()?;
    let packages = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let is_package = |path: &PathBuf| path.extension().is_some_and(|it| it == "deb");
    let package = packages
        .into_iter()
        .find(is_package)
        .context("no package")?;
    Tool::new("dpkg-deb")
        .arg("-x")
        .arg(package)
        .arg(folder.join("kernel"))
        .run()?;
    unpacked(folder).context("the package holds no kernel")
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit())
}

fn unpacked(folder: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(folder.join("kernel/boot")).ok()?.flatten();
    let mut paths = files.map(|entry| entry.path());
    paths.find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("vmlinu")
    })
}

/// The first process, the plain program, and the converted ones.
fn initrd(
    workplace: &Workplace,
    handpie: &Path,
    machine: &Machine,
    folder: &Path,
) -> anyhow::Result<PathBuf> {
    let goroot = root().join(format!("target/toolchains/go-{GO}/go"));
    ensure!(
        goroot.is_dir(),
        "it needs Go {GO}: `cargo xtask setup --all`"
    );
    let files = folder.join("files");
    fs::create_dir_all(files.join("dev"))?;
    let build = |folder: &str, output: &Path, words: &[&str]| {
        let go = workplace.tool(goroot.join("bin/go")).env("GOROOT", &goroot);
        let go = go
            .env("GOARCH", machine.goarch)
            .env("CGO_ENABLED", "0")
            .env("GOFLAGS", "");
        let go = go
            .args(["build", "-trimpath", "-o"])
            .arg(output)
            .args(words);
        go.dir(root().join(folder)).run()
    };
    let programs = "crates/handpie/tests/programs";
    let pie = folder.join("pie");
    build("bench/boot", &files.join("init"), &["."])?;
    build(programs, &files.join("plain"), &["works.go"])?;
    build(programs, &pie, &["-buildmode=pie", "works.go"])?;
    for (name, options) in [("kernel", &[][..]), ("full", &["--aslr", "full", "--seal"])] {
        let convert = Tool::new(handpie).arg("convert").args(options).arg(&pie);
        convert.arg("-o").arg(files.join(name)).run()?;
    }
    let initrd = folder.join("initrd");
    let pack = "find . | cpio --quiet -o -H newc | gzip -1 > \"$0\"";
    Tool::new("sh")
        .args(["-c", pack])
        .arg(&initrd)
        .dir(&files)
        .run()?;
    Ok(initrd)
}

fn boot(machine: &Machine, kernel: &Path, initrd: &Path) -> anyhow::Result<String> {
    println!("booting {}", machine.goarch);
    let emulator = Tool::new(machine.emulator)
        .args(machine.arguments)
        .args([
            "-smp",
            "2",
            "-m",
            "2048",
            "-nic",
            "none",
            "-nographic",
            "-no-reboot",
            "-kernel",
        ])
        .arg(kernel)
        .arg("-initrd")
        .arg(initrd)
        .args([
            "-append",
            &format!("console={} panic=-1 quiet", machine.console),
        ])
        .hint("install qemu-system-arm, qemu-system-ppc and qemu-system-misc")
        .timeout(Duration::from_secs(300));
    let output = emulator.output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A row a program; fails when one of them did not do what it should.
fn rows(machine: &Machine, console: &str) -> anyhow::Result<String> {
    let line = |start: &str| {
        // The firmware or the kernel may have left a line unfinished.
        let found = console
            .lines()
            .find_map(|line| Some(line.split_once(start)?.1));
        found.with_context(|| format!("{} did not say {start}:\n{console}", machine.goarch))
    };
    line("DONE")?;
    let (release, page_size) = line("BOOT ")?
        .trim()
        .split_once(' ')
        .context("no page size")?;
    let page_size: u64 = page_size.parse()?;
    let mut text = String::new();
    for name in ["/kernel", "/full"] {
        let facts = line(&format!("PROGRAM {name} "))?.trim();
        let fact = |key: &str| {
            let words = facts.split(' ').filter_map(|word| word.split_once('='));
            words
                .into_iter()
                .find(|(name, _)| *name == key)
                .map(|(_, value)| value)
        };
        let [same, bits, distances, auxv] =
            ["same", "bits", "distances", "auxv"].map(|key| fact(key).unwrap_or("?"));
        writeln!(
            text,
            "| {} | {release} | {page_size} | `{}` | {same} | {bits} | {distances} | {auxv} |",
            machine.goarch,
            if name == "/full" {
                "--aslr full --seal"
            } else {
                "--aslr kernel"
            }
        )?;
        // Of 46 bits of address, those inside a page are zero.
        let expected = 46 - page_size.trailing_zeros();
        let is_free = bits.parse::<u32>()? >= expected && distances == RUNS.to_string();
        if same != "true" || auxv != "true" || (name == "/full" && !is_free) {
            bail!("{} {name}: {facts}", machine.goarch);
        }
    }
    Ok(text)
}
