//! VEX documents: what somebody says about vulnerabilities in programs. They are read once, and then
//! asked about each program and advisory.
//!
//! A statement is never more than it says: it is about the programs that it names, about the modules
//! that it names in them, and about the vulnerabilities that it names. Of statements about the same,
//! the latest holds; of two of one time, the one that accepts nothing.
//!
//! What handpie wrote itself because the code of an advisory was not in a program is passed over. It
//! was true of one build, and of this build it will be found out anew.

mod cyclonedx;
mod identity;
mod openvex;
mod statement;
mod writer;

use std::collections::{BTreeSet, HashMap};

use handpie_binary::counted;
use serde_json::Value;

use crate::matches::{AffectedModule, Match, Tier};
pub use identity::Subject;
use statement::{Document, Wrong};
pub use statement::{Statement, Status};
use statement::{of_cyclonedx, of_openvex};
pub use writer::{CycloneDx, OpenVex, VexDocument};

/// So many statements of a document that nothing needed are named.
const MAX_NAMED: usize = 10;

/// Every statement of every document.
#[derive(Debug, Default)]
pub struct Vex {
    statements: Vec<Statement>,
    /// By what they call the vulnerability, in lower case.
    by_name: HashMap<String, Vec<usize>>,
    /// How people read the names of the documents, and how many statements are in each.
    documents: Vec<(String, usize)>,
    names_hashes: bool,
}

/// What is said about an advisory in a program.
#[derive(Debug, Default)]
pub struct Opinion<'v> {
    /// The statements because of which it does not count; none when it does.
    pub accepting: Vec<&'v Statement>,
    /// Every statement about it, by number.
    pub about: Vec<usize>,
}

/// Why a text is not a VEX document that is understood.
#[derive(Debug, thiserror::Error)]
pub enum VexError {
    /// It is not JSON, or of another kind or version.
    #[error("{0}")]
    Unknown(String),
    /// Something in it contradicts its specification.
    #[error("{0}")]
    Invalid(String),
}

impl VexError {
    /// Every code.
    pub const CODES: [&str; 2] = ["vuln-vex-unknown", "vuln-vex-invalid"];

    /// The code, which is also the name of its page.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "vuln-vex-unknown",
            Self::Invalid(_) => "vuln-vex-invalid",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "expected JSON of OpenVEX 0.2.0, or of CycloneDX 1.4 to 1.7",
            Self::Invalid(_) => "`handpie explain vuln-vex-invalid` shows valid statements",
        }
    }
}

impl Vex {
    /// Adds the statements of a document. `name` is how people read its name.
    ///
    /// # Errors
    /// When `text` is not a document of a known kind, or makes no sense. Nothing of it is added then.
    pub fn add(&mut self, name: &str, text: &[u8]) -> Result<(), VexError> {
        let document = read(text)?;
        self.documents
            .push((name.to_owned(), document.statements.len()));
        for statement in document.statements {
            let statement = Statement {
                document: name.to_owned(),
                author: document.author.clone(),
                time: statement.time.or(document.time),
                ..statement
            };
            self.names_hashes |= statement.names_hashes();
            if !statement.is_own_absence() {
                for name in &statement.names {
                    let numbers = self.by_name.entry(name.to_ascii_lowercase());
                    numbers.or_default().push(self.statements.len());
                }
            }
            self.statements.push(statement);
        }
        Ok(())
    }

    /// How many statements there are.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether a statement names a program by its hash.
    pub fn names_hashes(&self) -> bool {
        self.names_hashes
    }

    /// What is said about an advisory in a program. What counts is what is of `fail_on` or worse.
    pub fn opinion(
        &self,
        subject: &Subject<'_>,
        matched: &Match<'_>,
        fail_on: Tier,
    ) -> Opinion<'_> {
        let said: Vec<(usize, &Statement)> = self.about(matched);
        let said = said.into_iter().filter_map(|(number, statement)| {
            let modules: Vec<&AffectedModule> = statement.modules_in(subject, matched).collect();
            (!modules.is_empty()).then_some((number, statement, modules))
        });
        let said: Vec<(usize, &Statement, Vec<&AffectedModule>)> = said.collect();
        let worst = matched.modules.iter().filter(|it| it.tier >= fail_on);
        let mut counting: Vec<&AffectedModule> = worst.collect();
        if counting.is_empty() {
            counting.extend(&matched.modules);
        }
        let held = counting.iter().map(|module| {
            let about = said
                .iter()
                .filter(|(_, _, modules)| modules.contains(module));
            let about = about.map(|(number, statement, _)| (*number, *statement));
            let last = about.max_by_key(|(_, it)| (it.time, it.status == Status::Open));
            last.filter(|(_, statement)| statement.status != Status::Open)
        });
        // One module of which nothing is said, or that is affected, and the advisory counts.
        let held: Option<Vec<(usize, &Statement)>> = held.collect();
        let mut accepting = held.unwrap_or_default();
        accepting.sort_by_key(|(number, _)| *number);
        accepting.dedup_by_key(|(number, _)| *number);
        Opinion {
            accepting: accepting.into_iter().map(|(_, it)| it).collect(),
            about: said.iter().map(|(number, ..)| *number).collect(),
        }
    }

    /// The statements about an advisory, in whatever program.
    fn about(&self, matched: &Match<'_>) -> Vec<(usize, &Statement)> {
        let urls = matched.advisories().map(|it| it.url());
        let names = urls.chain([matched.advisory.id()]).chain(matched.aliases());
        let numbers = names.filter_map(|name| self.by_name.get(&name.to_ascii_lowercase()));
        let numbers: BTreeSet<usize> = numbers.flatten().copied().collect();
        let statements = numbers.into_iter();
        statements
            .filter_map(|number| Some((number, self.statements.get(number)?)))
            .collect()
    }

    /// A note on each document with statements that nothing needed; `used` says which were needed.
    pub fn unused(&self, used: &[bool]) -> Vec<String> {
        let mut notes = Vec::new();
        let mut numbered = self.statements.iter().zip(used);
        for (document, count) in &self.documents {
            let here = numbered.by_ref().take(*count);
            let unused = here.filter(|(it, used)| !**used && !it.is_own_absence());
            let unused: Vec<&Statement> = unused.map(|(statement, _)| statement).collect();
            if unused.is_empty() {
                continue;
            }
            let first = unused.iter().take(MAX_NAMED).map(|it| it.title());
            let mut first = first.collect::<Vec<_>>().join(", ");
            if unused.len() > MAX_NAMED {
                first.push_str(", ...");
            }
            notes.push(format!(
                "{} of {} of {document} did not apply to any program: {first}",
                unused.len(),
                counted(*count, "statement"),
            ));
        }
        notes
    }
}

fn read(text: &[u8]) -> Result<Document, VexError> {
    let document: Value =
        serde_json::from_slice(text).map_err(|error| VexError::Unknown(error.to_string()))?;
    let read = if document.get("@context").is_some() {
        openvex::read(document)
    } else if document.get("bomFormat").is_some() {
        cyclonedx::read(document)
    } else {
        let found = "the document has neither `@context` nor `bomFormat`";
        return Err(VexError::Unknown(found.to_owned()));
    };
    read.map_err(|wrong| match wrong {
        Wrong::Kind(found) => VexError::Unknown(found),
        Wrong::Document(what) => VexError::Invalid(what),
    })
}
