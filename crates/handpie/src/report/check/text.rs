//! The checklist for people: one line a file; with `-v` every answer, grouped, with why, where and
//! what to do.

use std::collections::BTreeSet;
use std::io::{self, Write};

use handpie_audit::{Answer, Finding, Kind, Language, System};

use super::{Renderer, Summary, shown, why};
use crate::binaries::Unread;
use crate::examination::Examination;
use crate::report::Lines;

pub(super) struct Text {
    verbose: bool,
    /// Codes whose page was named already.
    seen: BTreeSet<&'static str>,
}

/// What matters most comes first.
const ORDER: [Answer; 6] = [
    Answer::Fail,
    Answer::Warn,
    Answer::Waived,
    Answer::Unknown,
    Answer::NotApplicable,
    Answer::Pass,
];

impl Text {
    pub(super) fn new(verbose: bool) -> Self {
        Self {
            verbose,
            seen: BTreeSet::new(),
        }
    }

    fn group(&mut self, lines: &mut Lines, file: &Examination, answer: Answer) {
        let codes = file.findings.iter().map(|finding| finding.rule.code.len());
        let column = codes.max().unwrap_or(0) + 2;
        if file.has(answer) {
            lines.line(answer.name());
        }
        for finding in file.with(answer) {
            let code = finding.rule.code;
            lines.entry(column, code, &why(finding));
            for evidence in &finding.judgement.evidence {
                lines.entry(column, "", &shown(evidence));
            }
            if !needs_care(finding) {
                continue;
            }
            if !finding.judgement.hint.is_empty() {
                lines.entry(column, "", &format!("hint: {}", finding.judgement.hint));
            }
            if finding.answer != Answer::Unknown && self.seen.insert(code) {
                lines.entry(column, "", &format!("see: handpie explain {code}"));
            }
        }
    }
}

/// Whether something is to be done about it; hints stand on passing answers, too.
fn needs_care(finding: &Finding) -> bool {
    matches!(
        finding.answer,
        Answer::Fail | Answer::Warn | Answer::Waived | Answer::Unknown
    )
}

impl Renderer<Examination, Summary> for Text {
    fn binary(&mut self, out: &mut dyn Write, file: &Examination) -> io::Result<()> {
        let mut lines = Lines::new(self.verbose);
        let title = file.title();
        let subject = match file.kind {
            // Whatever is in it, no language compiled it.
            Kind::Container => format!("{title}: {}", file.kind),
            _ => format!("{title}: {}, {}", file.kind, made_with(file)),
        };
        let answer = answers(file);
        match file.has(Answer::Fail) {
            true => lines.bad(subject, answer),
            false => lines.good(subject, answer),
        }
        if self.verbose {
            for answer in ORDER {
                self.group(&mut lines, file, answer);
            }
        }
        out.write_all(lines.into_text().as_bytes())
    }

    fn unread(&mut self, out: &mut dyn Write, file: &Unread) -> io::Result<()> {
        let mut lines = Lines::new(self.verbose);
        let message = format!("unreadable: {}", file.message);
        lines.bad(&file.name, message);
        if self.verbose {
            for hint in &file.hints {
                lines.line(format!("hint: {hint}"));
            }
            for code in file.code.into_iter().filter(|code| self.seen.insert(code)) {
                lines.line(format!("see: handpie explain {code}"));
            }
        }
        out.write_all(lines.into_text().as_bytes())
    }

    fn end(&mut self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        if summary.files < 2 && summary.passed_over == 0 {
            return Ok(());
        }
        writeln!(out, "{summary}")
    }
}

/// The language, and its version where the file tells. C is what remains when nothing else shows.
fn made_with(file: &Examination) -> String {
    let version = file.go.as_deref().unwrap_or_default();
    let go = match version.strip_prefix("go") {
        Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => format!("Go {number}"),
        _ if version.is_empty() => "Go".to_owned(),
        _ => format!("Go {version}"),
    };
    let language = match file.language {
        Language::Go => go,
        Language::GoWithC => format!("{go} with cgo"),
        Language::Rust | Language::RustWithC => file.language.to_string(),
        _ => {
            let names = file.languages.iter().map(ToString::to_string);
            names.collect::<Vec<_>>().join(" and ")
        }
    };
    // Where most files are of one system, only the others are told.
    match file.system {
        System::Unknown | System::Linux | System::MacOs | System::Windows => language,
        system => format!("{language}, for {system}"),
    }
}

/// `fail pie, relro; warn build-id`
fn answers(file: &Examination) -> String {
    let groups = [Answer::Fail, Answer::Warn, Answer::Waived];
    let groups = groups.into_iter().filter(|answer| file.has(*answer));
    let groups = groups.map(|answer| format!("{} {}", answer.name(), codes(file, answer)));
    let mut groups: Vec<String> = groups.collect();
    if !file.has(Answer::Fail) && !file.has(Answer::Warn) {
        let mut findings = file.findings.iter();
        // Where nothing can be asked, nothing has passed.
        let all_outside = findings.all(|finding| finding.answer == Answer::NotApplicable);
        let word = match all_outside && !file.findings.is_empty() {
            true => Answer::NotApplicable,
            false => Answer::Pass,
        };
        groups.insert(0, word.name().to_owned());
    }
    groups.join("; ")
}

/// The codes with one answer; after those of one waiver, what became of it.
fn codes(file: &Examination, answer: Answer) -> String {
    let findings: Vec<&Finding> = file.with(answer).collect();
    let groups = findings.chunk_by(|a, b| a.waiver == b.waiver).map(|group| {
        let codes: Vec<&str> = group.iter().map(|finding| finding.rule.code).collect();
        let codes = codes.join(", ");
        match group.first().and_then(|finding| finding.waiver.as_ref()) {
            Some(waiver) if waiver.expired => {
                format!("{codes} (the waiver expired on {})", waiver.expires)
            }
            Some(waiver) => format!("{codes} (until {}: {})", waiver.expires, waiver.reason),
            None => codes,
        }
    });
    groups.collect::<Vec<_>>().join(", ")
}
