//! What a toolchain calls itself: `runtime.Version`, go.dev/doc/toolchain#version, and what vendors
//! and builds from source make of it.
//!
//! ```text
//! go1.27.3                           a release
//! go1.28rc1                          a release candidate
//! go1.26.8-X:boringcrypto            with experiments; before Go 1.25 with a blank for the dash
//! go1.22.9 (Red Hat 1.22.9-2.el9)    a vendor's
//! go1.25.3-1                         a vendor's
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
    /// What a vendor has put behind the version; empty for Go's own releases.
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
        let rest = text.strip_prefix("go1")?;
        let (minor, rest) = match rest.strip_prefix('.') {
            Some(rest) => number(rest)?,
            // `go1`, the first.
            None => (0, rest),
        };
        let patch = rest.strip_prefix('.').and_then(number);
        let (patch, rest) = patch.unwrap_or((0, rest));
        let (prerelease, rest) = prerelease(rest);
        // A longer number than any version has, or letters that belong to none.
        if rest.starts_with(|c: char| c.is_alphanumeric()) {
            return None;
        }
        let vendor = rest.trim_matches(|c: char| "-+ ()".contains(c));
        let development = vendor.starts_with("devel");
        Some(Self {
            minor: Some(minor),
            patch,
            prerelease,
            development,
            experiments: Vec::new(),
            vendor: match development {
                true => String::new(),
                false => vendor.to_owned(),
            },
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
            "go1x",
        ] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
