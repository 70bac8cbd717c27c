//! Which files are meant, by globs.
//!
//! `*` and `?` do not cross a `/`, `**` does. A glob without `/` is about names, in whatever folder
//! the file lies. One that ends with `/`, or whose last part has no wildcard, names a folder or a
//! file, and is about all that the folder holds. With `!` in front it excludes what the globs before
//! it mean. Most of that is as in `.gitignore`.
//!
//! All globs of a policy are compiled together ([`Set`]): one by one, twenty thousand take seconds,
//! and each file would be held against each of them. A policy may be a stranger's, so what is compiled
//! is bounded before (`limits.rs`).

use std::fmt;
use std::ops::Range;
use std::path::Path;

use globset::{Candidate, GlobBuilder, GlobSet};
use serde::{Deserialize, Deserializer, de};

use crate::limits::{MAX_BRACES, MAX_GLOB};

/// One glob or several. Of those that match a file, the last decides whether it is meant.
#[derive(Debug)]
pub(super) struct Globs(Vec<Glob>);

#[derive(Debug)]
struct Glob {
    written: String,
    /// Whether it takes away from what the globs before it mean.
    excludes: bool,
    /// What it comes to: one pattern, or another one for what a folder of that name holds.
    patterns: Vec<globset::Glob>,
    /// The places of the patterns in the [`Set`].
    numbers: Range<usize>,
}

/// Every glob of a policy, compiled.
#[derive(Debug, Default)]
pub(super) struct Set(GlobSet);

/// Which globs of a [`Set`] match a file.
#[derive(Debug)]
pub(super) struct Matches(Vec<usize>);

impl Set {
    /// Compiles globs, which learn their places in the set.
    ///
    /// # Errors
    /// In words, when they are too large together.
    pub(super) fn of<'a>(globs: impl Iterator<Item = &'a mut Globs>) -> Result<Self, String> {
        let mut builder = GlobSet::builder();
        let mut number: usize = 0;
        for glob in globs.flat_map(|globs| &mut globs.0) {
            let start = number;
            for pattern in glob.patterns.drain(..) {
                builder.add(pattern);
                number = number.saturating_add(1);
            }
            glob.numbers = start..number;
        }
        let set = builder.build();
        set.map(Self).map_err(|error| error.kind().to_string())
    }

    /// Which globs match a file that has several names: the same path relative and absolute, or by
    /// way of a link.
    pub(super) fn matches(&self, names: &[impl AsRef<Path>]) -> Matches {
        let mut numbers = Vec::new();
        let mut all = Vec::new();
        for name in names
            .iter()
            .take(if self.0.is_empty() { 0 } else { usize::MAX })
        {
            let name = Candidate::new(name.as_ref());
            self.0.matches_candidate_into(&name, &mut numbers);
            all.append(&mut numbers);
        }
        all.sort_unstable();
        Matches(all)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Matches {
    fn has(&self, glob: &Glob) -> bool {
        let first = self
            .0
            .partition_point(|number| *number < glob.numbers.start);
        self.0
            .get(first)
            .is_some_and(|number| glob.numbers.contains(number))
    }
}

impl Globs {
    pub(super) fn mean(&self, matches: &Matches) -> bool {
        let last = self.0.iter().rfind(|glob| matches.has(glob));
        last.is_some_and(|glob| !glob.excludes)
    }

    /// The globs as they were written.
    pub(super) fn patterns(&self) -> Vec<&str> {
        self.0.iter().map(|glob| glob.written.as_str()).collect()
    }

    /// The size of all globs, in bytes.
    pub(super) fn size(&self) -> usize {
        self.0.iter().map(|glob| glob.written.len()).sum()
    }

    /// How many globs there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    fn new(globs: Vec<Glob>) -> Result<Self, String> {
        match globs.first() {
            None => Err("an empty list of globs matches no file".to_owned()),
            Some(Glob {
                excludes: true,
                written,
                ..
            }) => Err(format!(
                "`{written}` excludes from what the globs before it match, and there is none; a name \
                 that starts with `!` is written `\\!`"
            )),
            Some(_) => Ok(Self(globs)),
        }
    }
}

impl Glob {
    fn parse(written: &str) -> Result<Self, String> {
        // Before anything repeats it.
        if written.len() > MAX_GLOB {
            return Err(format!(
                "a glob of {} bytes; at most {MAX_GLOB} are read",
                written.len()
            ));
        }
        if written.matches('{').count() > MAX_BRACES {
            return Err(format!("a glob with more than {MAX_BRACES} `{{`"));
        }
        let (excludes, meant) = match written.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, written),
        };
        if meant.is_empty() {
            return Err("an empty glob matches no file".to_owned());
        }
        let patterns = patterns_of(meant).into_iter().map(|pattern| {
            let glob = GlobBuilder::new(&pattern).literal_separator(true).build();
            glob.map_err(|error| format!("`{written}` is not a valid glob: {}", error.kind()))
        });
        Ok(Self {
            excludes,
            patterns: patterns.collect::<Result<_, _>>()?,
            numbers: 0..0,
            written: written.to_owned(),
        })
    }
}

/// What a glob means, in the words of globset.
fn patterns_of(written: &str) -> Vec<String> {
    let start = written.strip_prefix("./").unwrap_or(written);
    let (folder, is_folder) = match start.strip_suffix('/') {
        Some(folder) => (folder, true),
        None => (start, false),
    };
    match (folder, is_folder) {
        ("" | ".", _) if !written.starts_with('/') => return vec!["**".to_owned()],
        ("", _) => return vec!["/**".to_owned()],
        (folder, true) => return vec![format!("{folder}/**")],
        _ => {}
    }
    let anywhere = match start.contains('/') {
        true => start.to_owned(),
        false => format!("**/{start}"),
    };
    let last = start.rsplit('/').next().unwrap_or(start);
    match last.contains(['*', '?', '[']) {
        true => vec![anywhere],
        false => vec![format!("{anywhere}/**"), anywhere],
    }
}

impl<'de> Deserialize<'de> for Globs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GlobOrList)
    }
}

/// Not an untagged enum: that would lose which of the globs is wrong.
struct GlobOrList;

impl<'de> de::Visitor<'de> for GlobOrList {
    type Value = Globs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a glob, or a list of globs")
    }

    fn visit_str<E: de::Error>(self, glob: &str) -> Result<Globs, E> {
        let glob = Glob::parse(glob).map_err(E::custom)?;
        Globs::new(vec![glob]).map_err(E::custom)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Globs, A::Error> {
        let mut globs = Vec::new();
        while let Some(glob) = list.next_element()? {
            globs.push(glob);
        }
        Globs::new(globs).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl de::Visitor<'_> for One {
            type Value = Glob;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a glob")
            }

            fn visit_str<E: de::Error>(self, glob: &str) -> Result<Glob, E> {
                Glob::parse(glob).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(One)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(globs: &[&str], names: &[&str]) -> bool {
        let globs = globs.iter().map(|glob| Glob::parse(glob).unwrap());
        let mut globs = Globs::new(globs.collect()).unwrap();
        let set = Set::of([&mut globs].into_iter()).unwrap();
        globs.mean(&set.matches(names))
    }

    fn matches(glob: &str, path: &str) -> bool {
        mean(&[glob], &[path])
    }

    #[test]
    fn a_glob_without_a_slash_is_about_names() {
        assert!(matches("*.so", "lib/a/b.so"));
        assert!(matches("svc", "svc"));
        assert!(matches("svc", "/usr/bin/svc"));
        assert!(!matches("svc", "my-svc"));
        assert!(!matches("svc", "svc.old/other"));
    }

    #[test]
    fn a_glob_with_a_slash_is_about_the_whole_path() {
        assert!(matches("bin/*", "bin/svc"));
        assert!(matches("./bin/*", "bin/svc"));
        assert!(!matches("bin/*", "bin/old/svc"));
        assert!(!matches("bin/*", "dist/bin/svc"));
        assert!(matches("bin/**", "bin/old/svc"));
        assert!(matches("**/bin/*", "dist/bin/svc"));
        assert!(matches("{bin,dist}/*", "dist/svc"));
    }

    #[test]
    fn a_glob_that_ends_with_a_slash_is_about_all_in_a_folder() {
        assert!(matches("dist/", "dist/svc"));
        assert!(matches("dist/", "dist/linux/svc"));
        assert!(!matches("dist/", "other/dist/svc"));
        assert!(matches("third_party/vendor/", "third_party/vendor/x"));
    }

    #[test]
    fn a_glob_that_names_a_folder_is_about_all_in_it() {
        for (glob, path) in [
            ("third_party", "third_party/a"),
            ("third_party", "src/third_party/a/b"),
            ("third_party/bin", "third_party/bin/a"),
            ("third_party/bin", "third_party/bin/a/b"),
            ("third_party/*/bin", "third_party/x/bin/a"),
            ("{bin,dist}", "dist/a/b"),
            ("/opt/x", "/opt/x/bin/a"),
            (".", "a/b"),
            ("./", "a"),
        ] {
            assert!(matches(glob, path), "{glob} {path}");
        }
        // Of what a wildcard matches, nobody said that it is a folder.
        for (glob, path) in [
            ("third_party/b*", "third_party/bin/a"),
            ("third_party/bin", "third_party/binary/a"),
            ("third_party/bin", "x/third_party/bin/a"),
            ("/", "a"),
        ] {
            assert!(!matches(glob, path), "{glob} {path}");
        }
    }

    #[test]
    fn an_exclamation_mark_excludes_what_was_meant_before() {
        let globs = ["bin/**", "!bin/jit", "bin/jit/really"];
        assert!(mean(&globs, &["bin/svc"]));
        assert!(!mean(&globs, &["bin/jit"]));
        assert!(!mean(&globs, &["bin/jit/other"]));
        assert!(mean(&globs, &["bin/jit/really"]));
        assert!(mean(&["*.so", "!lib[!a]*"], &["x/liba.so"]));
        assert!(!mean(&["*.so", "!lib[!a]*"], &["x/libb.so"]));
        assert!(matches("\\!x", "!x"));
        let alone = Globs::new(vec![Glob::parse("!x").unwrap()]).unwrap_err();
        assert!(alone.contains("`!x` excludes from what"), "{alone}");
        assert!(Glob::parse("!").is_err());
    }

    #[test]
    fn a_file_is_meant_by_any_of_its_names() {
        let names = ["bin/svc", "/home/me/bin/svc"];
        assert!(mean(&["/home/me/bin/*"], &names));
        assert!(mean(&["bin/*"], &names));
        assert!(!mean(&["/bin/*", "lib/*"], &names));
        assert!(!mean(&["bin/*", "!/home/me/bin/svc"], &names));
    }

    #[test]
    fn what_is_no_glob_is_said() {
        let error = Glob::parse("bin/[ab").unwrap_err();
        assert!(error.contains("`bin/[ab` is not a valid glob"), "{error}");
        assert!(Glob::parse("").is_err());
    }

    #[test]
    fn a_glob_that_is_too_large_is_refused_before_it_is_compiled() {
        for (glob, words) in [
            ("?".repeat(200_000), "a glob of 200000 bytes"),
            ("{a,".repeat(130) + &"}".repeat(130), "more than 16 `{`"),
            ("{".repeat(1000), "more than 16 `{`"),
        ] {
            let error = Glob::parse(&glob).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        // What is as large as may be is compiled, and held against a path without going back.
        let long = format!("{}b", "**/*".repeat(MAX_GLOB / 4 - 1));
        assert!(!matches(&long, &"a/".repeat(2000)));
        let nested = "{a*,".repeat(MAX_BRACES) + &"}".repeat(MAX_BRACES);
        assert!(matches(&nested, "aaaaaaaaaaaa"));
        assert!(matches(&"?".repeat(MAX_GLOB), &"x".repeat(MAX_GLOB)));
    }
}
