//! The JSON holds to `docs/schema/convert.json`, and the schema to what is said in `docs/json.md`.

use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

use crate::inputs::{convert, program};
use crate::judge::run;
use handpie_testkit::schema::Schema;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::of("convert"));

/// Fails unless the document is one that the schema describes.
pub(crate) fn holds_to_the_schema(document: &Value) {
    SCHEMA.holds(document);
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
        assert!(SCHEMA.check(&bad).is_err(), "{bad:#}");
    }
}

#[test]
fn every_field_of_the_schema_is_in_the_page() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let page = std::fs::read_to_string(path).unwrap();
    let names = SCHEMA.fields();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(
            page.contains(&format!("`{name}`")),
            "docs/json.md lacks `{name}`"
        );
    }
}
