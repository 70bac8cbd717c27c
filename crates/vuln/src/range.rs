//! Which versions an advisory is about, as OSV evaluates it (ossf.github.io/osv-schema, "Evaluation"):
//! those that `affected[].versions` lists, and those in a range of `affected[].ranges`. Go's modules
//! and crates.io are both numbered by semver.org, so `ECOSYSTEM` is read as `SEMVER` is.
//!
//! What OSV's own evaluation leaves out, and what is made of it here:
//!
//! ```text
//! GIT                                     commits, which no program records: passed over beside other
//!                                         ranges or a list
//! GIT alone, or neither list nor range    every version, with a doubt
//! a range that breaks the schema          every version, with a doubt
//! last_known_affected_version_range       GitHub's upper bound of a range that has none
//! custom_ranges                           Go's database: all its ranges are in doubt
//! ```

mod events;

use std::cmp::Ordering;

use crate::osv::Affected;
use crate::semver::{Version, compare};
use crate::version_doubt::VersionDoubt;

/// Versions from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval<'a> {
    /// The first version that is affected; empty when all are from the beginning.
    pub(crate) introduced: &'a str,
    /// Where it ends; empty when it does not.
    pub(crate) end: &'a str,
    /// What the end means.
    pub(crate) bound: Bound,
    /// Why it is not sure that these versions are affected.
    pub(crate) doubt: Option<VersionDoubt>,
}

/// What the end of an interval means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The first version that is fixed.
    Fixed,
    /// The last that is affected.
    LastAffected,
    /// The first of which the range says nothing.
    Limit,
    /// One version, which is listed, and nothing beside it.
    Listed,
}

/// All versions.
pub(crate) const EVERYTHING: Interval<'static> = Interval {
    introduced: "",
    end: "",
    bound: Bound::Fixed,
    doubt: None,
};

impl Bound {
    /// Every bound, by the number that it has in a database.
    pub(crate) const ALL: [Self; 4] = [Self::Fixed, Self::LastAffected, Self::Limit, Self::Listed];
}

impl<'a> Interval<'a> {
    /// Whether the version lies in it.
    pub(crate) fn contains(&self, version: &str) -> bool {
        if self.bound == Bound::Listed {
            return is_same(version, self.end);
        }
        let begun =
            self.introduced.is_empty() || compare(version, self.introduced) != Ordering::Less;
        let order = || compare(version, self.end);
        begun
            && match (self.end.is_empty(), self.bound) {
                (true, _) => true,
                (false, Bound::LastAffected) => order() != Ordering::Greater,
                (false, _) => order() == Ordering::Less,
            }
    }

    /// The version that is fixed, if one is.
    pub(crate) fn fixed(&self) -> Option<&'a str> {
        (!self.end.is_empty() && self.bound == Bound::Fixed).then_some(self.end)
    }

    /// Everything, with a doubt.
    fn doubtful(doubt: VersionDoubt) -> Self {
        Self {
            doubt: Some(doubt),
            ..EVERYTHING
        }
    }
}

/// Whether a version is the one that a list names: with or without Go's `v`, and whatever was built
/// into it, since no two releases differ in nothing else. What is not a version is compared as text.
fn is_same(version: &str, listed: &str) -> bool {
    match (Version::parse(version), Version::parse(listed)) {
        (Some(version), Some(listed)) => version == listed,
        _ => version.trim_start_matches('v') == listed.trim_start_matches('v'),
    }
}

/// The intervals of an `affected` block. A version is affected when one of them contains it, and surely
/// so when one without a doubt does.
pub(crate) fn intervals(affected: &Affected) -> Vec<Interval<'_>> {
    let mut found = Vec::new();
    let mut any_commits = false;
    for range in &affected.ranges {
        match range.kind.as_str() {
            "SEMVER" | "ECOSYSTEM" => match events::intervals(&range.events) {
                Some(intervals) => found.extend(intervals),
                None => found.push(Interval::doubtful(VersionDoubt::Malformed)),
            },
            "GIT" => any_commits = true,
            _ => found.push(Interval::doubtful(VersionDoubt::Malformed)),
        }
    }
    let has_ranges = affected.ranges.iter().any(|range| range.kind != "GIT");
    if !has_ranges && affected.versions.is_empty() {
        found.push(Interval::doubtful(match any_commits {
            true => VersionDoubt::OnlyCommits,
            false => VersionDoubt::NoVersions,
        }));
    }
    end_at_last_known(affected, &mut found);
    if affected.has_custom_ranges() {
        for interval in &mut found {
            interval.doubt = Some(VersionDoubt::CustomRanges);
        }
    }
    add_listed(&affected.versions, &mut found);
    if affected.is_qualified() {
        for interval in &mut found {
            interval.doubt.get_or_insert(VersionDoubt::Qualified);
        }
    }
    found
}

/// GitHub's advisories say `<= 1.2.3` beside a range, and leave its end out, where there is no fixed
/// version (github.com/github/advisory-database, issue 470).
fn end_at_last_known<'a>(affected: &'a Affected, found: &mut [Interval<'a>]) {
    let Some(known) = &affected.database_specific.last_known else {
        return;
    };
    let bound = known.as_str().and_then(last_known);
    let open = found.iter_mut();
    for interval in open.filter(|it| it.end.is_empty() && it.doubt.is_none()) {
        match bound {
            Some((bound, end)) => (interval.bound, interval.end) = (bound, end),
            None => interval.doubt = Some(VersionDoubt::Malformed),
        }
    }
}

/// The bound that `<= 1.2.3` or `< 1.2.3` is. The second excludes its version as a limit does, for
/// nothing says that it is fixed.
fn last_known(text: &str) -> Option<(Bound, &str)> {
    let text = text.trim();
    let (bound, version) = match (text.strip_prefix("<="), text.strip_prefix('<')) {
        (Some(version), _) => (Bound::LastAffected, version.trim()),
        (None, Some(version)) => (Bound::Limit, version.trim()),
        (None, None) => return None,
    };
    Version::parse(version).map(|_| (bound, version))
}

/// So many intervals are asked whether a listed version is in one of them already.
const MAX_ASKED: usize = 64;

/// Adds what is listed and in none of the ranges: osv.dev lists every version that is in them.
fn add_listed<'a>(listed: &'a [String], found: &mut Vec<Interval<'a>>) {
    let ranges = found.len();
    for version in listed {
        let in_ranges = found.iter().take(ranges.min(MAX_ASKED));
        let mut in_ranges = in_ranges.filter(|it| it.doubt.is_none());
        if in_ranges.any(|it| it.contains(version)) {
            continue;
        }
        found.push(Interval {
            introduced: "",
            end: version,
            bound: Bound::Listed,
            doubt: None,
        });
    }
}

#[cfg(test)]
mod tests;
