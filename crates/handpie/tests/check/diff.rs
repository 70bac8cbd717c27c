//! `handpie diff`: what a release lost or gained.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::project::{Project, golden};
use crate::support::{go, text, tool};
use handpie_testkit::forge::Program;
use handpie_testkit::forge::macho::{self, MachO};
use handpie_testkit::forge::program::{DF_1_PIE, DT_FLAGS_1, PT_GNU_STACK, Segment};
use handpie_testkit::schema::Schema;
use handpie_toolchain::command::Tool;

const DT_NEEDED: u64 = 1;

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

/// A static C program, compiled with `flags`.
fn compiled(project: &Project, name: &str, flags: &[&str]) -> Option<()> {
    let gcc = tool("gcc", "what stripping hides")?;
    let source = "#include <stdio.h>\n#include <string.h>\n\
                  int copy(const char *from) { char to[64]; strcpy(to, from); return puts(to); }\n\
                  int main(int argc, char **argv) { return copy(argv[argc - 1]); }\n";
    project.write("main.c", source);
    let gcc = Tool::new(gcc).args(["-O2", "-g", "-static-pie", "-fPIE", "main.c", "-o"]);
    let built = gcc.arg(name).args(flags).dir(project.path("")).run();
    built.expect("gcc compiles it");
    Some(())
}

fn changes(report: &Value, weight: &str) -> Vec<String> {
    let changes = report["result"]["files"][0]["changes"].as_array().unwrap();
    let changes = changes.iter().filter(|change| change["weight"] == weight);
    let what = changes.filter(|change| change["what"] != "section" && change["what"] != "size");
    what.map(|change| format!("{} {}", change["what"], change["name"]).replace('"', ""))
        .collect()
}

#[test]
fn what_was_stripped_can_no_longer_be_seen_and_is_not_lost() {
    let project = Project::new();
    if compiled(&project, "full", &["-fstack-protector-all"]).is_none() {
        return;
    }
    let Some(strip) = tool("strip", "what stripping hides") else {
        return;
    };
    for flags in [&["-s"] as &[&str], &["--strip-debug"]] {
        fs::copy(project.path("full"), project.path("stripped")).unwrap();
        let strip = Tool::new(&strip).args(flags);
        strip.arg(project.path("stripped")).run().unwrap();
        let ran = project.run(&["diff", "full", "stripped"]);
        assert_eq!(ran.status, 0, "{flags:?}: {ran:?}");
        let report = json(&project, &["full", "stripped"]);
        assert_eq!(report["result"]["summary"]["losses"], 0, "{report:#}");
        let back = json(&project, &["stripped", "full"]);
        let gains = changes(&back, "gain");
        assert!(
            !gains.contains(&"answer stack-canary".to_owned()),
            "{gains:?}"
        );
        if flags == ["-s"] {
            let unseen = changes(&report, "unseen");
            assert!(
                unseen.contains(&"answer stack-canary".to_owned()),
                "{unseen:?}"
            );
            assert_eq!(report["result"]["summary"]["unseen"], unseen.len());
            let heading = "\n    can no longer be seen\n        ";
            assert!(ran.stdout.contains(heading), "{ran:?}");
            assert!(ran.stdout.contains(" pass -> unknown: "), "{ran:?}");
        }
    }
    // Where the new file tells as much, an answer that became unknown is a loss.
    compiled(&project, "without", &["-fno-stack-protector"]).unwrap();
    let ran = project.run(&["diff", "full", "without"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    let losses = changes(&json(&project, &["full", "without"]), "loss");
    assert!(
        losses.contains(&"answer stack-canary".to_owned()),
        "{losses:?}"
    );
}

#[test]
fn a_fat_file_and_its_thin_slice_are_the_same_member() {
    let project = Project::new();
    let slice = |cpu_type| {
        MachO {
            cpu_type,
            ..MachO::default()
        }
        .build()
    };
    let (arm, intel) = (slice(macho::ARM64), slice(macho::X86_64));
    for (name, bytes) in [
        ("fat", macho::fat(&[arm.clone(), intel.clone()], false)),
        ("fat-arm", macho::fat(std::slice::from_ref(&arm), false)),
        ("twice", macho::fat(&[arm.clone(), arm.clone()], false)),
        ("arm", arm),
        ("intel", intel),
    ] {
        fs::write(project.path(name), bytes).unwrap();
    }
    let status = |old: &str, new: &str| -> Vec<String> {
        let report = json(&project, &[old, new]);
        let files = report["result"]["files"].as_array().unwrap().iter();
        files
            .map(|file| format!("{} {}", file["member"], file["status"]).replace('"', ""))
            .collect()
    };
    for (old, new, is) in [
        ("fat", "arm", &["arm64 kept", "x86_64 removed"] as &[&str]),
        ("fat", "intel", &["arm64 removed", "x86_64 kept"]),
        ("intel", "fat", &["arm64 added", "x86_64 kept"]),
        ("fat", "fat", &["arm64 kept", "x86_64 kept"]),
        ("fat-arm", "arm", &["null kept"]),
        ("arm", "fat-arm", &["null kept"]),
        ("arm", "intel", &["null kept"]),
        ("twice", "arm", &["arm64 kept", "arm64, number 2 removed"]),
    ] {
        assert_eq!(status(old, new), is, "{old} {new}");
    }
    assert_eq!(project.run(&["diff", "arm", "fat"]).status, 0);
    assert_eq!(project.run(&["diff", "fat-arm", "arm"]).status, 0);
}

#[test]
fn a_library_by_another_name_is_no_loss() {
    let project = Project::with("");
    let write = |name: &str, machine, interpreter, needed: &[&'static str]| {
        let program = Program {
            machine,
            interpreter: Some(interpreter),
            needed: needed.to_vec(),
            segments: vec![Segment::new(PT_GNU_STACK, 6, 0, 0)],
            ..Program::of_c()
        };
        fs::write(project.path(name), program.bytes()).unwrap();
    };
    let (intel, arm) = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1");
    write(
        "old",
        62,
        intel,
        &["libgomp-1a2b3c4d.so.1", "libc.so.6", "ld-linux-x86-64.so.2"],
    );
    write(
        "hash",
        62,
        intel,
        &["libgomp-d22c30c5.so.1", "libc.so.6", "ld-linux-x86-64.so.2"],
    );
    write(
        "arm",
        183,
        arm,
        &["libgomp.so.1", "libc.so.6", "ld-linux-aarch64.so.1"],
    );
    write("other", 62, intel, &["libssl-1a2b3c4d.so.1", "libc.so.6"]);
    for (new, neutral) in [
        ("hash", &["library libgomp-d22c30c5.so.1"] as &[&str]),
        (
            "arm",
            &[
                "loader ",
                "library ld-linux-aarch64.so.1",
                "library libgomp.so.1",
            ],
        ),
    ] {
        for (old, new) in [("old", new), (new, "old")] {
            let ran = project.run(&["diff", old, new]);
            assert_eq!(ran.status, 0, "{old} {new}: {ran:?}");
            let report = json(&project, &[old, new]);
            assert_eq!(changes(&report, "gain"), [""; 0], "{old} {new}");
        }
        assert_eq!(
            changes(&json(&project, &["old", new]), "neutral"),
            neutral,
            "{new}"
        );
    }
    let ran = project.run(&["diff", "old", "hash"]);
    let words = " libgomp-1a2b3c4d.so.1 -> libgomp-d22c30c5.so.1\n";
    assert!(ran.stdout.contains(words), "{ran:?}");
    let report = json(&project, &["old", "other"]);
    assert_eq!(changes(&report, "loss"), ["library libssl-1a2b3c4d.so.1"]);
}

/// As two releases of a wheel: the libraries beside it are called after their content.
#[test]
fn a_file_with_another_hash_in_its_name_is_the_same() {
    let project = Project::with("");
    for release in ["old", "new"] {
        fs::create_dir_all(project.path(release).join("pkg.libs")).unwrap();
    }
    let write = |name: &str, needed: &[&'static str]| {
        let program = Program {
            needed: needed.to_vec(),
            ..Program::of_c()
        };
        fs::write(project.path(name), program.bytes()).unwrap();
    };
    let (ours, theirs) = (
        "pkg.libs/libgomp-1a2b3c4d.so.1",
        "pkg.libs/libgomp-d22c30c5.so.1",
    );
    write(&format!("old/{ours}"), &["libc.so.6"]);
    write(&format!("new/{theirs}"), &["libc.so.6", "libssl.so.3"]);
    write(
        "old/pkg.libs/msvcp140-263139962577ecda4cd9469ca360a746.dll",
        &[],
    );
    write(
        "new/pkg.libs/msvcp140-a4c2229bdc2a2a630acdc095b4d86008.dll",
        &[],
    );
    write("old/pkg.libs/libgone-1a2b3c4d.so.1", &[]);
    write("new/pkg.libs/libmore-1a2b3c4d.so.1", &[]);
    write("old/libz.so.1", &[]);
    write("new/libz-1a2b3c4d.so.1", &[]);
    let report = json(&project, &["old", "new"]);
    let files = report["result"]["files"].as_array().unwrap().iter();
    let told = files.map(|file| {
        let words = |name: &str| file[name].as_str().unwrap_or_default().to_owned();
        (words("status"), words("old_path"), words("path"))
    });
    let told: Vec<(String, String, String)> = told.collect();
    let is =
        |status: &str, old: &str, new: &str| (status.to_owned(), old.to_owned(), new.to_owned());
    for file in [
        is("kept", "libz.so.1", "libz-1a2b3c4d.so.1"),
        is("kept", ours, theirs),
        is("removed", "", "pkg.libs/libgone-1a2b3c4d.so.1"),
        is("added", "", "pkg.libs/libmore-1a2b3c4d.so.1"),
    ] {
        assert!(told.contains(&file), "{told:?}");
    }
    assert_eq!(told.len(), 5, "{told:?}");
    // The one that is gone, and the library that the other one needs.
    assert_eq!(report["result"]["summary"]["losses"], 2, "{report:#}");
    let ran = project.run(&["diff", "old", "new"]);
    assert!(
        ran.stdout
            .contains(&format!("{ours} -> {theirs}: 1 lost\n")),
        "{ran:?}"
    );
}

#[test]
fn what_could_not_be_read_is_not_removed() {
    let project = releases();
    let path = |name: &str| project.path(name);
    // A link in the place of a file, one that leads nowhere, a file that is cut, and a list of
    // libraries that lies outside the file.
    fs::rename(path("new/bin/same"), path("new/bin/same-1.5")).unwrap();
    std::os::unix::fs::symlink("same-1.5", path("new/bin/same")).unwrap();
    fs::remove_file(path("new/bin/svc")).unwrap();
    std::os::unix::fs::symlink("absent", path("new/bin/svc")).unwrap();
    fs::copy(path("bin/cut"), path("new/bin/other")).unwrap();
    let odd = Program {
        tags: vec![(DT_FLAGS_1, DF_1_PIE), (DT_NEEDED, 0xff_ffff)],
        ..Program::of_c()
    };
    let needing = Program {
        needed: vec!["libc.so.6"],
        ..Program::of_c()
    };
    fs::write(path("new/odd"), odd.bytes()).unwrap();
    fs::write(path("old/odd"), needing.bytes()).unwrap();
    let report = json(&project, &["old", "new"]);
    assert_eq!(report["result"]["summary"]["removed"], 0, "{report:#}");
    assert_eq!(report["result"]["summary"]["losses"], 0, "{report:#}");
    let unread = report["result"]["unread"].as_array().unwrap().iter();
    let unread: Vec<&str> = unread.map(|it| it["path"].as_str().unwrap()).collect();
    assert_eq!(unread, ["new/bin/other", "new/bin/svc", "new/odd"]);
    let ran = project.run(&["diff", "old", "new"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(!ran.stdout.contains(": removed"), "{ran:?}");
}

#[test]
fn a_table_that_names_no_file_is_noted_of_a_comparison_too() {
    let project = releases();
    let rules = fs::read_to_string(project.path("handpie.toml")).unwrap();
    let table =
        "[[paths]]\nmatch = 'newer/bin'\nrules = {}\n[[paths]]\nmatch = 'new/bin'\nrules = {}\n";
    project.write("handpie.toml", &format!("{rules}{table}"));
    let ran = project.run(&["diff", "old", "new"]);
    let line = Project::first_line();
    let note = format!(
        "note: no file here matches `newer/bin` of [[paths]] (handpie.toml, line {line})\n"
    );
    assert_eq!(ran.stderr, note);
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
