//! `handpie diff`: what a release lost or gained.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::project::{Project, golden};
use crate::support::{go, text};
use handpie_testkit::forge::Program;
use handpie_testkit::schema::Schema;

/// Two releases: in the new one, `svc` lost its random address, `other` needs a library, `odd` is
/// gone, and `more` is new.
fn releases() -> Project {
    let project = Project::with("");
    let write = |name: &str, forge: &Program| {
        fs::write(project.path(name), forge.bytes()).unwrap();
    };
    for folder in ["old/bin", "new/bin"] {
        fs::create_dir_all(project.path(folder)).unwrap();
        write(&format!("{folder}/same"), &Program::of_c());
        project.write(&format!("{folder}/notes.txt"), folder);
    }
    let go_program = |settings| Program {
        interpreter: None,
        ..Program::of_go(settings)
    };
    write(
        "old/bin/svc",
        &go_program("build\tCGO_ENABLED=0\nbuild\t-tags=a\n"),
    );
    let fixed = Program {
        kind: 2,
        ..go_program("build\tCGO_ENABLED=0\nbuild\t-tags=a,b\n")
    };
    let longer = [fixed.bytes(), vec![0; 1000]].concat();
    fs::write(project.path("new/bin/svc"), longer).unwrap();
    write("old/bin/other", &Program::of_c());
    let other = Program {
        needed: vec!["libssl.so.3"],
        ..Program::of_c()
    };
    write("new/bin/other", &other);
    write("old/odd", &Program::of_c());
    write("new/more", &Program::of_c());
    project
}

fn json(project: &Project, args: &[&str]) -> Value {
    let ran = project.run(&[&["diff", "--format", "json"], args].concat());
    let report: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    Schema::of("diff").holds(&report);
    report
}

#[test]
fn losses_come_first_and_end_with_1() {
    let project = releases();
    let ran = project.run(&["diff", "old/bin/svc", "new/bin/svc"]);
    golden("diff.txt", &ran.stdout);
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    let back = project.run(&["diff", "new/bin/svc", "old/bin/svc"]);
    assert_eq!(back.status, 0, "a gain is none: {back:?}");
    assert!(
        back.stdout.contains("\n    gained\n        pie "),
        "{back:?}"
    );
}

#[test]
fn two_folders_are_compared_by_path() {
    let project = releases();
    let ran = project.run(&["diff", "old", "new"]);
    golden("diff-folders.txt", &ran.stdout);
    assert_eq!(ran.status, 1);
    let report = json(&project, &["old", "new"]);
    let files = report["result"]["files"].as_array().unwrap();
    let status = |path: &str| {
        let file = files.iter().find(|file| file["path"] == path);
        file.map(|file| file["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(status("odd").as_deref(), Some("removed"));
    assert_eq!(status("more").as_deref(), Some("added"));
    assert_eq!(status("bin/same").as_deref(), Some("kept"));
    assert_eq!(
        status("bin/notes.txt"),
        None,
        "what is no binary is passed over"
    );
    assert_eq!(report["result"]["summary"]["removed"], 1);
}

#[test]
fn what_is_the_same_is_said_to_be() {
    let project = releases();
    let ran = project.run(&["diff", "old/bin/same", "new/bin/same"]);
    let words = "old/bin/same -> new/bin/same: no difference in what is compared\n";
    assert_eq!((ran.status, ran.stdout.as_str()), (0, words));
    json(&project, &["old/bin/same", "new/bin/same"]);
}

#[test]
fn a_policy_holds_for_both_sides_by_the_new_path() {
    let project = releases();
    let lax = "[[paths]]\nmatch = 'new/bin/*'\nrules = { pie = 'off' }\n";
    let rules = fs::read_to_string(project.path("handpie.toml")).unwrap();
    project.write("handpie.toml", &format!("{rules}{lax}"));
    let report = json(&project, &["old/bin/svc", "new/bin/svc"]);
    let changes = report["result"]["files"][0]["changes"].as_array().unwrap();
    let answers = changes.iter().filter(|change| change["what"] == "answer");
    assert_eq!(answers.count(), 0, "{changes:#?}");
    let waived = "[[waivers]]\nrule = 'pie'\nreason = 'r'\nexpires = 9999-12-31\n";
    project.write("handpie.toml", &format!("{rules}{waived}"));
    let report = json(&project, &["old/bin/svc", "new/bin/svc"]);
    let answer = &report["result"]["files"][0]["changes"];
    let answer = answer
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["what"] == "answer");
    let answer = answer.expect("the answer of `pie` changed");
    assert_eq!(
        (&answer["new"], &answer["weight"]),
        (&"waived".into(), &"neutral".into())
    );
}

#[test]
fn what_cannot_be_compared_is_said() {
    let project = releases();
    for (args, words) in [
        (
            ["old", "new/bin/svc"],
            "a directory cannot be compared with a file",
        ),
        (
            ["-", "-"],
            "standard input cannot be both the old and the new release",
        ),
    ] {
        let ran = project.run(&[&["diff"], &args[..]].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert_eq!(ran.stderr, format!("error: {words}\n"));
    }
    let ran = project.run(&["diff", "bin/good", "bin/cut"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(
        ran.stdout
            .starts_with("bin/cut: unreadable: the program header"),
        "{ran:?}"
    );
    let report = json(&project, &["bin/good", "bin/cut"]);
    assert_eq!(report["result"]["unread"][0]["code"], "truncated");
    let report = json(&project, &["bin/good", "--policy", "absent", "bin/cut"]);
    assert_eq!(report["error"]["exit"], 3);
}

#[test]
fn go_modules_and_settings_are_compared() {
    let Some(go) = go("comparing the modules of Go programs") else {
        return;
    };
    let project = Project::with("");
    let build = |name: &str, version: &str, flags: &[&str]| {
        let folder = project.path(name);
        fs::create_dir_all(folder.join("dep")).unwrap();
        let write = |file: &str, text: &str| fs::write(folder.join(file), text).unwrap();
        write(
            "go.mod",
            &format!(
                "module example.org/svc\ngo 1.22\nrequire example.org/dep {version}\n\
             replace example.org/dep => ./dep\n"
            ),
        );
        write(
            "main.go",
            "package main\nimport \"example.org/dep\"\nfunc main() { dep.F() }\n",
        );
        write("dep/go.mod", "module example.org/dep\ngo 1.22\n");
        write("dep/dep.go", "package dep\nfunc F() { println() }\n");
        let go = go
            .clone()
            .args(["build", "-buildvcs=false", "-o", "../"])
            .args(flags);
        let built = go
            .arg(".")
            .dir(Path::new(&folder))
            .run()
            .expect("go builds it");
        fs::rename(project.path("svc"), project.path(&format!("{name}.svc"))).unwrap();
        text(&built)
    };
    build("a", "v1.0.0", &["-trimpath"]);
    build("b", "v1.1.0", &["-tags=netgo"]);
    let report = json(&project, &["a.svc", "b.svc"]);
    let changes = report["result"]["files"][0]["changes"].as_array().unwrap();
    let change = |what: &str, name: &str| {
        let found = changes
            .iter()
            .find(|it| it["what"] == what && it["name"] == name);
        let found = found.unwrap_or_else(|| panic!("no {what} {name} in {changes:#?}"));
        (found["old"].clone(), found["new"].clone())
    };
    let (old, new) = change("module", "example.org/dep");
    // Some versions of Go add that the replacement is in development.
    assert!(
        old.as_str().unwrap().starts_with("v1.0.0 => ./dep"),
        "{old}"
    );
    assert!(
        new.as_str().unwrap().starts_with("v1.1.0 => ./dep"),
        "{new}"
    );
    assert_eq!(change("setting", "-trimpath"), ("true".into(), Value::Null));
    assert_eq!(change("setting", "-tags"), (Value::Null, "netgo".into()));
}

#[test]
fn every_field_of_the_schema_is_in_the_page() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let page = fs::read_to_string(path).unwrap();
    for field in Schema::of("diff").fields() {
        assert!(
            page.contains(&format!("`{field}`")),
            "docs/json.md lacks `{field}`"
        );
    }
}
