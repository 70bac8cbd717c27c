//! Mistakes: in a policy, on the command line, in what is to be read.

use crate::project::Project;
use handpie_testkit::schema::Schema;

#[test]
fn a_mistake_in_the_policy_is_told_with_its_place_and_its_page() {
    for (text, code, words, hint) in [
        (
            "[rules]\npi = 'off'\n",
            "policy-unknown-name",
            "`handpie.toml`, line 2, column 1: unknown rule `pi`",
            "did you mean `pie`?",
        ),
        (
            "[rules]\npie = { levle = 'off' }\n",
            "policy-unknown-name",
            "`handpie.toml`, line 2, column 9: unknown key `levle`",
            "did you mean `level`?",
        ),
        (
            "profile = 'portabel'\n",
            "policy-value",
            "`handpie.toml`, line 1, column 11: unknown value `portabel`, expected one of `portable`, \
             `host`, `distro`",
            "did you mean `portable`?",
        ),
        (
            "[rules]\npie = \n",
            "policy-syntax",
            "`handpie.toml`, line 2, column 7: invalid TOML: string values must be quoted, expected \
             literal string",
            "",
        ),
    ] {
        let project = Project::new();
        project.write("handpie.toml", text);
        for folder in ["", "bin"] {
            let ran = project.run_in(folder, &["check", "good"]);
            assert_eq!(ran.status, 2, "{ran:?}");
            let name = match folder {
                "" => "handpie.toml".to_owned(),
                _ => project.path("handpie.toml").display().to_string(),
            };
            let words = words.replace("handpie.toml", &name);
            let hint = match hint {
                "" => String::new(),
                hint => format!("hint: {hint}\n"),
            };
            let wanted = format!("error: {words}\n{hint}see: handpie explain {code}\n");
            assert_eq!((ran.stdout.as_str(), ran.stderr), ("", wanted));
        }
        let json = project.json(&["bin/good"]);
        Schema::of("check").holds(&json);
        assert_eq!(json["error"]["code"], code);
        let page = project.run(&["explain", code]);
        for part in ["# ", "\n## Fix\n", "\n## Verify\n", "\n## Sources\n"] {
            assert!(
                page.stdout.contains(part),
                "the page of {code} lacks {part:?}"
            );
        }
    }
}

#[test]
fn a_policy_that_is_not_there_or_no_file_is_said() {
    let project = Project::new();
    let ran = project.run(&["check", "--policy", "absent.toml", "bin/good"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(
        ran.stderr
            .starts_with("error: failed to read `absent.toml`\n"),
        "{ran:?}"
    );
    let ran = project.run(&["check", "--policy", "bin", "bin/good"]);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(
        ran.stderr
            .starts_with("error: the policy `bin` is a directory\n"),
        "{ran:?}"
    );
}

#[test]
fn formats_of_findings_are_refused_by_what_has_none() {
    let project = Project::new();
    let commands: [&[&str]; 5] = [
        &["convert", "--dry-run", "bin/good"],
        &["doctor"],
        &["env"],
        &["explain", "pie"],
        &["check", "--print-policy"],
    ];
    for command in commands {
        for format in ["sarif", "junit", "github"] {
            let ran = project.run(&[command, &["--format", format]].concat());
            assert_eq!(
                (ran.status, ran.stdout.as_str()),
                (2, ""),
                "{command:?}: {ran:?}"
            );
            assert!(ran.stderr.starts_with("error: "), "{command:?}: {ran:?}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_ends_with_3_in_every_format() {
    let project = Project::with("");
    for format in ["text", "json", "sarif", "junit", "github"] {
        let ran = project.run(&["check", "--format", format, "bin/lax", "bin/cut", "absent"]);
        assert_eq!(
            (ran.status, ran.stderr.as_str()),
            (3, ""),
            "{format}: {ran:?}"
        );
        for word in ["bin/cut", "truncated", "absent", "No such file"] {
            let is_there = ran.stdout.contains(word) || (format == "text" && word == "truncated");
            assert!(is_there, "{format} lacks {word:?}: {ran:?}");
        }
    }
}
