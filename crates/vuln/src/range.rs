//! Which versions an advisory is about: the ranges of OSV ("affected[].ranges[].events"), as
//! half-open intervals.

use std::cmp::Ordering;

use crate::osv::{Event, Range};
use crate::semver::compare;

/// Versions from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval<'a> {
    /// The first version that is affected; empty when all are from the beginning.
    pub(crate) introduced: &'a str,
    /// Where it ends; empty when it does not.
    pub(crate) end: &'a str,
    /// Whether `end` is itself affected (`last_affected`) rather than fixed.
    pub(crate) includes_end: bool,
}

/// All versions.
pub(crate) const EVERYTHING: Interval<'static> = Interval {
    introduced: "",
    end: "",
    includes_end: false,
};

impl<'a> Interval<'a> {
    /// Whether the version lies in it.
    pub(crate) fn contains(&self, version: &str) -> bool {
        let begun =
            self.introduced.is_empty() || compare(version, self.introduced) != Ordering::Less;
        let order = || compare(version, self.end);
        begun
            && match (self.end.is_empty(), self.includes_end) {
                (true, _) => true,
                (false, false) => order() == Ordering::Less,
                (false, true) => order() != Ordering::Greater,
            }
    }

    /// The version that is fixed, if one is.
    pub(crate) fn fixed(&self) -> Option<&'a str> {
        (!self.end.is_empty() && !self.includes_end).then_some(self.end)
    }
}

/// The intervals of an `affected` block. Without ranges of semantic versions there is nothing to
/// hold a version against, and every version counts.
pub(crate) fn intervals(ranges: &[Range]) -> Vec<Interval<'_>> {
    let semantic: Vec<&Range> = ranges
        .iter()
        .filter(|range| range.kind == "SEMVER")
        .collect();
    if semantic.is_empty() || semantic.iter().any(|range| range.events.is_empty()) {
        return vec![EVERYTHING];
    }
    semantic.into_iter().flat_map(of_range).collect()
}

/// An end of an interval.
#[derive(Clone, Copy)]
enum Mark<'a> {
    Introduced(&'a str),
    Fixed(&'a str),
    LastAffected(&'a str),
}

impl<'a> Mark<'a> {
    fn of(event: &'a Event) -> Option<Self> {
        let introduced = event.introduced.as_deref().map(Self::Introduced);
        let fixed = event.fixed.as_deref().map(Self::Fixed);
        let last = event.last_affected.as_deref().map(Self::LastAffected);
        introduced.or(fixed).or(last)
    }

    fn version(self) -> &'a str {
        match self {
            Self::Introduced(version) | Self::Fixed(version) | Self::LastAffected(version) => {
                version
            }
        }
    }
}

/// Events need not stand in order. "0" means the beginning, before every version.
fn of_range(range: &Range) -> Vec<Interval<'_>> {
    let mut marks: Vec<Mark<'_>> = range.events.iter().filter_map(Mark::of).collect();
    marks.sort_by(|a, b| match (a.version(), b.version()) {
        ("0", "0") => Ordering::Equal,
        ("0", _) => Ordering::Less,
        (_, "0") => Ordering::Greater,
        (a, b) => compare(a, b),
    });
    let mut found = Vec::new();
    let mut open: Option<&str> = None;
    for mark in marks {
        match (mark, open) {
            (Mark::Introduced("0"), None) => open = Some(""),
            (Mark::Introduced(version), None) => open = Some(version),
            (Mark::Fixed(end), Some(introduced)) => {
                found.push(Interval {
                    introduced,
                    end,
                    includes_end: false,
                });
                open = None;
            }
            (Mark::LastAffected(end), Some(introduced)) => {
                found.push(Interval {
                    introduced,
                    end,
                    includes_end: true,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(json: &str) -> Vec<Range> {
        serde_json::from_str(json).unwrap()
    }

    fn affects(json: &str, version: &str) -> bool {
        let ranges = ranges(json);
        let mut intervals = intervals(&ranges).into_iter();
        intervals.any(|interval| interval.contains(version))
    }

    const TWICE: &str = r#"[{"type": "SEMVER", "events": [
        {"fixed": "1.11.3"}, {"introduced": "1.11.0-0"}, {"fixed": "1.10.6"}, {"introduced": "0"}]}]"#;

    #[test]
    fn the_first_version_is_affected_and_the_fixed_one_is_not() {
        for (version, affected) in [
            ("v1.0.0", true),
            ("v1.10.5", true),
            ("v1.10.6-rc.1", true),
            ("v1.10.6", false),
            ("v1.10.9", false),
            ("v1.11.0-beta.1", true),
            ("v1.11.2", true),
            ("v1.11.3", false),
            ("v2.0.0", false),
            ("what is no version", true),
        ] {
            assert_eq!(affects(TWICE, version), affected, "{version}");
        }
    }

    #[test]
    fn what_was_never_fixed_has_no_end() {
        let json = r#"[{"type": "SEMVER", "events": [{"introduced": "1.2.0"}]}]"#;
        assert!(affects(json, "v99.0.0") && !affects(json, "v1.1.9"));
        assert_eq!(intervals(&ranges(json))[0].fixed(), None);
        assert_eq!(intervals(&ranges(TWICE))[0].fixed(), Some("1.10.6"));
    }

    #[test]
    fn the_last_affected_version_is_affected() {
        let json =
            r#"[{"type": "SEMVER", "events": [{"introduced": "0"}, {"last_affected": "1.2.3"}]}]"#;
        assert!(affects(json, "v1.2.3") && !affects(json, "v1.2.4"));
        assert_eq!(intervals(&ranges(json))[0].fixed(), None);
    }

    #[test]
    fn without_ranges_of_versions_every_version_is_affected() {
        for json in [
            "[]",
            r#"[{"type": "GIT", "events": [{"introduced": "1"}]}]"#,
            r#"[{"type": "SEMVER", "events": []}]"#,
        ] {
            assert!(affects(json, "v1.0.0"), "{json}");
        }
    }

    #[test]
    fn one_of_several_ranges_is_enough() {
        let json = r#"[{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.0.0"}]},
            {"type": "SEMVER", "events": [{"introduced": "2.0.0"}, {"fixed": "2.1.0"}]}]"#;
        assert!(affects(json, "v0.9.0") && affects(json, "v2.0.0"));
        assert!(!affects(json, "v1.0.0") && !affects(json, "v2.1.0"));
    }
}
