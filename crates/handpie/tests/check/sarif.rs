//! SARIF: what GitHub reads of it, and the official schema.

use serde_json::Value;

use crate::project::{Project, golden};
use crate::support::sarif;

const POLICY: &str = "[[waivers]]
rule = 'pie'
path = 'bin/fixed'
reason = 'ticket 7'
expires = 9999-12-31
";

fn report(project: &Project, args: &[&str]) -> Value {
    let ran = project.run(&[&["check", "--format", "sarif"], args].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn run(report: &Value) -> &Value {
    assert_eq!(report["version"], "2.1.0");
    &report["runs"][0]
}

#[test]
fn results_are_what_fails_warns_or_is_waived() {
    let mut report = report(&Project::with(POLICY), &["bin"]);
    for result in report["runs"][0]["results"].as_array_mut().unwrap() {
        // It changes with every rule that comes before.
        result["ruleIndex"] = Value::Null;
    }
    golden(
        "results.sarif",
        &format!("{:#}\n", report["runs"][0]["results"]),
    );
    golden(
        "invocations.sarif",
        &format!("{:#}\n", report["runs"][0]["invocations"]),
    );
}

#[test]
fn every_rule_is_described_and_results_point_at_theirs() {
    let report = report(&Project::with("pie = 'warn'"), &["bin"]);
    let driver = &run(&report)["tool"]["driver"];
    assert_eq!(driver["name"], "handpie");
    let rules = driver["rules"].as_array().unwrap();
    assert_eq!(rules.len(), handpie_audit::rules().count());
    for rule in rules {
        for field in ["shortDescription", "fullDescription", "help"] {
            let text = rule[field]["text"].as_str().expect(field);
            assert!(!text.is_empty(), "{rule:#}");
        }
        assert!(rule["help"]["markdown"].is_string(), "{rule:#}");
        assert!(
            rule["properties"]["security-severity"].is_string(),
            "{rule:#}"
        );
        assert!(rule["properties"]["tags"].is_array(), "{rule:#}");
    }
    let pie = rules.iter().find(|rule| rule["id"] == "pie").unwrap();
    assert_eq!(pie["defaultConfiguration"]["level"], "warning");
    assert_eq!(pie["defaultConfiguration"]["enabled"], true);
    for result in run(&report)["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
}

#[test]
fn fingerprints_are_the_same_in_the_next_run_and_of_the_next_build() {
    let project = Project::with("");
    let prints = || -> Vec<String> {
        let report = report(&project, &["bin/lax"]);
        let results = run(&report)["results"].as_array().unwrap().iter();
        results
            .map(|result| result["partialFingerprints"].to_string())
            .collect()
    };
    let before = prints();
    assert_eq!(before.len(), 2, "{before:?}");
    assert_eq!(before, prints());
    // Another build: other bytes, another size.
    let mut bytes = std::fs::read(project.path("bin/lax")).unwrap();
    bytes.extend([0; 64]);
    std::fs::write(project.path("bin/lax"), bytes).unwrap();
    assert_eq!(before, prints());
}

#[test]
fn paths_are_uris_relative_to_the_working_directory() {
    let project = Project::with("no-loader = 'off'");
    let name = "a b#ä%.exe";
    std::fs::rename(project.path("bin/fixed"), project.path(name)).unwrap();
    let uri = |report: &Value| {
        let location = &run(report)["results"][0]["locations"][0]["physicalLocation"];
        location["artifactLocation"].clone()
    };
    for path in [name.to_owned(), project.path(name).display().to_string()] {
        let location = uri(&report(&project, &[&path]));
        assert_eq!(location["uri"], "a%20b%23%C3%A4%25.exe");
        assert_eq!(location["uriBaseId"], "%SRCROOT%");
    }
    let ran = project.run_in("bin", &["check", "--format", "sarif", "../a b#ä%.exe"]);
    let location = uri(&serde_json::from_str(&ran.stdout).unwrap());
    let folder = project.path("").display().to_string();
    assert_eq!(
        location["uri"],
        format!("file://{folder}a%20b%23%C3%A4%25.exe")
    );
    assert_eq!(location.get("uriBaseId"), None);
}

/// GitHub refuses a run that was not successful, with all its results.
#[test]
fn a_run_is_successful_when_it_examined_something() {
    let project = Project::with("");
    std::fs::create_dir(project.path("empty")).unwrap();
    for (args, successful, exit, notifications) in [
        (&["bin/good"] as &[&str], true, 0, 0),
        (&["bin/lax"], true, 1, 0),
        (&["bin/good", "bin/cut"], true, 3, 1),
        (&["bin", "absent"], true, 3, 2),
        (&["bin/cut"], false, 3, 1),
        (&["absent", "empty"], false, 3, 2),
    ] {
        let ran = project.run(&[&["check", "--format", "sarif"], args].concat());
        assert_eq!(ran.status, exit, "{args:?}");
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let invocation = &run(&report)["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], successful, "{args:?}");
        assert_eq!(invocation["exitCode"], exit, "{args:?}");
        let told = invocation["toolExecutionNotifications"].as_array().unwrap();
        assert_eq!(told.len(), notifications, "{args:?}");
        assert!(told.iter().all(|it| it["level"] == "error"), "{told:?}");
        let text = report.to_string();
        project.write("report.sarif", &text);
        sarif::assert_holds(&project.path("report.sarif"));
    }
}

#[test]
fn the_official_schema_holds() {
    let project = Project::with(POLICY);
    std::fs::create_dir(project.path("empty")).unwrap();
    for (name, args) in [("some", &["bin"] as &[&str]), ("none", &["empty"])] {
        let text = report(&project, args).to_string();
        project.write(name, &text);
        sarif::assert_holds(&project.path(name));
    }
}
