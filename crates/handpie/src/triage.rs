//! One file, held against the database of advisories: which binaries are in it, and what is known of
//! each.

use handpie_audit::Ruling;
use handpie_audit::vuln::{Database, Facts, Inventory, NoInventory, Tier, locate, steps, triage};
use handpie_binary::{Binary, Bytes, Error, ErrorKind};

use crate::examine::member;
use crate::files::Found;
use crate::report::check::Unread;
use crate::report::vuln::{Judged, Verdict};

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
    /// From which tier on an advisory fails.
    pub(crate) fail_on: Tier,
    /// Whether to find out where the functions are.
    pub(crate) places: bool,
}

/// What is known of every binary in a file.
pub(crate) fn look<'db>(found: &Found, question: &Question<'db>, ruling: &Ruling<'_>) -> Seen<'db> {
    let looked = inventories(found, |member, inventory, binary| {
        let binary = question.places.then_some(binary);
        question.judge(found.name(), member, inventory, binary, ruling)
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
        name: String,
        member: Option<String>,
        inventory: &Inventory<'data>,
        binary: Option<&Binary<'data>>,
        ruling: &Ruling<'_>,
    ) -> Judged<'db> {
        let mut triage = triage(inventory, self.database);
        if let Some(binary) = binary {
            locate(&mut triage.rows, inventory, binary);
        }
        let verdicts = triage.rows.into_iter().map(|row| {
            let ids = std::iter::once(row.advisory.id()).chain(row.advisory.aliases());
            let suppressed = ruling.suppressed(&ids.collect::<Vec<_>>());
            let accepted = suppressed.as_ref().is_some_and(|it| !it.expired);
            Verdict {
                fails: row.tier >= self.fail_on && !row.is_informational() && !accepted,
                suppressed,
                row,
            }
        });
        let verdicts: Vec<Verdict<'db>> = verdicts.collect();
        let counted = verdicts.iter().filter(|it| it.fails).map(|it| &it.row);
        Judged {
            path: name,
            member,
            steps: steps(counted, self.fail_on),
            module_count: inventory.module_count(),
            matched_count: inventory.matched_count(),
            record: inventory.record.clone(),
            doubts: triage.doubts,
            verdicts,
        }
    }
}

/// What a binary holds, with its name where there are several in a file.
type Member = (Option<String>, Facts);

/// What every binary in a file holds, worth keeping; `None` for what was only met on the way.
pub(crate) fn facts(found: &Found) -> Option<Result<Vec<Member>, Unread>> {
    match inventories(found, |member, inventory, _| (member, inventory.facts())) {
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

/// What `each` makes of every binary in a file that tells what it holds.
fn inventories<T>(
    found: &Found,
    each: impl for<'data> Fn(Option<String>, &Inventory<'data>, &Binary<'data>) -> T,
) -> Looked<T> {
    let (path, name) = (found.path().to_owned(), found.name());
    let mut input = match found.open() {
        Ok(Some(input)) => input,
        Ok(None) => return Looked::Passed,
        Err(failure) => return Looked::Unread(Unread::of(path, name, failure)),
    };
    let looked = match input.look(|bytes| in_bytes(bytes, &each)) {
        Ok(looked) => looked,
        Err(failure) => return Looked::Unread(Unread::of(path, name, failure)),
    };
    match looked {
        Ok(Ok(seen)) => Looked::Seen(seen),
        Ok(Err(_)) if !found.was_named() => Looked::Passed,
        Ok(Err(nothing)) => Looked::Unread(Unread {
            path,
            name,
            code: Some(nothing.code()),
            message: nothing.to_string(),
            hints: vec![nothing.hint().to_owned()],
        }),
        // The first bytes say nearly always, and not always, what a file is.
        Err(error) if !found.was_named() && error.kind() == ErrorKind::NotBinary => Looked::Passed,
        Err(error) => Looked::Unread(Unread::unreadable(path, name, &error)),
    }
}

fn in_bytes<'data, T>(
    bytes: Bytes<'data>,
    each: impl Fn(Option<String>, &Inventory<'data>, &Binary<'data>) -> T,
) -> Result<Result<Vec<T>, NoInventory>, Error> {
    let binaries = Binary::parse(bytes)?;
    let several = binaries.len() > 1;
    let mut seen = Vec::new();
    let mut nothing = NoInventory::NothingRecorded;
    for (binary, number) in binaries.iter().zip(1..) {
        match Inventory::of(binary) {
            // Before that, it would be asked in vain.
            Ok(_) if !bytes.is_complete() => {}
            Ok(inventory) => {
                let member = several.then(|| member(binary, number));
                seen.push(each(member, &inventory, binary));
            }
            Err(why) => nothing = why,
        }
    }
    Ok(match seen.is_empty() {
        true => Err(nothing),
        false => Ok(seen),
    })
}
