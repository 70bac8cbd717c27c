//! The JSON holds to `docs/schema/convert.json`, and the schema to what is said in `docs/json.md`.
//!
//! The schema uses few keywords; those are checked here, and any other fails the test, so that
//! nothing in the schema is silently without effect.

use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::inputs::{convert, program};
use crate::judge::run;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/convert.json");
    let text = std::fs::read_to_string(path).expect("the schema");
    serde_json::from_str(&text).expect("the schema is JSON")
});

/// Fails unless the document is one that the schema describes.
pub(crate) fn holds_to_the_schema(document: &Value) {
    if let Err(wrong) = check(&SCHEMA, document, "$") {
        panic!("{wrong}\nin {document:#}");
    }
}

fn check(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
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
                        check(rule, value, &format!("{at}.{name}"))?;
                    }
                }
                true
            }
            "additionalProperties" => !rule.as_bool().unwrap() && only_known(schema, value),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &format!("{at}[{index}]"))?;
                }
                true
            }
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                check(&SCHEMA["$defs"][name], value, at)?;
                true
            }
            "oneOf" => {
                let rules = rule.as_array().unwrap();
                let results = rules.iter().map(|rule| check(rule, value, at));
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

fn answer(args: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut all = convert(&program(folder.path()), &folder.path().join("output"));
    all.extend(args.iter().map(Into::into));
    all.extend(["--format".into(), "json".into()]);
    let ran = run(all);
    assert_eq!(ran.status, 0, "{ran:?}");
    let value = serde_json::from_str(&ran.stdout).expect("one JSON document");
    holds_to_the_schema(&value);
    value
}

#[test]
fn a_conversion_is_described_by_the_schema() {
    let written = answer(&[]);
    assert_eq!(written["schema"], 1);
    assert_eq!(written["command"], "convert");
    assert_eq!(written["result"]["answer"], "converted");
    assert_eq!(written["result"]["written"], true);
    assert_eq!(written["result"]["relocations"], 2);
    assert_eq!(written["result"]["relro_size"], Value::Null);
    let planned = answer(&["--dry-run"]);
    assert_eq!(planned["result"]["written"], false);
    for (name, value) in planned["result"].as_object().unwrap() {
        if !["written", "file", "output"].contains(&name.as_str()) {
            assert_eq!(
                *value, written["result"][name],
                "a dry run tells the truth: {name}"
            );
        }
    }
}

#[test]
fn a_static_pie_is_described_by_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (program(folder.path()), folder.path().join("output"));
    assert_eq!(run(convert(&input, &output)).status, 0);
    let path = output.as_os_str();
    let args = [
        "convert".as_ref(),
        "--dry-run".as_ref(),
        "--format=json".as_ref(),
        path,
    ];
    let value: Value = serde_json::from_str(&run(args).stdout).unwrap();
    holds_to_the_schema(&value);
    assert_eq!(value["result"]["answer"], "already-static-pie");
    assert_eq!(value["result"]["by_handpie"], true);
    assert_eq!(value["result"]["output"], Value::Null);
}

#[test]
fn the_schema_refuses_what_it_does_not_describe() {
    let good = answer(&[]);
    for change in [
        (|value: &mut Value| value["schema"] = 2.into()) as fn(&mut Value),
        |value| value["result"]["surprise"] = true.into(),
        |value| value["result"]["answer"] = "perhaps".into(),
        |value| value["result"]["entry"] = "0x1000".into(),
        |value| drop(value["result"].as_object_mut().unwrap().remove("cpu")),
        |value| drop(value.as_object_mut().unwrap().remove("command")),
    ] {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(check(&SCHEMA, &bad, "$").is_err(), "{bad:#}");
    }
}

#[test]
fn every_field_of_the_schema_is_in_the_page() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let page = std::fs::read_to_string(path).unwrap();
    let mut names = Vec::new();
    collect(&SCHEMA, &mut names);
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(
            page.contains(&format!("`{name}`")),
            "docs/json.md lacks `{name}`"
        );
    }
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
