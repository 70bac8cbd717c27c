//! The intervals of one range: its events, in the order of versions, as a timeline.

use std::cmp::Ordering;

use super::{Bound, EVERYTHING, Interval};
use crate::osv::Event;
use crate::semver::{Version, compare};

/// An end of an interval.
#[derive(Clone, Copy)]
enum Mark<'a> {
    Introduced(&'a str),
    Fixed(&'a str),
    LastAffected(&'a str),
}

/// The intervals of a range; `None` when its events do not say what the schema asks them to say: at
/// least one is an introduction, each is of one kind, and versions are versions.
pub(super) fn intervals(events: &[Event]) -> Option<Vec<Interval<'_>>> {
    let mut marks: Vec<Mark<'_>> = Vec::new();
    let mut limits: Vec<&str> = Vec::new();
    for event in events {
        let given = [
            event.introduced.as_deref().map(Mark::Introduced),
            event.fixed.as_deref().map(Mark::Fixed),
            event.last_affected.as_deref().map(Mark::LastAffected),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next(), event.limit.as_deref()) {
            (Some(mark), None, None) if mark.is_version() => marks.push(mark),
            (None, None, Some(limit)) if limit.contains('*') || is_version(limit) => {
                limits.push(limit);
            }
            _ => return None,
        }
    }
    let is_introduced = marks.iter().any(|it| matches!(it, Mark::Introduced(_)));
    let found = is_introduced.then(|| timeline(marks))?;
    Some(match last_limit(&limits) {
        Some(limit) => found
            .into_iter()
            .filter_map(|it| it.before(limit))
            .collect(),
        None => found,
    })
}

fn is_version(text: &str) -> bool {
    Version::parse(text).is_some()
}

impl<'a> Mark<'a> {
    fn version(self) -> &'a str {
        match self {
            Self::Introduced(version) | Self::Fixed(version) | Self::LastAffected(version) => {
                version
            }
        }
    }

    fn is_version(self) -> bool {
        is_version(self.version())
    }

    /// "0" of an introduction means the beginning, before every version.
    fn is_beginning(self) -> bool {
        matches!(self, Self::Introduced("0"))
    }
}

/// Events need not stand in order; those of the same version keep theirs.
fn timeline(mut marks: Vec<Mark<'_>>) -> Vec<Interval<'_>> {
    marks.sort_by(|a, b| match (a.is_beginning(), b.is_beginning()) {
        (false, false) => compare(a.version(), b.version()),
        (a, b) => b.cmp(&a),
    });
    let mut found: Vec<Interval<'_>> = Vec::new();
    let mut open: Option<&str> = None;
    for mark in marks {
        // The version that was the last affected one is fixed.
        if let (Mark::Fixed(end), Some(last)) = (mark, found.last_mut())
            && last.ends_with(end)
        {
            last.bound = Bound::Fixed;
        }
        match (mark, open) {
            (Mark::Introduced("0"), None) => open = Some(""),
            (Mark::Introduced(version), None) => open = Some(version),
            (Mark::Fixed(end), Some(introduced)) => {
                found.push(Interval {
                    introduced,
                    end,
                    ..EVERYTHING
                });
                open = None;
            }
            (Mark::LastAffected(end), Some(introduced)) => {
                found.push(Interval {
                    introduced,
                    end,
                    bound: Bound::LastAffected,
                    ..EVERYTHING
                });
                open = None;
            }
            (Mark::Introduced(_), Some(_)) | (Mark::Fixed(_) | Mark::LastAffected(_), None) => {}
        }
    }
    if let Some(introduced) = open {
        found.push(Interval {
            introduced,
            ..EVERYTHING
        });
    }
    found
}

/// Where the last of several limits is: a version before any of them is in the range. `None` when
/// there is no limit, or one is infinite.
fn last_limit<'a>(limits: &[&'a str]) -> Option<&'a str> {
    if limits.iter().any(|limit| limit.contains('*')) {
        return None;
    }
    limits.iter().copied().max_by(|a, b| compare(a, b))
}

impl<'a> Interval<'a> {
    /// Whether a version is the last in it.
    fn ends_with(&self, version: &str) -> bool {
        self.bound == Bound::LastAffected && compare(self.end, version) == Ordering::Equal
    }

    /// What of it comes before a limit, if anything does.
    fn before(self, limit: &'a str) -> Option<Self> {
        if !self.introduced.is_empty() && compare(self.introduced, limit) != Ordering::Less {
            return None;
        }
        let ends_before = match (self.end.is_empty(), compare(self.end, limit)) {
            (true, _) => false,
            (false, Ordering::Less) => true,
            (false, Ordering::Equal) => self.bound == Bound::Fixed,
            (false, Ordering::Greater) => false,
        };
        Some(match ends_before {
            true => self,
            false => Self {
                end: limit,
                bound: Bound::Limit,
                ..self
            },
        })
    }
}
