//! An advisory as govulncheck passes it on (golang.org/x/vuln internal/osv/osv.go): the fields that
//! it knows, in its order.

use serde::{Deserialize, Serialize};

/// An advisory.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    schema_version: String,
    /// The id.
    pub id: String,
    #[serde(default)]
    modified: String,
    #[serde(default)]
    published: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawn: Option<String>,
    /// Its names in other databases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    summary: String,
    /// All that it says.
    #[serde(default)]
    pub details: String,
    #[serde(default)]
    affected: Vec<Affected>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    credits: Vec<Credit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    database_specific: Option<DatabaseSpecific>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Affected {
    package: Package,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ranges: Vec<Range>,
    #[serde(default)]
    ecosystem_specific: EcosystemSpecific,
}

#[derive(Debug, Serialize, Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    ecosystem: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Range {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Event {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    introduced: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    fixed: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct EcosystemSpecific {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    imports: Vec<Import>,
}

/// A package that an advisory is about.
#[derive(Debug, Serialize, Deserialize)]
pub struct Import {
    /// The import path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The systems that are affected; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goos: Vec<String>,
    /// The CPUs that are affected; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goarch: Vec<String>,
    /// The symbols that are affected; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Reference {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    url: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Credit {
    #[serde(default)]
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct DatabaseSpecific {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    review_status: String,
}

impl Entry {
    /// Reads the text of an advisory; `None` when it has another shape than Go's database gives it.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// What it says about a module.
    pub fn imports(&self, module: &str) -> impl Iterator<Item = &Import> {
        let about = self.affected.iter();
        let about = about.filter(move |it| it.package.name == module);
        about.flat_map(|it| &it.ecosystem_specific.imports)
    }

    /// What it is about: in a line if it has one, or all that it says.
    pub fn description(&self) -> &str {
        match self.summary.as_str() {
            "" => &self.details,
            summary => summary,
        }
    }

    /// The page about it.
    pub fn url(&self) -> &str {
        self.database_specific.as_ref().map_or("", |it| &it.url)
    }
}
