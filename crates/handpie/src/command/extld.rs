//! `handpie extld ARGS...`, which Go's linker starts as its external linker. Hidden.
//!
//! Go's linker speaks to a C compiler. Two kinds of calls come:
//!
//! - Probes, which ask whether a flag is known by having a trivial C program compiled
//!   (`linkerFlagSupported` in cmd/link/internal/ld/lib.go). They start the program of `-extld`
//!   without the words that follow it there, so `handpie -m32 -o … FLAG …/trivial.c` has to be
//!   recognised by its last word. "unrecognized" on standard error and a failure mean no.
//! - The one that counts, with one object: `handpie extld -m32 -Wl,-z,relro -pie -o OUT … go.o`.
//!   When it is long, all of it but the program is in a file (`@FILE`).

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use handpie_binary::Incomplete;
use handpie_pie::link::{self, Options};
use handpie_toolchain::response;

use crate::atomic_file::{self, OUTPUT_NOT_WRITTEN};
use crate::build_notes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hardening::Hardening;
use crate::input::Input;
use crate::report;

/// The code of a command line that is not understood.
pub(crate) const LINKER_COMMAND: &str = "linker-command";

/// The longest build id that is written, in bytes; Go's has 20.
const MAX_BUILD_ID: usize = 64;

/// Links what Go's linker wants linked.
pub(crate) fn run(words: &[OsString]) -> ExitCode {
    match link(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            build_notes::leave_refusal();
            report::toolexec::failure(&failure);
            ExitCode::FAILURE
        }
    }
}

/// The words of a command that is in a file (`@FILE`), without the first, which is `extld`.
pub(crate) fn in_response_file(words: &[OsString]) -> Option<Vec<OsString>> {
    let [word] = words else {
        return None;
    };
    if !word.as_bytes().starts_with(b"@") {
        return None;
    }
    let words = response::expanded([word.clone()]).ok()?;
    let (first, rest) = words.split_first()?;
    (first == "extld").then(|| rest.to_vec())
}

/// The words of a probe, if it is one.
pub(crate) fn probe(words: &[OsString]) -> Option<Vec<OsString>> {
    let last = words.last()?;
    is_probe(words, last).then(|| words.to_vec())
}

/// Commands of handpie start with a name, and its own flags are no `-o`.
fn is_probe(args: &[OsString], last: &OsStr) -> bool {
    let first = args
        .first()
        .is_some_and(|arg| arg.as_bytes().starts_with(b"-"));
    let trivial = Path::new(last).file_name() == Some(OsStr::new("trivial.c"));
    first && trivial && args.iter().any(|arg| arg == "-o")
}

/// Yes to what [`Command::parse`] knows and what makes a difference.
pub(crate) fn answer(args: &[OsString]) -> ExitCode {
    let known = |arg: &OsString| {
        let arg = arg.as_bytes();
        arg.starts_with(b"-Wl,--build-id=") || arg.starts_with(b"@")
    };
    if args.iter().any(known) {
        return ExitCode::SUCCESS;
    }
    report::toolexec::message("unrecognized command-line option");
    ExitCode::FAILURE
}

/// What Go's linker wants linked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Command {
    object: PathBuf,
    output: PathBuf,
    options: Options,
}

fn link(words: &[OsString]) -> Result<(), Failure> {
    let command = Command::parse(words)?;
    let mut input = Input::open(&command.object)?;
    let linked = input.look(|file| {
        let file = file.data()?;
        Ok::<_, Incomplete>(link::link(file, &command.options))
    })??;
    let linked = linked.map_err(|error| {
        let failure = Failure::new(Exit::No, "failed to link the program").code(error.code());
        let failure = failure.cause(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    // The place is this build's own. Renaming over a file makes ext4 write the new one to disk.
    let _ = fs::remove_file(&command.output);
    atomic_file::write_program(&command.output, &linked.bytes).map_err(|cause| {
        let message = format!("failed to write `{}`", command.output.display());
        Failure::new(Exit::Input, message)
            .code(OUTPUT_NOT_WRITTEN)
            .cause(cause)
    })
}

impl Command {
    fn parse(words: &[OsString]) -> Result<Self, Failure> {
        let mut command = Self::default();
        let mut objects = Vec::new();
        let words = response::expanded(words.to_vec()).map_err(unreadable)?;
        let mut words = words.iter();
        let mut hardening = Hardening::default();
        while let Some(word) = words.next() {
            if hardening.take(word) {
                command.options.start = hardening.options();
                continue;
            }
            match word.as_bytes() {
                b"-o" => match words.next() {
                    Some(output) => command.output = output.into(),
                    None => return Err(not_understood("`-o` needs a file")),
                },
                // The object says for which CPU it is, and what is made is always a PIE that binds
                // everything at start and has its RELRO protected.
                b"-m32" | b"-m64" | b"-marm" | b"-pie" => {}
                b"-Wl,-z,relro" | b"-Wl,-z,now" => {}
                // There is nobody to export a symbol to.
                b"-rdynamic" | b"-Wl,--export-dynamic-symbol=main" => {}
                b"-Qunused-arguments" | b"-Wl,--build-id=none" => {}
                b"-s" => command.options.strip_all = true,
                b"-Wl,-S" => command.options.strip_debug = true,
                flag => match flag.strip_prefix(b"-Wl,--build-id=0x") {
                    Some(digits) => command.options.build_id = Some(build_id(digits)?),
                    None if flag.starts_with(b"-") => return Err(unknown_flag(word)),
                    None => objects.push(PathBuf::from(word)),
                },
            }
        }
        match <[PathBuf; 1]>::try_from(objects) {
            Ok([object]) if command.output != Path::new("") => {
                command.object = object;
                Ok(command)
            }
            Ok(_) => Err(not_understood("`-o` is missing")),
            Err(objects) => {
                let names: Vec<_> = objects
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                let what = format!(
                    "{} objects ({}); expected one",
                    names.len(),
                    names.join(" ")
                );
                Err(not_understood(&what))
            }
        }
    }
}

fn unknown_flag(word: &OsStr) -> Failure {
    not_understood(&format!("`{}`", word.to_string_lossy()))
}

fn not_understood(what: &str) -> Failure {
    let message = format!("unsupported command from Go's linker: {what}");
    Failure::new(Exit::No, message)
        .code(LINKER_COMMAND)
        .hint("build without the flag in -extldflags or the package that needs C")
}

fn build_id(digits: &[u8]) -> Result<Vec<u8>, Failure> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|&[high, low]| u8::try_from(value(high)? << 4 | value(low)?).ok())
        .collect();
    match bytes {
        Some(bytes) if rest.is_empty() && bytes.len() <= MAX_BUILD_ID => Ok(bytes),
        _ => {
            let digits = String::from_utf8_lossy(digits);
            Err(not_understood(&format!("build id `0x{digits}`")))
        }
    }
}

fn unreadable(error: response::Error) -> Failure {
    Failure::new(Exit::Input, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        Command::parse(&words).map_err(|failure| failure.message)
    }

    #[test]
    fn understands_what_go_says() {
        let command = parse("-m32 -s -Wl,-z,relro -pie -Wl,-z,now -o a.out -rdynamic t/go.o");
        let command = command.unwrap();
        assert_eq!(command.output, Path::new("a.out"));
        assert_eq!(command.object, Path::new("t/go.o"));
        assert!(command.options.strip_all && !command.options.strip_debug);
        let command = parse("-marm -Wl,-S -pie -Wl,--build-id=0x00ff -o a go.o").unwrap();
        assert!(command.options.strip_debug);
        assert_eq!(command.options.build_id, Some(vec![0, 0xff]));
    }

    #[test]
    fn says_what_it_does_not_understand() {
        for (line, what) in [
            ("-o a go.o -lc", "`-lc`"),
            ("-o a go.o other.o", "2 objects (go.o other.o)"),
            ("-o a", "0 objects"),
            ("go.o", "`-o` is missing"),
            ("go.o -o", "`-o` needs a file"),
            ("-o a go.o -Wl,--build-id=0xabc", "build id `0xabc`"),
            ("-o a go.o -Wl,--build-id=0x0g", "build id `0x0g`"),
        ] {
            let message = parse(line).unwrap_err();
            assert!(message.contains(what), "{line}: {message}");
        }
    }

    #[test]
    fn probes_are_told_from_commands() {
        let is_probe = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            is_probe(&words, words.last().unwrap())
        };
        assert!(is_probe("-m32 -o t/a.out -Wl,--build-id=0x12 t/trivial.c"));
        assert!(is_probe("-o t/a.out -Qunused-arguments t/trivial.c"));
        assert!(!is_probe("convert -o a trivial.c"));
        assert!(!is_probe("-m32 -o t/a.out t/go.o"));
        assert!(!is_probe("--verbose trivial.c"));
    }
}
