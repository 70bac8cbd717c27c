//! Whether part of the file is encrypted and cannot be checked.

use super::loaded;
use crate::finding::{Judgement, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const ENCRYPTION: Rule = Rule {
    code: "macho-encryption",
    wish: "unencrypted code",
    severity: Severity::Low,
    levels: Levels::all(Level::Warn),
    judge: encryption,
};

fn encryption(subject: &Subject<'_>) -> Option<Judgement> {
    let encryption = loaded(subject)?.encryption();
    Some(match encryption {
        Ok(None) => pass("not encrypted"),
        Ok(Some(found)) => {
            let shown = format!("`cryptid` is {}, `cryptsize` {}", found.system, found.size);
            match found.system {
                0 => pass(
                    "not encrypted, although space is reserved for \
                           encryption",
                )
                .at(found.offset, shown),
                _ => warn("encrypted, so the contents cannot be checked")
                    .at(found.offset, shown)
                    .hint("check the file as it was before the App Store encrypted it"),
            }
        }
        Err(error) => unknown(error.to_string()),
    })
}
