//! Which policy holds, and what it makes of findings.

use std::fs;

use crate::project::{Project, golden};
use handpie_testkit::schema::Schema;

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
