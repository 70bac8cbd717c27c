//! What the rules say of a file's bytes.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test target uses a part of it"
)]

use handpie_audit::{Answer, Judgement, Subject};
use handpie_binary::Binary;

/// The only binary in a file.
pub(crate) fn subject(file: &[u8]) -> Subject<'_> {
    let mut binaries = Binary::parse(file).unwrap();
    assert_eq!(binaries.len(), 1);
    Subject::of(binaries.remove(0), None).unwrap()
}

/// Every rule that speaks about the file, and its answer.
pub(crate) fn answers(file: &[u8]) -> Vec<(&'static str, Answer)> {
    let findings = handpie_audit::check(&subject(file)).unwrap().into_iter();
    let all = findings.map(|finding| (finding.rule.code, finding.judgement.answer));
    all.collect()
}

fn judgement(file: &[u8], code: &str) -> Judgement {
    let findings = handpie_audit::check(&subject(file)).unwrap();
    let mut findings = findings.into_iter();
    let finding = findings.find(|finding| finding.rule.code == code);
    let judgement = finding
        .unwrap_or_else(|| panic!("{code} says nothing"))
        .judgement;
    let problem = matches!(judgement.answer, Answer::Fail | Answer::Warn);
    assert!(
        !problem || !judgement.hint.is_empty(),
        "{code}: {judgement:?} does not say what to do"
    );
    judgement
}

pub(crate) fn answer(file: &[u8], code: &str) -> Answer {
    judgement(file, code).answer
}

pub(crate) fn why(file: &[u8], code: &str) -> String {
    judgement(file, code).why
}

pub(crate) fn hint(file: &[u8], code: &str) -> &'static str {
    judgement(file, code).hint
}

/// The first place in the file that a rule shows.
pub(crate) fn evidence(file: &[u8], code: &str) -> Option<u64> {
    let judgement = judgement(file, code);
    let mut places = judgement.evidence.iter();
    places
        .find_map(|evidence| evidence.offset)
        .map(|offset| offset.0)
}
