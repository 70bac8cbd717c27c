//! What this program is besides `handpie`: Go, compilers and pipelines start it in the place of a
//! tool of theirs, whose manners it has then. All of them are in the table below.
//!
//! A personality reads its words itself, since they are another program's; nothing else of `handpie`
//! is looked at before, and Go starts us for each package that it compiles.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use handpie_toolchain::link::embedded;

use crate::command::{cc, extld, govulncheck, ld, toolexec};
use crate::report;

/// What we are started as, and what that does with the words that follow.
struct Personality {
    call: Call,
    run: fn(&[OsString]) -> ExitCode,
}

/// How it is told that somebody means this one.
enum Call {
    /// By the first words.
    Words(&'static [&'static str]),
    /// By the first word, as a command of `handpie` with a help of its own: alone, and with `--help`,
    /// it is explained.
    Command(&'static str),
    /// By one of these names of the program, which are links to it.
    Name(&'static [&'static str]),
    /// By all words together; gives those that are meant.
    All(fn(&[OsString]) -> Option<Vec<OsString>>),
}

const fn personality(call: Call, run: fn(&[OsString]) -> ExitCode) -> Personality {
    Personality { call, run }
}

const PERSONALITIES: &[Personality] = &[
    // Of `go build -toolexec`: once a package, so it comes first.
    personality(Call::Words(&["toolexec"]), toolexec::run),
    // Go's linker starts us for some CPUs, and expects the manners of a C compiler.
    personality(Call::Words(&["extld"]), extld::run),
    personality(Call::All(extld::in_response_file), extld::run),
    personality(Call::All(extld::probe), extld::answer),
    // Compilers start us as their linker, and build tools as their compiler.
    personality(Call::Name(&ld::NAMES), ld::run),
    personality(Call::Command("ld"), ld::run_command),
    personality(Call::Name(&["handpie-cc"]), cc::run_c),
    personality(Call::Name(&["handpie-c++"]), cc::run_cpp),
    personality(Call::Command("cc"), cc::run_c),
    personality(Call::Command("c++"), cc::run_cpp),
    // Pipelines start us in the place of govulncheck.
    personality(Call::Name(&["govulncheck"]), govulncheck::run),
    personality(
        Call::Words(&["vuln", "--compat", "govulncheck"]),
        govulncheck::run,
    ),
    personality(
        Call::Words(&["vuln", "--compat=govulncheck"]),
        govulncheck::run,
    ),
    // In any other place it would be read as a word of ours, and the words behind it as well.
    personality(
        Call::All(govulncheck::misplaced),
        govulncheck::explain_order,
    ),
    // `link` starts the linker that is built in.
    personality(Call::Words(&[embedded::COMMAND]), link),
];

/// Does what is asked of another program, if that is what these words ask for: the name of the program,
/// and those that follow it.
pub(crate) fn run(words: &[OsString]) -> Option<ExitCode> {
    let (program, words) = words.split_first()?;
    let program = Path::new(program).file_name()?;
    PERSONALITIES.iter().find_map(|one| {
        let words = one.call.meant(program, words)?;
        Some((one.run)(&words))
    })
}

impl Call {
    fn meant(&self, program: &OsStr, words: &[OsString]) -> Option<Vec<OsString>> {
        match self {
            Self::Words(first) => {
                let (said, rest) = words.split_at_checked(first.len())?;
                (said == *first).then(|| rest.to_vec())
            }
            Self::Command(name) => match words {
                [first, next, ..] if first == name && next != "--help" => {
                    Some(words.iter().skip(1).cloned().collect())
                }
                _ => None,
            },
            Self::Name(names) => names
                .iter()
                .any(|name| program == *name)
                .then(|| words.to_vec()),
            Self::All(meant) => meant(words),
        }
    }
}

fn link(words: &[OsString]) -> ExitCode {
    match embedded::run(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            report::toolexec::linker_said(&message);
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place in the table, and the words that are meant.
    fn called(program: &str, line: &str) -> Option<(usize, String)> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let mut all = PERSONALITIES.iter().enumerate();
        all.find_map(|(place, one)| {
            let meant = one.call.meant(OsStr::new(program), &words)?;
            Some((place, meant.join(OsStr::new(" ")).into_string().unwrap()))
        })
    }

    #[test]
    fn a_name_or_the_first_words_make_a_personality() {
        for (program, line, meant) in [
            ("handpie", "toolexec compile -o a", "compile -o a"),
            ("handpie", "extld -o a go.o", "-o a go.o"),
            (
                "handpie",
                "-m32 -o t/a.out t/trivial.c",
                "-m32 -o t/a.out t/trivial.c",
            ),
            ("ld", "--help", "--help"),
            ("handpie", "ld -o a main.o", "-o a main.o"),
            ("handpie-cc", "--help", "--help"),
            ("handpie", "cc -- --help", "-- --help"),
            ("handpie", "c++ a.cpp", "a.cpp"),
            ("govulncheck", "-mode=binary a", "-mode=binary a"),
            ("handpie", "vuln --compat govulncheck a", "a"),
            ("handpie", "vuln --db x --compat govulncheck a", "--db x a"),
            ("handpie", "-v vuln --compat govulncheck a", "-v a"),
            ("handpie", "embedded-linker a.o", "a.o"),
        ] {
            let called = called(program, line).map(|(_, meant)| meant);
            assert_eq!(called.as_deref(), Some(meant), "{program} {line}");
        }
    }

    #[test]
    fn everything_else_is_handpie() {
        for line in [
            "",
            "convert -o a trivial.c",
            "--verbose trivial.c",
            "-m32 -o t/a.out t/go.o",
            "vuln a",
            "vuln --compat",
            "vuln --db x --compat other a",
            "vuln a -- --compat govulncheck",
            "check --compat govulncheck",
            "cc",
            "cc --help",
            "help cc",
            "ld --help",
        ] {
            assert_eq!(called("handpie", line), None, "{line}");
        }
    }
}
