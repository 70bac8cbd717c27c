//! What people read.

use crate::project::{Project, golden};

const WAIVERS: &str = "
[[waivers]]
rule = 'pie'
path = 'bin/fixed'
reason = 'the vendor ships it so, ticket 7'
expires = 9999-12-31

[[waivers]]
rule = 'executable-stack'
reason = 'until the trampolines are gone'
expires = 2000-01-01
";

#[test]
fn a_file_is_a_line_and_the_last_line_counts() {
    let project = Project::with(WAIVERS);
    let ran = project.run(&["check", "bin"]);
    golden("lines.txt", &ran.stdout);
    assert_eq!((ran.status, ran.stderr.as_str()), (3, ""));
}

#[test]
fn verbose_is_grouped_by_answer_with_why_where_and_what_to_do() {
    let project = Project::with(WAIVERS);
    golden("verbose.txt", &project.run(&["check", "-v", "bin"]).stdout);
}

#[test]
fn long_lines_are_wrapped_to_the_terminal() {
    let project = Project::with(WAIVERS);
    let wide = project.run(&["check", "-v", "bin/lax"]).stdout;
    let ran = project.run_with("", &["check", "-v", "bin/lax"], &[("COLUMNS", "72")]);
    golden("wrapped.txt", &ran.stdout);
    assert_ne!(wide, ran.stdout);
    let mut entries = ran.stdout.lines().skip(1);
    assert!(
        entries.all(|line| line.chars().count() <= 72),
        "{}",
        ran.stdout
    );
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(&wide), words(&ran.stdout), "wrapping loses nothing");
}

#[test]
fn one_file_is_not_counted() {
    let project = Project::with("no-loader = 'off'");
    let ran = project.run(&["check", "bin/good"]);
    assert_eq!(
        ran.stdout,
        "bin/good: PIE that needs a dynamic loader but no library, C or C++: pass\n"
    );
    assert_eq!(ran.status, 0);
}

#[test]
fn colours_come_when_they_are_wanted_and_say_nothing_of_their_own() {
    let project = Project::with(WAIVERS);
    let plain = project.run(&["check", "-v", "bin"]).stdout;
    let coloured = project
        .run(&["check", "-v", "--color", "always", "bin"])
        .stdout;
    assert!(coloured.contains("\x1b["), "{coloured}");
    let mut without = String::new();
    for piece in coloured.split("\x1b[") {
        match without.is_empty() {
            true => without.push_str(piece),
            false => without.push_str(piece.split_once('m').unwrap().1),
        }
    }
    assert_eq!(without, plain);
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let project = Project::with("no-loader = 'off'");
    let name = "a\u{1b}[2J\n::error::b";
    std::fs::rename(project.path("bin/good"), project.path(name)).unwrap();
    let ran = project.run(&["check", name]);
    assert!(
        ran.stdout.starts_with("a\\x1b[2J\\n::error::b: "),
        "{ran:?}"
    );
}
