//! Which files are meant, by globs.
//!
//! `*` and `?` do not cross a `/`, `**` does. A glob without `/` is about names, in whatever folder
//! the file lies, and one that ends with `/` is about all that a folder holds: as in `.gitignore`.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Deserializer, de};

/// One glob or several; a file is meant that one of them matches.
#[derive(Debug)]
pub(super) struct Globs(Vec<Glob>);

#[derive(Debug)]
struct Glob {
    written: String,
    matcher: GlobMatcher,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a glob, or a list of globs")]
enum Written {
    One(String),
    Many(Vec<String>),
}

impl Globs {
    pub(super) fn matches(&self, path: &Path) -> bool {
        self.0.iter().any(|glob| glob.matcher.is_match(path))
    }

    /// The globs as they were written.
    pub(super) fn patterns(&self) -> Vec<&str> {
        self.0.iter().map(|glob| glob.written.as_str()).collect()
    }
}

impl Glob {
    fn parse(written: String) -> Result<Self, String> {
        let start = written.strip_prefix("./").unwrap_or(&written);
        let pattern = match (start.is_empty(), start.contains('/'), start.ends_with('/')) {
            (true, ..) => return Err("an empty glob matches no file".to_owned()),
            (_, false, _) => format!("**/{start}"),
            (_, _, true) => format!("{start}**"),
            (_, true, false) => start.to_owned(),
        };
        let glob = GlobBuilder::new(&pattern).literal_separator(true).build();
        let glob =
            glob.map_err(|error| format!("`{written}` is not a valid glob: {}", error.kind()))?;
        Ok(Self {
            matcher: glob.compile_matcher(),
            written,
        })
    }
}

impl<'de> Deserialize<'de> for Globs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = match Written::deserialize(deserializer)? {
            Written::One(glob) => vec![glob],
            Written::Many(globs) => globs,
        };
        if written.is_empty() {
            return Err(de::Error::custom("an empty list of globs matches no file"));
        }
        let globs = written.into_iter().map(Glob::parse);
        let globs = globs.collect::<Result<_, _>>();
        globs.map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, path: &str) -> bool {
        let glob = Glob::parse(glob.to_owned()).unwrap();
        Globs(vec![glob]).matches(Path::new(path))
    }

    #[test]
    fn a_glob_without_a_slash_is_about_names() {
        assert!(matches("*.so", "lib/a/b.so"));
        assert!(matches("svc", "svc"));
        assert!(matches("svc", "/usr/bin/svc"));
        assert!(!matches("svc", "svc/other"));
        assert!(!matches("svc", "my-svc"));
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
    fn what_is_no_glob_is_said() {
        let error = Glob::parse("bin/[ab".to_owned()).unwrap_err();
        assert!(error.contains("`bin/[ab` is not a valid glob"), "{error}");
        assert!(Glob::parse(String::new()).is_err());
    }
}
