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
//! 3. Everything else is replaced by the tool itself, with exec: compile, asm, cgo, cover, vet,
//!    a tool of tomorrow, and every other link mode (exe, c-shared, plugin, another GOOS).
//!
//! Only the linker's id is salted, so packages that were compiled without us are not compiled
//! again.
//!
//! Not here: the conversion, which the caller passes in, and printing.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::cache::{Cache, Unidentified};
use crate::command::{self, Stream, Tool};

/// How a wrapped tool ended.
#[derive(Debug)]
pub struct Ended {
    /// For our standard output.
    pub stdout: Vec<u8>,
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
    #[error("no tool: `handpie toolexec` is started by go (see `handpie env`)")]
    NoTool,
    /// The tool could not be run.
    #[error(transparent)]
    Command(command::Error),
    /// The tool's id cannot be salted, so the build cache would be wrong.
    #[error("salt the id of `{tool}`: unexpected answer to -V=full: `{answer}`")]
    ToolId {
        /// The linker.
        tool: String,
        /// What it said.
        answer: String,
    },
    /// The converter refused; the linker's output is removed.
    #[error("convert the linked program")]
    Convert(E),
    /// The converter refused, and the output could not even be removed.
    #[error("remove `{}`, which is not converted: {cause}", .file.display())]
    Remove {
        /// The unconverted program.
        file: PathBuf,
        /// Why it stays.
        cause: std::io::Error,
    },
}

/// Runs a tool for cmd/go. Returns only for the linker, or when something failed.
///
/// `cache` keeps the ids of tools. `salt` names the converter: no blanks, no slashes, another one for another result.
pub fn run<E>(
    words: &[OsString],
    salt: &str,
    cache: &Cache,
    convert: &mut dyn FnMut(Linked<'_>) -> Result<(), E>,
) -> Result<Ended, Error<E>> {
    let (program, args) = words.split_first().ok_or(Error::NoTool)?;
    let tool = Tool::new(program)
        .args(args)
        .stdin(Stream::Inherit)
        .stdout(Stream::Inherit)
        .stderr(Stream::Inherit);
    match step(program, args, std::env::var_os("GOOS").as_deref()) {
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
                Whose::Linker => salted(&answer, salt).ok_or_else(|| Error::ToolId {
                    tool: program.to_string_lossy().into_owned(),
                    answer: answer.trim().to_owned(),
                })?,
                Whose::Another => answer,
            };
            Ok(Ended {
                stdout: stdout.into_bytes(),
                code: 0,
            })
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
}

enum Whose {
    Linker,
    Another,
}

fn step(program: &OsStr, args: &[OsString], goos: Option<&OsStr>) -> Step {
    let is_linker = Path::new(program).file_stem() == Some(OsStr::new("link"));
    match (args == ["-V=full"], is_linker) {
        (true, true) => return Step::Id(Whose::Linker),
        (true, false) => return Step::Id(Whose::Another),
        (false, true) => {}
        (false, false) => return Step::PassThrough,
    }
    match (last(args, "buildmode"), last(args, "o")) {
        (Some(mode), Some(file)) if mode == "pie" && goos == Some(OsStr::new("linux")) => {
            Step::Convert(file.into())
        }
        _ => Step::PassThrough,
    }
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

    fn converts(line: &str, goos: &str) -> Option<PathBuf> {
        match step(OsStr::new("/go/link"), &words(line), Some(OsStr::new(goos))) {
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
            let step = |args| step(OsStr::new(tool), &words(args), Some(OsStr::new("linux")));
            let build = step("-o a.out -buildmode=pie x.a");
            assert!(matches!(build, Step::PassThrough), "{tool}");
            let id = step("-V=full");
            assert!(matches!(id, Step::Id(Whose::Another)), "{tool}");
        }
        let id = step(OsStr::new("/go/link"), &words("-V=full"), None);
        assert!(matches!(id, Step::Id(Whose::Linker)));
        let help = step(OsStr::new("/go/link"), &words("-V"), None);
        assert!(matches!(help, Step::PassThrough));
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
