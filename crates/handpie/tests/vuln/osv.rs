//! The second differential: every answer about versions beside the reference evaluation of the OSV
//! schema, which `osv_reference.py` is; and advisories as other databases publish them.

use std::fs;
use std::path::Path;

use handpie_toolchain::command::Tool;

use serde_json::{Value, json};

use crate::forged::record;
use crate::support::tool;
use crate::workshop::Workshop;

#[test]
fn ten_thousand_records_are_answered_as_the_reference_evaluation_answers_them() {
    let Some(python) = tool("python3", "the reference evaluation of OSV") else {
        return;
    };
    let workshop = Workshop::new("");
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vuln/osv_reference.py");
    let reference = |args: &[&str]| {
        let run = Tool::new(&python).arg(&reference).args(args);
        run.dir(workshop.path("")).output().unwrap()
    };
    let made = reference(&["make", ".", "2"]);
    assert!(made.status.success(), "{made:?}");
    let ran = workshop.run(&[
        "vuln",
        "--format",
        "json",
        "--db",
        "records.zip",
        "--facts",
        "facts.json",
    ]);
    fs::write(workshop.path("report.json"), &ran.stdout).unwrap();
    let compared = reference(&["compare", ".", "report.json"]);
    let table = String::from_utf8_lossy(&compared.stdout);
    assert!(compared.status.success(), "{table}{}", ran.stderr);
    assert!(table.contains("| records | 10000 |\n"), "{table}");
    assert!(table.contains("| differences | 0 |\n"), "{table}");
}

/// A program with a module in version 2.2.2, and advisories about it: id, and what `affected` says.
fn asked(advisories: &[(&str, Value)]) -> Value {
    let workshop = Workshop::new("");
    for (id, affected) in advisories {
        let mut affected = affected.clone();
        affected["package"] = json!({ "ecosystem": "Go", "name": "gopkg.in/yaml.v2" });
        let advisory =
            json!({ "id": id, "modified": "2026-01-01T00:00:00Z", "affected": [affected] });
        workshop.write(&format!("db/{id}.json"), &advisory.to_string());
    }
    let modules = [("gopkg.in/yaml.v2".to_owned(), "v2.2.2".to_owned())];
    workshop.write("kept.json", &record(&["app"], &modules).to_string());
    let report = workshop.json(&["--facts", "kept.json"]);
    report["result"]["files"][0]["advisories"].clone()
}

fn ids(advisories: &Value) -> Vec<&str> {
    let advisories = advisories.as_array().unwrap().iter();
    advisories.map(|it| it["id"].as_str().unwrap()).collect()
}

fn range(kind: &str, events: Value) -> Value {
    json!({ "ranges": [{ "type": kind, "events": events }] })
}

#[test]
fn versions_are_affected_that_are_listed_or_in_a_range() {
    let last_known = |bound: &str| {
        let mut affected = range("SEMVER", json!([{ "introduced": "0" }]));
        affected["database_specific"] = json!({ "last_known_affected_version_range": bound });
        affected
    };
    let two = json!({ "ranges": [
        { "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.0.0" }] },
        { "type": "SEMVER", "events": [{ "introduced": "2.2.0" }, { "fixed": "2.2.8" }] },
    ] });
    let found = asked(&[
        ("T-VERS-OTHER", json!({ "versions": ["2.1.0", "v2.1.0"] })),
        (
            "T-VERS-EMPTYRANGE",
            json!({ "versions": ["2.1.0"], "ranges": [] }),
        ),
        (
            "T-ECO",
            range(
                "ECOSYSTEM",
                json!([{ "introduced": "0" }, { "fixed": "2.1.0" }]),
            ),
        ),
        (
            "T-LIMIT",
            range(
                "SEMVER",
                json!([{ "introduced": "0" }, { "limit": "2.2.0" }]),
            ),
        ),
        (
            "T-LAST2",
            range(
                "SEMVER",
                json!([{ "introduced": "0" }, { "last_affected": "2.2.1" }]),
            ),
        ),
        ("T-LKAVR", last_known("<= 2.1.0")),
        ("Y-VERS", json!({ "versions": ["2.2.2"] })),
        (
            "Y-ECO",
            range(
                "ECOSYSTEM",
                json!([{ "introduced": "0" }, { "fixed": "2.3.0" }]),
            ),
        ),
        (
            "Y-LIMIT",
            range(
                "SEMVER",
                json!([{ "introduced": "0" }, { "limit": "2.3.0" }]),
            ),
        ),
        (
            "Y-LAST",
            range(
                "SEMVER",
                json!([{ "introduced": "0" }, { "last_affected": "2.2.2" }]),
            ),
        ),
        ("Y-LKAVR", last_known("<= 2.2.2")),
        ("Y-TWO", two),
    ]);
    let affected = ["Y-ECO", "Y-LAST", "Y-LIMIT", "Y-LKAVR", "Y-TWO", "Y-VERS"];
    assert_eq!(ids(&found), affected, "{found:#}");
    for advisory in found.as_array().unwrap() {
        assert_eq!(advisory["affected"][0]["version_doubt"], Value::Null);
    }
}

#[test]
fn what_cannot_be_understood_is_shown_with_the_doubt() {
    let commits = json!([{ "introduced": "0" }, { "fixed": "abc" }]);
    let doubts = [
        ("T-GIT", range("GIT", commits), "only-commits"),
        ("T-NONE", json!({}), "no-versions"),
        (
            "T-TYPE",
            range("DATE", json!([{ "introduced": "0" }])),
            "malformed-range",
        ),
        (
            "T-VERSION",
            range(
                "ECOSYSTEM",
                json!([{ "introduced": "0" }, { "fixed": "2022.1.1.1" }]),
            ),
            "malformed-range",
        ),
    ];
    let found = asked(&doubts.clone().map(|(id, affected, _)| (id, affected)));
    for (id, _, doubt) in doubts {
        let mut advisories = found.as_array().unwrap().iter();
        let advisory = advisories.find(|it| it["id"] == id).expect(id);
        assert_eq!(advisory["affected"][0]["version_doubt"], doubt, "{id}");
        assert_eq!(advisory["affected"][0]["guessed_versions"], true, "{id}");
    }
}

#[test]
fn every_format_says_that_versions_are_in_doubt() {
    let workshop = Workshop::new("");
    let mut advisory = crate::crates::advisory("RUSTSEC-1", "old", "9.0.0");
    let commits = json!([{ "type": "GIT", "repo": "x", "events": [{ "introduced": "0" }] }]);
    advisory["affected"][0]["ranges"] = commits;
    workshop.advisories(&[advisory]);
    let package = json!({ "name": "old", "version": "1.2.3", "source": "crates.io" });
    let Some(()) = crate::crates::program(&workshop, &json!([package])) else {
        return;
    };
    for format in ["text", "json", "sarif", "openvex", "cyclonedx"] {
        let args = [
            "vuln", "--db", "db", "--show", "all", "--format", format, "app",
        ];
        let ran = workshop.run(&args);
        let words = match format {
            "json" => "only-commits",
            _ => "is not sure: the advisory gives only commits",
        };
        assert!(ran.stdout.contains(words), "{format}: {ran:?}");
    }
}

#[test]
fn a_malicious_version_condemns_no_other() {
    let Some(answers) = malicious(&["0.3.9", "0.3.10"]) else {
        return;
    };
    assert_eq!(answers, [vec![], vec!["MAL-2026-14336".to_owned()]]);
}

/// The advisories about programs with a crate in these versions, of which 0.3.10 is malicious.
fn malicious(versions: &[&str]) -> Option<Vec<Vec<String>>> {
    let mut answers = Vec::new();
    for version in versions {
        let workshop = Workshop::new("");
        let advisory = json!({
            "schema_version": "1.7.4", "id": "MAL-2026-14336", "modified": "2026-08-20T00:00:00Z",
            "summary": "Malicious code in arrayref (crates.io)",
            "affected": [{
                "package": { "ecosystem": "crates.io", "name": "arrayref" },
                "versions": ["0.3.10"],
            }],
        });
        workshop.advisories(&[advisory]);
        let package = json!({ "name": "arrayref", "version": version, "source": "crates.io" });
        crate::crates::program(&workshop, &json!([package]))?;
        let report = workshop.json(&["app"]);
        let found = &report["result"]["files"][0]["advisories"];
        answers.push(ids(found).into_iter().map(str::to_owned).collect());
    }
    Some(answers)
}

#[test]
fn two_records_of_one_vulnerability_are_one_row() {
    let workshop = Workshop::new("");
    let record_of = |id: &str, aliases: Value| {
        json!({
            "id": id, "modified": "2026-01-01T00:00:00Z", "summary": "Excessive CPU", "aliases": aliases,
            "affected": [{
                "package": { "ecosystem": "Go", "name": "gopkg.in/yaml.v2" },
                "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "2.2.8" }] }],
            }],
        })
    };
    workshop.advisories(&[
        record_of("GHSA-aaaa-bbbb-cccc", json!(["CVE-2019-11254"])),
        record_of("GO-2020-0036", json!(["CVE-2019-11254"])),
    ]);
    let modules = [("gopkg.in/yaml.v2".to_owned(), "v2.2.2".to_owned())];
    workshop.write("kept.json", &record(&["app"], &modules).to_string());
    let args = [
        "vuln",
        "--db",
        "db",
        "--show",
        "all",
        "--facts",
        "kept.json",
    ];
    let ran = workshop.run(&args);
    assert!(ran.stdout.contains("0 of 1 advisory counts"), "{ran:?}");
    let report = workshop.json(&["--facts", "kept.json"]);
    let found = &report["result"]["files"][0]["advisories"];
    assert_eq!(ids(found), ["GO-2020-0036"]);
    let aliases = json!(["CVE-2019-11254", "GHSA-aaaa-bbbb-cccc"]);
    assert_eq!(found[0]["aliases"], aliases);
    // Accepted by any of its names.
    let policy = "[[vuln]]\nid = \"GHSA-aaaa-bbbb-cccc\"\nreason = \"x\"\nuntil = 2999-01-01\n";
    workshop.write("handpie.toml", policy);
    let report = workshop.json(&["--facts", "kept.json"]);
    let found = &report["result"]["files"][0]["advisories"];
    assert_eq!(found[0]["suppressed"]["reason"], "x", "{found:#}");
}
