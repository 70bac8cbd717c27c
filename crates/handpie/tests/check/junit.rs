//! JUnit XML: to the letter, and within what Jenkins' schema allows.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::project::{Project, golden};

const POLICY: &str = "[[waivers]]
rule = 'pie'
path = 'bin/fixed'
reason = 'ticket 7'
expires = 9999-12-31
";

fn report(project: &Project, args: &[&str]) -> String {
    project
        .run(&[&["check", "--format", "junit"], args].concat())
        .stdout
}

#[test]
fn a_file_is_a_suite_and_a_rule_a_case() {
    let xml = report(&Project::with(POLICY), &["bin"]);
    golden("suites.xml", &xml);
    conforms(&xml);
}

#[test]
fn names_with_marks_of_xml_and_control_characters_stay_well_formed() {
    let project = Project::with("");
    let name = "a<b>&\"'\u{1}c";
    std::fs::rename(project.path("bin/lax"), project.path(name)).unwrap();
    let xml = report(&project, &[name]);
    conforms(&xml);
    let wanted = "classname=\"a&lt;b&gt;&amp;&quot;&apos;\\x01c\"";
    assert!(xml.contains(wanted), "{xml}");
}

/// The name of an element, its attributes, those that must be there, its children.
type Element = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

/// What may be in an element: its attributes, those of them that must be there, and its children.
/// After junit-10.xsd of Jenkins' xUnit plugin.
const ELEMENTS: [Element; 7] = [
    (
        "testsuites",
        &["name", "time", "tests", "failures", "errors"],
        &[],
        &["testsuite"],
    ),
    (
        "testsuite",
        &[
            "name",
            "tests",
            "failures",
            "errors",
            "skipped",
            "time",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
            "group",
        ],
        &["name", "tests", "failures", "errors"],
        &[
            "testsuite",
            "properties",
            "testcase",
            "system-out",
            "system-err",
        ],
    ),
    (
        "testcase",
        &["name", "time", "classname", "group"],
        &["name"],
        &["skipped", "error", "failure", "system-out", "system-err"],
    ),
    ("failure", &["type", "message"], &[], &[]),
    ("error", &["type", "message"], &[], &[]),
    ("skipped", &["type", "message"], &[], &[]),
    ("system-out", &[], &[], &[]),
];

/// Holds a document against [`ELEMENTS`], and the counts of suites against their cases.
fn conforms(xml: &str) {
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(start) => {
                let element = enter(&start, open.last());
                *seen.entry(element.0.clone()).or_default() += 1;
                open.push(element);
            }
            Event::Empty(start) => {
                let (name, _) = enter(&start, open.last());
                *seen.entry(name).or_default() += 1;
            }
            Event::End(_) => {
                let (name, attributes) = open.pop().expect("an open element");
                if name == "testsuite" {
                    for (count, child) in [
                        ("tests", "testcase"),
                        ("failures", "failure"),
                        ("errors", "error"),
                        ("skipped", "skipped"),
                    ] {
                        let found = seen.remove(child).unwrap_or(0).to_string();
                        assert_eq!(attributes[count], found, "{count} of {attributes:?}");
                    }
                }
            }
            Event::Text(text) if open.len() < 3 => {
                assert_eq!(text.trim(), "", "text between elements");
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?} is not closed");
}

fn enter(
    start: &BytesStart<'_>,
    parent: Option<&(String, BTreeMap<String, String>)>,
) -> (String, BTreeMap<String, String>) {
    let name = start.name().as_ref().to_owned();
    let rule = |name: &str| {
        *ELEMENTS
            .iter()
            .find(|(known, ..)| *known == name)
            .expect(name)
    };
    let (_, allowed, required, _) = rule(&name);
    match parent {
        Some((parent, _)) => assert!(
            rule(parent).3.contains(&name.as_str()),
            "{name} in {parent}"
        ),
        None => assert_eq!(name, "testsuites"),
    }
    let attributes = start.attributes().map(|attribute| {
        let attribute = attribute.expect("an attribute");
        let key = attribute.key.as_ref().to_owned();
        assert!(allowed.contains(&key.as_str()), "{key} of {name}");
        (key, attribute.value.into_owned())
    });
    let attributes: BTreeMap<String, String> = attributes.collect();
    for key in required {
        assert!(attributes.contains_key(*key), "{name} lacks {key}");
    }
    (name, attributes)
}
