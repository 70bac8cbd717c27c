//! `handpie cc` and `handpie c++`: a compiler that hardens, and whose programs are static-PIE.
//!
//! Also when this program is called `handpie-cc` or `handpie-c++`, for build tools that want one
//! word. Nothing is read from the command line but a few words before the first one of the compiler,
//! so that everything a compiler understands can be said.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use handpie_toolchain::cc::{self, Compiler, Family, Language, Profile, Request, Step};
use handpie_toolchain::command::{Stream, Tool};
use handpie_toolchain::link::Libc;
use handpie_toolchain::link::sysroot::{self, Sysroot, Target, Wants};
use handpie_toolchain::response;

use super::ld;
use super::link::{DEFAULT_TIME_LIMIT, LibcChoice};
use crate::compilation_log::{self, Compilation};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::linking::{self, Job};
use crate::paths;
use crate::report;

pub(crate) const NO_COMPILER: &str = "cc-no-compiler";
/// `off` leaves the hardening flags out.
const HARDENING: &str = "HANDPIE_HARDENING";
/// The compiler, where it is not said with `--compiler`.
const COMPILER: &str = "HANDPIE_CC";

/// Nothing that clap knows by itself: what a compiler understands is for the compiler.
pub(super) const TEMPLATE: &str = "{about-with-newline}\n{usage-heading} {usage}{after-help}";

/// Compile C or C++ with hardening flags, and link programs as static-PIE
///
/// Adds OpenSSF's hardening flags before your arguments, so that yours take precedence, and links with
/// handpie, with musl by default. A link to handpie named handpie-cc or handpie-c++ does the same.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true, help_template = TEMPLATE)]
#[command(override_usage = "handpie cc [OPTIONS] [COMPILER ARGUMENTS]...
       handpie c++ [OPTIONS] [COMPILER ARGUMENTS]...")]
#[command(after_help = HELP)]
pub(crate) struct Cc {
    #[arg(
        value_name = "ARGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(super) words: Vec<OsString>,
}

const HELP: &str = "\
Options, which have to come first:
      --compiler <CC>    gcc, clang, zig, or a path [default: gcc; zig for other
                         CPUs and for C++ with musl; HANDPIE_CC]
      --libc <LIBC>      musl, glibc, or given: the one that the arguments name
                         [default: musl; HANDPIE_LIBC]
      --cpu <CPU>        build for another CPU: arm64, riscv64, ...
      --linker <LINKER>  embedded, mold, lld, bfd, or a path
                         [default: embedded; -fuse-ld; HANDPIE_LINKER]
      --profile <NAME>   portable: a static-PIE; host: a dynamic PIE against the
                         machine's libc [default: portable]
      --no-hardening     add no hardening flags, as HANDPIE_HARDENING=off does
      --show             print the command instead of running it
      --                 what follows is for the compiler

The help of the compiler itself: handpie cc -- --help

With HANDPIE_EVIDENCE=FILE in the environment, the compiler flags of each object
are appended to FILE, for `handpie check --evidence FILE`.

Examples:
  handpie cc -O2 -o hello hello.c
  make CC='handpie cc'
  ./configure CC='handpie cc' CXX='handpie c++'
  export CC='handpie cc' CGO_ENABLED=1
  go build -buildmode=pie -ldflags=-linkmode=external";

/// What stands before the words of the compiler.
#[derive(Debug, Default)]
struct Options {
    compiler: Option<OsString>,
    libc: LibcChoice,
    target: Option<&'static Target>,
    linker: Option<OsString>,
    profile: Profile,
    no_hardening: bool,
    show: bool,
}

/// Compiles C.
pub(crate) fn run_c(words: &[OsString]) -> ExitCode {
    run(Language::C, words)
}

/// Compiles C++.
pub(crate) fn run_cpp(words: &[OsString]) -> ExitCode {
    run(Language::Cpp, words)
}

fn run(language: Language, words: &[OsString]) -> ExitCode {
    match compile(language, words) {
        Ok(code) => code,
        Err(failure) => {
            report::toolexec::failure(&failure);
            failure.exit.into()
        }
    }
}

fn compile(language: Language, words: &[OsString]) -> Result<ExitCode, Failure> {
    let (options, words) = Options::take(words)?;
    let words =
        response::expanded(words.to_vec()).map_err(|error| Failure::new(Exit::Input, error))?;
    let said = || Target::named(&env::var(ld::TARGET).ok()?);
    let target = match options.target.or_else(said) {
        Some(target) => target,
        None => {
            Target::host().ok_or_else(|| Failure::new(Exit::No, "this CPU is not supported"))?
        }
    };
    let compiler = compiler(&options, language, target)?;
    let libc = options.libc.libc();
    let step = Step::of(&words);
    let sysroot = match (step, libc) {
        // A shared library is the machine's business, and linked to its libc.
        (Step::Question | Step::Other, _) | (_, None) => None,
        // zig knows its headers, and those of glibc are the machine's.
        _ if compiler.family == Family::Zig || options.profile == Profile::Host => None,
        (_, Some(Libc::Glibc)) => None,
        (_, Some(Libc::Musl)) => {
            let wants = Wants {
                headers: true,
                ..Wants::default()
            };
            Some(linking::find_sysroot(Libc::Musl, target, wants)?)
        }
    };
    let request = Request {
        compiler: &compiler,
        language,
        target,
        libc: libc.unwrap_or(Libc::Glibc),
        profile: options.profile,
        hardening: !options.no_hardening
            && env::var_os(HARDENING).is_none_or(|value| value != "off"),
        words: &words,
        include: sysroot
            .as_ref()
            .map_or(&[], |sysroot: &Sysroot| &sysroot.include),
    };
    let tool = match step {
        Step::Question => compiler.tool().args(&words),
        Step::Compile if compilation_log::is_kept() && !options.show => {
            return compile_and_write_down(&request);
        }
        Step::Compile | Step::Other => compiler.tool().args(request.added()).args(&words),
        Step::Link if compiler.family == Family::Zig && options.profile == Profile::Portable => {
            return link_with_zig(&request, &options);
        }
        Step::Link => {
            let tool = compiler.tool().args(request.added());
            let tool = tool.args(request.link_words(&folder_of_names()?));
            let tool = tool.args(cc::without_link_choices(&words));
            let tool = with_linker(tool, &options, language, target, &words);
            let how = compilation_log::is_kept().then(|| compilation(&request));
            match how.as_ref().and_then(compilation_log::for_linker) {
                Some((name, value)) => tool.env(name, value),
                None => tool,
            }
        }
    };
    if options.show {
        report::toolexec::command(&tool.shell_line());
        return Ok(ExitCode::SUCCESS);
    }
    ld::replace(&through(tool))
}

/// How the request compiles, for the evidence log.
fn compilation(request: &Request<'_>) -> Compilation {
    let added = request.added();
    let flags = added.iter().chain(request.words);
    Compilation {
        compiler: request.compiler.version.clone(),
        flags: flags.map(|word| word.display().to_string()).collect(),
    }
}

/// Compiles, and writes into the evidence log how.
fn compile_and_write_down(request: &Request<'_>) -> Result<ExitCode, Failure> {
    let tool = request.compiler.tool().args(request.added());
    let ended = through(tool.args(request.words))
        .output()
        .map_err(|error| Failure::of_tool(Exit::Tool, error))?;
    if !ended.status.success() {
        return Ok(ld::exit_code(ended.status));
    }
    for object in cc::objects(request.words) {
        compilation_log::compiled(&object, &compilation(request))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn through(tool: Tool) -> Tool {
    tool.stdin(Stream::Inherit)
        .stdout(Stream::Inherit)
        .stderr(Stream::Inherit)
}

/// Our linker learns from the environment what was decided here.
fn with_linker(
    tool: Tool,
    options: &Options,
    language: Language,
    target: &Target,
    words: &[OsString],
) -> Tool {
    let libc = match options.libc {
        LibcChoice::Musl => "musl",
        LibcChoice::Glibc => "glibc",
        LibcChoice::Given => "given",
    };
    let tool = tool.env(ld::LIBC, libc).env(ld::TARGET, target.gnu);
    let tool = match options.linker.clone().or_else(|| cc::chosen_linker(words)) {
        Some(linker) => tool.env(ld::LINKER, linker),
        None => tool,
    };
    match language {
        Language::Cpp => tool.env(ld::CPP, "1"),
        Language::C => tool,
    }
}

/// zig has a linker of its own and takes no other. So the sources are compiled one by one, and linked
/// here with the libc that zig made.
fn link_with_zig(request: &Request<'_>, options: &Options) -> Result<ExitCode, Failure> {
    let folder = tempfile::tempdir().map_err(|cause| {
        Failure::new(Exit::Input, "failed to create a temporary directory").cause(cause)
    })?;
    let mut words = cc::without_link_choices(request.words);
    let flags = cc::halves(&words).compile;
    for place in cc::sources(&words) {
        let Some(source) = words.get(place).cloned() else {
            continue;
        };
        let object = folder.path().join(format!("{place}.o"));
        let tool = request.compiler.tool().args(request.added()).args(&flags);
        let tool = through(tool.arg("-c").arg(&source).arg("-o").arg(&object));
        if options.show {
            report::toolexec::command(&tool.shell_line());
            continue;
        }
        let ended = tool
            .output()
            .map_err(|error| Failure::of_tool(Exit::Tool, error))?;
        if !ended.status.success() {
            return Ok(ld::exit_code(ended.status));
        }
        if compilation_log::is_kept() {
            compilation_log::compiled(&object, &compilation(request))?;
        }
        if let Some(word) = words.get_mut(place) {
            *word = object.into();
        }
    }
    if options.show {
        return Ok(ExitCode::SUCCESS);
    }
    let linker = options
        .linker
        .clone()
        .or_else(|| cc::chosen_linker(request.words));
    linking::link(&Job {
        words: super::link::parse(cc::halves(&words).link)?,
        libc: Some(Libc::Musl),
        target: Some(request.target),
        linker: linker.unwrap_or_else(|| "embedded".into()),
        wants: Wants {
            cpp: request.language == Language::Cpp,
            zig: true,
            ..Wants::default()
        },
        time_limit: Duration::from_secs(DEFAULT_TIME_LIMIT),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn compiler(options: &Options, language: Language, target: &Target) -> Result<Compiler, Failure> {
    let said = options.compiler.clone().or_else(|| env::var_os(COMPILER));
    let name = said.unwrap_or_else(|| {
        let cpp_with_musl = language == Language::Cpp && options.libc == LibcChoice::Musl;
        let portable = options.profile == Profile::Portable;
        match (language, (cpp_with_musl && portable) || !target.is_host()) {
            // Distributions have C++'s library for glibc only, and compilers for one CPU.
            (_, true) => "zig".into(),
            (Language::C, false) => "gcc".into(),
            (Language::Cpp, false) => "g++".into(),
        }
    });
    Compiler::named(&name, language, target).map_err(|error| {
        Failure::new(Exit::Tool, "no usable compiler was found")
            .code(NO_COMPILER)
            .tool(error)
            .hint("apt install gcc, pip install ziglang, or say which with --compiler")
    })
}

/// A folder in which this program has the names of compilers and linkers, for other tools to find.
pub(crate) fn folder_of_names() -> Result<PathBuf, Failure> {
    const NAMES: [&str; 4] = ["ld", "handpie-ld", "handpie-cc", "handpie-c++"];
    let own = paths::own_program()?;
    let failed = |cause: std::io::Error| {
        let message = "failed to create a directory with links to handpie under compiler names";
        Failure::new(Exit::Input, message).cause(cause)
    };
    let folder = handpie_toolchain::cache::user_file("bin", &own);
    let folder = folder.unwrap_or_else(|| env::temp_dir().join("handpie-bin"));
    for name in NAMES {
        let link = folder.join(name);
        if std::fs::read_link(&link).is_ok_and(|target| target == own) {
            continue;
        }
        std::fs::create_dir_all(&folder).map_err(failed)?;
        // Two compilers may do it at once: each makes its own, and one of them stays.
        let fresh = folder.join(format!("{name}-{}", std::process::id()));
        std::os::unix::fs::symlink(&own, &fresh).map_err(failed)?;
        std::fs::rename(&fresh, &link).map_err(failed)?;
    }
    Ok(folder)
}

impl Options {
    /// Takes our words off the front.
    fn take(words: &[OsString]) -> Result<(Options, &[OsString]), Failure> {
        let mut options = Options {
            linker: env::var_os(ld::LINKER),
            ..Options::default()
        };
        if let Some(libc) = env::var_os(ld::LIBC) {
            options.set("--libc", libc)?;
        }
        let mut rest = words;
        while let Some((word, after)) = rest.split_first() {
            let text = word.to_str().unwrap_or_default();
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (text, None),
            };
            match name {
                "--" => return Ok((options, after)),
                "--no-hardening" => options.no_hardening = true,
                "--show" => options.show = true,
                "--compiler" | "--libc" | "--cpu" | "--linker" | "--profile" => {
                    let (value, after) = match (value, after.split_first()) {
                        (Some(value), _) => (OsString::from(value), after),
                        (None, Some((value, after))) => (value.clone(), after),
                        (None, None) => return Err(usage(&format!("`{name}` needs a value"))),
                    };
                    options.set(name, value)?;
                    rest = after;
                    continue;
                }
                _ => break,
            }
            rest = after;
        }
        Ok((options, rest))
    }

    fn set(&mut self, name: &str, value: OsString) -> Result<(), Failure> {
        let text = value.display().to_string();
        match name {
            "--compiler" => self.compiler = Some(value),
            "--linker" => self.linker = Some(value),
            "--libc" => {
                self.libc = LibcChoice::from_str(&text, false).map_err(|_| {
                    usage(&format!("`--libc {text}` is not one of musl, glibc, given"))
                })?;
            }
            "--cpu" => {
                let target = Target::named(&text);
                self.target = Some(target.ok_or_else(|| {
                    let names: Vec<&str> =
                        sysroot::TARGETS.iter().map(|target| target.go).collect();
                    usage(&format!(
                        "`--cpu {text}` is not one of {}",
                        names.join(", ")
                    ))
                })?);
            }
            _ => {
                self.profile = match text.as_str() {
                    "portable" => Profile::Portable,
                    "host" => Profile::Host,
                    _ => {
                        return Err(usage(&format!(
                            "`--profile {text}` is not one of portable, host"
                        )));
                    }
                };
            }
        }
        Ok(())
    }
}

fn usage(message: &str) -> Failure {
    Failure::new(Exit::Usage, message).hint("`handpie cc` without arguments prints help")
}
