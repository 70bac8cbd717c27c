//! The JSON holds to `docs/schema/check.json`, and the schema to `docs/json.md`.

use serde_json::Value;

use crate::project::{Project, golden};
use handpie_testkit::schema::Schema;

const POLICY: &str = "no-loader = { level = 'warn', severity = 'low' }
[[waivers]]
rule = 'pie'
path = 'bin/fixed'
reason = 'ticket 7'
expires = 9999-12-31
";

#[test]
fn a_report_is_described_by_the_schema() {
    let project = Project::with(POLICY);
    let ran = project.run(&["check", "--format", "json", "bin"]);
    golden("report.json", &ran.stdout);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    Schema::of("check").holds(&report);
    assert_eq!(
        format!("{report:#}\n"),
        ran.stdout,
        "set as a whole, in alphabetical order"
    );
}

#[test]
fn a_report_of_nothing_is_described_by_the_schema() {
    let project = Project::with("");
    std::fs::create_dir(project.path("words")).unwrap();
    project.write("words/README", "no binary");
    let report = project.json(&["words"]);
    Schema::of("check").holds(&report);
    assert_eq!(report["result"]["files"], Value::Array(Vec::new()));
    assert_eq!(report["result"]["summary"]["files"], 0);
}

#[test]
fn the_schema_refuses_what_it_does_not_describe() {
    let schema = Schema::of("check");
    let good = Project::with(POLICY).json(&["bin"]);
    schema.holds(&good);
    for change in [
        (|value: &mut Value| value["result"]["surprise"] = true.into()) as fn(&mut Value),
        |value| value["result"]["files"][0]["findings"][0]["answer"] = "perhaps".into(),
        |value| value["result"]["files"][0]["kind"] = 3.into(),
        |value| drop(value["result"].as_object_mut().unwrap().remove("summary")),
    ] {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(schema.check(&bad).is_err(), "{bad:#}");
    }
}

#[test]
fn every_field_of_the_schema_is_in_the_page() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let page = std::fs::read_to_string(path).unwrap();
    let fields = Schema::of("check").fields();
    assert!(fields.len() > 20, "{fields:?}");
    for field in fields {
        assert!(
            page.contains(&format!("`{field}`")),
            "docs/json.md lacks `{field}`"
        );
    }
}
