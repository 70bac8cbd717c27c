//! Reads OpenVEX 0.2.0 (github.com/openvex/spec).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::identity::Identity;
use super::statement::{self, Document, Status, Target, Wrong, instant};

/// What `@context` is in this version; older ones name programs otherwise.
const CONTEXT: &str = "https://openvex.dev/ns/v0.2.0";

#[derive(Deserialize)]
struct Head {
    author: Option<String>,
    timestamp: Option<String>,
    statements: Vec<Value>,
}

#[derive(Deserialize)]
struct Statement {
    vulnerability: Vulnerability,
    #[serde(default)]
    products: Vec<Product>,
    status: Label,
    justification: Option<Justification>,
    #[serde(default)]
    impact_statement: String,
    timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(rename = "@id", default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
}

#[derive(Deserialize)]
struct Product {
    #[serde(flatten)]
    component: Component,
    #[serde(default)]
    subcomponents: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(rename = "@id", default)]
    id: String,
    #[serde(default)]
    identifiers: BTreeMap<String, String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Label {
    NotAffected,
    Affected,
    Fixed,
    UnderInvestigation,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Justification {
    ComponentNotPresent,
    VulnerableCodeNotPresent,
    VulnerableCodeNotInExecutePath,
    VulnerableCodeCannotBeControlledByAdversary,
    InlineMitigationsAlreadyExist,
}

pub(super) fn read(document: Value) -> Result<Document, Wrong> {
    match document.get("@context").and_then(Value::as_str) {
        Some(CONTEXT) => {}
        found => {
            let found = found.unwrap_or("no text");
            return Err(Wrong::Kind(format!(
                "`@context` is {found}; expected {CONTEXT}"
            )));
        }
    }
    let wrong = |error: serde_json::Error| Wrong::Document(error.to_string());
    let head = Head::deserialize(document).map_err(wrong)?;
    let statements = head.statements.into_iter().zip(1..).map(|(value, place)| {
        let read = Statement::deserialize(value).map_err(|error| error.to_string());
        let read = read.and_then(|statement| statement.read(place));
        read.map_err(|what| Wrong::Document(format!("statement {place}: {what}")))
    });
    Ok(Document {
        author: head.author.filter(|author| !author.is_empty()),
        time: instant(head.timestamp.as_deref()).map_err(Wrong::Document)?,
        statements: statements.collect::<Result<_, _>>()?,
    })
}

impl Statement {
    fn read(self, place: usize) -> Result<statement::Statement, String> {
        let Vulnerability { id, name, aliases } = self.vulnerability;
        // As a rule, `@id` is the address of a page whose last part is the name.
        let last = id.rsplit(['/', '#', '=', ':']).next();
        let last = last.unwrap_or_default().to_owned();
        let names = [name, id, last].into_iter().chain(aliases);
        let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            return Err(
                "the statement names no vulnerability; expected `name` or `@id`".to_owned(),
            );
        }
        let has_reason = self.justification.is_some() || !self.impact_statement.trim().is_empty();
        if matches!(self.status, Label::NotAffected) && !has_reason {
            let what = "`not_affected` without a reason; expected `justification` or \
                        `impact_statement`";
            return Err(what.to_owned());
        }
        Ok(statement::Statement {
            status: self.status.status(),
            word: self.status.word(),
            justification: self.justification.map_or("", Justification::word),
            reason: self.impact_statement,
            author: None,
            document: String::new(),
            place,
            time: instant(self.timestamp.as_deref())?,
            names,
            targets: self.products.into_iter().map(Product::target).collect(),
        })
    }
}

impl Product {
    fn target(self) -> Target {
        let parts = self.subcomponents.into_iter();
        Target {
            product: self.component.identity(),
            parts: parts.map(Component::identity).collect(),
            versions: None,
        }
    }
}

impl Component {
    fn identity(self) -> Arc<Identity> {
        let mut identity = Identity::default();
        identity.call(&self.id);
        if let Some(purl) = self.identifiers.get("purl") {
            identity.call(purl);
        }
        for (algorithm, hash) in &self.hashes {
            identity.add_hash(algorithm, hash);
        }
        Arc::new(identity)
    }
}

impl Label {
    fn status(self) -> Status {
        match self {
            Self::NotAffected => Status::NotAffected,
            Self::Fixed => Status::Fixed,
            Self::Affected | Self::UnderInvestigation => Status::Open,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::NotAffected => "not_affected",
            Self::Affected => "affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under_investigation",
        }
    }
}

impl Justification {
    fn word(self) -> &'static str {
        match self {
            Self::ComponentNotPresent => "component_not_present",
            Self::VulnerableCodeNotPresent => "vulnerable_code_not_present",
            Self::VulnerableCodeNotInExecutePath => "vulnerable_code_not_in_execute_path",
            Self::VulnerableCodeCannotBeControlledByAdversary => {
                "vulnerable_code_cannot_be_controlled_by_adversary"
            }
            Self::InlineMitigationsAlreadyExist => "inline_mitigations_already_exist",
        }
    }
}
