//! What runs in place of go's tools: `-toolexec 'handpie toolexec'`.
//!
//! cmd/go then starts `handpie toolexec /path/of/tool ARGS…` instead of each tool. What is
//! wrapped, and why:
//!
//! 1. `-V=full`. cmd/go asks every tool for its id and keys its cache by it (`toolID` in
//!    cmd/go/internal/work/buildid.go). The answer is remembered for as long as the tool is the
//!    same file: reading it takes less time than starting the tool, so that we cost none.
//!    Into the linker's answer goes our salt, so that a program that was linked without us, or by
//!    an older converter, is not "up to date". The id of a release is its whole line; of a
//!    development version it is what follows the last slash of the last field.
//! 2. `link` of a Linux program whose last `-buildmode=` is `pie`. The linker runs as asked; its
//!    output is then converted in place. cmd/go hashes and names the file only afterwards
//!    (`updateBuildID`), so it takes the converted file for the linker's.
//! 3. `compile`, `asm` and `link` of a Linux program for a CPU whose PIE go's linker cannot link
//!    itself ([`one_object`]), without cgo. Packages are compiled position-independent, and `link`
//!    hands all it has as one object to an external linker, which is us again. cmd/go refuses
//!    `-buildmode=pie` there, so it says `exe`; any other mode is left alone.
//! 4. Everything else is replaced by the tool itself, with exec: cgo, cover, vet, a tool of
//!    tomorrow, and every other link mode (exe, c-shared, plugin, another GOOS).
//!
//! For the CPUs of 2, only the linker's id is salted, so packages that were compiled without us are
//! not compiled again. For those of 3, the ids of compile and asm are salted too, because what they
//! make is another thing with `-shared`; their salt is the same for every version of ours.
//!
//! Not here: the conversion, which the caller passes in, and printing.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::cache::{Cache, Unidentified};
use crate::command::{self, Stream, Tool};
use crate::flags;

/// How a wrapped tool ended.
#[derive(Debug)]
pub struct Ended {
    /// For our standard output.
    pub stdout: Vec<u8>,
    /// For our standard error.
    pub stderr: Vec<u8>,
    /// Our exit code.
    pub code: u8,
}

/// A program that was linked, in the hands of the converter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked<'a> {
    /// The file that the linker wrote, to be converted in place.
    pub file: &'a Path,
    /// The import path of the program; `NAME.test` for a test.
    pub package: &'a str,
}

/// The wrapper could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    /// `toolexec` without a tool: not called by go.
    #[error("missing tool: `handpie toolexec` is meant to be started by go (see `handpie env`)")]
    NoTool,
    /// The tool could not be run.
    #[error(transparent)]
    Command(command::Error),
    /// The tool's id cannot be salted, so the build cache would be wrong.
    #[error("extend the build ID of `{tool}`: unexpected output of -V=full: `{answer}`")]
    ToolId {
        /// The linker.
        tool: String,
        /// What it said.
        answer: String,
    },
    /// The path of this program cannot be said in a flag of the linker.
    #[error("pass handpie's path to Go's linker: {0}")]
    Path(flags::Error),
    /// The converter refused; the linker's output is removed.
    #[error("convert the linked program")]
    Convert(E),
    /// The converter refused, and the output could not even be removed.
    #[error("remove `{}`, which was not converted: {cause}", .file.display())]
    Remove {
        /// The unconverted program.
        file: PathBuf,
        /// Why it stays.
        cause: std::io::Error,
    },
}

/// This program, as the tools need to know it.
#[derive(Clone, Copy, Debug)]
pub struct Handpie<'a> {
    /// Where it is: go's linker starts `handpie extld`.
    pub program: &'a Path,
    /// What that command is told besides.
    pub options: &'a [&'a str],
    /// Names the converter: no blanks, no slashes, another one for another result.
    pub salt: &'a str,
}

/// Runs a tool for cmd/go. Returns only for the linker, or when something failed.
///
/// `cache` keeps the ids of tools.
pub fn run<E>(
    words: &[OsString],
    handpie: Handpie<'_>,
    cache: &Cache,
    convert: &mut dyn FnMut(Linked<'_>) -> Result<(), E>,
) -> Result<Ended, Error<E>> {
    let (program, args) = words.split_first().ok_or(Error::NoTool)?;
    let tool = Tool::new(program)
        .args(args)
        .stdin(Stream::Inherit)
        .stdout(Stream::Inherit)
        .stderr(Stream::Inherit);
    match step(program, args, &Platform::of_environment()) {
        Step::PassThrough => {
            let status = tool.replace().map_err(Error::Command)?;
            Ok(ended(status))
        }
        Step::Id(whose) => {
            let answer = match cache.tool_id(program, &tool.stdout(Stream::Capture)) {
                Ok(answer) => answer,
                Err(Unidentified::Command(error)) => return Err(Error::Command(error)),
                Err(Unidentified::Ended(output)) => {
                    let mut ended = ended(output.status);
                    ended.stdout = output.stdout;
                    return Ok(ended);
                }
            };
            let stdout = match whose {
                Whose::Another => answer,
                Whose::Linker | Whose::Compiler => {
                    let salt = match whose {
                        Whose::Compiler => SHARED,
                        _ => handpie.salt,
                    };
                    salted(&answer, salt).ok_or_else(|| Error::ToolId {
                        tool: program.to_string_lossy().into_owned(),
                        answer: answer.trim().to_owned(),
                    })?
                }
            };
            Ok(Ended {
                stdout: stdout.into_bytes(),
                stderr: Vec::new(),
                code: 0,
            })
        }
        Step::CompileShared => {
            let tool = Tool::new(program).arg("-shared").args(args);
            let tool = tool.stdin(Stream::Inherit).stdout(Stream::Inherit);
            let status = tool.stderr(Stream::Inherit).replace();
            Ok(ended(status.map_err(Error::Command)?))
        }
        Step::LinkObject(file) => {
            let args = with_our_linker(args, handpie).map_err(Error::Path)?;
            let tool = Tool::new(program).args(args).stdin(Stream::Inherit);
            let tool = tool.stdout(Stream::Capture).stderr(Stream::Capture);
            let output = tool.output().map_err(Error::Command)?;
            let mut ended = ended(output.status);
            ended.stdout = without_cgo_line(&output.stdout);
            ended.stderr = without_cgo_line(&output.stderr);
            if ended.code == 0 {
                convert_or_remove(&file, convert)?;
            }
            Ok(ended)
        }
        Step::Convert(file) => {
            let output = tool.output().map_err(Error::Command)?;
            let ended = ended(output.status);
            if ended.code == 0 {
                convert_or_remove(&file, convert)?;
            }
            Ok(ended)
        }
    }
}

enum Step {
    PassThrough,
    Id(Whose),
    Convert(PathBuf),
    CompileShared,
    LinkObject(PathBuf),
}

#[derive(Clone, Copy)]
enum Whose {
    Linker,
    Compiler,
    Another,
}

/// The salt of compilers whose output is position-independent through us.
const SHARED: &str = "shared";

/// What is built for.
#[derive(Clone, Debug, Default)]
struct Platform {
    os: Option<OsString>,
    cpu: Option<OsString>,
    cgo: Option<OsString>,
}

impl Platform {
    /// cmd/go sets GOOS and GOARCH for its tools. CGO_ENABLED is there when somebody has set it,
    /// and `handpie build` and `handpie env` do.
    fn of_environment() -> Self {
        Self {
            os: std::env::var_os("GOOS"),
            cpu: std::env::var_os("GOARCH"),
            cgo: std::env::var_os("CGO_ENABLED"),
        }
    }

    fn is_linux(&self) -> bool {
        self.os.as_deref() == Some(OsStr::new("linux"))
    }

    fn is_one_object(&self) -> bool {
        let cpu = self.cpu.as_deref().and_then(OsStr::to_str);
        let without_cgo = self.cgo.as_deref() == Some(OsStr::new("0"));
        self.is_linux() && without_cgo && cpu.is_some_and(one_object)
    }
}

/// Whether go links a PIE for this GOARCH with an external linker only, and handpie is one
/// (`InternalLinkPIESupported` in internal/platform/supported.go).
pub fn one_object(goarch: &str) -> bool {
    ["386", "arm", "riscv64"].contains(&goarch)
}

fn step(program: &OsStr, args: &[OsString], platform: &Platform) -> Step {
    let stem = Path::new(program).file_stem();
    let is = |name: &str| stem == Some(OsStr::new(name));
    let is_compiler = platform.is_one_object() && (is("compile") || is("asm"));
    match (args == ["-V=full"], is("link")) {
        (true, true) => return Step::Id(Whose::Linker),
        (true, false) if is_compiler => return Step::Id(Whose::Compiler),
        (true, false) => return Step::Id(Whose::Another),
        (false, true) => {}
        (false, false) if is_compiler => return Step::CompileShared,
        (false, false) => return Step::PassThrough,
    }
    match (last(args, "buildmode"), last(args, "o")) {
        (Some(mode), Some(file)) if mode == "exe" && platform.is_one_object() => {
            Step::LinkObject(file.into())
        }
        (Some(mode), Some(file)) if mode == "pie" && platform.is_linux() => {
            Step::Convert(file.into())
        }
        _ => Step::PassThrough,
    }
}

/// The linker's words with ours before the last, which is its input: the last flag of a name wins.
fn with_our_linker(args: &[OsString], handpie: Handpie<'_>) -> Result<Vec<OsString>, flags::Error> {
    let path = handpie
        .program
        .to_str()
        .ok_or_else(|| flags::Error::Unspeakable(handpie.program.to_string_lossy().into_owned()))?;
    let extld = flags::join([path, "extld"].iter().chain(handpie.options))?;
    let ours = [
        "-buildmode=pie".to_owned(),
        "-linkmode=external".to_owned(),
        format!("-extld={extld}"),
    ];
    let mut words = args.to_vec();
    let at = words.len().saturating_sub(1);
    words.splice(at..at, ours.map(OsString::from));
    Ok(words)
}

/// What the linker said, less the line that it says whenever it links externally without cgo, which
/// is meant here (golang.org/issue/31544).
fn without_cgo_line(said: &[u8]) -> Vec<u8> {
    let lines = said.split_inclusive(|&byte| byte == b'\n');
    let kept = lines.filter(|line| line.trim_ascii() != b"loadinternal: cannot find runtime/cgo");
    kept.flatten().copied().collect()
}

/// The value of a linker flag where it is said last, as `-name=value` or in the next word.
fn last(args: &[OsString], name: &str) -> Option<OsString> {
    let mut found = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(flag) = arg.as_encoded_bytes().strip_prefix(b"-") else {
            continue;
        };
        let flag = flag.strip_prefix(b"-").unwrap_or(flag);
        let Some(rest) = flag.strip_prefix(name.as_bytes()) else {
            continue;
        };
        match rest {
            [] => found = args.next().cloned(),
            [b'=', value @ ..] => found = Some(os_string(value)),
            _ => {}
        }
    }
    found
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> OsString {
    <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).to_owned()
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn salted(answer: &str, salt: &str) -> Option<String> {
    let line = answer.trim_end();
    let mut fields = line.split_whitespace();
    let (_, version) = (fields.next()?, fields.next()?);
    let release = fields.next()?;
    if version != "version" {
        return None;
    }
    let last = fields.last();
    let salted = match last.filter(|last| last.starts_with("buildID=")) {
        // The id ends at the end of the line, and its last part is the one that counts.
        Some(_) => format!("{line}-handpie-{salt}\n"),
        None if release.contains("devel") => return None,
        None => format!("{line} handpie:{salt}\n"),
    };
    Some(salted)
}

fn convert_or_remove<E>(
    file: &Path,
    convert: &mut dyn FnMut(Linked<'_>) -> Result<(), E>,
) -> Result<(), Error<E>> {
    let package = std::env::var("TOOLEXEC_IMPORTPATH").unwrap_or_default();
    // A package that is built for one program only is called `path [program]`.
    let package = package.split(' ').next().unwrap_or_default();
    let Err(refused) = convert(Linked { file, package }) else {
        return Ok(());
    };
    // Whoever finds the file must not take it for a static-PIE.
    match std::fs::remove_file(file) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(Error::Remove {
            file: file.to_owned(),
            cause,
        }),
        _ => Err(Error::Convert(refused)),
    }
}

fn ended(status: std::process::ExitStatus) -> Ended {
    Ended {
        stdout: Vec::new(),
        stderr: Vec::new(),
        // A tool that was killed by a signal has no code of its own.
        code: status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn platform(os: &str, cpu: &str, cgo: &str) -> Platform {
        let [os, cpu, cgo] = [os, cpu, cgo].map(|value| Some(value.into()));
        Platform { os, cpu, cgo }
    }

    fn converts(line: &str, goos: &str) -> Option<PathBuf> {
        match step(
            OsStr::new("/go/link"),
            &words(line),
            &platform(goos, "amd64", "0"),
        ) {
            Step::Convert(file) => Some(file),
            _ => None,
        }
    }

    #[test]
    fn converts_only_linux_programs_whose_last_mode_is_pie() {
        let file = Some(PathBuf::from("a.out"));
        assert_eq!(converts("-o a.out -buildmode=pie -s main.a", "linux"), file);
        assert_eq!(converts("-o=a.out --buildmode pie main.a", "linux"), file);
        assert_eq!(converts("-o a.out -buildmode=pie main.a", "windows"), None);
        assert_eq!(converts("-o a.out -buildmode=exe main.a", "linux"), None);
        assert_eq!(
            converts("-o a.out -buildmode=pie -buildmode=exe x.a", "linux"),
            None
        );
        assert_eq!(converts("-o a.out main.a", "linux"), None);
        assert_eq!(
            converts("-o b -buildmode=exe -buildmode=pie -o a.out x.a", "linux"),
            file
        );
    }

    #[test]
    fn lets_every_other_tool_through() {
        for tool in ["/go/compile", "/go/asm", "/go/vet", "/go/linker", "/go/new"] {
            let step = |args| {
                step(
                    OsStr::new(tool),
                    &words(args),
                    &platform("linux", "amd64", "0"),
                )
            };
            let build = step("-o a.out -buildmode=pie x.a");
            assert!(matches!(build, Step::PassThrough), "{tool}");
            let id = step("-V=full");
            assert!(matches!(id, Step::Id(Whose::Another)), "{tool}");
        }
        let id = step(
            OsStr::new("/go/link"),
            &words("-V=full"),
            &Platform::default(),
        );
        assert!(matches!(id, Step::Id(Whose::Linker)));
        let help = step(OsStr::new("/go/link"), &words("-V"), &Platform::default());
        assert!(matches!(help, Step::PassThrough));
    }

    #[test]
    fn links_one_object_where_go_cannot_link_a_pie() {
        let step_of = |tool: &str, line: &str, cpu, cgo| {
            let program = format!("/go/{tool}");
            step(
                OsStr::new(&program),
                &words(line),
                &platform("linux", cpu, cgo),
            )
        };
        let exe = "-o a.out -buildmode=exe x.a";
        for cpu in ["386", "arm", "riscv64"] {
            let link = step_of("link", exe, cpu, "0");
            assert!(matches!(link, Step::LinkObject(file) if file == Path::new("a.out")));
            for tool in ["compile", "asm"] {
                let step = step_of(tool, "-o x.a x.go", cpu, "0");
                assert!(matches!(step, Step::CompileShared), "{tool}");
                let id = step_of(tool, "-V=full", cpu, "0");
                assert!(matches!(id, Step::Id(Whose::Compiler)), "{tool}");
            }
            for (tool, line, cgo) in [
                ("link", exe, "1"),
                ("link", "-o a.so -buildmode=c-shared x.a", "0"),
                ("compile", "-o x.a x.go", "1"),
                ("vet", "x.cfg", "0"),
            ] {
                let step = step_of(tool, line, cpu, cgo);
                assert!(matches!(step, Step::PassThrough), "{tool} {line}");
            }
        }
        for cpu in ["amd64", "mips", "arm64"] {
            let steps = [
                step_of("link", exe, cpu, "0"),
                step_of("compile", "x.go", cpu, "0"),
            ];
            let alone = |step| matches!(step, Step::PassThrough);
            assert!(steps.into_iter().all(alone), "{cpu}");
        }
    }

    #[test]
    fn our_words_come_last_but_for_the_input() {
        let args = words("-o a.out -buildmode=exe -extld=gcc x.a");
        let with = |program| {
            let handpie = Handpie {
                program: Path::new(program),
                options: &["--seal"],
                salt: "",
            };
            with_our_linker(&args, handpie)
        };
        let ours = with("/my tools/handpie").unwrap();
        assert_eq!(
            ours,
            [
                "-o",
                "a.out",
                "-buildmode=exe",
                "-extld=gcc",
                "-buildmode=pie",
                "-linkmode=external",
                "-extld='/my tools/handpie' extld --seal",
                "x.a"
            ]
        );
        assert!(with("/it's \"my\" tools/handpie").is_err());
    }

    #[test]
    fn one_line_of_the_linker_is_kept_from_the_user_and_no_other() {
        let said = b"loadinternal: cannot find runtime/cgo\nloadinternal: cannot find x\nlast";
        assert_eq!(without_cgo_line(said), b"loadinternal: cannot find x\nlast");
    }

    #[test]
    fn salts_the_field_that_go_reads() {
        let salted = |line: &str| salted(line, "5a17");
        assert_eq!(
            salted("link version go1.26.6\n").unwrap(),
            "link version go1.26.6 handpie:5a17\n"
        );
        assert_eq!(
            salted("link version go1.26.6 X:norandomizedheapbase64\n").unwrap(),
            "link version go1.26.6 X:norandomizedheapbase64 handpie:5a17\n"
        );
        assert_eq!(
            salted("link version devel go1.28-abc buildID=w/x/y/z\n").unwrap(),
            "link version devel go1.28-abc buildID=w/x/y/z-handpie-5a17\n"
        );
        assert_eq!(salted("link version devel go1.28-abc"), None);
        assert_eq!(salted("what?"), None);
    }

    #[test]
    fn removes_a_program_that_was_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.out");
        std::fs::write(&file, "program").unwrap();
        let refused = convert_or_remove(&file, &mut |linked| {
            assert_eq!(linked.file, file);
            Err("no")
        });
        assert!(matches!(refused, Err(Error::Convert("no"))));
        assert!(!file.exists());
    }
}
