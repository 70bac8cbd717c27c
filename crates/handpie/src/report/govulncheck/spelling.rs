//! How govulncheck spells versions, functions and platforms, and breaks lines: internal/scan.

use std::collections::BTreeSet;

use handpie_vuln::govulncheck::{Entry, Frame, STDLIB};

const WIDTH: usize = 80;

/// Words in lines of at most so many columns, as govulncheck counts them: the blanks between words
/// count, those in front only of the first line's first word.
pub(super) fn wrapped(indent: &str, text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut width = 0usize;
    for word in text.split_whitespace() {
        let after = width.saturating_add(word.len()).saturating_add(1);
        if width > 0 && after > WIDTH {
            lines.push(String::new());
            width = 0;
        }
        let Some(line) = lines.last_mut() else {
            break;
        };
        if width == 0 {
            line.push_str(indent);
            width = indent.len();
        } else {
            line.push(' ');
            width = width.saturating_add(1);
        }
        line.push_str(word);
        width = width.saturating_add(word.len());
    }
    lines
}

/// The systems and CPUs for which an advisory about `module` holds; none when it holds for all.
pub(super) fn platforms(module: &str, entry: &Entry) -> Vec<String> {
    let mut platforms = BTreeSet::new();
    for import in entry.imports(module) {
        match (import.goos.as_slice(), import.goarch.as_slice()) {
            (systems, []) => platforms.extend(systems.iter().cloned()),
            ([], cpus) => platforms.extend(cpus.iter().cloned()),
            (systems, cpus) => {
                let pairs = systems
                    .iter()
                    .flat_map(|os| cpus.iter().map(move |cpu| (os, cpu)));
                platforms.extend(pairs.map(|(os, cpu)| format!("{os}/{cpu}")));
            }
        }
    }
    platforms.into_iter().collect()
}

/// A version; of the standard library as Go's releases are called (internal/scan/stdlib.go).
pub(super) fn shown_version(module: &str, version: &str) -> String {
    let Some(number) = version.strip_prefix('v').filter(|_| module == STDLIB) else {
        return version.to_owned();
    };
    let (number, prerelease) = number.split_once('-').unwrap_or((number, ""));
    let number = match (number, prerelease) {
        ("1.0.0", "") => "1",
        _ => number.strip_suffix(".0").unwrap_or(number),
    };
    // `rc.1` is called `rc1`.
    format!("go{number}{}", prerelease.replacen('.', "", 1))
}

/// A function with its receiver and its package, which is short or the whole path.
pub(super) fn symbol(frame: &Frame, short: bool) -> String {
    let package = match short {
        true => assumed_name(&frame.package),
        false => &frame.package,
    };
    match frame.receiver.as_str() {
        "" => format!("{package}.{}", frame.function),
        receiver => format!("{package}.{receiver}.{}", frame.function),
    }
}

/// What a package is probably called in Go source: golang.org/x/tools/internal/imports
/// (`ImportPathToAssumedName`).
fn assumed_name(path: &str) -> &str {
    let (folder, mut base) = path.rsplit_once('/').unwrap_or(("", path));
    let is_version = |text: &str| {
        let number = text.strip_prefix('v').unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    if is_version(base) && !folder.is_empty() {
        base = folder.rsplit('/').next().unwrap_or_default();
    }
    let base = base.strip_prefix("go-").unwrap_or(base);
    let is_foreign = |character: char| !character.is_alphanumeric() && character != '_';
    base.split(is_foreign).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_as_govulncheck_wraps_them() {
        let text = "Due to improper index calculation, an incorrectly formatted language tag can \
                    cause Parse to panic via an out of bounds read.";
        assert_eq!(
            wrapped("    ", text),
            [
                "    Due to improper index calculation, an incorrectly formatted language tag can",
                "    cause Parse to panic via an out of bounds read."
            ]
        );
    }

    #[test]
    fn versions_of_the_standard_library_are_those_of_go() {
        for (version, shown) in [
            ("v1.18.6", "go1.18.6"),
            ("v1.21.0", "go1.21"),
            ("v1.0.0", "go1"),
            ("v1.21.0-rc.1", "go1.21rc1"),
        ] {
            assert_eq!(shown_version(STDLIB, version), shown);
        }
        assert_eq!(shown_version("example.org/m", "v1.0.0"), "v1.0.0");
    }

    #[test]
    fn a_package_is_called_as_its_source_probably_calls_it() {
        for (path, name) in [
            ("net/http", "http"),
            ("example.org/m/v2", "m"),
            ("gopkg.in/yaml.v3", "yaml"),
            ("github.com/a/go-b", "b"),
        ] {
            assert_eq!(assumed_name(path), name);
        }
    }
}
