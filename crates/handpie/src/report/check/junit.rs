//! JUnit, as Jenkins reads it: a suite a file, a case a rule.
//!
//! JUnit has no warnings: a rule that warns passes, and says so in the output of its case.
//! The elements and attributes are those of junit-10.xsd of Jenkins' xUnit plugin.

use std::io::{self, Write};

use handpie_audit::{Answer, Finding};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Renderer, Summary, shown, why};
use crate::binaries::Unread;
use crate::examination::Examination;
use crate::report::escape;

pub(super) struct Junit;

impl Renderer<Examination, Summary> for Junit {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let declaration = BytesDecl::new("1.0", Some("UTF-8"), None);
        Writer::new(&mut *out).write_event(Event::Decl(declaration))?;
        writeln!(out, "\n<testsuites name=\"handpie check\">")
    }

    fn binary(&mut self, out: &mut dyn Write, file: &Examination) -> io::Result<()> {
        let skipped = [Answer::NotApplicable, Answer::Unknown, Answer::Waived];
        let skipped = file.findings.iter().filter(|f| skipped.contains(&f.answer));
        let counts = Counts {
            tests: file.findings.len(),
            failures: file.with(Answer::Fail).count(),
            errors: 0,
            skipped: skipped.count(),
        };
        let name = file.title();
        suite(out, &name, &counts, |writer| {
            file.findings
                .iter()
                .try_for_each(|finding| case(writer, &name, finding))
        })
    }

    fn unread(&mut self, out: &mut dyn Write, file: &Unread) -> io::Result<()> {
        let counts = Counts {
            tests: 1,
            errors: 1,
            ..Counts::default()
        };
        suite(out, &file.name, &counts, |writer| {
            let element = writer.create_element("testcase");
            let attributes = [("name", "readable"), ("classname", &legal(&file.name))];
            let element = element.with_attributes(attributes);
            let written = element.write_inner_content(|writer| {
                let code = file.code.unwrap_or("unreadable");
                let error = writer.create_element("error");
                let attributes = [("type", code), ("message", &legal(&file.message))];
                error.with_attributes(attributes).write_empty().map(drop)
            });
            written.map(drop)
        })
    }

    fn end(&mut self, out: &mut dyn Write, _: &Summary) -> io::Result<()> {
        writeln!(out, "</testsuites>")
    }
}

#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

type Xml<'a> = Writer<&'a mut dyn Write>;

fn suite(
    out: &mut dyn Write,
    name: &str,
    counts: &Counts,
    cases: impl FnOnce(&mut Xml<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut writer = Writer::new_with_indent(out, b' ', 2);
    let counts = [
        ("tests", counts.tests.to_string()),
        ("failures", counts.failures.to_string()),
        ("errors", counts.errors.to_string()),
        ("skipped", counts.skipped.to_string()),
    ];
    let element = writer.create_element("testsuite");
    let element = element.with_attribute(("name", legal(name).as_str()));
    let counts = counts.iter().map(|(name, count)| (*name, count.as_str()));
    element.with_attributes(counts).write_inner_content(cases)?;
    writer.into_inner().write_all(b"\n")
}

fn case(writer: &mut Xml<'_>, file: &str, finding: &Finding) -> io::Result<()> {
    let element = writer.create_element("testcase");
    let attributes = [("name", finding.rule.code), ("classname", &legal(file))];
    let element = element.with_attributes(attributes);
    let why = legal(&why(finding));
    match finding.answer {
        Answer::Pass => element.write_empty(),
        Answer::Fail => element.write_inner_content(|writer| {
            let failure = writer.create_element("failure");
            let attributes = [("type", finding.rule.code), ("message", &why)];
            let failure = failure.with_attributes(attributes);
            failure
                .write_text_content(BytesText::new(&details(finding)))
                .map(drop)
        }),
        Answer::Warn => element.write_inner_content(|writer| {
            let text = format!("warning: {why}\n{}", details(finding));
            let output = writer.create_element("system-out");
            output.write_text_content(BytesText::new(&text)).map(drop)
        }),
        Answer::NotApplicable | Answer::Unknown | Answer::Waived => {
            element.write_inner_content(|writer| {
                let skipped = writer.create_element("skipped");
                let message = match finding.answer {
                    Answer::Waived => why,
                    answer => format!("{}: {why}", answer.name()),
                };
                let skipped = skipped.with_attribute(("message", message.as_str()));
                skipped.write_empty().map(drop)
            })
        }
    }
    .map(drop)
}

/// What shows it, what to do, and where to read on.
fn details(finding: &Finding) -> String {
    let evidence = finding.judgement.evidence.iter();
    let mut lines: Vec<String> = evidence.map(shown).collect();
    if !finding.judgement.hint.is_empty() {
        lines.push(format!("hint: {}", finding.judgement.hint));
    }
    lines.push(format!("see: handpie explain {}", finding.rule.code));
    let lines = lines.iter().map(|line| legal(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// A line of text, escaped as on a terminal: most of what is harmful there, no XML may have in any form
/// (XML 1.0, 2.2, `Char`).
fn legal(text: &str) -> String {
    escape::settled(&escape::value(text)).into_owned()
}
