//! `handpie doctor`: reports what this machine can build, run and prove.

use std::path::{Path, PathBuf};

use handpie_toolchain::cpu::{self, fleet, fleet::Fleet};
use handpie_toolchain::go::{Go, GoEnv};
use handpie_toolchain::profile;

use crate::args::ReportFormat;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hardening;
use crate::input::Input;
use crate::report::Reporter;
use crate::report::doctor::{Capability, Cpu, DoctorReport};

pub(crate) mod attempts;
mod packages;

/// Report what this machine can build, run and prove for each CPU
///
/// Building needs only Go, in a version that supports position-independent programs for the CPU.
/// Programs for other CPUs run under a user-mode emulator (qemu-user); `handpie prove` needs a
/// machine with that CPU.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie doctor                  one line per CPU
  handpie doctor --format json | jq '.result.cpus[] | select(.build.yes) | .cpu'
  handpie doctor --try            build a program in each language with each
                                  libc and linker
  handpie doctor --try arm64      the same for another CPU, or `all`
  handpie doctor --cpu            the CPU level of this machine, and what the
                                  next level needs
  ssh HOST handpie doctor --cpu --format json > HOST.json
  handpie doctor --fleet *.json   the level that all machines support")]
pub(crate) struct Doctor {
    /// Build a test program with each language, libc and linker, for this machine's CPU, the named
    /// CPUs, or all
    #[arg(long = "try", value_name = "CPU", num_args = 0.., conflicts_with_all = ["cpu", "fleet"])]
    attempts: Option<Vec<String>>,
    /// Show which GOAMD64 or GOARM64 level this machine supports, and what it lacks for the next
    /// one
    #[arg(long, conflicts_with = "fleet")]
    cpu: bool,
    /// Show the highest level that all machines support, from their JSON reports of --cpu
    #[arg(long, value_name = "FILE", num_args = 1..)]
    fleet: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) format: ReportFormat,
}

/// A file of reports is no larger, in bytes: a report has 4 KiB.
const LARGEST_REPORTS: u64 = 64 << 20;

/// Every CPU that Go has for Linux, and its emulator's name behind `qemu-`.
const KNOWN: [(&str, &str); 13] = [
    ("386", "i386"),
    ("amd64", "x86_64"),
    ("arm", "arm"),
    ("arm64", "aarch64"),
    ("loong64", "loongarch64"),
    ("mips", "mips"),
    ("mips64", "mips64"),
    ("mips64le", "mips64el"),
    ("mipsle", "mipsel"),
    ("ppc64", "ppc64"),
    ("ppc64le", "ppc64le"),
    ("riscv64", "riscv64"),
    ("s390x", "s390x"),
];

pub(crate) fn run(args: &Doctor, reporter: &Reporter) -> Result<Exit, Failure> {
    if let Some(cpus) = &args.attempts {
        return attempts::run(cpus, reporter);
    }
    if args.cpu {
        reporter.print("doctor", &cpu::of_this_host())?;
        return Ok(Exit::Done);
    }
    if !args.fleet.is_empty() {
        let mut hosts = Vec::new();
        for path in &args.fleet {
            hosts.extend(reports(path)?);
        }
        reporter.print("doctor", &Fleet::of(&hosts))?;
        return Ok(Exit::Done);
    }
    let go = Go::in_path(None).env();
    let cpus = KNOWN.map(|(cpu, emulator)| {
        let build = match &go {
            Ok(settings) => build(cpu, settings),
            Err(error) => Capability::no(format!("go failed: {error}")),
        };
        Cpu {
            cpu,
            build,
            run: runs(cpu, emulator),
            prove: proves(cpu),
            aslr_full: hardening::is_available(cpu),
        }
    });
    let report = DoctorReport {
        go: go.ok().map(|settings| settings.goversion),
        cpus: cpus.into(),
    };
    reporter.print("doctor", &report)?;
    Ok(Exit::Done)
}

/// The reports in a file, one after another.
fn reports(path: &Path) -> Result<Vec<cpu::HostCpu>, Failure> {
    let mut input = Input::open(path)?;
    let wrong = |name: &str, why: &str| {
        Failure::new(Exit::Input, format!("`{name}` is not a CPU report"))
            .cause(why)
            .hint("write a CPU report with: handpie doctor --cpu --format json > FILE")
    };
    if input.size().0 > LARGEST_REPORTS {
        return Err(wrong(&input.name, "the file is larger than 64 MiB"));
    }
    let text = input.look(|bytes| bytes.data().map(<[u8]>::to_vec))??;
    let mut hosts = Vec::new();
    for document in serde_json::Deserializer::from_slice(&text).into_iter() {
        let document = document.map_err(|error| wrong(&input.name, &error.to_string()))?;
        hosts.push(fleet::host_of(document).map_err(|why| wrong(&input.name, &why))?);
    }
    match hosts.is_empty() {
        true => Err(wrong(&input.name, "the file is empty")),
        false => Ok(hosts),
    }
}

fn build(cpu: &str, settings: &GoEnv) -> Capability {
    let settings = GoEnv {
        goos: "linux".to_owned(),
        goarch: cpu.to_owned(),
        ..settings.clone()
    };
    let mut against = Vec::new();
    profile::platform(&settings, &mut against);
    match against.into_iter().next() {
        Some(against) => Capability::no(against.what),
        None => Capability::yes(format!("GOARCH={cpu} handpie build")),
    }
}

fn runs(cpu: &str, emulator: &str) -> Capability {
    if is_native(cpu) {
        return Capability::yes("on this machine".to_owned());
    }
    let names = [
        format!("qemu-{emulator}-static"),
        format!("qemu-{emulator}"),
    ];
    match names.iter().find_map(|name| in_path(name)) {
        // Go programs for 386 do not start under the emulator (`modify_ldt`).
        Some(_) if cpu == "386" => Capability::no("qemu-i386 does not run Go programs".to_owned()),
        Some(path) => Capability::yes(format!("under {}", path.display())),
        None => Capability::no(format!(
            "{} is not in PATH (Debian: qemu-user-static)",
            names[0]
        )),
    }
}

fn proves(cpu: &str) -> Capability {
    if is_native(cpu) {
        Capability::yes("on this machine".to_owned())
    } else {
        Capability::no(
            "an emulator has its own memory layout; run `handpie prove` on a machine with \
                    this CPU"
                .to_owned(),
        )
    }
}

/// Whether the kernel of this machine starts programs of the CPU.
fn is_native(cpu: &str) -> bool {
    match std::env::consts::ARCH {
        "x86_64" => ["amd64", "386"].contains(&cpu),
        "x86" => cpu == "386",
        "aarch64" => cpu == "arm64",
        "loongarch64" => cpu == "loong64",
        "powerpc64" if cfg!(target_endian = "little") => cpu == "ppc64le",
        "powerpc64" => cpu == "ppc64",
        same => cpu == same,
    }
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
    places.find(|place| Path::is_file(place))
}
