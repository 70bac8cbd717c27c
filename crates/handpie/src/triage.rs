//! One file, held against the database of advisories: which binaries are in it, and what is known of
//! each.

use std::path::PathBuf;

use handpie_audit::Ruling;
use handpie_audit::vuln::{
    Database, Facts, Inventory, NoInventory, Row, Tier, locate, steps, triage,
};
use handpie_binary::{Binary, Bytes, Error, ErrorKind, Incomplete};

use crate::evidence;
use crate::examine::member;
use crate::files::Found;
use crate::report::check::Unread;
use crate::report::vuln::{Judged, Verdict};
use crate::vex::{Heard, Program, Vex};

/// What a look at a file came to.
pub(crate) enum Seen<'db> {
    /// The binaries in it that tell what they hold.
    Judged(Vec<Judged<'db>>),
    /// It could not be read, or tells nothing although somebody named it.
    Unread(Unread),
    /// It was only met on the way, and tells nothing.
    Passed,
}

/// What counts.
pub(crate) struct Question<'db> {
    pub(crate) database: &'db Database<'db>,
    /// What others say of advisories.
    pub(crate) vex: &'db Vex,
    /// From which tier on an advisory fails.
    pub(crate) fail_on: Tier,
    /// Whether to find out where the functions are.
    pub(crate) places: bool,
}

/// Where what is in a binary was found.
#[derive(Clone, Debug)]
pub(crate) struct Provenance {
    /// The file, as it was named.
    pub(crate) path: String,
    /// Which of the binaries in the file it is, where there are several.
    pub(crate) member: Option<String>,
    /// Whether somebody named it, and not a directory that it is in.
    pub(crate) named: bool,
    /// SHA-256 of the file, where it was asked for.
    pub(crate) hash: Option<String>,
}

/// What is known of every binary in a file.
pub(crate) fn look<'db>(found: &Found, question: &Question<'db>, ruling: &Ruling<'_>) -> Seen<'db> {
    let hashes = question.vex.names_hashes();
    let looked = inventories(found, hashes, |provenance, inventory, binary| {
        let binary = question.places.then_some(binary);
        question.judge(provenance, inventory, binary, ruling)
    });
    match looked {
        Looked::Seen(judged) => Seen::Judged(judged),
        Looked::Unread(unread) => Seen::Unread(unread),
        Looked::Passed => Seen::Passed,
    }
}

impl<'db> Question<'db> {
    /// What is known of what is in a binary; of which, if it is given, is told where functions are.
    pub(crate) fn judge<'data>(
        &self,
        provenance: Provenance,
        inventory: &Inventory<'data>,
        binary: Option<&Binary<'data>>,
        ruling: &Ruling<'_>,
    ) -> Result<Judged<'db>, Incomplete> {
        let mut triage = triage(inventory, self.database)?;
        if let Some(binary) = binary {
            locate(&mut triage.rows, inventory, binary)?;
        }
        let title = provenance.title();
        let program = Program {
            path: &provenance.path,
            title: &title,
            record: &inventory.record,
            hash: provenance.hash.as_deref(),
        };
        let verdicts = triage.rows.into_iter();
        let verdicts = verdicts.map(|row| self.verdict(row, &program, ruling));
        let verdicts: Vec<Verdict<'db>> = verdicts.collect();
        let counted = verdicts.iter().filter(|it| it.fails).map(|it| &it.row);
        Ok(Judged {
            title,
            steps: steps(counted, self.fail_on),
            module_count: inventory.module_count(),
            matched_count: inventory.matched_count(),
            record: inventory.record.clone(),
            doubts: triage.doubts,
            verdicts,
            provenance,
        })
    }

    fn verdict(&self, row: Row<'db>, program: &Program<'_>, ruling: &Ruling<'_>) -> Verdict<'db> {
        let ids = std::iter::once(row.advisory.id()).chain(row.advisory.aliases());
        let suppressed = ruling.suppressed(&ids.collect::<Vec<_>>());
        let accepted = suppressed.as_ref().is_some_and(|it| !it.expired);
        let Heard { accepting, fitting } = self.vex.hear(program, &row, self.fail_on);
        let counts = row.tier >= self.fail_on && !row.is_informational();
        Verdict {
            fails: counts && !accepted && accepting.is_empty(),
            counts,
            suppressed,
            vex: accepting,
            heard: fitting,
            row,
        }
    }
}

impl Provenance {
    /// The file, and which of the binaries in it.
    fn title(&self) -> String {
        match &self.member {
            Some(member) => format!("{} ({member})", self.path),
            None => self.path.clone(),
        }
    }
}

/// What a binary holds, with its name where there are several in a file.
type Member = (Option<String>, Facts);

/// What every binary in a file holds, worth keeping; `None` for what was only met on the way.
pub(crate) fn facts(found: &Found) -> Option<Result<Vec<Member>, Unread>> {
    let looked = inventories(found, false, |provenance, inventory, _| {
        Ok((provenance.member, inventory.facts()?))
    });
    match looked {
        Looked::Seen(seen) => Some(Ok(seen)),
        Looked::Unread(unread) => Some(Err(unread)),
        Looked::Passed => None,
    }
}

enum Looked<T> {
    Seen(Vec<T>),
    Unread(Unread),
    Passed,
}

/// What `each` makes of every binary in a file that tells what it holds; with `hashes`, it gets that of
/// the file.
fn inventories<T>(
    found: &Found,
    hashes: bool,
    each: impl for<'data> Fn(Provenance, &Inventory<'data>, &Binary<'data>) -> Result<T, Incomplete>,
) -> Looked<T> {
    let (path, name) = (found.path().to_owned(), found.name());
    let mut input = match found.open() {
        Ok(Some(input)) => input,
        Ok(None) => return Looked::Passed,
        Err(failure) => return Looked::Unread(Unread::of(path, name, failure)),
    };
    let mut provenance = Provenance {
        path: name.clone(),
        member: None,
        named: found.was_named(),
        hash: None,
    };
    let looked = input.look(|bytes| in_bytes(bytes, &provenance, &each));
    let looked = match looked {
        // What tells nothing has not to be read whole.
        Ok(Ok(Ok(_))) if hashes => input.look(hash).and_then(|hash| {
            provenance.hash = Some(hash?);
            input.look(|bytes| in_bytes(bytes, &provenance, &each))
        }),
        looked => looked,
    };
    let looked = match looked {
        Ok(looked) => looked,
        Err(failure) => return Looked::Unread(Unread::of(path, name, failure)),
    };
    match looked {
        Ok(Ok(seen)) => Looked::Seen(seen),
        Ok(Err(nothing)) if !found.was_named() && !nothing.is_refusal() => Looked::Passed,
        Ok(Err(nothing)) => Looked::Unread(Unread::without_inventory(path, name, nothing)),
        // The first bytes say nearly always, and not always, what a file is.
        Err(error) if !found.was_named() && error.kind() == ErrorKind::NotBinary => Looked::Passed,
        Err(error) => Looked::Unread(Unread::unreadable(path, name, &error)),
    }
}

impl Unread {
    /// A file in which nothing tells what it holds, or too much.
    pub(crate) fn without_inventory(path: PathBuf, name: String, why: NoInventory) -> Self {
        Self {
            path,
            name,
            code: Some(why.code()),
            message: why.to_string(),
            hints: vec![why.hint().to_owned()],
        }
    }
}

/// SHA-256 of the file.
fn hash(bytes: Bytes<'_>) -> Result<String, Incomplete> {
    bytes.data().map(evidence::hash)
}

fn in_bytes<'data, T>(
    bytes: Bytes<'data>,
    provenance: &Provenance,
    each: impl Fn(Provenance, &Inventory<'data>, &Binary<'data>) -> Result<T, Incomplete>,
) -> Result<Result<Vec<T>, NoInventory>, Error> {
    let binaries = Binary::parse(bytes)?;
    let several = binaries.len() > 1;
    let mut seen = Vec::new();
    let mut nothing = NoInventory::NothingRecorded;
    for (binary, number) in binaries.iter().zip(1..) {
        match Inventory::of(binary) {
            Ok(inventory) => {
                let provenance = Provenance {
                    member: several.then(|| member(binary, number)),
                    ..provenance.clone()
                };
                seen.push(each(provenance, &inventory, binary)?);
            }
            Err(NoInventory::Incomplete(incomplete)) => return Err(incomplete.into()),
            Err(why) if why.is_refusal() => return Ok(Err(why)),
            Err(why) => nothing = why,
        }
    }
    Ok(match seen.is_empty() {
        true => Err(nothing),
        false => Ok(seen),
    })
}
