//! Annotations of GitHub Actions.

use crate::project::{Project, golden};

#[test]
fn failures_and_warnings_are_annotations_and_the_rest_is_not() {
    let project = Project::with(
        "[[waivers]]\nrule = 'pie'\npath = 'bin/fixed'\nreason = 'r'\nexpires = 9999-12-31",
    );
    golden(
        "annotations.txt",
        &project.run(&["check", "--format", "github", "bin"]).stdout,
    );
}

#[test]
fn paths_are_relative_to_the_working_directory_and_escaped() {
    let project = Project::with("no-loader = 'off'");
    let name = "a,b: 100%\n::error::x";
    std::fs::rename(project.path("bin/fixed"), project.path(name)).unwrap();
    let path = project.path(name).display().to_string();
    let ran = project.run(&["check", "--format", "github", &path]);
    let first = ran.stdout.lines().next().unwrap();
    let start = "::error file=a%2Cb%3A 100%25\\n%3A%3Aerror%3A%3Ax,title=pie%3A wants a random load \
                 address::";
    assert!(first.starts_with(start), "{ran:?}");
    assert_eq!(
        ran.stdout.lines().count(),
        2,
        "the name starts no line: {ran:?}"
    );
}
