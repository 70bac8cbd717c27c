//! How documents name programs and modules, and whether one is meant. One of several names that fits
//! is enough, as in OpenVEX.

use std::path::Path;

use crate::matches::AffectedModule;
use crate::purl::{Purl, is_version};
use crate::record::Record;

/// A program that statements may be about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The file, as it was named.
    pub path: &'a str,
    /// The same, with which of the binaries in the file it is.
    pub title: &'a str,
    /// What the toolchain recorded in it.
    pub record: &'a Record,
    /// SHA-256 of the file in hexadecimal digits, where that is known.
    pub hash: Option<&'a str>,
}

/// What a document calls a program or a module.
#[derive(Debug, Default)]
pub(super) struct Identity {
    purls: Vec<Purl>,
    /// A file, by its path or the end of it; or a module.
    names: Vec<String>,
    /// The version of what is called by a name; empty for all.
    version: String,
    /// SHA-256, in lower case.
    hashes: Vec<String>,
}

impl Subject<'_> {
    /// The version of the main module; empty where it does not show.
    pub(crate) fn version(&self) -> &str {
        let main = self.record.main.as_ref();
        main.map_or("", |main| main.version.as_str())
    }

    /// Whether a path is the end of the file's, part by part.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let path = Path::new(name.strip_prefix("./").unwrap_or(name));
        // Every path ends with nothing.
        path.file_name().is_some() && (Path::new(self.path).ends_with(path) || name == self.title)
    }
}

impl Identity {
    /// Adds a package URL or, of another text, a name.
    pub(super) fn call(&mut self, text: &str) {
        match text.starts_with("pkg:") {
            true => self.purls.extend(Purl::parse(text)),
            false if text.is_empty() => {}
            false => self.names.push(text.to_owned()),
        }
    }

    pub(super) fn set_version(&mut self, version: String) {
        self.version = version;
    }

    /// Adds a hash, if it is one by which programs are known.
    pub(super) fn add_hash(&mut self, algorithm: &str, hash: &str) {
        if ["sha-256", "sha256"].contains(&algorithm.to_ascii_lowercase().as_str()) {
            self.hashes.push(hash.to_ascii_lowercase());
        }
    }

    pub(super) fn has_hashes(&self) -> bool {
        !self.hashes.is_empty()
    }

    /// Whether it is this program.
    pub(super) fn is(&self, subject: &Subject<'_>) -> bool {
        let main = subject.record.main.as_ref();
        let main = main.map_or("", |main| main.path.as_str());
        let is_named =
            |name: &String| subject.is_called(name) || (!main.is_empty() && name == main);
        let by_name = self.names.iter().any(is_named) && self.is_of(subject.version());
        let by_hash = subject
            .hash
            .is_some_and(|hash| self.hashes.iter().any(|known| known == hash));
        by_name || by_hash || self.purls.iter().any(|purl| purl.is(subject))
    }

    /// Whether it is this module, in the version that is in the program.
    pub(super) fn is_module(&self, module: &AffectedModule) -> bool {
        let by_name = self.names.contains(&module.name) && self.is_of(&module.version);
        by_name || self.purls.iter().any(|purl| purl.is_module(module))
    }

    fn is_of(&self, version: &str) -> bool {
        self.version.is_empty() || is_version(&self.version, version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Module;

    fn record() -> Record {
        Record {
            package: "main.test/app/cmd/svc".to_owned(),
            main: Some(Module {
                path: "main.test/app".to_owned(),
                version: "v1.2.0".to_owned(),
                replacement: None,
            }),
            os: "linux".to_owned(),
            cpu: "amd64".to_owned(),
            ..Record::default()
        }
    }

    #[test]
    fn a_program_is_known_by_its_module_its_path_or_its_hash() {
        let record = record();
        let program = Subject {
            path: "./dist/svc",
            title: "./dist/svc",
            record: &record,
            hash: Some("ab12"),
        };
        let is = |text: &str| {
            let mut identity = Identity::default();
            identity.call(text);
            identity.is(&program)
        };
        for text in [
            "pkg:golang/main.test/app",
            "pkg:golang/Main.test/App@1.2.0",
            "pkg:golang/main.test/app@v1.2.0?goos=linux&goarch=amd64#cmd/svc",
            "pkg:generic/svc",
            "pkg:generic/dist/svc",
            "svc",
            "dist/svc",
            "./dist/svc",
            "main.test/app",
        ] {
            assert!(is(text), "{text}");
        }
        for text in [
            "",
            ".",
            "/",
            "..",
            "pkg:golang/main.test",
            "pkg:golang/main.test/app@v1.2.1",
            "pkg:golang/main.test/app#cmd/other",
            "pkg:golang/main.test/app?goos=windows",
            "pkg:npm/main.test/app",
            "pkg:generic/svc@1.0",
            "pkg:generic/other",
            "vc",
            "/dist/svc",
            "dist",
        ] {
            assert!(!is(text), "{text}");
        }
        let mut by_hash = Identity::default();
        by_hash.add_hash("SHA-256", "AB12");
        assert!(by_hash.is(&program));
        let unknown = Subject {
            hash: None,
            ..program
        };
        assert!(!by_hash.is(&unknown));
    }
}
