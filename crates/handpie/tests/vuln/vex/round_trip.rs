//! What was said is in every format, and documents that handpie wrote can be edited and given back.

use serde_json::{Value, json};

use super::documents::{openvex, workshop, write};
use super::{VULN, with};
use crate::crates;
use crate::support::{handpie, sarif};
use crate::workshop::Workshop;
use handpie_testkit::schema::Schema;

#[test]
fn every_format_says_who_says_so() {
    let Some(workshop) = workshop() else { return };
    write(&workshop, "vex.json", &openvex("A-1", "not_affected"));
    let said = |format: &str| -> Value {
        let args = [
            &VULN,
            &["--vex", "vex.json", "--format", format, "app"] as &[_],
        ]
        .concat();
        serde_json::from_str(&workshop.run(&args).stdout).unwrap()
    };
    let report = said("json");
    Schema::of("vuln").holds(&report);
    let advisory = &report["result"]["files"][0]["advisories"][0];
    assert_eq!(
        (&advisory["id"], &advisory["fails"]),
        (&"A-1".into(), &false.into())
    );
    let wanted = json!([{ "author": "Alice", "document": "vex.json", "status": "not_affected",
        "justification": "vulnerable_code_not_in_execute_path", "reason": "only at start",
        "time": "2026-01-01T00:00:00Z" }]);
    assert_eq!(advisory["vex"], wanted);

    let report = said("sarif");
    workshop.write("report.sarif", &report.to_string());
    sarif::assert_holds(&workshop.path("report.sarif"));
    let suppression = &report["runs"][0]["results"][0]["suppressions"][0];
    let text = suppression["justification"].as_str().unwrap();
    assert!(
        text.contains("Alice") && text.contains("only at start"),
        "{suppression}"
    );

    let report = said("openvex");
    let statement = &report["statements"][0];
    assert_eq!(statement["status"], "not_affected");
    assert_eq!(
        statement["justification"],
        "vulnerable_code_not_in_execute_path"
    );
    assert!(
        statement["status_notes"]
            .as_str()
            .unwrap()
            .contains("Alice")
    );

    let report = said("cyclonedx");
    let vulnerability = &report["vulnerabilities"][0];
    let wanted = json!({ "state": "not_affected", "justification": "code_not_reachable",
        "detail": "only at start" });
    assert_eq!(vulnerability["analysis"], wanted);
    assert_eq!(vulnerability["properties"][0]["value"], "Alice (vex.json)");
}

#[test]
fn a_document_that_handpie_wrote_is_taken_when_somebody_has_edited_it() {
    let Some(workshop) = workshop() else { return };
    for format in ["openvex", "cyclonedx"] {
        let written = handpie(["vuln", "--db", "db", "--format", format, "app"])
            .dir(workshop.path(""))
            .output()
            .unwrap();
        let mut document: Value = serde_json::from_slice(&written.stdout).unwrap();
        let ran = with(&workshop, &document, &[]);
        assert_eq!(ran.status, 1, "{format}, as it was written: {ran:?}");
        let (list, key) = match format {
            "openvex" => ("statements", "status"),
            _ => ("vulnerabilities", "analysis"),
        };
        let mut edited = 0;
        for statement in document[list].as_array_mut().unwrap() {
            match statement[key].as_str() {
                Some("affected") => {
                    statement["status"] = "not_affected".into();
                    statement["justification"] = "inline_mitigations_already_exist".into();
                }
                None if statement[key]["state"] == "in_triage" => {
                    statement[key]["state"] = "not_affected".into();
                    statement[key]["justification"] = "protected_at_perimeter".into();
                }
                _ => continue,
            }
            edited += 1;
        }
        assert_eq!(edited, 1, "{document:#}");
        let ran = with(&workshop, &document, &[]);
        assert_eq!(ran.status, 0, "{format}: {document:#} {ran:?}");
        assert!(ran.stdout.contains("not affected, according to"), "{ran:?}");
        // What comes of it says the same to the next.
        let args = ["--format", format];
        let next: Value = serde_json::from_str(&with(&workshop, &document, &args).stdout).unwrap();
        let ran = with(&workshop, &next, &[]);
        assert_eq!(ran.status, 0, "{format}: {next:#} {ran:?}");
    }
}

#[test]
fn what_handpie_said_of_one_build_is_not_believed_of_the_next() {
    let Some(workshop) = workshop() else { return };
    let mut document = openvex("A-1", "not_affected");
    document["statements"][0]["justification"] = "vulnerable_code_not_present".into();
    let own =
        "tier package: a package that the advisory names is linked, and none of its symbols is";
    document["statements"][0]["impact_statement"] = own.into();
    let ran = with(&workshop, &document, &["-v"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert_eq!(ran.stderr, "", "it was not for nothing");
}

#[test]
fn what_was_kept_of_a_program_is_known_by_its_module() {
    let Some(workshop) = workshop() else { return };
    workshop.write("app.json", &workshop.run(&["facts", "app"]).stdout);
    write(&workshop, "vex.json", &openvex("A-1", "not_affected"));
    let args = ["vuln", "--db", "db", "--facts", "app.json"];
    assert_eq!(workshop.run(&args).status, 1);
    let ran = workshop.run(&[&args as &[_], &["--vex", "vex.json"]].concat());
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn a_document_about_a_rust_program_is_taken_by_its_path() {
    let workshop = Workshop::new("");
    workshop.advisories(&[crates::advisory("RUSTSEC-1", "old", "1.2.4")]);
    let packages = json!([{ "name": "old", "version": "1.2.3", "source": "crates.io" }]);
    let Some(()) = crates::program(&workshop, &packages) else {
        return;
    };
    let counting: &[&str] = &["--fail-on", "module"];
    for format in ["openvex", "cyclonedx"] {
        let args = [&VULN, counting, &["--format", format, "app"] as &[&str]].concat();
        let ran = workshop.run(&args);
        assert_eq!(ran.status, 1, "{ran:?}");
        let edited = ran.stdout.replace(
            r#""status": "affected""#,
            r#""status": "not_affected", "justification": "component_not_present""#,
        );
        let edited = edited.replace(r#""state": "in_triage""#, r#""state": "false_positive""#);
        let document: Value = serde_json::from_str(&edited).unwrap();
        let ran = with(&workshop, &document, counting);
        assert_eq!(ran.status, 0, "{format}: {document:#} {ran:?}");
        // The same in another place is another program.
        std::fs::create_dir_all(workshop.path("other")).unwrap();
        std::fs::copy(workshop.path("app"), workshop.path("other/copy")).unwrap();
        let args = [&VULN, counting, &["--vex", "vex.json", "other"] as &[&str]].concat();
        assert_eq!(workshop.run(&args).status, 1, "{format}");
    }
}
