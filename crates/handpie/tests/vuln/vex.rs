//! `--vex`: what somebody says of an advisory in a program, in documents of OpenVEX and CycloneDX.

mod components;
mod documents;
mod round_trip;

use serde_json::{Value, json};

use crate::support::Ran;
use crate::workshop::Workshop;
use documents::{cyclonedx, openvex, openvex_of, product, workshop, write};

const VULN: [&str; 3] = ["vuln", "--db", "db"];

/// A run with one document.
fn with(workshop: &Workshop, document: &Value, more: &[&str]) -> Ran {
    write(workshop, "vex.json", document);
    let args = [&VULN, more, &["--vex", "vex.json", "app"] as &[&str]].concat();
    workshop.run(&args)
}

#[test]
fn an_advisory_that_does_not_affect_the_program_does_not_count() {
    let Some(workshop) = workshop() else { return };
    assert_eq!(workshop.run(&[&VULN, &["app"] as &[_]].concat()).status, 1);
    for name in ["A-1", "CVE-A-1", "cve-a-1"] {
        let ran = with(&workshop, &openvex(name, "not_affected"), &[]);
        assert_eq!(ran.status, 0, "{name}: {ran:?}");
        let words = "not affected, according to Alice (vex.json): \
                     vulnerable_code_not_in_execute_path; only at start";
        let shown = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains(words), "{name}: {ran:?}");
    }
    for name in ["A-2", "CVE-A-11", "-1"] {
        let ran = with(&workshop, &openvex(name, "not_affected"), &[]);
        assert_eq!(ran.status, 1, "{name}: {ran:?}");
    }
}

#[test]
fn a_vulnerability_is_known_by_its_page_and_by_its_aliases() {
    let Some(workshop) = workshop() else { return };
    for vulnerability in [
        json!({ "@id": "https://advisories.test/A-1" }),
        json!({ "@id": "https://elsewhere.test/detail/CVE-A-1" }),
        json!({ "name": "OWN-7", "aliases": ["CVE-A-1"] }),
    ] {
        let mut document = openvex("A-1", "not_affected");
        document["statements"][0]["vulnerability"] = vulnerability;
        let ran = with(&workshop, &document, &[]);
        assert_eq!(ran.status, 0, "{document} {ran:?}");
    }
}

#[test]
fn each_status_comes_to_what_it_says() {
    let Some(workshop) = workshop() else { return };
    for (status, exit) in [
        ("not_affected", 0),
        ("fixed", 0),
        ("affected", 1),
        ("under_investigation", 1),
    ] {
        let ran = with(&workshop, &openvex("A-1", status), &[]);
        assert_eq!(ran.status, exit, "{status}: {ran:?}");
    }
    for (state, exit) in [
        ("not_affected", 0),
        ("false_positive", 0),
        ("resolved", 0),
        ("exploitable", 1),
        ("in_triage", 1),
    ] {
        for version in ["1.4", "1.5", "1.6", "1.7"] {
            let ran = with(&workshop, &cyclonedx("A-1", state, version), &[]);
            assert_eq!(ran.status, exit, "{state} {version}: {ran:?}");
        }
    }
}

#[test]
fn a_statement_is_about_the_programs_that_it_names() {
    let Some(workshop) = workshop() else { return };
    for (product, exit) in [
        (json!({ "@id": "pkg:golang/main.test/app" }), 0),
        (json!({ "@id": "pkg:golang/main.test/app@v1.0.0" }), 1),
        (json!({ "@id": "pkg:golang/main.test/other" }), 1),
        (json!({ "@id": "pkg:golang/x.test/lib@v1.2.0" }), 1),
        (json!({ "@id": "app" }), 0),
        (json!({ "@id": "pkg:generic/app" }), 0),
        (json!({ "@id": "other/app" }), 1),
        (json!({ "@id": "" }), 1),
        (
            json!({ "identifiers": { "purl": "pkg:golang/main.test/app" } }),
            0,
        ),
        (
            json!({ "@id": "https://a.test/app", "identifiers": { "cpe23": "app" } }),
            1,
        ),
    ] {
        let ran = with(&workshop, &openvex_of("A-1", &product), &[]);
        assert_eq!(ran.status, exit, "{product}: {ran:?}");
    }
}

#[test]
fn a_program_is_known_by_its_hash() {
    let Some(workshop) = workshop() else { return };
    let hash = documents::sha256(&workshop.path("app"));
    for (hash, exit) in [(hash.to_uppercase(), 0), ("0".repeat(64), 1)] {
        let product = json!({ "@id": "urn:release", "hashes": { "sha-256": hash } });
        let ran = with(&workshop, &openvex_of("A-1", &product), &[]);
        assert_eq!(ran.status, exit, "{product}: {ran:?}");
        let mut document = cyclonedx("A-1", "not_affected", "1.6");
        let content = product["hashes"]["sha-256"].clone();
        document["components"] = json!([{ "bom-ref": "it", "type": "file", "name": "elsewhere",
            "hashes": [{ "alg": "SHA-256", "content": content }] }]);
        document["vulnerabilities"][0]["affects"] = json!([{ "ref": "it" }]);
        let ran = with(&workshop, &document, &[]);
        assert_eq!(ran.status, exit, "{document}: {ran:?}");
    }
}

#[test]
fn a_statement_about_modules_is_about_no_others() {
    let Some(workshop) = workshop() else { return };
    for (parts, exit) in [
        (json!(["pkg:golang/x.test/lib@v1.2.0"]), 0),
        (json!(["pkg:golang/x.test/lib@1.2.0"]), 0),
        (json!(["pkg:golang/x.test/lib"]), 0),
        (json!(["x.test/lib"]), 0),
        (json!(["pkg:golang/x.test/lib@v1.2.1"]), 1),
        (json!(["pkg:golang/x.test/library@v1.2.0"]), 1),
        (json!(["pkg:golang/y.test/lib", "pkg:golang/x.test/lib"]), 0),
        (json!(["pkg:cargo/x.test/lib@v1.2.0"]), 1),
    ] {
        let parts = parts.as_array().unwrap().iter();
        let parts = parts.map(|part| json!({ "@id": part })).collect();
        let mut product = product();
        product["subcomponents"] = parts;
        let ran = with(&workshop, &openvex_of("A-1", &product), &[]);
        assert_eq!(ran.status, exit, "{product}: {ran:?}");
    }
}

#[test]
fn all_modules_of_an_advisory_must_be_spoken_of() {
    let Some(workshop) = documents::workshop_of_two() else {
        return;
    };
    let about = |module: &str| {
        let mut product = product();
        product["subcomponents"] = json!([{ "@id": format!("pkg:golang/{module}@v1.2.0") }]);
        openvex_of("A-1", &product)
    };
    write(&workshop, "other.json", &about("y.test/lib"));
    assert_eq!(with(&workshop, &about("x.test/lib"), &[]).status, 1);
    let both = with(&workshop, &about("x.test/lib"), &["--vex", "other.json"]);
    assert_eq!(both.status, 0, "{both:?}");
}

#[test]
fn of_statements_about_the_same_the_latest_holds() {
    let Some(workshop) = workshop() else { return };
    let at = |status: &str, time: &str| {
        let mut document = openvex("A-1", status);
        document["timestamp"] = time.into();
        document
    };
    let (old, new) = ("2026-01-01T00:00:00Z", "2026-01-01T02:00:00+01:00");
    for (first, second, exit) in [
        (at("not_affected", old), at("affected", new), 1),
        (at("affected", old), at("not_affected", new), 0),
        (at("not_affected", new), at("affected", old), 0),
        (at("under_investigation", new), at("fixed", old), 1),
        // Of one time, nobody can say which came later.
        (at("affected", old), at("not_affected", old), 1),
        (at("not_affected", old), at("affected", old), 1),
    ] {
        write(&workshop, "first.json", &first);
        let ran = with(&workshop, &second, &["--vex", "first.json"]);
        assert_eq!(ran.status, exit, "{first} {second} {ran:?}");
        // The same in one document, whose own time is that of the first.
        let mut both = first.clone();
        let mut later = second["statements"][0].clone();
        later["timestamp"] = second["timestamp"].clone();
        both["statements"].as_array_mut().unwrap().push(later);
        let ran = with(&workshop, &both, &[]);
        assert_eq!(ran.status, exit, "{both} {ran:?}");
    }
}

#[test]
fn a_component_of_cyclonedx_is_a_part_of_what_depends_on_it() {
    let Some(workshop) = workshop() else { return };
    let library = json!({ "bom-ref": "lib", "type": "library", "name": "x.test/lib",
        "version": "v1.2.0", "purl": "pkg:golang/x.test/lib@v1.2.0" });
    let program = json!({ "bom-ref": "app", "type": "application", "name": "app",
        "purl": "pkg:golang/main.test/app" });
    let mut base = cyclonedx("A-1", "not_affected", "1.5");
    base["vulnerabilities"][0]["affects"] = json!([{ "ref": "lib" }]);
    let of = |components: Value, more: Value| {
        let mut document = base.clone();
        document["components"] = components;
        for (key, value) in more.as_object().unwrap() {
            document[key] = value.clone();
        }
        document
    };
    let mut around = program.clone();
    around["components"] = json!([library]);
    let depends = json!([{ "ref": "app", "dependsOn": ["lib"] }]);
    let elsewhere = json!([{ "id": "A-1", "analysis": { "state": "not_affected" }, "affects": [
        { "ref": "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg:golang/x.test/lib@v1.2.0" },
    ] }]);
    let subject = json!({ "component": program });
    for (document, exit) in [
        (of(json!([library, program]), json!({})), 1),
        (of(json!([library]), json!({ "metadata": subject })), 0),
        (of(json!([around]), json!({})), 0),
        (
            of(
                json!([library, program]),
                json!({ "dependencies": depends }),
            ),
            0,
        ),
        (
            of(
                json!([]),
                json!({ "metadata": subject, "vulnerabilities": elsewhere }),
            ),
            0,
        ),
    ] {
        let ran = with(&workshop, &document, &[]);
        assert_eq!(ran.status, exit, "{document:#} {ran:?}");
    }
    for (versions, exit) in [
        (json!([{ "version": "v1.2.0" }]), 0),
        (json!([{ "version": "v1.2.1" }]), 1),
        (json!([{ "range": "vers:golang/<v2.0.0" }]), 1),
    ] {
        let mut document = of(json!([library]), json!({ "metadata": subject }));
        document["vulnerabilities"][0]["affects"][0]["versions"] = versions.clone();
        let ran = with(&workshop, &document, &[]);
        assert_eq!(ran.status, exit, "{versions} {ran:?}");
    }
}

#[test]
fn what_nothing_needed_is_noted() {
    let Some(workshop) = workshop() else { return };
    let mut document = openvex("A-1", "not_affected");
    let mut other = document["statements"][0].clone();
    other["vulnerability"]["name"] = "A-9\u{1b}[2J".into();
    document["statements"].as_array_mut().unwrap().push(other);
    let ran = with(&workshop, &document, &["-v"]);
    let note = "note: 1 of 2 statements of vex.json did not apply to any program: A-9\\x1b[2J (statement 2)";
    assert!(ran.stderr.contains(note), "{ran:?}");
    assert_eq!(with(&workshop, &document, &[]).stderr, "");
}

#[test]
fn what_is_no_vex_document_is_refused() {
    let workshop = Workshop::new("");
    workshop.advisories(&[crate::workshop::advisory("A-1", "x.test/lib", &[])]);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut document = openvex("A-1", "not_affected");
        change(&mut document);
        document.to_string()
    };
    let cyclone = |change: &dyn Fn(&mut Value)| {
        let mut document = cyclonedx("A-1", "not_affected", "1.6");
        change(&mut document);
        document.to_string()
    };
    let (unknown, invalid) = ("vuln-vex-unknown", "vuln-vex-invalid");
    for (text, code, words) in [
        (String::new(), unknown, "EOF"),
        ("<bom/>".to_owned(), unknown, "expected value"),
        (
            "[]".to_owned(),
            unknown,
            "neither `@context` nor `bomFormat`",
        ),
        (
            changed(&|it| it["@context"] = "https://openvex.dev/ns".into()),
            unknown,
            "v0.2.0",
        ),
        (
            cyclone(&|it| it["specVersion"] = "1.8".into()),
            unknown,
            "CycloneDX 1.8",
        ),
        (
            changed(&|it| it["timestamp"] = "today".into()),
            invalid,
            "`today` is not a timestamp",
        ),
        (
            changed(&|it| it["statements"][0]["status"] = "maybe".into()),
            invalid,
            "statement 1: ",
        ),
        (
            changed(&|it| it["statements"][0]["justification"] = "because".into()),
            invalid,
            "`because`",
        ),
        (
            changed(&|it| {
                let statement = it["statements"][0].as_object_mut().unwrap();
                statement.remove("justification");
                statement["impact_statement"] = " ".into();
            }),
            invalid,
            "without a reason",
        ),
        (
            changed(&|it| it["statements"][0]["vulnerability"] = json!({})),
            invalid,
            "names no vulnerability",
        ),
        (
            cyclone(&|it| it["vulnerabilities"][0]["analysis"]["state"] = "open".into()),
            invalid,
            "`open`",
        ),
    ] {
        workshop.write("vex.json", &text);
        let ran = workshop.run(&["vuln", "--db", "db", "--vex", "vex.json", "db"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (3, ""), "{text} {ran:?}");
        for part in [code, words, "hint: ", "vex.json"] {
            assert!(ran.stderr.contains(part), "{part}: {text} {ran:?}");
        }
    }
    for (name, code) in [("gone.json", "unreadable-file"), ("db", unknown)] {
        let ran = workshop.run(&["vuln", "--db", "db", "--vex", name, "db"]);
        assert_eq!(ran.status, 3, "{ran:?}");
        assert!(ran.stderr.contains(code), "{ran:?}");
    }
    let large = std::fs::File::create(workshop.path("large.json")).unwrap();
    large.set_len((64 << 20) + 1).unwrap();
    let ran = workshop.run(&["vuln", "--db", "db", "--vex", "large.json", "db"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(ran.stderr.contains("too-large"), "{ran:?}");
}
