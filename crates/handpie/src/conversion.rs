//! One program becomes another: read, converted and written, for `handpie convert` and for the
//! linker that go starts through `handpie toolexec`.
//!
//! What the converter made is held against its plan before this gets it, so all that is written is
//! verified; and it is written beside its target and renamed, so nothing is ever half-written.

use std::fs;
use std::path::Path;

use handpie_binary::{Bytes, Elf};
use handpie_pie::{Error, Options, Outcome, Pieces, Refusal, StubHeader};

use crate::atomic_file::{self, Inheritance};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Input;

/// Where the result goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'path> {
    /// Into another file, or to standard output for `-`. A program that is a static-PIE already is
    /// copied there, so that a build script gets its file whatever the input was.
    File(&'path Path),
    /// In place of the input, with its owner, mode and attributes.
    Input,
    /// In place of what go's linker has just written, under a passing name that only this build knows.
    LinkerOutput,
    /// Nowhere: what would be done is all that is asked.
    Nowhere,
}

/// Converts a program, and writes the result if there is one.
pub(crate) fn convert(
    input: &mut Input,
    target: Target<'_>,
    options: Options,
) -> Result<Outcome, Failure> {
    let outcome = input
        .look(|file| handpie_pie::convert(file, options))?
        .map_err(|error| unconverted(&input.name, error))?;
    match &outcome {
        Outcome::Converted(conversion) => write(input, target, &conversion.pieces)?,
        Outcome::AlreadyStaticPie { .. } => {
            if let Target::File(_) = target {
                write(input, target, &Pieces::copy(input.size()))?;
            }
        }
        Outcome::Refused(_) => {}
    }
    Ok(outcome)
}

fn write(input: &Input, target: Target<'_>, pieces: &Pieces) -> Result<(), Failure> {
    let path = match (target, input.file()) {
        (Target::File(path), _) => {
            return atomic_file::write(input, path, pieces, Inheritance::Permissions);
        }
        (Target::Input | Target::LinkerOutput, Some((path, _))) => path,
        // Standard input has no place to be replaced at.
        (Target::Input | Target::LinkerOutput, None) | (Target::Nowhere, _) => return Ok(()),
    };
    if let Target::LinkerOutput = target {
        // Renaming over a file makes ext4 write the new one to disk first, which would take longer
        // than the conversion; and if writing fails, nothing unconverted is left for go to take.
        let _ = fs::remove_file(path);
    }
    atomic_file::write(input, path, pieces, Inheritance::Everything)
}

/// The failure for a program that was refused, for callers that have no report for refusals.
pub(crate) fn refused(name: &str, refusals: &[Refusal]) -> Failure {
    let failure = Failure::new(Exit::No, format!("`{name}` cannot be converted"));
    refusals.iter().fold(failure, |failure, refusal| {
        failure.cause(refusal).hint(refusal.hint)
    })
}

fn unconverted(name: &str, error: Error) -> Failure {
    match error {
        Error::Unreadable(error) => Failure::new(Exit::Input, format!("failed to read `{name}`"))
            .code(error.kind().code())
            .cause(error),
        error @ (Error::Mistake(_) | Error::Incomplete) => Failure::new(
            Exit::Bug,
            format!("failed to convert `{name}`"),
        )
        .cause(error)
        .hint("this is a bug of handpie and nothing was written; please report it with the file"),
    }
}

/// The stub of a program that was converted or linked here.
pub(crate) fn stub(program: Bytes<'_>) -> Option<StubHeader> {
    StubHeader::read(&Elf::parse(program).ok()?)
}
