//! `handpie toolexec TOOL ARGS...`, which go starts for every tool it runs. Hidden.
//!
//! What is wrapped, and why, is in `handpie_toolchain::wrapper`. Here the linker's output meets the
//! converter, and `handpie build` is told what came of it.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use handpie_pie::{FINGERPRINT, Options, Outcome};
use handpie_toolchain::cache::Cache;
use handpie_toolchain::wrapper::{self, Handpie, Linked};

use crate::build_notes::{self, Note};
use crate::conversion::{self, Target};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hardening::Hardening;
use crate::input::Input;
use crate::report;

/// Runs a tool of go, and converts what it links.
pub(crate) fn run(words: &[OsString]) -> ExitCode {
    let mut args = words.iter().cloned().peekable();
    let mut hardening = Hardening::default();
    while args.next_if(|word| hardening.take(word)).is_some() {}
    let words: Vec<OsString> = args.collect();
    let options = hardening.options();
    let mut convert = |linked: Linked<'_>| convert(&linked, options);
    let program = std::env::current_exe().unwrap_or_default();
    // Programs that were converted in another way are others to go's cache, too.
    let words_of_ours = hardening.words();
    let salt = [&[FINGERPRINT], &words_of_ours[..]].concat().concat();
    let handpie = Handpie {
        program: &program,
        options: &words_of_ours,
        salt: &salt,
    };
    match wrapper::run(&words, handpie, &Cache::of_user(), &mut convert) {
        Ok(ended) => {
            if ended.code != 0 {
                build_notes::leave_link_failure();
            }
            report::toolexec::pass_on(&ended.stderr);
            match report::write_with(|stdout| stdout.write_all(&ended.stdout)) {
                Ok(()) => ExitCode::from(ended.code),
                Err(_) => ExitCode::FAILURE,
            }
        }
        Err(wrapper::Error::Convert(failure)) => {
            build_notes::leave_refusal();
            report::toolexec::failure(&failure);
            ExitCode::FAILURE
        }
        Err(error) => {
            report::toolexec::failure(&Failure::of_tool(Exit::Tool, error));
            ExitCode::FAILURE
        }
    }
}

fn convert(linked: &Linked<'_>, options: Options) -> Result<(), Failure> {
    let mut input = Input::open(linked.file)?;
    match conversion::convert(&mut input, Target::LinkerOutput, options)? {
        Outcome::Converted(conversion) => {
            build_notes::leave(|| Note::converted(linked.package, &conversion, &mut input));
        }
        // What go's linker wrote starts at our stub only where our linker has made it.
        Outcome::AlreadyStaticPie { by_us: true } => {
            build_notes::leave(|| Note::linked(linked.package, &mut input));
        }
        Outcome::AlreadyStaticPie { by_us: false } => {
            build_notes::leave(|| Note::unchanged(linked.package, &mut input));
        }
        Outcome::Refused(refusals) => {
            return Err(conversion::refused(&program_name(linked), &refusals));
        }
    }
    Ok(())
}

/// Go shows what we say under the name of the package; the file itself has a passing name.
fn program_name(linked: &Linked<'_>) -> String {
    match linked.package {
        "" => linked.file.display().to_string(),
        package => package.to_owned(),
    }
}
