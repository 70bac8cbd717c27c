//! Whether a part of the file is encrypted, so that nobody can look into it.

use super::loaded;
use crate::finding::{Judgement, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const ENCRYPTION: Rule = Rule {
    code: "macho-encryption",
    wish: "code that can be read",
    severity: Severity::Low,
    levels: Levels::all(Level::Warn),
    judge: encryption,
};

fn encryption(subject: &Subject<'_>) -> Option<Judgement> {
    let encryption = loaded(subject)?.encryption();
    Some(match encryption {
        Ok(None) => pass("nothing in it is encrypted"),
        Ok(Some(found)) => {
            let shown = format!("`cryptid` is {}, `cryptsize` {}", found.system, found.size);
            match found.system {
                0 => pass("room for encryption, and nothing is encrypted").at(found.offset, shown),
                _ => warn("what is encrypted in it cannot be checked, here or elsewhere")
                    .at(found.offset, shown)
                    .hint("check the file that was handed to the store"),
            }
        }
        Err(error) => unknown(error.to_string()),
    })
}
