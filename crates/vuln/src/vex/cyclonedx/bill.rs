//! The components of a CycloneDX document, and which is a part of which.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use crate::purl::decoded;
use crate::vex::identity::Identity;
use crate::vex::statement::Target;

/// So many steps are gone up through all that depends on something, for a document. One that lists a
/// program of a thousand modules and has as many statements needs a quarter of that.
const MAX_STEPS: usize = 1 << 20;

#[derive(Deserialize)]
pub(super) struct Component {
    #[serde(rename = "bom-ref")]
    reference: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    version: String,
    /// Which versions, of something that the document's subject only uses (since 1.7).
    #[serde(rename = "versionRange")]
    version_range: Option<String>,
    #[serde(default)]
    purl: String,
    #[serde(default)]
    hashes: Vec<Hash>,
    #[serde(default)]
    components: Vec<Self>,
}

#[derive(Deserialize)]
struct Hash {
    alg: String,
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dependency {
    r#ref: String,
    #[serde(default)]
    depends_on: Vec<String>,
}

/// Every component, and of what it is a part.
#[derive(Debug, Default)]
pub(super) struct Bill {
    parts: Vec<Part>,
    by_reference: HashMap<String, usize>,
    /// What the document is about, of which all is a part.
    subject: Option<usize>,
    /// How many steps were gone.
    steps: usize,
}

#[derive(Debug)]
struct Part {
    identity: Arc<Identity>,
    /// What it is directly a part of.
    of: Vec<usize>,
}

impl Bill {
    pub(super) fn new(
        subject: Option<Component>,
        components: Vec<Component>,
        dependencies: Vec<Dependency>,
    ) -> Self {
        let mut bill = Self::default();
        if let Some(subject) = subject {
            bill.subject = Some(bill.parts.len());
            bill.add(subject, None);
        }
        for component in components {
            bill.add(component, None);
        }
        for Dependency { r#ref, depends_on } in dependencies {
            let Some(whole) = bill.by_reference.get(&r#ref).copied() else {
                continue;
            };
            for part in depends_on {
                let part = bill.by_reference.get(&part).copied();
                if let Some(part) = part.and_then(|part| bill.parts.get_mut(part)) {
                    part.of.push(whole);
                }
            }
        }
        bill
    }

    fn add(&mut self, component: Component, inside: Option<usize>) {
        let number = self.parts.len();
        if let Some(reference) = &component.reference {
            self.by_reference.insert(reference.clone(), number);
        }
        let (inner, identity) = component.identity();
        self.parts.push(Part {
            identity: Arc::new(identity),
            of: inside.into_iter().collect(),
        });
        for component in inner {
            self.add(component, Some(number));
        }
    }

    /// What a statement about a component is about: the component, should that be a program, and as
    /// a part of each that it is in.
    pub(super) fn targets(&mut self, reference: &str) -> Result<Vec<Target>, String> {
        let Some(number) = self.by_reference.get(reference).copied() else {
            return Ok(self.targets_elsewhere(reference));
        };
        let mut above = vec![number];
        let mut seen: HashSet<usize> = self.subject.into_iter().chain([number]).collect();
        let mut wholes: Vec<usize> = self
            .subject
            .filter(|it| *it != number)
            .into_iter()
            .collect();
        while let Some(part) = above.pop().and_then(|part| self.parts.get(part)) {
            self.steps = self.steps.saturating_add(part.of.len()).saturating_add(1);
            if self.steps > MAX_STEPS {
                let what = "the dependency graph of components is too large";
                return Err(format!("{what}; expected at most {MAX_STEPS} steps"));
            }
            let new = part.of.iter().copied().filter(|whole| seen.insert(*whole));
            let new: Vec<usize> = new.collect();
            wholes.extend(&new);
            above.extend(new);
        }
        let identity = |number: usize| Some(self.parts.get(number)?.identity.clone());
        let Some(own) = identity(number) else {
            return Ok(Vec::new());
        };
        let mut targets = vec![whole(own.clone())];
        for product in wholes.into_iter().filter_map(identity) {
            targets.push(Target {
                product,
                parts: vec![own.clone()],
                versions: None,
            });
        }
        Ok(targets)
    }

    /// The same of a component of another document, which many tools call by its purl.
    fn targets_elsewhere(&self, reference: &str) -> Vec<Target> {
        // A BOM-Link: urn:cdx:SERIAL/VERSION#REFERENCE.
        let link = reference.strip_prefix("urn:cdx:");
        let inner = link.and_then(|link| link.split_once('#'));
        let name = inner.map_or(reference.to_owned(), |(_, inner)| decoded(inner));
        if !name.starts_with("pkg:") {
            return Vec::new();
        }
        let mut identity = Identity::default();
        identity.call(&name);
        let identity = Arc::new(identity);
        let mut targets = vec![whole(identity.clone())];
        let subject = self.subject.and_then(|subject| self.parts.get(subject));
        targets.extend(subject.map(|subject| Target {
            product: subject.identity.clone(),
            parts: vec![identity],
            versions: None,
        }));
        targets
    }
}

fn whole(product: Arc<Identity>) -> Target {
    Target {
        product,
        parts: Vec::new(),
        versions: None,
    }
}

impl Component {
    /// The components inside, and what this one is called.
    fn identity(self) -> (Vec<Self>, Identity) {
        let mut identity = Identity::default();
        // A range is not worked out; a component without a version would be every one.
        if self.version_range.is_some() {
            return (self.components, identity);
        }
        // A name says less than a purl, which most documents have.
        if self.purl.is_empty() {
            match self.group.is_empty() {
                true => identity.call(&self.name),
                false => identity.call(&format!("{}/{}", self.group, self.name)),
            }
            identity.set_version(self.version);
        } else {
            identity.call(&self.purl);
        }
        for hash in &self.hashes {
            identity.add_hash(&hash.alg, &hash.content);
        }
        (self.components, identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bill(components: serde_json::Value, dependencies: serde_json::Value) -> Bill {
        let components = serde_json::from_value(components).unwrap();
        Bill::new(
            None,
            components,
            serde_json::from_value(dependencies).unwrap(),
        )
    }

    #[test]
    fn a_component_is_a_part_of_what_is_around_it_and_what_depends_on_it() {
        let component = |name: &str| json!({ "bom-ref": name, "name": name });
        let mut around = component("around");
        around["components"] = json!([component("lib")]);
        let components = json!([
            around,
            component("app"),
            component("other"),
            component("mid")
        ]);
        let dependencies = json!([
            { "ref": "app", "dependsOn": ["mid"] },
            { "ref": "mid", "dependsOn": ["lib", "app"] },
            { "ref": "other" },
        ]);
        let mut bill = bill(components, dependencies);
        let targets = bill.targets("lib").unwrap();
        // Itself, and in `around`, `mid` and `app`.
        assert_eq!(targets.len(), 4);
        assert_eq!(targets.iter().filter(|it| it.parts.is_empty()).count(), 1);
        assert!(bill.targets("gone").unwrap().is_empty());
        assert_eq!(
            bill.targets("urn:cdx:1/1#pkg:golang/a%40b").unwrap().len(),
            1
        );
    }

    #[test]
    fn a_document_in_which_all_depends_on_all_is_refused() {
        let names: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
        let components = names
            .iter()
            .map(|name| json!({ "bom-ref": name, "name": name }));
        let components = components.collect();
        let dependencies = names
            .iter()
            .map(|it| json!({ "ref": it, "dependsOn": names }));
        let mut bill = bill(components, dependencies.collect());
        assert!(bill.targets("0").unwrap_err().contains("steps"));
    }
}
