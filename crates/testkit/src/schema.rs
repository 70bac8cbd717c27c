//! Documents are held against the schemas of `docs/schema/`.
//!
//! The schemas use few keywords; those are checked here, and any other fails the test, so that
//! nothing in a schema is silently without effect.

use std::path::Path;

use serde_json::{Map, Value};

/// A schema of `docs/schema/`.
pub struct Schema(Value);

impl Schema {
    /// `docs/schema/<name>.json`.
    pub fn of(name: &str) -> Schema {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
        let text = std::fs::read_to_string(folder.join(name).with_extension("json"));
        Schema(serde_json::from_str(&text.expect("the schema")).expect("the schema is JSON"))
    }

    /// Fails unless the document is one that the schema describes.
    pub fn holds(&self, document: &Value) {
        if let Err(wrong) = self.check(document) {
            panic!("{wrong}\nin {document:#}");
        }
    }

    /// What is wrong with a document.
    pub fn check(&self, document: &Value) -> Result<(), String> {
        self.at(&self.0, document, "$")
    }

    /// The name of every field that it describes.
    pub fn fields(&self) -> Vec<String> {
        let mut names = Vec::new();
        collect(&self.0, &mut names);
        names
    }

    fn at(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let schema = schema.as_object().expect("a schema is an object");
        for (keyword, rule) in schema {
            let holds = match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" => true,
                "const" => value == rule,
                "enum" => rule.as_array().unwrap().contains(value),
                "type" => is_of(rule, value),
                "minimum" => value.as_u64().is_none_or(|n| n >= rule.as_u64().unwrap()),
                "minItems" => value
                    .as_array()
                    .is_none_or(|list| list.len() as u64 >= rule.as_u64().unwrap()),
                "required" => {
                    let names = rule.as_array().unwrap();
                    names.iter().all(|name| {
                        !value[name.as_str().unwrap()].is_null()
                            || value
                                .as_object()
                                .is_some_and(|o| o.contains_key(name.as_str().unwrap()))
                    })
                }
                "properties" => {
                    for (name, rule) in rule.as_object().unwrap() {
                        if let Some(value) = value.get(name) {
                            self.at(rule, value, &format!("{at}.{name}"))?;
                        }
                    }
                    true
                }
                "additionalProperties" => !rule.as_bool().unwrap() && only_known(schema, value),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.at(rule, item, &format!("{at}[{index}]"))?;
                    }
                    true
                }
                "$ref" => {
                    let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    self.at(&self.0["$defs"][name], value, at)?;
                    true
                }
                "oneOf" => {
                    let rules = rule.as_array().unwrap();
                    let results = rules.iter().map(|rule| self.at(rule, value, at));
                    let (good, bad): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
                    if good.is_empty() {
                        let bad: Vec<String> = bad.into_iter().filter_map(Result::err).collect();
                        return Err(format!("{at}: none of\n  {}", bad.join("\n  ")));
                    }
                    good.len() == 1
                }
                _ => {
                    return Err(format!(
                        "the schema uses `{keyword}`, which is not checked here"
                    ));
                }
            };
            if !holds {
                return Err(format!("{at}: `{keyword}` {rule} does not hold"));
            }
        }
        Ok(())
    }
}

fn is_of(rule: &Value, value: &Value) -> bool {
    match rule {
        Value::Array(kinds) => kinds.iter().any(|kind| is_of(kind, value)),
        kind => match kind.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_u64() || value.is_i64(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            other => panic!("the schema uses the type `{other}`"),
        },
    }
}

fn only_known(schema: &Map<String, Value>, value: &Value) -> bool {
    let known = schema["properties"].as_object().unwrap();
    let mut names = value.as_object().into_iter().flat_map(Map::keys);
    names.all(|name| known.contains_key(name))
}

fn collect(schema: &Value, names: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        names.extend(properties.keys().cloned());
    }
    match schema {
        Value::Object(fields) => fields.values().for_each(|field| collect(field, names)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}
