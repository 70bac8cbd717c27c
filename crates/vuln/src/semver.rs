//! Which of two versions is the newer: semver.org 2.0.0 as golang.org/x/mod/semver has it, which is
//! what Go's module versions are made for. Crates follow the same order.
//!
//! ```text
//! v1.2.3-rc.1 < v1.2.3            a pre-release comes before its release
//! v1.2.4-0.20240102030405-abc…    a pseudo-version is a pre-release of the next patch
//! v4.0.0+incompatible = v4.0.0    build metadata decides nothing
//! v1.2 = v1.2.0                   what is left out is zero
//! x < v0.0.0-0                    what is not a version comes before all that are
//! ```

use std::cmp::Ordering;

use crate::limits::MAX_VERSION;

/// A version, taken apart. Those that compare as equal are equal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version<'a> {
    /// Digits without leading zeros, of any length.
    numbers: [&'a str; 3],
    /// What stands behind the hyphen; empty for a release.
    prerelease: &'a str,
}

impl<'a> Version<'a> {
    /// Takes a version apart, with or without the `v` before it; `None` when it is none.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (rest, build) = match text.split_once('+') {
            Some((rest, build)) => (rest, Some(build)),
            None => (text, None),
        };
        if !build.is_none_or(|build| build.split('.').all(is_identifier)) {
            return None;
        }
        let (numbers, prerelease) = match rest.split_once('-') {
            Some((numbers, prerelease)) => (numbers, Some(prerelease)),
            None => (rest, None),
        };
        let mut parts = numbers.split('.');
        let mut found = ["0"; 3];
        let mut count = 0usize;
        for slot in &mut found {
            let Some(number) = parts.next() else { break };
            if !is_number(number) {
                return None;
            }
            *slot = number;
            count = count.saturating_add(1);
        }
        // Only a version of three numbers may have more than numbers.
        let short = count < 3 && (prerelease.is_some() || build.is_some());
        if parts.next().is_some() || short {
            return None;
        }
        let well_formed = |text: &str| {
            let mut parts = text.split('.');
            parts.all(|part| is_identifier(part) && (!is_numeric(part) || is_number(part)))
        };
        if !prerelease.is_none_or(well_formed) {
            return None;
        }
        Some(Self {
            numbers: found,
            prerelease: prerelease.unwrap_or_default(),
        })
    }

    /// The day of the commit that it names, as `20240102`, where no release comes before that commit
    /// in its history: `vX.0.0-yyyymmddhhmmss-abcdefabcdef`. Such a version says nothing about
    /// whether a release is older or newer.
    pub(crate) fn day_without_release(&self) -> Option<&'a str> {
        let [_, minor, patch] = self.numbers;
        let (time, _) = self.prerelease.split_once('-')?;
        let is_first = self.is_pseudo() && minor == "0" && patch == "0";
        time.get(..8).filter(|_| is_first && time.len() == 14)
    }

    /// Whether it names a commit rather than a release: `vX.0.0-yyyymmddhhmmss-abcdefabcdef`,
    /// `vX.Y.Z-pre.0.yyyymmddhhmmss-…` or `vX.Y.Z-0.yyyymmddhhmmss-…` (go.dev/ref/mod,
    /// "Pseudo-versions").
    pub(crate) fn is_pseudo(&self) -> bool {
        let Some((before, revision)) = self.prerelease.rsplit_once('-') else {
            return false;
        };
        let (lead, time) = before.rsplit_once('.').unwrap_or(("", before));
        let counts = lead.is_empty() || lead == "0" || lead.ends_with(".0");
        let is_revision =
            !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_alphanumeric());
        counts && is_revision && time.len() == 14 && is_numeric(time)
    }
}

/// The version that `text` is or, where it is none, that it begins with: `v1.2.3` of `v1.2.3.dirty`
/// and `v1.2.3+incompatible` of `v1.2.3+incompatible+dirty`. `None` when it begins with none either.
pub(crate) fn nearest(text: &str) -> Option<&str> {
    if Version::parse(text).is_some() {
        return Some(text);
    }
    if text.len() > MAX_VERSION {
        return None;
    }
    let ends = text.char_indices().map(|(at, _)| at).rev();
    let prefixes = ends.filter_map(|end| text.split_at_checked(end));
    // Half of a number is another number, and a number alone is not much of a version.
    let mut prefixes = prefixes.filter(|(before, behind)| {
        let is_whole = !behind.starts_with(|c: char| c.is_ascii_digit());
        is_whole && before.contains('.')
    });
    let found = prefixes.find(|(before, _)| Version::parse(before).is_some());
    found.map(|(before, _)| before)
}

/// How two versions compare; one that cannot be taken apart comes before all that can.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    Version::parse(a).cmp(&Version::parse(b))
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.numbers.iter().zip(&other.numbers);
        let numbers = pairs.map(|(a, b)| compare_numbers(a, b));
        let numbers = numbers.fold(Ordering::Equal, Ordering::then);
        numbers.then_with(|| compare_prereleases(self.prerelease, other.prerelease))
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version<'_> {}

/// Of two numbers without leading zeros the longer is the larger.
fn compare_numbers(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn compare_prereleases(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (is_numeric(a), is_numeric(b)) {
                (true, true) => compare_numbers(a, b),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn is_numeric(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    is_numeric(text) && (text.len() == 1 || !text.starts_with('0'))
}

fn is_identifier(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_the_order_of_the_specification() {
        let ascending = [
            "no version",
            "v0.0.0-0",
            "v0.0.0-20240102030405-abcdefabcdef",
            "v0.0.0",
            "v0.1",
            "v1.0.0-alpha",
            "v1.0.0-alpha.1",
            "v1.0.0-alpha.beta",
            "v1.0.0-beta",
            "v1.0.0-beta.2",
            "v1.0.0-beta.11",
            "v1.0.0-rc.1",
            "v1.0.0",
            "v1.0.1-0.20240102030405-abcdefabcdef",
            "v1.0.1-0.20250102030405-abcdefabcdef",
            "v1.0.1",
            "v1.2.0",
            "v1.10.0",
            "v1.99999999999999999999.0",
            "v2",
        ];
        for (index, low) in ascending.iter().enumerate() {
            assert_eq!(compare(low, low), Ordering::Equal, "{low}");
            for high in &ascending[index + 1..] {
                assert_eq!(compare(low, high), Ordering::Less, "{low} {high}");
                assert_eq!(compare(high, low), Ordering::Greater, "{low} {high}");
            }
        }
    }

    #[test]
    fn what_decides_nothing_is_passed_over() {
        for (a, b) in [
            ("v4.0.0+incompatible", "4.0.0"),
            ("v1.2.3+dirty", "v1.2.3"),
            ("v1.2", "v1.2.0"),
            ("1", "v1.0.0"),
            ("1.2.3-rc.1+001", "v1.2.3-rc.1"),
            ("junk", ""),
        ] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    #[test]
    fn takes_nothing_else_for_a_version() {
        for text in [
            "",
            "v",
            "(devel)",
            "v1.",
            "v1.2.",
            "v01.2.3",
            "v1.02.3",
            "v1.2.3-",
            "v1.2.3-a..b",
            "v1.2.3-01",
            "v1.2.3+",
            "v1.2.3+a..b",
            "v1.2-rc1",
            "v1+x",
            "v1.2.3.4",
            "v1.2.3-ä",
            "vv1",
            "go1.2.3",
            " v1.2.3",
        ] {
            assert!(Version::parse(text).is_none(), "{text}");
        }
        assert!(Version::parse("v1.2.3--a").is_some());
        assert!(Version::parse("v1.2.3-0a").is_some());
    }

    #[test]
    fn what_is_no_version_is_the_one_that_it_begins_with() {
        for (text, version) in [
            ("v1.2.3", Some("v1.2.3")),
            ("v1.2.3.dirty", Some("v1.2.3")),
            ("v4.0.0+incompatible+dirty", Some("v4.0.0+incompatible")),
            ("v1.2.3-rc.1.dirty", Some("v1.2.3-rc.1.dirty")),
            ("v1.2.3-rc.1_7", Some("v1.2.3-rc.1")),
            ("v1.2.34_debian", Some("v1.2.34")),
            ("1.2.3~bpo12", Some("1.2.3")),
            ("1.2.3.4", Some("1.2.3")),
            ("v1.2.3ä", Some("v1.2.3")),
            ("2024.01.02", None),
            ("v01.2.3", None),
            ("7x", None),
            ("(devel)", None),
            ("tip", None),
            ("", None),
        ] {
            assert_eq!(nearest(text), version, "{text}");
        }
        assert_eq!(nearest(&format!("v1.2.3.{}", "x.".repeat(1 << 20))), None);
    }

    #[test]
    fn a_commit_without_a_release_before_it_has_a_day_only() {
        let day = |text| Version::parse(text).unwrap().day_without_release();
        for (text, found) in [
            ("v0.0.0-20240102030405-abcdefabcdef", Some("20240102")),
            (
                "v2.0.0-20240102030405-abcdefabcdef+incompatible",
                Some("20240102"),
            ),
            ("v0.0.0-20240102030405-abcdefabcdef+dirty", Some("20240102")),
            ("v0.0.1-0.20240102030405-abcdefabcdef", None),
            ("v1.2.4-0.20240102030405-abcdefabcdef", None),
            ("v0.0.0-20240102", None),
            ("v0.0.0", None),
        ] {
            assert_eq!(day(text), found, "{text}");
        }
    }

    #[test]
    fn knows_versions_that_name_a_commit() {
        let pseudo = |text| Version::parse(text).unwrap().is_pseudo();
        for text in [
            "v0.0.0-20240102030405-abcdefabcdef",
            "v1.2.4-0.20240102030405-abcdefabcdef",
            "v1.2.3-rc.1.0.20240102030405-abcdefabcdef",
            "v2.0.0-20240102030405-abcdefabcdef+incompatible",
        ] {
            assert!(pseudo(text), "{text}");
        }
        for text in [
            "v1.2.3",
            "v1.2.3-rc.1",
            "v1.2.3-20240102030405",
            "v1.2.3-beta.20240102030405-abc",
            "v1.2.3-0.2024-abcdefabcdef",
        ] {
            assert!(!pseudo(text), "{text}");
        }
    }
}
