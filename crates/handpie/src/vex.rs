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
mod purl;
mod statement;

use handpie_binary::counted;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use handpie_audit::vuln::{Hit, Row, Tier};
use serde_json::Value;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
pub(crate) use identity::Program;
use statement::{Document, Wrong};
pub(crate) use statement::{Statement, Status, of_cyclonedx, of_openvex};

const UNKNOWN: &str = "vuln-vex-unknown";
const INVALID: &str = "vuln-vex-invalid";

/// Codes of what is wrong with a document.
#[cfg(test)]
pub(crate) const CODES: [&str; 2] = [UNKNOWN, INVALID];

/// The largest document that is read, in bytes. A statement takes half a kilobyte; vendors publish
/// some thousand in one document.
const MAX_SIZE: u64 = 64 << 20;

/// So many statements of a document that nothing needed are named.
const MAX_NAMED: usize = 10;

/// Every statement of every document.
#[derive(Debug, Default)]
pub(crate) struct Vex {
    statements: Vec<Statement>,
    /// By what they call the vulnerability, in lower case.
    by_name: HashMap<String, Vec<usize>>,
    /// How people read the names of the documents, and how many statements are in each.
    documents: Vec<(String, usize)>,
    names_hashes: bool,
}

/// What is said about an advisory in a program.
#[derive(Debug, Default)]
pub(crate) struct Heard<'v> {
    /// The statements for which it does not count; none when it does.
    pub(crate) accepting: Vec<&'v Statement>,
    /// Every statement about it, by number.
    pub(crate) fitting: Vec<usize>,
}

impl Vex {
    /// Reads the documents.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut vex = Self::default();
        for path in paths {
            let name = path.display().to_string();
            let document = read(path, &name)?;
            let count = document.statements.len();
            vex.documents.push((name.clone(), count));
            let statements = document.statements.into_iter();
            vex.statements.extend(statements.map(|it| Statement {
                document: name.clone(),
                author: document.author.clone(),
                time: it.time.or(document.time),
                ..it
            }));
        }
        vex.names_hashes = vex.statements.iter().any(Statement::names_hashes);
        let statements = vex.statements.iter().enumerate();
        for (number, statement) in statements.filter(|(_, it)| !it.is_own_absence()) {
            for name in &statement.names {
                let name = name.to_ascii_lowercase();
                vex.by_name.entry(name).or_default().push(number);
            }
        }
        Ok(vex)
    }

    /// How many statements there are.
    pub(crate) fn len(&self) -> usize {
        self.statements.len()
    }

    /// Whether a statement names a program by its hash.
    pub(crate) fn names_hashes(&self) -> bool {
        self.names_hashes
    }

    /// What is said about an advisory in a program. What counts is what is of `fail_on` or worse.
    pub(crate) fn hear(&self, program: &Program<'_>, row: &Row<'_>, fail_on: Tier) -> Heard<'_> {
        let said: Vec<(usize, &Statement)> = self.about(row);
        let said = said.into_iter().filter_map(|(number, statement)| {
            let hits: Vec<&Hit> = statement.hits_in(program, row).collect();
            (!hits.is_empty()).then_some((number, statement, hits))
        });
        let said: Vec<(usize, &Statement, Vec<&Hit>)> = said.collect();
        let worst = row.hits.iter().filter(|hit| hit.tier >= fail_on);
        let mut counting: Vec<&Hit> = worst.collect();
        if counting.is_empty() {
            counting.extend(&row.hits);
        }
        let held = counting.iter().map(|hit| {
            let about = said.iter().filter(|(_, _, hits)| hits.contains(hit));
            let about = about.map(|(number, statement, _)| (*number, *statement));
            let last = about.max_by_key(|(_, it)| (it.time, it.status == Status::Open));
            last.filter(|(_, statement)| statement.status != Status::Open)
        });
        // One module of which nothing is said, or that is affected, and the advisory counts.
        let held: Option<Vec<(usize, &Statement)>> = held.collect();
        let mut accepting = held.unwrap_or_default();
        accepting.sort_by_key(|(number, _)| *number);
        accepting.dedup_by_key(|(number, _)| *number);
        Heard {
            accepting: accepting.into_iter().map(|(_, it)| it).collect(),
            fitting: said.iter().map(|(number, ..)| *number).collect(),
        }
    }

    /// The statements about an advisory, in whatever program.
    fn about(&self, row: &Row<'_>) -> Vec<(usize, &Statement)> {
        let advisory = &row.advisory;
        let names = [advisory.id(), advisory.url()].into_iter();
        let names = names.chain(advisory.aliases());
        let numbers = names.filter_map(|name| self.by_name.get(&name.to_ascii_lowercase()));
        let numbers: BTreeSet<usize> = numbers.flatten().copied().collect();
        let statements = numbers.into_iter();
        statements
            .filter_map(|number| Some((number, self.statements.get(number)?)))
            .collect()
    }

    /// A note on each document with statements that were not heard.
    pub(crate) fn unheard(&self, heard: &[bool]) -> Vec<String> {
        let mut notes = Vec::new();
        let mut numbered = self.statements.iter().zip(heard);
        for (document, count) in &self.documents {
            let here = numbered.by_ref().take(*count);
            let unheard = here.filter(|(it, heard)| !**heard && !it.is_own_absence());
            let unheard: Vec<&Statement> = unheard.map(|(statement, _)| statement).collect();
            if unheard.is_empty() {
                continue;
            }
            let first = unheard.iter().take(MAX_NAMED).map(|it| it.title());
            let mut first = first.collect::<Vec<_>>().join(", ");
            if unheard.len() > MAX_NAMED {
                first.push_str(", ...");
            }
            notes.push(format!(
                "{} of {} of {document} did not apply to any program: {first}",
                unheard.len(),
                counted(*count, "statement"),
            ));
        }
        notes
    }
}

fn read(path: &Path, name: &str) -> Result<Document, Failure> {
    let failed = |cause: &std::io::Error| input::unreadable(&name, cause);
    let metadata = fs::metadata(path).map_err(|cause| failed(&cause))?;
    // Reading from a FIFO could wait for ever.
    if !metadata.is_file() {
        let message = format!(
            "the VEX document `{name}` is {}",
            input::describe(&metadata)
        );
        let failure = Failure::new(Exit::Input, message).code(UNKNOWN);
        return Err(failure.hint("--vex expects a JSON file; repeat --vex for several files"));
    }
    if metadata.len() > MAX_SIZE {
        let size = metadata.len();
        let message = format!(
            "`{name}` has {size} bytes; expected a VEX document of at most \
                               {MAX_SIZE}"
        );
        let failure = Failure::new(Exit::Input, message).code("too-large");
        return Err(failure.hint(
            "extract the statements about your programs into a smaller \
                                 document",
        ));
    }
    let text = fs::read(path).map_err(|cause| failed(&cause))?;
    let unknown = || {
        let message = format!("`{name}` is not a supported VEX document");
        let failure = Failure::new(Exit::Input, message).code(UNKNOWN);
        failure.hint("expected JSON of OpenVEX 0.2.0, or of CycloneDX 1.4 to 1.6")
    };
    let document: Value = serde_json::from_slice(&text).map_err(|cause| unknown().cause(cause))?;
    let read = if document.get("@context").is_some() {
        openvex::read(document)
    } else if document.get("bomFormat").is_some() {
        cyclonedx::read(document)
    } else {
        return Err(unknown().cause("the document has neither `@context` nor `bomFormat`"));
    };
    read.map_err(|wrong| match wrong {
        Wrong::Kind(found) => unknown().cause(found),
        Wrong::Document(what) => {
            let message = format!("the VEX document `{name}` is invalid");
            let failure = Failure::new(Exit::Input, message).code(INVALID).cause(what);
            failure.hint("`handpie explain vuln-vex-invalid` shows valid statements")
        }
    })
}
