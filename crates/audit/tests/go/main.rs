//! The rules for Go programs on programs that were forged to say one thing each.
//! `crates/handpie/tests/check_go.rs` has programs that Go has built.

mod made;
mod contents;
mod leaks;

use handpie_audit::{Answer, Date, Judgement, Subject};
use handpie_binary::Binary;
use handpie_testkit::forge::GoProgram;

/// The day on which the list of Go's releases was made.
const TODAY: Date = Date {
    year: 2026,
    month: 11,
    day: 22,
};

/// What the rule `code` says of the program on a day.
pub(crate) fn judged_on(program: &GoProgram, code: &str, today: Date) -> Option<Judgement> {
    let file = program.build();
    let mut binaries = Binary::parse(&file).expect("a readable file");
    let subject = Subject::of(binaries.remove(0), None)
        .expect("a subject")
        .on(today);
    let mut rules = handpie_audit::rules();
    let rule = rules.find(|rule| rule.code == code).expect("a rule");
    let judgement = rule.judge(&subject).expect("all of it is there")?;
    for evidence in &judgement.evidence {
        assert!(
            evidence.offset.is_none_or(|it| it.0 < file.len() as u64),
            "{evidence:?} lies in the file"
        );
    }
    Some(judgement)
}

pub(crate) fn judged(program: &GoProgram, code: &str) -> Judgement {
    judged_on(program, code, TODAY).unwrap_or_else(|| panic!("{code} speaks of it"))
}

/// Holds the answer of a rule, and a part of why, against what is expected.
pub(crate) fn expect(program: &GoProgram, code: &str, answer: Answer, why: &str) {
    let judgement = judged(program, code);
    assert_eq!(judgement.answer, answer, "{code}: {}", judgement.why);
    assert!(judgement.why.contains(why), "{code}: {}", judgement.why);
    let must_help = answer == Answer::Fail;
    assert!(
        !must_help || !judgement.hint.is_empty(),
        "{code} gives a hint"
    );
}

/// Every code of a rule for Go programs.
fn codes() -> Vec<&'static str> {
    let codes = handpie_audit::rules().map(|rule| rule.code);
    codes.filter(|code| code.starts_with("go-")).collect()
}

#[test]
fn a_release_built_as_it_should_be_passes() {
    let program = GoProgram::new();
    for code in codes() {
        let judgement = judged(&program, code);
        let is_fine = matches!(judgement.answer, Answer::Pass | Answer::NotApplicable);
        // Nobody asked for FIPS 140, and no profile does.
        assert!(is_fine || code == "go-fips", "{code}: {}", judgement.why);
    }
}

#[test]
fn what_is_not_go_is_not_spoken_of() {
    let program = GoProgram::new().without_build_info().without_table();
    for code in codes() {
        assert!(judged_on(&program, code, TODAY).is_none(), "{code}");
    }
}

#[test]
fn a_program_without_anything_to_read_is_unknown_and_not_passed() {
    let program = GoProgram::new()
        .without_build_info()
        .without_table()
        .stripped()
        // What makes it Go's: a table of functions that nobody can read.
        .section(".gopclntab", 2, b"damaged");
    for code in codes() {
        let judgement = judged(&program, code);
        let expected = match code {
            "go-build-info" | "go-symbols" => Answer::Fail,
            "go-dwarf" => Answer::Pass,
            _ => Answer::Unknown,
        };
        assert_eq!(judgement.answer, expected, "{code}: {}", judgement.why);
    }
}

#[test]
fn evidence_stands_where_it_says() {
    let program = GoProgram::new()
        .function("runtime/cgo.set_crosscall2")
        .function("net._Cfunc_getaddrinfo")
        .function("runtime.raceinit")
        .setting("-race", "true")
        .file("/home/me/app/main.go");
    let file = program.build();
    let mut checked = 0;
    for code in codes() {
        for evidence in judged(&program, code).evidence {
            let Some(offset) = evidence.offset else {
                continue;
            };
            let bytes = &file[usize::try_from(offset.0).unwrap()..];
            let (word, rest) = evidence
                .what
                .split_once(' ')
                .unwrap_or(("", &evidence.what));
            let expected = match word {
                "build" => format!("build\t{rest}\n"),
                "mod" | "dep" => format!("{word}\t{}", rest.replace(' ', "\t")),
                "function" => format!("{rest}\0"),
                "functions" => rest.replace('*', ""),
                _ => continue,
            };
            checked += 1;
            assert!(
                bytes.starts_with(expected.as_bytes()),
                "{code}: {evidence:?}"
            );
        }
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn damage_anywhere_ends_in_answers() {
    let program = GoProgram::new()
        .function("runtime/cgo.set_crosscall2")
        .file("/home/me/app/main.go")
        .variable("main.Version", "1")
        .section(".debug_line", 0x800, &[1; 40])
        .section(".rodata", 2, b"\0/home/me/a.c\0");
    let sound = program.build();
    let mut file = sound.clone();
    for at in 0..sound.len() {
        for byte in [0, 0x7f, 0xff, sound[at] ^ 1] {
            file[at] = byte;
            let Ok(binaries) = Binary::parse(&file) else {
                continue;
            };
            for binary in binaries {
                if let Ok(subject) = Subject::of(binary, None) {
                    let rules = handpie_audit::rules();
                    for rule in rules.filter(|rule| rule.code.starts_with("go-")) {
                        // An answer, whichever it is.
                        let _ = rule.judge(&subject);
                    }
                }
            }
        }
        file[at] = sound[at];
    }
}
