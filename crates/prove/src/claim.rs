//! What is claimed of a program, and the three things that may become of a claim.
//!
//! A claim that was not looked at, or could not be, is [`Verdict::Unknown`]: never proven by
//! default, and no accusation either. How it is judged is in `judge.rs`.

use serde::Serialize;

/// The least entropy of the load address that counts as random, in bits: an attacker who may guess
/// a hundred times a second against a service that restarts needs five minutes for half of it.
pub const LEAST_BITS: f64 = 16.0;

/// A claim and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// What is claimed.
    pub code: Code,
    /// Whether it holds.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What was seen, a line each.
    pub evidence: Vec<String>,
}

/// What is claimed of a program. The names in reports are these in kebab case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The program starts with nothing at all in its file system.
    RunsInEmptyRoot,
    /// The kernel executes it, and it runs on or exits by itself.
    Starts,
    /// After start no file is mapped but the program: no loader, no shared object.
    NoLoaderNoSharedObject,
    /// After start no memory can be written and executed.
    NoRwxMapping,
    /// After start every page of `PT_GNU_RELRO` is read-only.
    RelroReadOnly,
    /// The load address has at least [`LEAST_BITS`] bits of entropy.
    RandomBase,
}

impl Code {
    /// Every code, in the order of reports.
    pub const ALL: [Self; 6] = [
        Self::RunsInEmptyRoot,
        Self::Starts,
        Self::NoLoaderNoSharedObject,
        Self::NoRwxMapping,
        Self::RelroReadOnly,
        Self::RandomBase,
    ];

    /// The stable name, which is also the name of the page in `docs/findings/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::RunsInEmptyRoot => "runs-in-empty-root",
            Self::Starts => "starts",
            Self::NoLoaderNoSharedObject => "no-loader-no-shared-object",
            Self::NoRwxMapping => "no-rwx-mapping",
            Self::RelroReadOnly => "relro-read-only",
            Self::RandomBase => "random-base",
        }
    }
}

/// Whether a claim holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// It was seen to hold.
    Proven,
    /// It was seen not to hold.
    NotProven,
    /// It could not be seen.
    Unknown {
        /// What was in the way.
        why: String,
    },
}

impl Claim {
    /// Whether it was seen to hold.
    pub fn is_proven(&self) -> bool {
        self.verdict == Verdict::Proven
    }

    pub(crate) fn new(code: Code, holds: bool, evidence: Vec<String>) -> Self {
        let verdict = if holds {
            Verdict::Proven
        } else {
            Verdict::NotProven
        };
        Self {
            code,
            verdict,
            evidence,
        }
    }

    pub(crate) fn unknown(code: Code, why: impl Into<String>) -> Self {
        Self {
            code,
            verdict: Verdict::Unknown { why: why.into() },
            evidence: Vec::new(),
        }
    }
}

/// Where a program's load address comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Base {
    /// The same in every run.
    Fixed {
        /// Why.
        why: String,
    },
    /// A multiple of more than a page.
    Aligned {
        /// The distance between neighbouring possible addresses, in bytes.
        step: u64,
        /// How many bits that costs, against a multiple of a page.
        lost_bits: u32,
        /// Why.
        why: String,
    },
    /// Any page.
    Full,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_kebab_case_of_reports() {
        for code in Code::ALL {
            let json = serde_json::to_string(&code).unwrap();
            assert_eq!(json, format!("\"{}\"", code.name()));
        }
    }
}
