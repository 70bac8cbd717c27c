//! Which advisories are about the same vulnerability: those of which one names the other among its
//! aliases, or both the same third, and so on from one to the next.
//!
//! `related` and `upstream` join nothing: they also name other vulnerabilities, such as one of the
//! same kind, or in another package.

use std::collections::HashMap;

/// Finds which advisories are about the same vulnerability.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Of each name the advisory, or the number of the name, that it was first seen with.
    known: HashMap<String, usize>,
    /// Of each advisory another of its group with a lower number, or itself.
    parents: Vec<usize>,
}

impl Groups {
    /// Adds the next advisory, with all its names, its own among them. What was withdrawn has none.
    pub(super) fn add<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        let number = self.parents.len();
        self.parents.push(number);
        for name in names.filter(|name| !name.is_empty()) {
            let first = *self
                .known
                .entry(name.to_ascii_lowercase())
                .or_insert(number);
            self.join(first, number);
        }
    }

    /// The first advisory of the group that an advisory is in.
    pub(super) fn first(&mut self, number: usize) -> usize {
        let mut first = number;
        while let Some(parent) = self.parents.get(first).filter(|it| **it != first) {
            first = *parent;
        }
        // The next time, the way is short.
        let mut at = number;
        while at != first {
            let Some(parent) = self.parents.get_mut(at) else {
                break;
            };
            at = std::mem::replace(parent, first);
        }
        first
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        if let Some(parent) = self.parents.get_mut(a.max(b)) {
            *parent = a.min(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_join_advisories_from_one_to_the_next() {
        let mut groups = Groups::default();
        for names in [
            &["GO-1", "CVE-1"] as &[&str],
            &["GO-2", "CVE-2"],
            &["GHSA-3", "CVE-3", ""],
            &["GHSA-4", ""],
            &["RUSTSEC-5", "ghsa-3", "CVE-1"],
            &[],
        ] {
            groups.add(names.iter().copied());
        }
        let firsts: Vec<usize> = (0..6).map(|number| groups.first(number)).collect();
        assert_eq!(firsts, [0, 1, 0, 3, 0, 5]);
    }
}
