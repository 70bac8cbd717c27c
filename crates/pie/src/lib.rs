//! Turns a PIE that needs a dynamic loader into a static-PIE, which needs none: bytes in, pieces
//! of a new file out.
//!
//! Four steps, each a value that can be printed and tested:
//!
//! 1. [`survey`] reads the file and collects *every* reason why it cannot be converted;
//! 2. [`plan`] decides where everything goes; no byte is touched;
//! 3. `apply` puts the new file together, from new bytes and from stretches of the old one;
//! 4. `verify` reads the new file with fresh eyes and holds it against the plan.
//!
//! Virtual addresses never change, so the program's code, its unwind tables, its symbols and its
//! debug information stay true. The design is in `docs/design/static-pie.md`.

#![warn(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

mod arch;
mod options;
mod codes;
mod refusal;
mod survey;
mod relr;
mod stub;
mod plan;
mod apply;
mod verify;
pub mod link;
pub mod objects;
pub mod startup;

pub use apply::{Piece, Pieces};
pub use arch::{CPUS, Cpu};
pub use options::{Aslr, Options};
pub use plan::{Packing, Plan, Relro, plan};
pub use refusal::{Code, Refusal};
pub use stub::{StubHeader, StubOptions, StubPlace};
pub use survey::{Convertibility, Survey, survey};

use std::fmt;

#[cfg(doc)]
use handpie_binary::Partial;
use handpie_binary::{Bytes, Elf, ErrorKind, Incomplete};

/// Names this converter's sources, so that a cache of its results can tell one from another.
pub const FINGERPRINT: &str = env!("HANDPIE_FINGERPRINT");

/// What became of a file.
#[derive(Debug)]
pub enum Outcome {
    /// It was converted.
    Converted(Box<Conversion>),
    /// It is a static-PIE already; there is nothing to do.
    AlreadyStaticPie {
        /// Whether it starts at a stub of ours.
        by_us: bool,
    },
    /// It cannot be converted: every reason, and never none.
    Refused(Vec<Refusal>),
}

/// A converted program.
#[derive(Debug)]
pub struct Conversion {
    /// What was done.
    pub plan: Plan,
    /// The new file.
    pub pieces: Pieces,
}

/// Why there is no [`Outcome`].
#[derive(Debug)]
pub enum Error {
    /// The file cannot be read.
    Unreadable(handpie_binary::Error),
    /// The result is not what was planned. Our bug; nothing may be written.
    Mistake(String),
    /// More of a [`Partial`] file has to be read before anything can be said.
    Incomplete,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "{error}"),
            Self::Mistake(what) => write!(f, "the converted file is not what was planned: {what}"),
            Self::Incomplete => write!(f, "more of the file has to be read"),
        }
    }
}

impl std::error::Error for Error {}

impl From<handpie_binary::Error> for Error {
    fn from(error: handpie_binary::Error) -> Self {
        match error.kind() {
            ErrorKind::Incomplete => Self::Incomplete,
            _ => Self::Unreadable(error),
        }
    }
}

impl From<Incomplete> for Error {
    fn from(_: Incomplete) -> Self {
        Self::Incomplete
    }
}

/// Converts a program so that it starts without a loader, and does what the options add to that.
///
/// The same input gives the same output, and converting the output again changes nothing.
///
/// # Errors
/// See [`Error`].
pub fn convert<'data>(input: impl Into<Bytes<'data>>, options: Options) -> Result<Outcome, Error> {
    let input = input.into();
    let outcome = convert_complete(input, options);
    input.settled(outcome)?
}

fn convert_complete(input: Bytes<'_>, options: Options) -> Result<Outcome, Error> {
    let elf = Elf::parse(input)?;
    // The plan rests on it as well; reading it together with the rest saves a round.
    let behind = plan::behind_loaded(&elf).map_or(Ok(&[][..]), Bytes::data);
    let survey = survey(elf)?;
    behind?;
    let program = match survey.answer {
        Convertibility::Convertible(ref program) => program,
        Convertibility::AlreadyStaticPie { by_us } => {
            return Ok(match missing_options(&survey.elf, options) {
                Some(refusal) => Outcome::Refused(vec![refusal]),
                None => Outcome::AlreadyStaticPie { by_us },
            });
        }
        Convertibility::Refused(refusals) => return Ok(Outcome::Refused(refusals)),
    };
    let plan = match plan(&survey.elf, program, options) {
        Ok(plan) => plan,
        Err(refusal) => return Ok(Outcome::Refused(vec![refusal])),
    };
    let pieces = apply::apply(input, &plan)?;
    let verified = verify::verify(&survey.elf, program, &plan, &pieces);
    input.settled(verified)?.map_err(Error::Mistake)?;
    Ok(Outcome::Converted(Box::new(Conversion { plan, pieces })))
}

/// A static-PIE stays as it is. If it lacks what the options ask for, that is a refusal and not
/// "nothing to do".
fn missing_options(elf: &Elf<'_>, options: Options) -> Option<Refusal> {
    let stub = StubHeader::read(elf).and_then(|stub| stub.options);
    let has = Options {
        aslr: match stub {
            Some(stub) if stub.moved => Aslr::Full,
            _ => Aslr::Kernel,
        },
        seal: stub.is_some_and(|stub| stub.seal_count > 0),
    };
    if !options.ask_for_more() || has == options {
        return None;
    }
    let message = "it is a static-PIE already, without what is asked for";
    Some(Refusal::new(Code::AlreadyConverted, message))
}
