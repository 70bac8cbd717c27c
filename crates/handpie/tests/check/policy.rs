//! Which policy holds, and what it makes of findings.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::project::{Project, golden};
use handpie_testkit::forge::macho::{self, MachO};
use handpie_testkit::forge::program::{DF_1_PIE, DT_FLAGS_1, Program, Segment};
use handpie_testkit::schema::Schema;

const PT_GNU_RELRO: u32 = 0x6474_e552;
const DT_PLTRELSZ: u64 = 2;
const DT_JMPREL: u64 = 23;

#[test]
fn without_a_policy_a_rule_has_its_own_level() {
    let project = Project::new();
    assert_eq!(project.answer(&["bin/fixed"], "bin/fixed", "pie"), "fail");
    assert_eq!(project.run(&["check", "bin/fixed"]).status, 1);
}

#[test]
fn a_level_turns_a_failure_into_a_warning_or_into_nothing() {
    let warned = Project::with("pie = 'warn'");
    assert_eq!(warned.answer(&["bin/fixed"], "bin/fixed", "pie"), "warn");
    assert_eq!(warned.run(&["check", "bin/fixed"]).status, 0);
    let off = Project::with("pie = { level = 'off' }");
    assert_eq!(off.answer(&["bin/fixed"], "bin/fixed", "pie"), "off");
}

#[test]
fn a_profile_on_the_command_line_goes_before_that_of_the_policy() {
    let project = Project::new();
    project.write("handpie.toml", "profile = 'portable'");
    let loader = |args: &[&str]| project.answer(args, "bin/good", "no-loader");
    assert_eq!(loader(&["bin/good"]), "fail");
    assert_eq!(loader(&["--profile", "host", "bin/good"]), "off");
    fs::remove_file(project.path("handpie.toml")).unwrap();
    assert_eq!(loader(&["bin/good"]), "warn");
    assert_eq!(loader(&["--profile", "portable", "bin/good"]), "fail");
}

#[test]
fn the_policy_is_found_upwards_and_its_paths_are_relative_to_it() {
    let project = Project::with("[[paths]]\nmatch = 'bin/fixed'\nrules = { pie = 'warn' }");
    for (folder, file) in [
        ("", "bin/fixed"),
        ("bin", "fixed"),
        ("bin", "../bin/./fixed"),
    ] {
        let ran = project.run_in(folder, &["check", file]);
        assert!(ran.stdout.contains("warn pie"), "{folder}: {ran:?}");
    }
    let ran = project.run_in("bin", &["check", "lax"]);
    assert!(ran.stdout.contains("fail pie"), "{ran:?}");
}

#[test]
fn the_search_for_a_policy_ends_at_the_repository() {
    let project = Project::with("pie = 'off'");
    let inner = project.path("inner/.git");
    fs::create_dir_all(inner).unwrap();
    fs::copy(project.path("bin/fixed"), project.path("inner/fixed")).unwrap();
    let ran = project.run_in("inner", &["check", "fixed"]);
    assert!(ran.stdout.contains("fail pie"), "{ran:?}");
}

#[test]
fn a_policy_that_is_named_has_paths_relative_to_the_working_directory() {
    let project = Project::with("pie = 'off'");
    fs::create_dir(project.path("ci")).unwrap();
    project.write(
        "ci/strict.toml",
        "[[paths]]\nmatch = 'bin/*'\nrules = { pie = 'warn' }",
    );
    let args = ["check", "--policy", "ci/strict.toml", "bin/fixed"];
    let ran = project.run(&args);
    assert!(
        ran.stdout.contains("warn ") && ran.stdout.contains("pie"),
        "{ran:?}"
    );
}

const WAIVER: &str = "[[waivers]]
rule = ['pie', 'executable-stack']
path = 'bin/*'
reason = 'ticket 7'
";

#[test]
fn what_is_waived_does_not_count_and_says_why() {
    let project = Project::with(&format!("{WAIVER}expires = 9999-12-31"));
    let ran = project.run(&["check", "bin/lax"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let words = "; waived pie, executable-stack (until 9999-12-31: ticket 7)\n";
    assert!(ran.stdout.ends_with(words), "{ran:?}");
    let report = project.json(&["bin/lax"]);
    let finding = &report["result"]["files"][0]["findings"][0];
    assert_eq!(finding["answer"], "waived");
    assert_eq!(finding["waiver"]["reason"], "ticket 7");
    assert_eq!(finding["waiver"]["expired"], false);
}

#[test]
fn an_expired_waiver_does_not_count_and_is_said() {
    let project = Project::with(&format!("{WAIVER}expires = 2000-01-01"));
    let ran = project.run(&["check", "bin/lax"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    let words = "fail pie, executable-stack (the waiver expired on 2000-01-01)";
    assert!(ran.stdout.contains(words), "{ran:?}");
    let report = project.json(&["bin/lax"]);
    let finding = &report["result"]["files"][0]["findings"][0];
    assert_eq!(
        (&finding["answer"], &finding["waiver"]["expired"]),
        (&"fail".into(), &true.into())
    );
}

#[test]
fn a_waiver_that_nothing_needed_is_noted_when_more_is_wanted() {
    let project = Project::with(&format!("{WAIVER}expires = 9999-12-31"));
    assert_eq!(project.run(&["check", "bin/good"]).stderr, "");
    let ran = project.run(&["check", "-v", "bin/good"]);
    let line = Project::first_line();
    let note = format!(
        "note: nothing here needed the waiver for pie, executable-stack (handpie.toml, line {line})\n"
    );
    assert_eq!(ran.stderr, note);
    assert_eq!(project.run(&["check", "-v", "bin/lax"]).stderr, "");
}

#[test]
fn what_holds_is_printed_on_request() {
    let project = Project::with(&format!(
        "pie = {{ level = 'warn', severity = 'low' }}\n\
         [[paths]]\nmatch = ['bin/*', '*.so']\nrules = {{ pie = 'fail' }}\n\
         {WAIVER}expires = 2000-01-01\n"
    ));
    let ran = project.run(&["check", "--print-policy", "--profile", "portable"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let asked = ["pie ", "no-loader ", "executable-stack "];
    let rules = handpie_audit::rules().map(|rule| rule.code);
    let others: Vec<&str> = rules
        .filter(|code| !asked.contains(&format!("{code} ").as_str()))
        .collect();
    let is_other = |line: &str| {
        others
            .iter()
            .any(|code| line.trim().starts_with(&format!("{code} ")))
    };
    // The column of codes is as wide as the longest, whatever rules there are.
    let lines = ran.stdout.lines().filter(|line| !is_other(line));
    let lines: Vec<String> = lines.map(|line| squeezed(line) + "\n").collect();
    golden("policy.txt", &lines.concat());
    let json = project.json(&["--print-policy"]);
    Schema::of("check").holds(&json);
    let rules = json["result"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), handpie_audit::rules().count());
    let pie = rules.iter().find(|rule| rule["code"] == "pie").unwrap();
    assert_eq!(
        (&pie["level"], &pie["origin"]),
        (&"warn".into(), &"rules".into())
    );
    assert_eq!(pie["profiles"]["host"], "fail");
    assert_eq!(json["result"]["waivers"][0]["expired"], true);
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Programs of which a rule says less than "fail": setuid, RELRO in part, a signature of nobody.
fn doubtful() -> Project {
    let project = Project::new();
    let partial = Program {
        segments: vec![Segment::new(PT_GNU_RELRO, 4, 0x1000, 0x100)],
        tags: vec![
            (DT_FLAGS_1, DF_1_PIE),
            (DT_PLTRELSZ, 24),
            (DT_JMPREL, 0x800),
        ],
        ..Program::of_c()
    };
    let signed = MachO {
        signature: Some(macho::signature(macho::CS_ADHOC, false)),
        ..MachO::default()
    };
    for (name, bytes) in [("partial", partial.bytes()), ("signed", signed.build())] {
        fs::write(project.path("bin").join(name), bytes).unwrap();
    }
    let setuid = project.path("bin/setuid");
    fs::copy(project.path("bin/good"), &setuid).unwrap();
    fs::set_permissions(&setuid, fs::Permissions::from_mode(0o4755)).unwrap();
    project
}

#[test]
fn a_policy_that_says_fail_stops_a_release_for_what_a_rule_only_warns_of() {
    let project = doubtful();
    for (file, rule) in [
        ("bin/setuid", "setuid"),
        ("bin/partial", "relro"),
        ("bin/signed", "macho-signature"),
    ] {
        for (setting, answer) in [
            ("", "warn"),
            ("'fail'", "fail"),
            ("{ level = 'fail' }", "fail"),
            ("{ warn = 'fail' }", "fail"),
            ("{ level = 'fail', warn = 'warn' }", "warn"),
            ("'warn'", "warn"),
        ] {
            let text = match setting {
                "" => String::new(),
                setting => format!("[rules]\n{rule} = {setting}\n"),
            };
            project.write("handpie.toml", &text);
            assert_eq!(project.answer(&[file], file, rule), answer, "{text}");
        }
        project.write("handpie.toml", &format!("[rules]\n{rule} = 'fail'\n"));
        let ran = project.run(&["check", file]);
        assert_eq!(ran.status, 1, "{ran:?}");
        let ran = project.run(&["check", "-v", file]);
        let words = "; `warn` counts as `fail` here\n";
        assert!(ran.stdout.contains(words), "{ran:?}");
        let report = project.json(&[file]);
        Schema::of("check").holds(&report);
        let findings = &report["result"]["files"][0]["findings"];
        let mut findings = findings.as_array().unwrap().iter();
        let finding = findings.find(|it| it["code"] == rule).unwrap();
        assert_eq!(finding["judgement"], "warn");
        let ran = project.run(&["check", "--format", "sarif", file]);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let mut results = report["runs"][0]["results"].as_array().unwrap().iter();
        let result = results.find(|it| it["ruleId"] == rule).unwrap();
        assert_eq!(result["level"], "error");
        // What is raised can be waived like any other failure.
        let waiver = format!(
            "[[waivers]]\nrule = '{rule}'\nreason = 'r'\nexpires = 9999-12-31\n[rules]\n{rule} = 'fail'\n"
        );
        project.write("handpie.toml", &waiver);
        assert_eq!(project.answer(&[file], file, rule), "waived");
    }
}

#[test]
fn a_policy_can_stop_a_release_for_what_is_unknown() {
    let project = Project::new();
    let stripped = Program {
        interpreter: None,
        ..Program::of_c()
    };
    fs::write(project.path("bin/stripped"), stripped.bytes()).unwrap();
    let report = project.json(&["bin/stripped"]);
    let findings = report["result"]["files"][0]["findings"].as_array().unwrap();
    let unknown = findings.iter().filter(|it| it["answer"] == "unknown");
    let unknown: Vec<&str> = unknown.map(|it| it["code"].as_str().unwrap()).collect();
    assert!(!unknown.is_empty(), "{report:#}");
    for rule in &unknown {
        for (text, answer) in [
            (format!("[rules]\n{rule} = 'fail'"), "unknown"),
            (format!("[rules]\n{rule} = {{ unknown = 'warn' }}"), "warn"),
            (format!("[rules]\n{rule} = {{ unknown = 'fail' }}"), "fail"),
            ("unknown = 'fail'".to_owned(), "fail"),
            (
                format!("unknown = 'fail'\n[rules]\n{rule} = {{ unknown = 'off' }}"),
                "unknown",
            ),
            (
                format!("[[paths]]\nmatch = 'bin'\nrules = {{ {rule} = {{ unknown = 'fail' }} }}"),
                "fail",
            ),
        ] {
            project.write("handpie.toml", &text);
            let file = "bin/stripped";
            assert_eq!(project.answer(&[file], file, rule), answer, "{text}");
        }
        project.write("handpie.toml", "unknown = 'fail'");
        let ran = project.run(&["check", "-v", "bin/stripped"]);
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(
            ran.stdout.contains("; `unknown` counts as `fail` here\n"),
            "{ran:?}"
        );
    }
    let report = project.json(&["--print-policy"]);
    Schema::of("check").holds(&report);
    for rule in report["result"]["rules"].as_array().unwrap() {
        assert_eq!(
            (&rule["unknown"], &rule["warn"]),
            (&"fail".into(), &"warn".into())
        );
    }
}

#[test]
fn a_table_that_names_no_file_here_is_noted() {
    let tables = format!(
        "{WAIVER}expires = 9999-12-31\n\
         [[waivers]]\nrule = 'pie'\npath = 'dist/old'\nreason = 'r'\nexpires = 9999-12-31\n\
         [[paths]]\nmatch = ['lib/*', 'lib64/*']\nrules = {{ pie = 'off' }}\n\
         [[waivers]]\nrule = 'pie'\nreason = 'every file'\nexpires = 9999-12-31\n"
    );
    let project = Project::with(&tables);
    let line = Project::first_line();
    let notes = format!(
        "note: no file here matches `lib/*`, `lib64/*` of [[paths]] (handpie.toml, line {})\n\
         note: no file here matches `dist/old` of [[waivers]] (handpie.toml, line {})\n",
        line + 10,
        line + 5,
    );
    for args in [
        &["check", "bin/lax"] as &[&str],
        &["check", "-v", "bin/lax"],
    ] {
        let ran = project.run(args);
        assert!(ran.stderr.starts_with(&notes), "{ran:?}");
    }
    assert_eq!(project.run(&["check", "bin/lax"]).stderr, notes);
    let ran = project.run(&["check", "--format", "json", "bin/lax"]);
    assert_eq!(ran.stderr, notes, "whatever the format");
    let many: String = (0..20)
        .map(|number| format!("[[paths]]\nmatch = 'x{number}'\nrules = {{}}\n"))
        .collect();
    let project = Project::with(&many);
    let ran = project.run(&["check", "bin/good"]);
    assert!(
        ran.stderr
            .ends_with("\nnote: and none matches what 12 more tables name; -v shows them\n"),
        "{ran:?}"
    );
    assert_eq!(
        project
            .run(&["check", "-v", "bin/good"])
            .stderr
            .lines()
            .count(),
        20
    );
}

#[test]
fn what_a_list_of_paths_excludes_is_not_meant() {
    let project =
        Project::with("[[paths]]\nmatch = ['bin', '!bin/lax']\nrules = { pie = 'off' }\n");
    assert_eq!(project.answer(&["bin/fixed"], "bin/fixed", "pie"), "off");
    assert_eq!(project.answer(&["bin/lax"], "bin/lax", "pie"), "fail");
    let project = Project::with(
        "[[waivers]]\nrule = 'pie'\npath = ['*', '!lax', 'bin/lax']\nreason = 'r'\nexpires = 9999-12-31\n",
    );
    assert_eq!(project.answer(&["bin/lax"], "bin/lax", "pie"), "waived");
    for list in ["'!bin/lax'", "['!bin/lax', 'bin/*']", "['bin/*', '!']"] {
        let project = Project::with(&format!(
            "[[paths]]\nmatch = {list}\nrules = {{ pie = 'off' }}\n"
        ));
        let ran = project.run(&["check", "bin/lax"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
        let place = format!(
            "`handpie.toml`, line {}, column ",
            Project::first_line() + 1
        );
        assert!(ran.stderr.contains(&place), "{ran:?}");
    }
}

#[test]
fn a_waiver_for_a_folder_holds_for_what_is_in_it() {
    for path in [
        "'bin'",
        "'./bin'",
        "'bin/'",
        "'.'",
        "'{bin,lib}'",
        "['lib', 'bin/old']",
    ] {
        let project = Project::with(&format!(
            "[[waivers]]\nrule = 'pie'\npath = {path}\nreason = 'r'\nexpires = 9999-12-31\n"
        ));
        fs::create_dir_all(project.path("bin/old/deep")).unwrap();
        fs::copy(
            project.path("bin/fixed"),
            project.path("bin/old/deep/fixed"),
        )
        .unwrap();
        let file = "bin/old/deep/fixed";
        assert_eq!(project.answer(&[file], file, "pie"), "waived", "{path}");
        assert_eq!(project.run(&["check", "bin/old"]).status, 0, "{path}");
    }
}

#[test]
fn paths_are_the_same_through_a_link_to_the_working_directory() {
    let waiver = |path: &str| {
        format!("[[waivers]]\nrule = 'pie'\npath = '{path}'\nreason = 'r'\nexpires = 9999-12-31\n")
    };
    let project = Project::with(&waiver("bin/fixed"));
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link");
    let shortcut = elsewhere.path().join("shortcut");
    std::os::unix::fs::symlink(project.path(""), &link).unwrap();
    std::os::unix::fs::symlink(project.path("bin"), &shortcut).unwrap();
    let rules = fs::read_to_string(project.path("handpie.toml")).unwrap();
    let rules = rules.strip_suffix(&waiver("bin/fixed")).unwrap();
    let linked = link.join("bin/fixed").display().to_string();
    let short = shortcut.join("fixed").display().to_string();
    let real = project.path("bin/fixed").display().to_string();
    let glob_through_link = link.join("bin/*").display().to_string();
    let absolute = project.path("bin/*").display().to_string();
    for glob in ["bin/fixed", "fixed", "bin", &absolute, &glob_through_link] {
        project.write("handpie.toml", &format!("{rules}{}", waiver(glob)));
        for file in ["bin/fixed", &real, &linked, &short, "bin/../bin/fixed"] {
            let args = ["check", "--format", "json", file];
            // As a shell that entered it through the link.
            let ran = project.run_in(&link.display().to_string(), &args);
            let is_waived = ran.stdout.contains("\"answer\": \"waived\"");
            assert!(is_waived, "{glob} {file}: {ran:?}");
        }
    }
    project.write("handpie.toml", rules);
    for format in ["sarif", "github"] {
        let ran = project.run(&["check", "--format", format, &linked]);
        assert!(
            !ran.stdout.contains("file:///") && ran.stdout.contains("bin/fixed"),
            "{ran:?}"
        );
    }
}
