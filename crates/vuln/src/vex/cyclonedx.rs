//! Reads CycloneDX 1.4 to 1.7 as JSON, of which VEX is the part `vulnerabilities`
//! (cyclonedx.org/capabilities/vex).
//!
//! What is affected is a component, and the statement is about it. As a rule it is no program but a
//! library in one: then the statement is about that library in whatever the document says it is a
//! part of, which is the subject of the document, the components around it and those that depend on
//! it.

mod bill;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::statement::{Document, Statement, Status, Target, Wrong, instant};
use bill::{Bill, Component, Dependency};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    components: Vec<Component>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
    #[serde(default)]
    vulnerabilities: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    timestamp: Option<String>,
    #[serde(default)]
    authors: Vec<Named>,
    supplier: Option<Named>,
    manufacturer: Option<Named>,
    manufacture: Option<Named>,
    component: Option<Component>,
}

/// A person or an organisation.
#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(default)]
    id: String,
    #[serde(default)]
    references: Vec<Reference>,
    #[serde(default)]
    analysis: Analysis,
    #[serde(default)]
    affects: Vec<Affected>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Analysis {
    state: Option<State>,
    justification: Option<Justification>,
    #[serde(default)]
    detail: String,
    first_issued: Option<String>,
    last_updated: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Resolved,
    ResolvedWithPedigree,
    Exploitable,
    InTriage,
    FalsePositive,
    NotAffected,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Justification {
    CodeNotPresent,
    CodeNotReachable,
    RequiresConfiguration,
    RequiresDependency,
    RequiresEnvironment,
    ProtectedByCompiler,
    ProtectedAtRuntime,
    ProtectedAtPerimeter,
    ProtectedByMitigatingControl,
}

#[derive(Deserialize)]
struct Affected {
    r#ref: String,
    versions: Option<Vec<Version>>,
}

#[derive(Deserialize)]
struct Version {
    version: Option<String>,
    status: Option<String>,
}

pub(super) fn read(document: Value) -> Result<Document, Wrong> {
    let text = |key: &str| {
        document
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or("no text")
    };
    let (format, version) = (text("bomFormat"), text("specVersion"));
    if format != "CycloneDX" || !["1.4", "1.5", "1.6", "1.7"].contains(&version) {
        let found = format!("the document is {format} {version}; expected CycloneDX 1.4 to 1.7");
        return Err(Wrong::Kind(found));
    }
    let wrong = |error: serde_json::Error| Wrong::Document(error.to_string());
    let head = Head::deserialize(document).map_err(wrong)?;
    let author = head.metadata.author();
    let time = instant(head.metadata.timestamp.as_deref()).map_err(Wrong::Document)?;
    let mut bill = Bill::new(head.metadata.component, head.components, head.dependencies);
    let mut statements = Vec::new();
    for (value, place) in head.vulnerabilities.into_iter().zip(1..) {
        let read = Vulnerability::deserialize(value).map_err(|error| error.to_string());
        let read = read.and_then(|vulnerability| vulnerability.read(place, &mut bill));
        let statement =
            read.map_err(|what| Wrong::Document(format!("statement {place}: {what}")))?;
        statements.extend(statement);
    }
    Ok(Document {
        author,
        time,
        statements,
    })
}

impl Metadata {
    fn author(&self) -> Option<String> {
        let known = |named: &Named| named.name.clone().filter(|name| !name.is_empty());
        let authors: Vec<String> = self.authors.iter().filter_map(known).collect();
        if !authors.is_empty() {
            return Some(authors.join(", "));
        }
        let others = [&self.supplier, &self.manufacturer, &self.manufacture];
        others.into_iter().flatten().find_map(known)
    }
}

impl Vulnerability {
    /// `None` where nothing is said yet of whether anything is affected.
    fn read(self, place: usize, bill: &mut Bill) -> Result<Option<Statement>, String> {
        let analysis = self.analysis;
        let Some(state) = analysis.state else {
            return Ok(None);
        };
        let references = self.references.into_iter().map(|reference| reference.id);
        let names = std::iter::once(self.id).chain(references);
        let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            return Err("the statement names no vulnerability; expected `id`".to_owned());
        }
        let time = analysis.last_updated.or(analysis.first_issued);
        let mut targets: Vec<Target> = Vec::new();
        for affected in self.affects {
            let versions = affected.versions;
            let versions = versions.map(|listed| Arc::from(meant(listed, state.status())));
            let found = bill.targets(&affected.r#ref)?.into_iter();
            targets.extend(found.map(|target| Target {
                versions: versions.clone(),
                ..target
            }));
        }
        Ok(Some(Statement {
            status: state.status(),
            word: state.word(),
            justification: analysis.justification.map_or("", Justification::word),
            reason: analysis.detail,
            author: None,
            document: String::new(),
            place,
            time: instant(time.as_deref())?,
            names,
            targets,
        }))
    }
}

/// The versions that a statement is about, of those that are listed one by one. Which versions a
/// range has is not worked out, so nothing is said about them.
fn meant(listed: Vec<Version>, status: Status) -> Vec<String> {
    let listed = listed.into_iter().filter(|it| {
        // Unless it is said, a version is affected, and what is fixed is fixed in those that are not.
        match it.status.as_deref().unwrap_or("affected") {
            "unaffected" => true,
            "affected" => status != Status::Fixed,
            _ => status == Status::Open,
        }
    });
    listed.filter_map(|it| it.version).collect()
}

impl State {
    fn status(self) -> Status {
        match self {
            Self::Resolved | Self::ResolvedWithPedigree => Status::Fixed,
            Self::FalsePositive => Status::FalsePositive,
            Self::NotAffected => Status::NotAffected,
            Self::Exploitable | Self::InTriage => Status::Open,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::ResolvedWithPedigree => "resolved_with_pedigree",
            Self::Exploitable => "exploitable",
            Self::InTriage => "in_triage",
            Self::FalsePositive => "false_positive",
            Self::NotAffected => "not_affected",
        }
    }
}

impl Justification {
    fn word(self) -> &'static str {
        match self {
            Self::CodeNotPresent => "code_not_present",
            Self::CodeNotReachable => "code_not_reachable",
            Self::RequiresConfiguration => "requires_configuration",
            Self::RequiresDependency => "requires_dependency",
            Self::RequiresEnvironment => "requires_environment",
            Self::ProtectedByCompiler => "protected_by_compiler",
            Self::ProtectedAtRuntime => "protected_at_runtime",
            Self::ProtectedAtPerimeter => "protected_at_perimeter",
            Self::ProtectedByMitigatingControl => "protected_by_mitigating_control",
        }
    }
}
