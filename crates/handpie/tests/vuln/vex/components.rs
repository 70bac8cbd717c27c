//! Components of CycloneDX: those of version 1.7, and files that are named twice.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::documents::{cyclonedx, workshop};
use super::with;
use crate::forged::record;
use crate::workshop::{Workshop, advisory};

#[test]
fn a_component_with_a_range_of_versions_is_no_version() {
    let Some(workshop) = workshop() else { return };
    let statement = |component: &Value| {
        let mut document = cyclonedx("A-1", "not_affected", "1.7");
        document["components"] = json!([component]);
        let subject = json!({ "bom-ref": "app", "type": "application", "name": "app",
            "purl": "pkg:golang/main.test/app" });
        document["metadata"] = json!({ "component": subject });
        document["vulnerabilities"][0]["affects"] = json!([{ "ref": "lib" }]);
        document
    };
    let mut library = json!({ "bom-ref": "lib", "type": "library", "name": "x.test/lib",
        "purl": "pkg:golang/x.test/lib" });
    assert_eq!(with(&workshop, &statement(&library), &[]).status, 0);
    library["isExternal"] = true.into();
    library["versionRange"] = "vers:golang/>=v1.3.0".into();
    assert_eq!(with(&workshop, &statement(&library), &[]).status, 1);
    library["purl"] = Value::Null;
    library.as_object_mut().unwrap().remove("purl");
    assert_eq!(with(&workshop, &statement(&library), &[]).status, 1);
}

#[test]
fn a_file_that_is_named_twice_is_one_component() {
    let workshop = Workshop::new("");
    if crate::crates::program(
        &workshop,
        &json!([{ "name": "old", "version": "1.2.3",
        "source": "crates.io" }]),
    )
    .is_none()
    {
        return;
    }
    workshop.advisories(&[crate::crates::advisory("RUSTSEC-1", "old", "1.2.4")]);
    symlink("app", workshop.path("link")).unwrap();
    let whole = workshop.path("app");
    let ways: [&[&str]; 4] = [
        &["app", "app"],
        &["app", "./app"],
        &["app", whole.to_str().unwrap()],
        &["app", "link", "."],
    ];
    for files in ways {
        let document = |format: &str| -> Value {
            let args = ["vuln", "--db", "db", "--format", format];
            let ran = workshop.run(&[&args, files].concat());
            serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
        };
        let bill = document("cyclonedx");
        let components = bill["components"].as_array().unwrap();
        assert_eq!(components.len(), 2, "{files:?} {bill:#}");
        let vulnerabilities = bill["vulnerabilities"].as_array().unwrap();
        assert_eq!(vulnerabilities.len(), 1, "{files:?} {bill:#}");
        let all = components.iter().chain(vulnerabilities);
        let references: BTreeSet<&str> = all.map(|it| it["bom-ref"].as_str().unwrap()).collect();
        assert_eq!(references.len(), 3, "{bill:#}");
        let statements = document("openvex")["statements"].clone();
        assert_eq!(statements.as_array().unwrap().len(), 1, "{files:?}");
    }
}

#[test]
fn a_record_that_is_given_twice_is_one_component() {
    let workshop = Workshop::new("");
    workshop.advisories(&[advisory("A-1", "x.test/lib", &[])]);
    let modules = [("x.test/lib".to_owned(), "v1.2.0".to_owned())];
    workshop.write(
        "kept.json",
        &record(&["app", "other"], &modules).to_string(),
    );
    let args = [
        "vuln",
        "--db",
        "db",
        "--format",
        "cyclonedx",
        "--facts",
        "kept.json",
    ];
    let ran = workshop.run(&[&args[..], &["--facts", "kept.json"]].concat());
    let bill: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        bill["vulnerabilities"].as_array().unwrap().len(),
        2,
        "{bill:#}"
    );
}
