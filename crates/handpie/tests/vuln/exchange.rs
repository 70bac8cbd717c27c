//! SARIF, OpenVEX and CycloneDX: what other tools read.

use serde_json::Value;

use crate::support::{handpie, sarif};
use crate::workshop::{Workshop, advisory};

/// One advisory of each tier: `A-1` symbol, `A-2` package, `A-3` module; and `A-4`, accepted.
fn workshop() -> Option<Workshop> {
    let workshop = Workshop::calling_bad();
    workshop.advisories(&[
        advisory("A-1", "x.test/lib", &[("x.test/lib", &["Bad"])]),
        advisory("A-2", "x.test/lib", &[("x.test/lib", &["Gone"])]),
        advisory("A-3", "x.test/lib", &[("x.test/lib/gone", &["Bad"])]),
        advisory("A-4", "x.test/lib", &[("x.test/lib", &["Bad"])]),
    ]);
    workshop.write(
        "handpie.toml",
        "[[vuln]]\nid = 'A-4'\nreason = 'ticket 7'\nuntil = 9999-12-31\n",
    );
    workshop.build("documents", "app", &["-ldflags=-s -w"])?;
    Some(workshop)
}

fn document(workshop: &Workshop, format: &str, files: &[&str]) -> Value {
    let output = handpie(["vuln", "--db", "db", "--format", format])
        .args(files)
        .dir(workshop.path(""))
        .env("SOURCE_DATE_EPOCH", "1767225600")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn sarif_has_a_result_an_advisory_and_suppresses_what_is_accepted() {
    let Some(workshop) = workshop() else { return };
    let report = document(&workshop, "sarif", &["app", "main.go"]);
    let run = &report["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    let found = results.iter().map(|result| {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let accepted = result["suppressions"].as_array().unwrap().len();
        let evidence = result["relatedLocations"].as_array().map_or(0, Vec::len);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (
            text(&result["ruleId"]),
            text(&result["level"]),
            accepted,
            evidence,
        )
    });
    let wanted = [
        ("A-1", "error", 0, 1),
        ("A-4", "warning", 1, 1),
        ("A-2", "note", 0, 0),
        ("A-3", "note", 0, 0),
    ];
    let wanted = wanted.map(|(id, level, accepted, evidence)| {
        (id.to_owned(), level.to_owned(), accepted, evidence)
    });
    assert_eq!(found.collect::<Vec<_>>(), wanted);
    let location = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(
        (&location["uri"], &location["uriBaseId"]),
        (&"app".into(), &"%SRCROOT%".into())
    );
    // The program was examined, and the other file was not: what there is can be uploaded, and is not
    // complete.
    let invocation = &run["invocations"][0];
    assert_eq!(
        (&invocation["executionSuccessful"], &invocation["exitCode"]),
        (&true.into(), &3.into())
    );
    let notifications = invocation["toolExecutionNotifications"].as_array().unwrap();
    assert_eq!(
        (notifications.len(), &notifications[0]["level"]),
        (1, &"error".into())
    );
    let report = document(&workshop, "sarif", &["main.go"]);
    let invocation = &report["runs"][0]["invocations"][0];
    assert_eq!(
        invocation["executionSuccessful"], false,
        "nothing was examined"
    );
    let report = document(&workshop, "sarif", &["app"]);
    let invocation = &report["runs"][0]["invocations"][0];
    assert_eq!(
        (&invocation["executionSuccessful"], &invocation["exitCode"]),
        (&true.into(), &1.into())
    );
}

#[test]
fn the_official_schema_of_sarif_holds() {
    let Some(workshop) = workshop() else { return };
    for (name, files) in [("some", &["app", "main.go"] as &[&str]), ("none", &["db"])] {
        let text = document(&workshop, "sarif", files).to_string();
        workshop.write(name, &text);
        sarif::assert_holds(&workshop.path(name));
    }
}

#[test]
fn openvex_says_affected_only_where_a_symbol_is_linked() {
    let Some(workshop) = workshop() else { return };
    let report = document(&workshop, "openvex", &["app"]);
    assert_eq!(report["@context"], "https://openvex.dev/ns/v0.2.0");
    assert_eq!(report["timestamp"], "2026-01-01T00:00:00Z");
    assert!(report["@id"].as_str().unwrap().starts_with("urn:"));
    for statement in report["statements"].as_array().unwrap() {
        let name = statement["vulnerability"]["name"].as_str().unwrap();
        let product = &statement["products"][0];
        assert_eq!(product["@id"], "pkg:golang/main.test/app");
        assert_eq!(
            product["subcomponents"][0]["@id"],
            "pkg:golang/x.test/lib@v1.2.0"
        );
        match name {
            "A-1" | "A-4" => {
                assert_eq!(statement["status"], "affected", "{name}");
                let action = statement["action_statement"].as_str().unwrap();
                assert!(
                    action.ends_with("upgrade x.test/lib from v1.2.0 to v1.5.0"),
                    "{action}"
                );
                assert_eq!(action.contains("ticket 7"), name == "A-4");
            }
            _ => {
                assert_eq!(statement["status"], "not_affected", "{name}");
                assert_eq!(statement["justification"], "vulnerable_code_not_present");
                let tier = if name == "A-2" {
                    "tier package"
                } else {
                    "tier module"
                };
                assert!(
                    statement["impact_statement"]
                        .as_str()
                        .unwrap()
                        .starts_with(tier)
                );
            }
        }
    }
    assert_eq!(
        report,
        document(&workshop, "openvex", &["app"]),
        "the same again"
    );
}

#[test]
fn cyclonedx_has_every_component_that_a_vulnerability_names() {
    let Some(workshop) = workshop() else { return };
    let report = document(&workshop, "cyclonedx", &["app"]);
    assert_eq!(
        (&report["bomFormat"], &report["specVersion"]),
        (&"CycloneDX".into(), &"1.6".into())
    );
    let components = report["components"].as_array().unwrap().iter();
    let known: Vec<&Value> = components.map(|component| &component["bom-ref"]).collect();
    assert_eq!(known.len(), 2, "the program and the module: {known:?}");
    let vulnerabilities = report["vulnerabilities"].as_array().unwrap();
    assert_eq!(vulnerabilities.len(), 4);
    for vulnerability in vulnerabilities {
        for affects in vulnerability["affects"].as_array().unwrap() {
            assert!(known.contains(&&affects["ref"]), "{affects}");
        }
        let state = match vulnerability["id"].as_str().unwrap() {
            "A-1" | "A-4" => "in_triage",
            _ => "not_affected",
        };
        assert_eq!(vulnerability["analysis"]["state"], state);
    }
}

#[test]
fn formats_of_one_command_are_refused_by_the_other() {
    let workshop = Workshop::new("");
    workshop.advisories(&[advisory("A-1", "x.test/lib", &[])]);
    for args in [
        &["check", "--format", "openvex", "/bin/sh"] as &[&str],
        &["check", "--format", "cyclonedx", "/bin/sh"],
        &["vuln", "--db", "db", "--format", "junit", "/bin/sh"],
        &["vuln", "--db", "db", "--format", "github", "/bin/sh"],
        &["db", "info", "--format", "sarif"],
    ] {
        let ran = workshop.run(args);
        assert_eq!(
            (ran.status, ran.stdout.as_str()),
            (2, ""),
            "{args:?} {ran:?}"
        );
    }
}
