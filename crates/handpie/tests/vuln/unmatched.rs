//! Programs of which nothing has a version: that no advisory is found says nothing.

use serde_json::json;

use crate::support::{go, sarif};
use crate::workshop::{Workshop, advisory, fixed_in};

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

/// A program that was built in GOPATH mode, as Debian builds: no list of modules. It calls `Bad` of
/// `x.test/lib`, and of a copy of `y.test/copied` below its folder `vendor`.
fn of_gopath() -> Option<Workshop> {
    let what = "a program without a list of modules";
    let go = go(what)?;
    let workshop = Workshop::new("");
    let lib = "package p\n\n//go:noinline\nfunc Bad() { println(1) }\n";
    let main = "package main\nimport (p \"x.test/lib\"; q \"y.test/copied/q\"; \"net/http\")\n\
                func main() { p.Bad(); q.Bad(); http.Get(\"\") }\n";
    workshop.write("gopath/src/app.test/app/main.go", main);
    workshop.write("gopath/src/x.test/lib/p.go", lib);
    workshop.write("gopath/src/app.test/app/vendor/y.test/copied/q/p.go", lib);
    let build = go.args(["build", "-buildvcs=false", "-o"]);
    let build = build.arg(workshop.path("app")).arg("app.test/app");
    let build = build.env("GO111MODULE", "off").env("GOFLAGS", "");
    let build = build.env("GOPATH", workshop.path("gopath"));
    build.dir(workshop.path("gopath")).run().expect("go builds");
    workshop.advisories(&[
        advisory("LIB", "x.test/lib", &[("x.test/lib", &["Bad"])]),
        advisory("LIB-OTHER", "x.test/lib", &[("x.test/lib", &["Other"])]),
        advisory("COPIED", "y.test/copied", &[("y.test/copied/q", &["Bad"])]),
        advisory("GONE", "z.test/gone", &[]),
        // Go's own copy is part of the standard library, and has its version.
        advisory("NET", "golang.org/x/net", &[]),
        fixed_in(
            advisory("STD", "stdlib", &[("net/http", &["Get"])]),
            "1.999.0",
        ),
    ]);
    Some(workshop)
}

#[test]
fn a_program_without_a_list_of_modules_says_first_what_was_not_matched() {
    let Some(workshop) = of_gopath() else { return };
    let ran = workshop.run(&["vuln", "--db", "db", "app"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    let first = ran.stdout.lines().next().unwrap();
    assert!(
        first.contains(", no module list: modules not matched; 3 of 4 advisories count"),
        "{first}"
    );
    for words in [
        "linked, version unknown\n",
        "x.test/lib, version unknown: fixed in v1.5.0: LIB\n",
        "y.test/copied, version unknown: fixed in v1.5.0: COPIED\n",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    let tiers = workshop.tiers("app");
    let wanted = [
        ("COPIED", "symbol"),
        ("LIB", "symbol"),
        ("LIB-OTHER", "package"),
        ("STD", "symbol"),
    ];
    let wanted = wanted.map(|(id, tier)| (id.to_owned(), tier.to_owned()));
    assert_eq!(tiers.into_iter().collect::<Vec<_>>(), wanted);
    let report = workshop.json(&["app"]);
    let file = &report["result"]["files"][0];
    assert_eq!(
        file["unmatched"],
        json!({ "crates": 0, "modules": true, "stdlib": false })
    );
}

#[test]
fn without_any_advisory_about_it_the_program_passes_neither() {
    let Some(workshop) = of_gopath() else { return };
    for id in ["LIB", "LIB-OTHER", "COPIED", "STD"] {
        std::fs::remove_file(workshop.path(&format!("db/{id}.json"))).unwrap();
    }
    let ran = workshop.run(&["vuln", "--db", "db", "app"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    let words = "modules not matched; no known vulnerability in the rest";
    assert!(
        ran.stdout.lines().next().unwrap().contains(words),
        "{ran:?}"
    );
    // Where nobody named it, it is counted.
    std::fs::create_dir(workshop.path("bin")).unwrap();
    std::fs::rename(workshop.path("app"), workshop.path("bin/app")).unwrap();
    workshop.write("bin/notes", "no program");
    let ran = workshop.run(&["vuln", "--db", "db", "bin"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.contains("1 matched in part only"), "{ran:?}");
}

#[test]
fn versions_from_outside_make_the_answer_whole() {
    let Some(workshop) = of_gopath() else { return };
    workshop.write("versions", "x.test/lib v1.6.0\ny.test/copied v1.2.0\n");
    let args = ["vuln", "--db", "db", "--versions", "versions", "app"];
    let ran = workshop.run(&args);
    assert_eq!(ran.status, 1, "{ran:?}");
    let words = "no module list: 2 of 2 advisories count (2 symbol)";
    assert!(
        ran.stdout.lines().next().unwrap().contains(words),
        "{ran:?}"
    );
    let words = "upgrade y.test/copied from v1.2.0 to v1.5.0: COPIED";
    assert!(ran.stdout.contains(words), "{ran:?}");
    // A list that has not all of them leaves a gap.
    workshop.write("versions", "x.test/lib v1.6.0\n");
    let ran = workshop.run(&args);
    assert_eq!(ran.status, 3, "{ran:?}");
    let words = "1 linked package belongs to a module without a version";
    assert!(ran.stdout.contains(words), "{ran:?}");
}

#[test]
fn what_was_kept_of_it_gets_the_same_answer() {
    let Some(workshop) = of_gopath() else { return };
    let kept = workshop.run(&["facts", "app"]).stdout;
    workshop.write("kept.json", &kept);
    let ran = workshop.run(&["vuln", "--db", "db", "--facts", "kept.json"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(ran.stdout.contains("3 of 4 advisories count"), "{ran:?}");
}

#[test]
fn a_list_of_versions_that_is_none_is_refused() {
    let workshop = workshop(&["app"]);
    for (text, words) in [
        (
            "x.test/lib v1.0.0\nx.test/other",
            "line 2: `x.test/other` has no version",
        ),
        ("x.test/lib newest", "line 1: `newest` is not a version"),
    ] {
        workshop.write("versions", text);
        let args = [
            "vuln",
            "--db",
            "db",
            "--versions",
            "versions",
            "--facts",
            "kept.json",
        ];
        let ran = workshop.run(&args);
        assert_eq!(ran.status, 3, "{ran:?}");
        assert!(ran.stderr.contains(words), "{ran:?}");
        assert!(
            ran.stderr
                .contains("`versions` is not a list of module versions"),
            "{ran:?}"
        );
    }
    std::fs::write(workshop.path("versions"), b"\xff").unwrap();
    let args = [
        "vuln",
        "--db",
        "db",
        "--versions",
        "versions",
        "--facts",
        "kept.json",
    ];
    assert!(
        workshop
            .run(&args)
            .stderr
            .contains("not UTF-8 at offset 0x0")
    );
}

/// What `handpie facts` would have kept of a program of this Go, which calls `url.Parse`.
fn made_by(workshop: &Workshop, go: &str) {
    let record = crate::forged::record(&["app"], &[("x.test/lib".into(), "v1.9.0".into())]);
    let mut record = record;
    let file = &mut record["result"]["files"][0];
    file["go"] = go.into();
    file["packages"] = json!(["net/url", "x.test/lib"]);
    workshop.write("kept.json", &record.to_string());
}

#[test]
fn a_standard_library_that_was_not_matched_is_in_the_first_line() {
    let workshop = Workshop::new("");
    workshop.advisories(&[advisory("A-1", "x.test/lib", &[])]);
    for go in ["devel +3f1bb6a Tue Mar 3 2020", "go2.0.1", "gccgo 14"] {
        made_by(&workshop, go);
        let args = ["vuln", "--db", "db", "--facts", "kept.json"];
        let ran = workshop.run(&args);
        assert_eq!(ran.status, 3, "{go}: {ran:?}");
        let words = "standard library not matched; no known vulnerability in the rest";
        assert!(
            ran.stdout.lines().next().unwrap().contains(words),
            "{ran:?}"
        );
        let ran = workshop.run(&[&args[..], &["--format", "sarif"]].concat());
        assert!(ran.stdout.contains("vuln-unknown-version"), "{ran:?}");
        let ran = workshop.run(&[&args[..], &["--format", "openvex"]].concat());
        assert_eq!(ran.status, 3, "{go}: {ran:?}");
        assert!(
            ran.stderr.contains("standard library not matched"),
            "{ran:?}"
        );
    }
    workshop.write("versions", "stdlib go1.22.5");
    let args = [
        "vuln",
        "--db",
        "db",
        "--versions",
        "versions",
        "--facts",
        "kept.json",
    ];
    assert_eq!(workshop.run(&args).status, 0);
}

#[test]
fn a_version_of_go_in_the_wild_is_the_release_that_it_names() {
    let workshop = Workshop::new("");
    let std = |id: &str, fixed: &str| fixed_in(advisory(id, "stdlib", &[]), fixed);
    workshop.advisories(&[
        std("FIXED", "1.22.12"),
        std("OPEN", "1.22.13"),
        std("NEXT", "1.23.0-rc.1"),
    ]);
    for (go, found) in [
        ("go1.22.12-devel-cf", &["NEXT", "OPEN"] as &[&str]),
        ("go1.22.12b7", &["NEXT", "OPEN"]),
        ("go1.22.12-bigcorp", &["NEXT", "OPEN"]),
        ("go1.22.12 (Red Hat 1.22.12-1.el9_4)", &["NEXT", "OPEN"]),
        ("go1.22.12 X:nodwarf5", &["NEXT", "OPEN"]),
        ("go1.22.12-X:boringcrypto", &["NEXT", "OPEN"]),
        ("devel go1.23-abc", &["NEXT"]),
        ("go1.22.13-devel", &["NEXT"]),
    ] {
        made_by(&workshop, go);
        let report = workshop.json(&["--facts", "kept.json"]);
        let rows = report["result"]["files"][0]["advisories"].as_array();
        let ids: Vec<&str> = rows
            .unwrap()
            .iter()
            .map(|it| it["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, found, "{go}: {report:#}");
        let doubts = report["result"]["files"][0]["doubts"].to_string();
        let is_plain = go.contains("X:");
        assert_eq!(doubts.contains(go), !is_plain, "{go}: {doubts}");
    }
}

#[test]
fn a_program_made_of_a_file_says_what_has_no_version() {
    let what = "go build FILE";
    let workshop = Workshop::new("import \"main.test/app/lib\"\nfunc main() { lib.Bad() }");
    let alone = "package main\nfunc main() { println(1) }\n";
    workshop.write("alone.go", alone);
    let lib = "package lib\n\n//go:noinline\nfunc Bad() { println(1) }\n";
    workshop.write("lib/lib.go", lib);
    workshop.advisories(&[advisory(
        "OWN",
        "main.test/app",
        &[("main.test/app/lib", &["Bad"])],
    )]);
    let Some(_) = workshop.build(what, "app", &["main.go"]) else {
        return;
    };
    let ran = workshop.run(&["vuln", "--db", "db", "app"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    for words in [
        "linked, version unknown\n",
        "main.test/app was built from a directory, so it has no version",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    // Where nothing but the standard library is linked, there is nothing that has no version.
    workshop.build(what, "alone", &["alone.go"]).unwrap();
    let ran = workshop.run(&["vuln", "--db", "db", "alone"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(
        ran.stdout.contains("0 modules: no known vulnerability\n"),
        "{ran:?}"
    );
}
