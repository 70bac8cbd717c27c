//! Mistakes: in a policy, on the command line, in what is to be read.

use std::fs;

use crate::project::Project;
use crate::support::{Ran, tool};
use handpie_testkit::schema::Schema;
use handpie_toolchain::command::Tool;

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
fn what_is_no_utf8_is_a_mistake_in_the_policy() {
    let project = Project::new();
    for (bytes, place) in [
        (b"# caf\xe9\n" as &[u8], "line 1, column 6"),
        (b"profile = 'host'\n# \xff\xfe\n", "line 2, column 3"),
        (b"\xff\xfep\0r\0", "line 1, column 1"),
    ] {
        fs::write(project.path("handpie.toml"), bytes).unwrap();
        for command in [
            &["check", "bin/good"] as &[&str],
            &["diff", "bin/good", "bin/good"],
        ] {
            let ran = project.run(command);
            assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
            let words = format!("error: `handpie.toml`, {place}: invalid TOML: the byte 0x");
            assert!(ran.stderr.starts_with(&words), "{ran:?}");
            assert!(
                ran.stderr
                    .ends_with("\nsee: handpie explain policy-syntax\n"),
                "{ran:?}"
            );
        }
    }
}

#[test]
fn a_policy_comes_from_a_pipe_as_well() {
    let project = Project::with("");
    project.write("ci.toml", "[rules]\npie = 'off'\nno-loader = 'off'\n");
    let pipe = project.path("pipe");
    let Some(shell) = tool("sh", "policies from pipes") else {
        return;
    };
    for script in [
        "$HANDPIE check --policy /dev/stdin bin/fixed < ci.toml",
        "cat ci.toml | $HANDPIE check --policy /dev/stdin bin/fixed",
        "mkfifo pipe && { cat ci.toml > pipe & $HANDPIE check --policy pipe bin/fixed; }",
    ] {
        _ = fs::remove_file(&pipe);
        let run = Tool::new(&shell).args(["-c", script]).dir(project.path(""));
        let ran = Ran::of(&run.env("HANDPIE", env!("CARGO_BIN_EXE_handpie")));
        assert_eq!(ran.stderr, "", "{script}: {ran:?}");
        let is_read = ran.stdout.starts_with("bin/fixed: ") && !ran.stdout.contains("pie,");
        assert!(
            is_read && !ran.stdout.contains("fail pie"),
            "{script}: {ran:?}"
        );
    }
    // An endless one is read as far as a policy goes.
    let ran = project.run(&["check", "--policy", "/dev/zero", "bin/fixed"]);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("a policy of more than 1048576 bytes"),
        "{ran:?}"
    );
}

/// In a stranger's repository nothing is read that could wait or never end, and nothing is skipped.
#[test]
fn what_is_called_handpie_toml_and_is_no_file_is_said() {
    let project = Project::new();
    let policy = project.path("handpie.toml");
    let refused = |status, words: &str| {
        let ran = project.run_in("bin", &["check", "good"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (status, ""), "{ran:?}");
        assert!(ran.stderr.contains(words), "{ran:?}");
    };
    fs::create_dir(&policy).unwrap();
    refused(2, "is a directory\n");
    fs::remove_dir(&policy).unwrap();
    for (target, status, words) in [
        ("/dev/zero", 2, "is a device\n"),
        ("absent", 3, "No such file"),
        ("handpie.toml", 3, "symbolic links"),
    ] {
        std::os::unix::fs::symlink(target, &policy).unwrap();
        refused(status, words);
        fs::remove_file(&policy).unwrap();
    }
}

#[test]
fn a_hostile_policy_ends_with_a_place_and_no_crash() {
    let braces = "{a,".repeat(130) + &"}".repeat(130);
    let waiver = "[[waivers]]\nrule = 'pie'\npath = 'x*y'\nreason = 'r'\nexpires = 9999-12-31\n";
    let project = Project::new();
    for (text, place) in [
        (
            format!("[[paths]]\nmatch = '{braces}'\nrules = {{}}\n"),
            "line 2, column 9: ",
        ),
        (
            format!(
                "[[paths]]\nmatch = '{}'\nrules = {{}}\n",
                "?".repeat(200_000)
            ),
            "line 2, column 9: ",
        ),
        (waiver.repeat(20_000), "line 3, column "),
        (waiver.repeat(11_000), "line 50001, column 1: "),
        (
            format!("[[vuln]]\nid = 'x'\npath = ['a', '{}']\n", "[".repeat(5000)),
            "line 3, column 14: ",
        ),
    ] {
        project.write("handpie.toml", &text);
        let start = std::time::Instant::now();
        let ran = project.run(&["check", "bin/good"]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
        let is_placed = ran.stderr.contains(place) || text.len() > 1 << 20;
        assert!(is_placed && ran.stderr.len() < 1000, "{ran:?}");
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    }
    project.write("handpie.toml", &waiver.repeat(4_000));
    let ran = project.run(&["check", "bin/good"]);
    assert!(ran.stdout.starts_with("bin/good: "), "{ran:?}");
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
