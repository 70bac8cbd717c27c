//! Package URLs (github.com/package-url/purl-spec) as documents of others write them.

use handpie_audit::vuln::{Ecosystem, Hit};
use percent_encoding::percent_decode_str;

use super::identity::Program;

/// A package URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Purl {
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
    pub(super) fn parse(text: &str) -> Option<Self> {
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
    pub(super) fn is(&self, program: &Program<'_>) -> bool {
        match self.kind.as_str() {
            "golang" => self.is_main_module(program),
            "cargo" => self.is_own_crate(program),
            "generic" => self.version.is_empty() && program.is_called(&self.name),
            _ => false,
        }
    }

    fn is_main_module(&self, program: &Program<'_>) -> bool {
        let record = program.record;
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

    fn is_own_crate(&self, program: &Program<'_>) -> bool {
        let crates = program.record.crates.iter().flatten();
        let mut own = crates.filter(|it| it.source == "local");
        match (own.next(), own.next()) {
            (Some(own), None) => {
                let is_version = self.version.is_empty() || is_version(&self.version, &own.version);
                own.name == self.name && is_version
            }
            _ => false,
        }
    }

    /// Whether it is a module or crate, in the version that is in the program.
    pub(super) fn is_module(&self, hit: &Hit) -> bool {
        let is_name = match (hit.ecosystem, self.kind.as_str()) {
            (Ecosystem::Go, "golang") => self.is_go_path(&hit.module),
            (Ecosystem::CratesIo, "cargo") => self.name == hit.module,
            _ => false,
        };
        let is_package = |package: &String| {
            let above = package.strip_suffix(self.subpath.as_str());
            above.is_some_and(|above| above.ends_with('/'))
        };
        // What is said of one package is not said of another that is linked.
        let covers = self.subpath.is_empty()
            || (!hit.packages.is_empty() && hit.packages.iter().all(is_package));
        is_name && covers && (self.version.is_empty() || is_version(&self.version, &hit.version))
    }

    /// The specification wants module paths in lower case, and not every tool does that.
    fn is_go_path(&self, path: &str) -> bool {
        self.name.eq_ignore_ascii_case(path)
    }
}

/// Whether two versions are the same. Some write `1.2.0` for `v1.2.0`, and `go1.27.3` for `1.27.3`.
pub(super) fn is_version(said: &str, version: &str) -> bool {
    let plain = |text: &str| {
        let text = text.strip_prefix("go").unwrap_or(text);
        text.strip_prefix('v').unwrap_or(text).to_owned()
    };
    !version.is_empty() && plain(said) == plain(version)
}

pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
