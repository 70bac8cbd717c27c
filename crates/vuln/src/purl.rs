//! Package URLs (github.com/package-url/purl-spec): how bills of materials and VEX documents name a
//! subject, a module or a crate. They are read as others write them, and written as the specification
//! has them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::ecosystem::Ecosystem;
use crate::matches::AffectedModule;
use crate::triage::Triage;
use crate::vex::Subject;

/// All that need not be escaped in a part of a purl.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A package URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purl {
    /// Such as `golang`; in lower case.
    kind: String,
    /// With the namespace before it.
    name: String,
    /// Empty for every version.
    version: String,
    qualifiers: Vec<(String, String)>,
    /// What of the package is meant; empty for all of it.
    subpath: String,
}

impl Purl {
    /// Reads one; `None` of a text that is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("pkg:")?.trim_start_matches('/');
        let (rest, subpath) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, rest) = rest.split_once('/')?;
        // An `@` in a namespace or name is escaped.
        let (name, version) = rest.split_once('@').unwrap_or((rest, ""));
        let name = decoded(name.trim_matches('/'));
        let qualifiers = qualifiers.split('&').filter_map(|it| it.split_once('='));
        let qualifiers = qualifiers.map(|(key, value)| (key.to_ascii_lowercase(), decoded(value)));
        (!name.is_empty()).then(|| Self {
            kind: kind.to_ascii_lowercase(),
            name,
            version: decoded(version),
            qualifiers: qualifiers.collect(),
            subpath: decoded(subpath.trim_matches('/')),
        })
    }

    /// Whether it is a program's: its main module, the only crate of its own, or its path.
    pub(crate) fn is(&self, subject: &Subject<'_>) -> bool {
        match self.kind.as_str() {
            "golang" => self.is_main_module(subject),
            "cargo" => self.is_own_crate(subject),
            "generic" => self.version.is_empty() && subject.is_called(&self.name),
            _ => false,
        }
    }

    fn is_main_module(&self, subject: &Subject<'_>) -> bool {
        let record = subject.record;
        let Some(main) = &record.main else {
            return false;
        };
        let inside = record.package.strip_prefix(main.path.as_str());
        let inside = inside.unwrap_or_default().trim_start_matches('/');
        // Tools that list a program for each system say so here.
        let fits = |key: &str, value: &str| {
            let mut said = self.qualifiers.iter().filter(|(known, _)| known == key);
            value.is_empty() || said.all(|(_, said)| said == value)
        };
        self.is_go_path(&main.path)
            && (self.version.is_empty() || is_version(&self.version, &main.version))
            && (self.subpath.is_empty() || self.subpath == inside)
            && fits("goos", &record.os)
            && fits("goarch", &record.cpu)
    }

    fn is_own_crate(&self, subject: &Subject<'_>) -> bool {
        let crates = subject.record.crates.iter().flatten();
        let mut own = crates.filter(|it| it.source == "local");
        match (own.next(), own.next()) {
            (Some(own), None) => {
                let is_version = self.version.is_empty() || is_version(&self.version, &own.version);
                own.name == self.name && is_version
            }
            _ => false,
        }
    }

    /// Whether it is a module or crate, in the version that is in the subject.
    pub(crate) fn is_module(&self, module: &AffectedModule) -> bool {
        let is_name = match (module.ecosystem, self.kind.as_str()) {
            (Ecosystem::Go, "golang") => self.is_go_path(&module.name),
            (Ecosystem::CratesIo, "cargo") => self.name == module.name,
            _ => false,
        };
        let is_package = |package: &String| {
            let above = package.strip_suffix(self.subpath.as_str());
            above.is_some_and(|above| above.ends_with('/'))
        };
        // What is said of one package is not said of another that is linked.
        let covers = self.subpath.is_empty()
            || (!module.packages.is_empty() && module.packages.iter().all(is_package));
        is_name && covers && (self.version.is_empty() || is_version(&self.version, &module.version))
    }

    /// The specification wants module paths in lower case, and not every tool does that.
    fn is_go_path(&self, path: &str) -> bool {
        self.name.eq_ignore_ascii_case(path)
    }
}

/// Whether two versions are the same. Some write `1.2.0` for `v1.2.0`, and `go1.27.3` for `1.27.3`.
pub(crate) fn is_version(said: &str, version: &str) -> bool {
    let plain = |text: &str| {
        let text = text.strip_prefix("go").unwrap_or(text);
        text.strip_prefix('v').unwrap_or(text).to_owned()
    };
    !version.is_empty() && plain(said) == plain(version)
}

pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl AffectedModule {
    /// The package URL of the module or crate.
    pub fn purl(&self) -> String {
        match self.ecosystem {
            Ecosystem::Go => of_module(&self.name, &self.version),
            Ecosystem::CratesIo => with_version("cargo", &self.name, &self.version),
        }
    }
}

impl Triage<'_> {
    /// The package URL of the program: of its main package, or of its file where that is not known.
    pub fn purl(&self) -> String {
        let Some(main) = &self.record.main else {
            return with_version("generic", &self.origin.path, "");
        };
        let version = Some(main.version.as_str()).filter(|version| *version != "(devel)");
        let purl = of_module(&main.path, version.unwrap_or_default());
        let inside = self.record.package.strip_prefix(main.path.as_str());
        match inside.map(|inside| inside.trim_start_matches('/')) {
            Some(inside) if !inside.is_empty() => format!("{purl}#{}", escaped(inside)),
            _ => purl,
        }
    }
}

fn of_module(path: &str, version: &str) -> String {
    with_version("golang", path, version)
}

fn with_version(kind: &str, name: &str, version: &str) -> String {
    let name = escaped(name.trim_start_matches('/'));
    match version {
        "" => format!("pkg:{kind}/{name}"),
        version => format!(
            "pkg:{kind}/{name}@{}",
            utf8_percent_encode(version, ESCAPED)
        ),
    }
}

/// Each part by itself: a slash between parts is one.
fn escaped(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| utf8_percent_encode(part, ESCAPED).to_string());
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_escaped() {
        assert_eq!(
            of_module("gopkg.in/a b/yaml.v3", "v3.0.0+incompatible"),
            "pkg:golang/gopkg.in/a%20b/yaml.v3@v3.0.0%2Bincompatible"
        );
        assert_eq!(of_module("stdlib", "1.27.3"), "pkg:golang/stdlib@1.27.3");
        assert_eq!(
            with_version("generic", "/usr/bin/a", ""),
            "pkg:generic/usr/bin/a"
        );
    }

    #[test]
    fn all_parts_of_a_purl_are_read() {
        let text = "pkg:golang/a.test/b%20c@v1.0.0%2Bincompatible?goos=linux&type=module#cmd/d";
        let purl = Purl::parse(text).unwrap();
        let qualifier = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let wanted = Purl {
            kind: "golang".to_owned(),
            name: "a.test/b c".to_owned(),
            version: "v1.0.0+incompatible".to_owned(),
            qualifiers: vec![qualifier("goos", "linux"), qualifier("type", "module")],
            subpath: "cmd/d".to_owned(),
        };
        assert_eq!(purl, wanted);
        assert_eq!(
            Purl::parse("pkg:cargo/a").unwrap().name,
            "a",
            "without all that may be left out"
        );
        for text in [
            "",
            "a",
            "pkg:",
            "pkg:golang",
            "pkg:golang/",
            "pkg:golang/@v1",
        ] {
            assert_eq!(Purl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn versions_are_compared_without_what_tools_put_before_them() {
        assert!(is_version("1.2.0", "v1.2.0") && is_version("go1.27.3", "1.27.3"));
        assert!(!is_version("v1.2.0", "v1.2.1") && !is_version("v1.2.0", "v1.2.0-rc.1"));
        assert!(!is_version("", "") && !is_version("v1.0.0", ""));
    }
}
