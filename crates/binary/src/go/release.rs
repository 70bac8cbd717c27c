//! What a toolchain calls itself: `runtime.Version`, go.dev/doc/toolchain#version, and what vendors
//! and builds from source make of it.
//!
//! ```text
//! go1.27.3                           a release
//! go1.28rc1                          a release candidate
//! go1.26.8-X:boringcrypto            with experiments; before Go 1.25 with a blank for the dash
//! go1.22.9 (Red Hat 1.22.9-2.el9)    a vendor's
//! go1.25.3-1, go1.22.12-devel-cf     a vendor's
//! go1.19.13b7, 1.22.5                a vendor's
//! devel go1.24-3f1bb6a Thu Oct 3     built from source, as is go1.28-devel_3f1bb6a
//! devel +3f1bb6a                     built from source, long ago
//! ```

/// A toolchain's version, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The line: 27 of `go1.27.3`. Builds from source of long ago do not name it.
    pub minor: Option<u32>,
    /// The patch release: 3 of `go1.27.3`; 0 of `go1.20`.
    pub patch: u32,
    /// `rc1` or `beta1` of a version that came before the release.
    pub prerelease: Option<String>,
    /// Whether it was built from source between releases.
    pub development: bool,
    /// What GOEXPERIMENT switched on, or off with `no` before it, against the default.
    pub experiments: Vec<String>,
    /// What a vendor has put behind the version, or the whole text where it does not begin as Go's
    /// versions do; empty for Go's own releases. The numbers are those of the nearest release then.
    pub vendor: String,
}

impl Version {
    /// Takes a version apart; `None` when it is none of Go's.
    pub fn parse(text: &str) -> Option<Self> {
        let (text, experiments) = without_experiments(text.trim());
        let mut version = match text.strip_prefix("devel") {
            Some(source) => Self {
                minor: source.split_whitespace().find_map(|word| {
                    let line = word.strip_prefix("go1.")?;
                    number(line).map(|(minor, _)| minor)
                }),
                development: true,
                ..Self::default()
            },
            None => Self::of_release(&text)?,
        };
        version.experiments = experiments;
        Some(version)
    }

    fn of_release(text: &str) -> Option<Self> {
        let (line, is_own) = match text.strip_prefix("go1") {
            Some(line) => (line, true),
            // Whoever sets the version by hand may leave Go's own prefix out.
            None => (
                text.strip_prefix('v').unwrap_or(text).strip_prefix('1')?,
                false,
            ),
        };
        let (minor, rest) = match line.strip_prefix('.') {
            Some(rest) => number(rest)?,
            // `go1`, the first; not `go10` and `go1x`.
            None if is_own && !line.starts_with(|c: char| c.is_alphanumeric()) => (0, line),
            None => return None,
        };
        let (patch, rest) = match rest.strip_prefix('.') {
            Some(patch) if patch.starts_with(|c: char| c.is_ascii_digit()) => {
                let (patch, rest) = number(patch)?;
                (Some(patch), rest)
            }
            _ => (None, rest),
        };
        let (prerelease, rest) = prerelease(rest);
        let vendor = rest.trim_matches(|c: char| "-+ ()".contains(c));
        // With the number of a patch release it is that release with changes, not a line to come.
        let development = patch.is_none() && vendor.starts_with("devel");
        let vendor = match (development, is_own) {
            (true, _) => "",
            (false, true) => vendor,
            (false, false) => text,
        };
        Some(Self {
            minor: Some(minor),
            patch: patch.unwrap_or(0),
            prerelease,
            development,
            experiments: Vec::new(),
            vendor: vendor.to_owned(),
        })
    }

    /// Whether an experiment was switched on or, with `no` before its name, off.
    pub fn has_experiment(&self, name: &str) -> bool {
        self.experiments.iter().any(|known| known == name)
    }
}

/// cmd/link/internal/ld/main.go (`buildVersion`) puts `X:` and the names behind the version.
fn without_experiments(text: &str) -> (String, Vec<String>) {
    let at = [" X:", "-X:"].iter().find_map(|mark| text.split_once(mark));
    let Some((before, behind)) = at else {
        return (text.to_owned(), Vec::new());
    };
    let (names, after) = behind.split_once(' ').unwrap_or((behind, ""));
    let names = names.split(',').map(str::to_owned);
    (
        format!("{before} {after}").trim().to_owned(),
        names.collect(),
    )
}

fn prerelease(text: &str) -> (Option<String>, &str) {
    let found = ["rc", "beta"].iter().find_map(|word| {
        let (number, rest) = number(text.strip_prefix(word)?)?;
        Some((format!("{word}{number}"), rest))
    });
    match found {
        Some((name, rest)) => (Some(name), rest),
        None => (None, text),
    }
}

/// The number that `text` starts with, and what follows it.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|| panic!("{text} is a version"))
    }

    #[test]
    fn takes_releases_apart() {
        for (text, minor, patch) in [
            ("go1.27.3", 27, 3),
            ("go1.20", 20, 0),
            ("go1", 0, 0),
            ("go1.0.3", 0, 3),
        ] {
            let version = parsed(text);
            assert_eq!(
                (version.minor, version.patch),
                (Some(minor), patch),
                "{text}"
            );
            assert_eq!(version.vendor, "");
            assert_eq!(version.prerelease, None);
            assert!(!version.development);
        }
        assert_eq!(parsed("go1.28rc2").prerelease.as_deref(), Some("rc2"));
        assert_eq!(parsed("go1.10beta1").prerelease.as_deref(), Some("beta1"));
    }

    #[test]
    fn sets_experiments_and_vendors_aside() {
        let version = parsed("go1.26.8-X:boringcrypto,norandomizedheapbase64");
        assert_eq!((version.minor, version.patch), (Some(26), 8));
        assert!(version.has_experiment("boringcrypto"));
        assert!(version.has_experiment("norandomizedheapbase64"));
        assert_eq!(version.vendor, "");
        assert_eq!(parsed("go1.20.4 X:nounified").experiments, ["nounified"]);
        for (text, vendor) in [
            ("go1.22.9 (Red Hat 1.22.9-2.el9)", "Red Hat 1.22.9-2.el9"),
            ("go1.25.3-1", "1"),
            ("go1.24-20250108-RC00 cl/713", "20250108-RC00 cl/713"),
            ("go1.19.8-fips X:boringcrypto", "fips"),
        ] {
            assert_eq!(parsed(text).vendor, vendor, "{text}");
        }
    }

    #[test]
    fn what_a_vendor_appends_leaves_the_release() {
        for (text, minor, patch, vendor) in [
            ("go1.22.12-devel-cf", 22, 12, "devel-cf"),
            ("go1.22.5-devel", 22, 5, "devel"),
            ("go1.22.5_devel", 22, 5, "_devel"),
            ("go1.22.5b7", 22, 5, "b7"),
            ("go1.22.5cisco", 22, 5, "cisco"),
            ("go1.22.5-bigcorp", 22, 5, "bigcorp"),
            ("go1.22.5.1", 22, 5, ".1"),
            ("go1.22.5~bpo12", 22, 5, "~bpo12"),
            (
                "go1.21.9 (Red Hat 1.21.9-1.el9_4)",
                21,
                9,
                "Red Hat 1.21.9-1.el9_4",
            ),
            (
                "go1.18 gccgo (Debian 12.2.0-14) 12.2.0",
                18,
                0,
                "gccgo (Debian 12.2.0-14) 12.2.0",
            ),
            ("1.22.5", 22, 5, "1.22.5"),
            ("v1.22.5", 22, 5, "v1.22.5"),
            ("1.22.5-devel", 22, 5, "1.22.5-devel"),
        ] {
            let version = parsed(text);
            assert_eq!(
                (version.minor, version.patch),
                (Some(minor), patch),
                "{text}"
            );
            assert_eq!(version.vendor, vendor, "{text}");
            assert!(!version.development, "{text}");
        }
    }

    #[test]
    fn knows_builds_from_source() {
        for (text, minor) in [
            (
                "devel go1.24-3f1bb6a Thu Oct 3 2024 X:aliastypeparams",
                Some(24),
            ),
            ("go1.28-devel_3f1bb6a Fri Nov 20 2026", Some(28)),
            ("devel +3f1bb6a Tue Mar 3 2020", None),
        ] {
            let version = parsed(text);
            assert!(version.development, "{text}");
            assert_eq!(version.minor, minor, "{text}");
            assert_eq!(version.vendor, "", "{text}");
        }
    }

    #[test]
    fn takes_nothing_else_for_a_version() {
        for text in [
            "",
            "go",
            "go2.1",
            "go1.x",
            "gccgo 12",
            "go1.99999999999",
            "go1.22.99999999999",
            "go1x",
            "go10",
            "1",
            "10.2",
            "v2.0.1",
            "12",
        ] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
