//! How a program is linked: its inputs are found and surveyed, the linker is started, and its output
//! is held against what is promised before it gets its name.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use handpie_binary::Elf;
use handpie_pie::startup;
use handpie_toolchain::link::sysroot::{self, Target, Wants};
use handpie_toolchain::link::{self, Inputs, Item, Kind, Libc, Linker, Sysroot, Words};

use crate::compilation_log;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Input;
use crate::paths;
use crate::promise::{self, Extent, Inspection};

mod survey;

/// Codes of failures to link.
#[cfg(test)]
pub(crate) const CODES: [&str; 6] = [
    NOT_A_PROGRAM,
    NO_LIBC,
    MISSING_LIBRARY,
    LINKER_UNUSABLE,
    LINKER_REFUSED,
    LINKER_CRASHED,
];
/// The flags ask for something else than a program.
const NOT_A_PROGRAM: &str = "link-kind";
const NO_LIBC: &str = "link-no-libc";
const MISSING_LIBRARY: &str = "link-library";
const LINKER_UNUSABLE: &str = "linker-unusable";
const LINKER_REFUSED: &str = "linker-refused";
const LINKER_CRASHED: &str = "linker-crashed";

/// What to link, and how.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The command line.
    pub(crate) words: Words,
    /// Which libc; `None` when the command line names its own, as rustc's does.
    pub(crate) libc: Option<Libc>,
    /// The CPU, if it was given; otherwise that of the first object.
    pub(crate) target: Option<&'static Target>,
    /// `embedded`, the name of a linker, or its path.
    pub(crate) linker: OsString,
    /// What the libc must provide.
    pub(crate) wants: Wants,
    pub(crate) time_limit: Duration,
}

/// What was linked.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) output: PathBuf,
    pub(crate) linker: &'static str,
    /// Where the libc is from; `None` when it was given.
    pub(crate) libc: Option<String>,
    pub(crate) size: u64,
    /// The linker's command.
    pub(crate) command: String,
}

/// Links a program.
pub(crate) fn link(job: &Job) -> Result<Program, Failure> {
    refuse_other_kinds(&job.words.kind)?;
    if !has_inputs(&job.words) {
        return Err(Failure::new(Exit::Usage, "no input to link")
            .hint("pass objects (.o) or archives (.a)"));
    }
    let target = target(job)?;
    let linker = linker(&job.linker, target)?;
    let sysroot = match job.libc {
        Some(libc) => Some(find_sysroot(libc, target, job.wants)?),
        None => None,
    };
    let inputs = Inputs::of(&job.words, sysroot.as_ref()).map_err(missing)?;
    survey::refuse(&inputs, sysroot.as_ref())?;
    let startup = startup_object(&inputs)?;
    let linked = link::run(&link::Link {
        linker: &linker,
        inputs: &inputs,
        startup,
        target,
        output: &job.words.output,
        time_limit: job.time_limit,
    });
    let linked = linked.map_err(|error| not_linked(&job.words.output, error))?;
    let extent = match startup {
        Some(_) => Extent::Whole,
        None => Extent::OwnStartFiles,
    };
    let kept = keeps_promises(linked.path(), &job.words.output, extent)?;
    let command = linked.command.clone();
    linked
        .keep(&job.words.output)
        .map_err(|error| Failure::new(Exit::Input, error))?;
    compilation_log::linked(&job.words.output, inputs.own_files())?;
    Ok(Program {
        output: job.words.output.clone(),
        linker: linker.name(),
        libc: sysroot.map(|sysroot| sysroot.origin),
        size: kept.size,
        command,
    })
}

/// Looks at what the linker made, before it gets the name of the output.
pub(crate) fn keeps_promises(
    linked: &Path,
    output: &Path,
    extent: Extent,
) -> Result<Inspection, Failure> {
    let inspection = promise::inspect(linked, extent)?;
    inspection
        .require(&output.display().to_string())
        .map_err(|failure| {
            failure.hint(
                "nothing was written; a flag or an object asks for something else, or the linker is \
                 at fault: try another with --linker",
            )
        })
}

fn has_inputs(words: &Words) -> bool {
    words.items.iter().any(|item| matches!(item, Item::File(_)))
}

fn refuse_other_kinds(kind: &Kind) -> Result<(), Failure> {
    let what = match kind {
        Kind::Program => return Ok(()),
        Kind::SharedObject => "a shared library (-shared)",
        Kind::RelocatableObject => "an object (-r)",
        Kind::PositionDependent => "a position-dependent program (-no-pie)",
        Kind::Nothing => "information about the linker (--version, --help)",
    };
    let message = format!("the arguments request {what} instead of a static-PIE");
    Err(Failure::new(Exit::No, message)
        .code(NOT_A_PROGRAM)
        .hint("remove the flag, or use your compiler's linker"))
}

/// The linker of that name. `embedded` stands for another one where libwild does not know the CPU.
fn linker(name: &OsString, target: &Target) -> Result<Linker, Failure> {
    let host = paths::own_program()?;
    let unusable = |message: &str| Failure::new(Exit::Tool, message).code(LINKER_UNUSABLE);
    if name == "embedded" && !(link::embedded::IS_BUILT_IN && link::embedded::knows(target)) {
        let others = OTHER_LINKERS.iter().map(OsStr::new);
        let mut others = others.filter_map(|name| Linker::named(name, target, &host).ok());
        let message = format!("the embedded linker does not support {}", target.go);
        return others.next().ok_or_else(|| {
            unusable(&message).hint("apt install lld-19, and pass --linker ld.lld-19")
        });
    }
    Linker::named(name, target, &host).map_err(|error| {
        unusable("the linker cannot be used")
            .tool(error)
            .hint("--linker embedded needs no other program")
    })
}

/// Linkers that know every CPU, newest first.
const OTHER_LINKERS: [&str; 6] = [
    "ld.lld",
    "ld.lld-21",
    "ld.lld-20",
    "ld.lld-19",
    "ld.lld-18",
    "bfd",
];

/// For which CPU: the first object tells.
fn target(job: &Job) -> Result<&'static Target, Failure> {
    if let Some(target) = job.target {
        return Ok(target);
    }
    let files = job.words.items.iter().filter_map(|item| match item {
        Item::File(path) => Some(path),
        Item::Library(_) | Item::Flag(_) => None,
    });
    for path in files {
        let mut input = Input::open(path)?;
        let name = input.look(|bytes| Elf::parse(bytes).ok().and_then(|elf| cpu_name(&elf)))?;
        if let Some(target) = name.and_then(Target::named) {
            return Ok(target);
        }
    }
    Target::host().ok_or_else(|| {
        Failure::new(Exit::No, "the target CPU is unknown").hint("pass at least one object (.o)")
    })
}

/// A CPU as `uname -m` calls it.
fn cpu_name(elf: &Elf<'_>) -> Option<&'static str> {
    use handpie_binary::elf::constants as elf_constants;
    use handpie_binary::elf::{Class, Endianness};
    let header = elf.header();
    Some(match (header.machine, header.class, header.endian) {
        (elf_constants::EM_X86_64, Class::Elf64, _) => "x86_64",
        (elf_constants::EM_386, Class::Elf32, _) => "x86",
        (elf_constants::EM_AARCH64, Class::Elf64, Endianness::Little) => "aarch64",
        (elf_constants::EM_ARM, Class::Elf32, Endianness::Little) => "arm",
        (elf_constants::EM_RISCV, Class::Elf64, _) => "riscv64",
        (elf_constants::EM_LOONGARCH, Class::Elf64, _) => "loongarch64",
        (elf_constants::EM_PPC64, Class::Elf64, Endianness::Little) => "powerpc64le",
        (elf_constants::EM_S390, Class::Elf64, Endianness::Big) => "s390x",
        _ => return None,
    })
}

/// Finds a libc.
pub(crate) fn find_sysroot(libc: Libc, target: &Target, wants: Wants) -> Result<Sysroot, Failure> {
    sysroot::find(libc, target, wants).map_err(|error| {
        let hint = error.hint.clone();
        Failure::new(Exit::No, "no libc to link was found")
            .code(NO_LIBC)
            .tool(error)
            .hint(hint)
    })
}

fn missing(missing: Vec<link::Missing>) -> Failure {
    let mut failure = Failure::new(Exit::No, "libraries are missing").code(MISSING_LIBRARY);
    let mut only_shared = false;
    for one in missing {
        only_shared |= matches!(one, link::Missing::OnlyShared { .. });
        failure = failure.cause(one);
    }
    match only_shared {
        true => failure.hint(
            "a static-PIE needs an archive (.a): build the library with --enable-static, or \
             install the package that contains the archive",
        ),
        false => failure.hint("add the library's directory with -L, or install the library"),
    }
}

/// The start-up code that makes RELRO read-only, for programs that have start files to call it. Where
/// libc does the same, doing it twice changes nothing.
fn startup_object(inputs: &Inputs) -> Result<Option<&'static [u8]>, Failure> {
    let start = inputs.files().find(|path| path.ends_with("rcrt1.o"));
    let Some(start) = start else {
        return Ok(None);
    };
    let mut input = Input::open(start)?;
    input.look(|bytes| {
        let elf = Elf::parse(bytes).ok()?;
        startup::relro_object(elf.header())
    })
}

fn not_linked(output: &Path, error: link::Error) -> Failure {
    let message = format!("failed to link `{}`", output.display());
    match error {
        link::Error::Refused { ref command, .. } => {
            let command = format!("the command was: {command}");
            Failure::new(Exit::No, message)
                .code(LINKER_REFUSED)
                .tool(&error)
                .hint(command)
        }
        link::Error::Crashed { .. } => Failure::new(Exit::Tool, message)
            .code(LINKER_CRASHED)
            .tool(error)
            .hint("an object is damaged, or this is a bug of the linker: try --linker bfd"),
        link::Error::Command(_) => Failure::new(Exit::Tool, message)
            .code(LINKER_CRASHED)
            .tool(error)
            .hint("--time-limit gives it longer"),
        link::Error::Write { .. } => Failure::new(Exit::Input, message).cause(error),
    }
}
