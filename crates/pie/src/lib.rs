//! Turns a PIE that needs a dynamic loader into a static-PIE, which needs none: bytes in, bytes
//! out.
//!
//! Four steps, each a value that can be printed and tested:
//!
//! 1. [`survey`] reads the file and collects *every* reason why it cannot be converted;
//! 2. [`plan`] decides where everything goes; no byte is touched;
//! 3. `apply` builds the new file;
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
mod refusal;
mod survey;
mod relr;
mod stub;
mod plan;
mod apply;
mod verify;

pub use arch::{CPUS, Cpu};
pub use plan::{Packing, Plan, Relro, plan};
pub use refusal::{Code, Refusal};
pub use stub::{StubHeader, StubPlace};
pub use survey::{Answer, Survey, survey};

use std::fmt;

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
}

/// A converted program.
#[derive(Debug)]
pub struct Conversion {
    /// What was done.
    pub plan: Plan,
    /// The new file.
    pub bytes: Vec<u8>,
}

/// Why there is no converted program.
#[derive(Debug)]
pub enum Error {
    /// The file cannot be read.
    Unreadable(handpie_binary::Error),
    /// The file can be read, and the answer is no: all reasons, never none.
    Refused(Vec<Refusal>),
    /// The result is not what was planned. Our bug; nothing may be written.
    Mistake(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "{error}"),
            Self::Refused(refusals) => {
                let texts: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                write!(f, "refused: {}", texts.join("; "))
            }
            Self::Mistake(what) => write!(f, "the converted file is not what was planned: {what}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<handpie_binary::Error> for Error {
    fn from(error: handpie_binary::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// Converts the program in `input`, which is the whole file.
///
/// The same input gives the same output, and converting the output again changes nothing.
///
/// # Errors
/// See [`Error`].
pub fn convert(input: &[u8]) -> Result<Outcome, Error> {
    let survey = survey(input)?;
    let program = match survey.answer {
        Answer::Convertible(ref program) => program,
        Answer::AlreadyStaticPie { by_us } => return Ok(Outcome::AlreadyStaticPie { by_us }),
        Answer::Refused(refusals) => return Err(Error::Refused(refusals)),
    };
    let plan = plan(&survey.elf, program).map_err(|refusal| Error::Refused(vec![refusal]))?;
    let bytes = apply::apply(input, &plan);
    verify::verify(&survey.elf, program, &plan, &bytes).map_err(Error::Mistake)?;
    Ok(Outcome::Converted(Box::new(Conversion { plan, bytes })))
}
