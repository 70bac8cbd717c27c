//! Programs of which nothing has a version: that no advisory is found says nothing.

use serde_json::json;

use crate::support::sarif;
use crate::workshop::{Workshop, advisory};

/// A folder with a database, and what `handpie facts` would have kept of programs: one with nothing
/// that has a version for each of `names`.
fn workshop(names: &[&str]) -> Workshop {
    let workshop = Workshop::new("");
    workshop.advisories(&[advisory("A-1", "x.test/lib", &[])]);
    workshop.write("kept.json", &crate::forged::record(names, &[]).to_string());
    workshop
}

#[test]
fn a_program_that_was_named_and_cannot_be_matched_is_no_success() {
    let workshop = workshop(&["app"]);
    let ran = workshop.run(&["vuln", "--db", "db", "--facts", "kept.json"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    for words in [
        "nothing in it could be matched",
        "finding no advisory means nothing",
    ] {
        assert!(ran.stdout.contains(words), "{ran:?}");
    }
    let report = workshop.json(&["--facts", "kept.json"]);
    let file = &report["result"]["files"][0];
    assert_eq!(
        (&file["matched"], &file["fails"]),
        (&0.into(), &false.into())
    );
    let doubts = file["doubts"].as_array().unwrap().iter();
    let codes: Vec<_> = doubts.map(|doubt| &doubt["code"]).collect();
    assert!(
        codes.contains(&&json!("vuln-nothing-matched")),
        "{report:#}"
    );
    let args = [
        "vuln",
        "--db",
        "db",
        "--format",
        "sarif",
        "--facts",
        "kept.json",
    ];
    let ran = workshop.run(&args);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(ran.stdout.contains("vuln-nothing-matched"), "{ran:?}");
    workshop.write("report.sarif", &ran.stdout);
    sarif::assert_holds(&workshop.path("report.sarif"));
}

#[test]
fn among_many_programs_of_a_record_it_is_counted() {
    let workshop = workshop(&["app", "other"]);
    let ran = workshop.run(&["vuln", "--db", "db", "--facts", "kept.json"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let words = "0 with an advisory that counts, 0 without, 2 of which nothing is known";
    assert!(ran.stdout.contains(words), "{ran:?}");
}

#[test]
fn a_file_that_was_named_differs_from_one_in_a_folder() {
    let workshop = workshop(&[]);
    let packages = json!([{ "name": "app", "version": "0.1.0", "source": "local" }]);
    let Some(()) = crate::crates::program(&workshop, &packages) else {
        return;
    };
    std::fs::create_dir(workshop.path("bin")).unwrap();
    std::fs::rename(workshop.path("app"), workshop.path("bin/app")).unwrap();
    let ran = workshop.run(&["vuln", "--db", "db", "bin/app"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    let ran = workshop.run(&["vuln", "--db", "db", "bin"]);
    assert_eq!(ran.status, 0, "{ran:?}");
}
