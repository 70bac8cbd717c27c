//! Bad input of every kind: each has its code, its words, its exit status and its page, all reasons
//! are given at once, text and JSON say the same, and nothing is written.
//!
//! What a tool can make is made by that tool (`go_programs`, `c_programs`); the rest is forged, and
//! so is one input for every code, so that no code goes untested where a tool is missing.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of it is test code; a kill test says how often it hit"
)]

#[path = "../support/mod.rs"]
mod support;

mod judge;
mod forged;
mod go_programs;
mod c_programs;
mod cut_short;
mod inputs;
mod outputs;
mod in_place;
mod documents;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use handpie_binary::ErrorKind;

/// The codes that `handpie convert` can end with, as the libraries list them.
fn codes() -> BTreeSet<&'static str> {
    let refusals = handpie_pie::Code::ALL.iter().map(|code| code.name());
    // A conversion reads ELF; what is said of other formats is `check`'s.
    let errors = ErrorKind::ALL
        .iter()
        .filter(|kind| !matches!(kind, ErrorKind::NotBinary | ErrorKind::UnsupportedBinary));
    let errors = errors.map(|kind| kind.code());
    let paths = inputs::CASES.iter().map(|(code, _)| *code);
    refusals.chain(errors).chain(paths).collect()
}

#[test]
fn every_code_comes_of_some_input() {
    let mut produced: BTreeSet<String> = BTreeSet::new();
    for case in forged::cases() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("input");
        fs::write(&input, &case.bytes).unwrap();
        produced.extend(judge::codes_of(&input));
    }
    for (code, arrange) in inputs::CASES {
        let folder = tempfile::tempdir().unwrap();
        let ran = judge::run(arrange(folder.path()));
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(
            said.contains(&format!("handpie explain {code}")),
            "{code} was expected:\n{said}"
        );
        produced.insert((*code).to_owned());
    }
    let missing: Vec<&str> = codes()
        .into_iter()
        .filter(|code| !produced.contains(*code))
        .collect();
    assert_eq!(missing, [""; 0], "add an input that produces it");
    let unknown: Vec<&String> = produced
        .iter()
        .filter(|code| !codes().contains(code.as_str()))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?} is in no list of codes");
}

#[test]
fn every_code_is_listed_and_explained() {
    let list = judge::run(["explain"]).stdout;
    for code in codes() {
        let line = list.lines().find(|line| line.starts_with(code));
        let line = line.unwrap_or_else(|| panic!("`handpie explain` does not list {code}"));
        let title = line.trim_start_matches(code).trim();
        assert!(title.contains(' '), "the title of {code} is no phrase");
        let page = judge::run(["explain", code]);
        assert_eq!(page.status, 0);
        assert!(page.stdout.starts_with(&format!("# {title}\n")), "{code}");
        for part in ["## Fix\n", "## Verify\n", "## Sources\n"] {
            assert!(
                page.stdout.contains(part),
                "the page of {code} lacks {part:?}"
            );
        }
    }
}

#[test]
fn pages_fit_a_terminal() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/findings");
    for code in codes().into_iter().chain(["README"]) {
        let text = fs::read_to_string(folder.join(format!("{code}.md"))).unwrap();
        let long = text.lines().find(|line| line.chars().count() > 100);
        assert_eq!(long, None, "{code}.md has a line of more than 100 columns");
        let lines = text.lines().count();
        assert!((20..=60).contains(&lines), "{code}.md has {lines} lines");
    }
}
