//! Advisories as their publishers write them: the OSV schema (ossf.github.io/osv-schema), with what
//! Go's vulnerability database (go.dev/doc/security/vuln/database) and RustSec put below
//! `ecosystem_specific`.
//!
//! A field that is not there and one that is `null` mean the same; fields that nobody here asks for
//! are passed over.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::ecosystem::Ecosystem;
use crate::limits::MAX_ITEMS;

/// An advisory.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Entry {
    /// Its name in its database, such as `GO-2024-2687`.
    pub(crate) id: String,
    /// When it last changed, as RFC 3339 has it.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) modified: String,
    /// When it was first published, likewise.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) published: String,
    /// When it was taken back, if it was.
    #[serde(default)]
    pub(crate) withdrawn: Option<String>,
    /// The same in other databases: CVE, GHSA.
    #[serde(default, deserialize_with = "list")]
    pub(crate) aliases: Vec<String>,
    /// What it is about, in a line.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) summary: String,
    /// What it affects.
    #[serde(default, deserialize_with = "list")]
    pub(crate) affected: Vec<Affected>,
    /// Where to read on.
    #[serde(default, deserialize_with = "list")]
    pub(crate) references: Vec<Reference>,
    /// How bad it is, as vectors of CVSS.
    #[serde(default, deserialize_with = "list")]
    pub(crate) severity: Vec<Severity>,
    /// What the database itself adds.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) database_specific: DatabaseSpecific,
}

/// A package, its versions and what in it is concerned.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Affected {
    /// What is affected.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) package: Package,
    /// Which versions of it are.
    #[serde(default, deserialize_with = "list")]
    pub(crate) ranges: Vec<Range>,
    /// More versions of it that are, one by one.
    #[serde(default, deserialize_with = "list")]
    pub(crate) versions: Vec<String>,
    /// What in it is.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) ecosystem_specific: EcosystemSpecific,
    /// What the database adds.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) database_specific: AffectedSpecific,
}

/// What OSV calls a package is a module in Go.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Package {
    /// `Go`, `crates.io` and others.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) ecosystem: String,
    /// The module path, or `stdlib`, or `toolchain`; the name of a crate.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
}

/// A range of versions.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Range {
    /// What the versions are: `SEMVER`, `ECOSYSTEM` or `GIT`.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub(crate) kind: String,
    /// Where it starts and ends, in any order.
    #[serde(default, deserialize_with = "list")]
    pub(crate) events: Vec<Event>,
}

/// Where a range starts or ends; one of the fields is there.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Event {
    /// The first version that is affected; `0` for the beginning.
    #[serde(default)]
    pub(crate) introduced: Option<String>,
    /// The first that is not any more.
    #[serde(default)]
    pub(crate) fixed: Option<String>,
    /// The last that is.
    #[serde(default)]
    pub(crate) last_affected: Option<String>,
    /// The first of which the range says nothing; `*` for none.
    #[serde(default)]
    pub(crate) limit: Option<String>,
}

/// What in a module or crate is affected.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct EcosystemSpecific {
    /// Go: packages of the module.
    #[serde(default, deserialize_with = "list")]
    pub(crate) imports: Vec<Import>,
    /// Go: ranges of versions that Go does not see; they say that others are guessed.
    #[serde(default, deserialize_with = "list")]
    pub(crate) custom_ranges: Vec<Range>,
    /// Rust: where the crate is affected.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) affects: Affects,
}

/// A package of Go, and its symbols.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Import {
    /// The import path.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) path: String,
    /// Functions as `F`, methods as `T.M`; none when it is all of the package.
    #[serde(default, deserialize_with = "list")]
    pub(crate) symbols: Vec<String>,
    /// The systems on which it is affected; none when it is on all.
    #[serde(default, deserialize_with = "list")]
    pub(crate) goos: Vec<String>,
    /// The CPUs, likewise.
    #[serde(default, deserialize_with = "list")]
    pub(crate) goarch: Vec<String>,
}

/// Where a crate is affected.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Affects {
    /// The systems, as Rust's `target_os`; none when it is on all.
    #[serde(default, deserialize_with = "list")]
    pub(crate) os: Vec<String>,
    /// The CPUs, as Rust's `target_arch`; none when it is on all.
    #[serde(default, deserialize_with = "list")]
    pub(crate) arch: Vec<String>,
    /// The functions; none when it is all of the crate.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) functions: Functions,
}

/// Functions of a crate, by their paths. RustSec's export lists them; its own advisories say which
/// versions of the crate have each, as Cargo writes requirements.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Functions {
    /// In every version.
    Listed(Vec<String>),
    /// Each in versions that meet one of the requirements.
    Required(BTreeMap<String, Vec<String>>),
    /// Something else, which names no function.
    Unknown(serde::de::IgnoredAny),
}

impl Default for Functions {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl Functions {
    /// As packages of Go are: those that the same versions have together, and the versions in the place
    /// of a path.
    pub(crate) fn imports(&self) -> Vec<Import> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        match self {
            Self::Listed(names) if names.is_empty() => {}
            Self::Listed(names) => _ = found.insert(String::new(), names.clone()),
            Self::Required(functions) => {
                for (name, versions) in functions {
                    let versions = versions.join("|");
                    found.entry(versions).or_default().push(name.clone());
                }
            }
            Self::Unknown(_) => {}
        }
        let imports = found.into_iter().map(|(path, symbols)| Import {
            path,
            symbols,
            ..Import::default()
        });
        imports.collect()
    }
}

/// What databases say of a package beside that.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct AffectedSpecific {
    /// RustSec: what it is when it is not a vulnerability: `unmaintained`, `unsound`, `notice`.
    #[serde(default)]
    pub(crate) informational: Option<String>,
    /// GitHub: where a range without an end does end, such as `<= 1.2.3`.
    #[serde(default, rename = "last_known_affected_version_range")]
    pub(crate) last_known: Option<serde_json::Value>,
    /// Ranges of versions that the ecosystem does not have.
    #[serde(default)]
    pub(crate) custom_ranges: Option<serde_json::Value>,
}

/// Where to read on.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Reference {
    /// `ADVISORY`, `FIX`, `WEB` and others.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub(crate) kind: String,
    /// The address.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) url: String,
}

/// How bad it is.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Severity {
    /// A vector, such as `CVSS:3.1/AV:N/…`.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) score: String,
}

/// What Go's database adds.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct DatabaseSpecific {
    /// The page of the advisory.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) url: String,
    /// `REVIEWED` or `UNREVIEWED`.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) review_status: String,
}

impl Entry {
    /// Reads one advisory.
    ///
    /// # Errors
    /// Where it is no JSON, or has no `id`.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// Whether it was taken back.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.withdrawn.as_ref().is_some_and(|time| !time.is_empty())
    }

    /// The page about it: the one that its database names, or the first that it refers to.
    pub(crate) fn url(&self) -> &str {
        let of = |kind: &str| {
            let mut found = self.references.iter().filter(|it| it.kind == kind);
            found.next().map(|reference| reference.url.as_str())
        };
        match self.database_specific.url.as_str() {
            "" => of("ADVISORY").or_else(|| of("WEB")).unwrap_or_default(),
            url => url,
        }
    }
}

impl Affected {
    /// Whether its publisher knows ranges that the ecosystem's versions cannot express.
    pub(crate) fn has_custom_ranges(&self) -> bool {
        let of_database = self.database_specific.custom_ranges.as_ref();
        let of_database = of_database.and_then(|it| it.as_array());
        !self.ecosystem_specific.custom_ranges.is_empty()
            || of_database.is_some_and(|ranges| !ranges.is_empty())
    }

    /// Whose versions and names it uses; `None` of an ecosystem that is not known here.
    pub(crate) fn ecosystem(&self) -> Option<Ecosystem> {
        let name = self.package.ecosystem.as_str();
        Ecosystem::of_name(name.split_once(':').map_or(name, |(name, _)| name))
    }

    /// Whether it is about a part of an ecosystem only, as in `Go:part`.
    pub(crate) fn is_qualified(&self) -> bool {
        self.package.ecosystem.contains(':')
    }
}

/// A list, of a length that an advisory may have, where `null` stands for an empty one.
fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Items<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut found = Vec::new();
            while let Some(item) = items.next_element()? {
                if found.len() >= MAX_ITEMS {
                    let message = format!("a list has more than {MAX_ITEMS} items");
                    return Err(A::Error::custom(message));
                }
                found.push(item);
            }
            Ok(found)
        }
    }

    deserializer.deserialize_any(Items(PhantomData))
}

/// A value where `null` stands for none.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_as_good_as_nothing() {
        let record = Entry::parse(
            br#"{"id": "GO-9999-0001", "aliases": null, "affected": [{"package": null,
                "ranges": null, "ecosystem_specific": null}], "unheard": {"of": 1}}"#,
        );
        let record = record.unwrap();
        assert_eq!(record.affected.len(), 1);
        assert_eq!((record.url(), &record.withdrawn), ("", &None));
    }

    #[test]
    fn an_advisory_without_a_name_is_none() {
        assert!(Entry::parse(br#"{"summary": "x"}"#).is_err());
        assert!(Entry::parse(br#"{"id": 7}"#).is_err());
        assert!(Entry::parse(b"[]").is_err());
    }

    #[test]
    fn the_page_is_the_databases_own_or_an_advisory() {
        let record = |json: &str| Entry::parse(json.as_bytes()).unwrap();
        let own = r#"{"id": "A", "database_specific": {"url": "https://a"},
            "references": [{"type": "ADVISORY", "url": "https://b"}]}"#;
        assert_eq!(record(own).url(), "https://a");
        let other = r#"{"id": "A", "references": [{"type": "WEB", "url": "https://c"},
            {"type": "ADVISORY", "url": "https://b"}]}"#;
        assert_eq!(record(other).url(), "https://b");
    }
}
