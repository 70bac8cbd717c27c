//! The words of each checker as our answers.
//!
//! "yes" is `pass` and "no" is `fail`, also where a checker offers no third word: a program that
//! reports "no canary" for Go says that something is missing that cannot be there. What it calls
//! unknown, not applicable to the file or an error is left out. Where it names a flag or a segment,
//! it is not held to what that is worth.
//! "Partial RELRO" says that the table of functions stays writable, "full" also that nothing is bound
//! lazily.

use handpie_toolchain::command::Output;
use serde_json::Value;

use super::Opinions;
use crate::recipe::{Answer, RULES};

type Meaning = &'static [Answer];

const PASS: Meaning = &[Answer::Pass];
const FAIL: Meaning = &[Answer::Fail];
const PARTIAL: Meaning = &[Answer::Warn];
const NOT_APPLICABLE: Meaning = &[Answer::NotApplicable];
/// That it is there; whether that is bad, only its value can say.
const PRESENT: Meaning = &[Answer::Pass, Answer::Warn, Answer::Fail];
/// That it is not there; whether it could be, is another question.
const ABSENT: Meaning = &[Answer::Fail, Answer::NotApplicable];
/// That a flag is set, or is not; what that is worth, is another question.
const SET: Meaning = &[Answer::Pass, Answer::Warn];
const NOT_SET: Meaning = &[Answer::Fail, Answer::Warn];
/// That a loader has work with it, as with every library.
const LOADED: Meaning = &[Answer::Warn, Answer::Fail, Answer::NotApplicable];
/// A signature, of whatever worth.
const SIGNED: Meaning = &[Answer::Pass, Answer::Warn];

fn yes_no(is: bool) -> Meaning {
    if is { PASS } else { FAIL }
}

fn relro(said: &mut Opinions, word: &str) {
    let word = word.to_lowercase();
    if word.contains("full") {
        said.extend([("relro", PASS), ("bind-now", PASS)]);
    } else if word.contains("partial") {
        said.insert("relro", PARTIAL);
    } else if word.starts_with("no") {
        said.insert("relro", ABSENT);
    }
}

/// `{"c-pie": {"relro": "full", "canary": "yes", …}}`
pub(super) fn checksec_bash(output: &Output) -> Option<Opinions> {
    let json: Value = serde_json::from_slice(&output.stdout).ok()?;
    let file = json.as_object()?.values().next()?;
    let word = |name: &str| file[name].as_str().unwrap_or_default();
    let mut said = Opinions::new();
    relro(&mut said, word("relro"));
    let questions = [
        ("stack-canary", "canary"),
        ("executable-stack", "nx"),
        ("symbols", "symbols"),
    ];
    for (rule, name) in questions {
        if ["yes", "no"].contains(&word(name)) {
            said.insert(rule, yes_no(word(name) == "yes"));
        }
    }
    match word("fortify_source") {
        "yes" => _ = said.insert("fortify", SET),
        "no" => _ = said.insert("fortify", FAIL),
        _ => {}
    }
    match word("pie") {
        "yes" => _ = said.insert("pie", PASS),
        "no" => _ = said.insert("pie", FAIL),
        "dso" | "rel" => _ = said.insert("pie", NOT_APPLICABLE),
        _ => {}
    }
    let path = word("rpath") == "yes" || word("runpath") == "yes";
    said.insert("search-path", if path { PRESENT } else { PASS });
    Some(said)
}

/// `[{"name": "c-pie", "checks": {"relro": "Full RELRO", "canary": "Canary Found", …}}]`
pub(super) fn checksec_go(output: &Output) -> Option<Opinions> {
    let json: Value = serde_json::from_slice(&output.stdout).ok()?;
    let checks = json.get(0)?.get("checks")?;
    let word = |name: &str| checks[name].as_str().unwrap_or_default().to_lowercase();
    let mut said = Opinions::new();
    relro(&mut said, &word("relro"));
    let questions = [
        ("stack-canary", "canary", "canary found", "no canary"),
        ("executable-stack", "nx", "nx enabled", "nx disabled"),
        ("fortify", "fortify_source", "yes", "no"),
        ("pie", "pie", "pie enabled", "pie disabled"),
        ("cet", "cfi", "shstk & ibt", "no shstk & no ibt"),
    ];
    for (rule, name, good, bad) in questions {
        let word = word(name);
        if word.starts_with(bad) {
            said.insert(rule, FAIL);
        } else if word.starts_with(good) {
            said.insert(rule, if rule == "fortify" { SET } else { PASS });
        }
    }
    said.insert("symbols", yes_no(!word("symbols").starts_with("no ")));
    let path = ["rpath", "runpath"]
        .iter()
        .any(|name| !word(name).starts_with("no "));
    said.insert("search-path", if path { PRESENT } else { PASS });
    Some(said)
}

/// `{"binaries": [{"properties": {"Elf": {"canary": true, …}}}]}`, one for each program of a fat file.
pub(super) fn checksec_rs(output: &Output) -> Option<Opinions> {
    let json: Value = serde_json::from_slice(&output.stdout).ok()?;
    let binaries = json["binaries"].as_array()?;
    let mut all: Option<Opinions> = None;
    for binary in binaries {
        let said = one_of_checksec_rs(&binary["properties"])?;
        let Some(before) = &mut all else {
            all = Some(said);
            continue;
        };
        // A fat file is as good as the worst program in it.
        for (rule, meaning) in said {
            let kept = before.entry(rule).or_insert(meaning);
            if meaning != PASS {
                *kept = meaning;
            }
        }
    }
    all
}

fn one_of_checksec_rs(properties: &Value) -> Option<Opinions> {
    let (format, values) = properties.as_object()?.iter().next()?;
    let is = |name: &str| values[name].as_bool().unwrap_or_default();
    let mut said = Opinions::new();
    match format.as_str() {
        "Elf" => {
            relro(&mut said, values["relro"].as_str().unwrap_or_default());
            said.insert("stack-canary", yes_no(is("canary")));
            said.insert("executable-stack", yes_no(is("nx")));
            said.insert("fortify", if is("fortify") { SET } else { FAIL });
            said.insert("cfi", yes_no(is("clang_cfi")));
            match values["pie"].as_str().unwrap_or_default() {
                "PIE" => _ = said.insert("pie", PASS),
                "None" => _ = said.insert("pie", FAIL),
                _ => _ = said.insert("pie", NOT_APPLICABLE),
            }
            let path = ["rpath", "runpath"]
                .iter()
                .any(|name| values[name]["paths"][0] != "None");
            said.insert("search-path", if path { PRESENT } else { PASS });
        }
        "PE" => {
            let questions = [
                ("pe-high-entropy", "high_entropy_va"),
                ("pe-cfg", "cfg"),
                ("pe-safe-seh", "safeseh"),
                ("pe-canary", "gs"),
                ("pe-signature", "authenticode"),
            ];
            said.extend(questions.map(|(rule, name)| (rule, yes_no(is(name)))));
            for (rule, name) in [("pe-dynamic-base", "dynamic_base"), ("pe-nx", "dep")] {
                said.insert(rule, if is(name) { SET } else { NOT_SET });
            }
        }
        "MachO" => {
            said.insert("macho-pie", yes_no(is("pie")));
            said.insert("macho-canary", yes_no(is("canary")));
            said.insert("macho-executable-stack", yes_no(is("nx_stack")));
            let signed = is("code_signature");
            said.insert("macho-signature", if signed { SIGNED } else { FAIL });
            said.insert("macho-rpath", if is("rpath") { PRESENT } else { PASS });
        }
        _ => return None,
    }
    Some(said)
}

/// ` Stack protected: no, not found!`
pub(super) fn hardening_check(output: &Output) -> Option<Opinions> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let questions = [
        ("Position Independent Executable", "pie"),
        ("Stack protected", "stack-canary"),
        ("Fortify Source functions", "fortify"),
        ("Read-only relocations", "relro"),
        ("Immediate binding", "bind-now"),
        ("Stack clash protection", "stack-clash"),
        ("Control flow integrity", "cet"),
    ];
    let mut said = Opinions::new();
    for line in text.lines() {
        let Some((question, word)) = line.trim().split_once(": ") else {
            continue;
        };
        let Some((_, rule)) = questions.iter().find(|(name, _)| *name == question) else {
            continue;
        };
        if word.starts_with("yes") {
            // RELRO and immediate binding, which are two questions, make full RELRO; checked
            // copies are of some level.
            let is_graded = ["relro", "fortify"].contains(rule);
            said.insert(rule, if is_graded { SET } else { PASS });
        } else if word.ends_with("(ignored)") {
            said.insert(rule, NOT_APPLICABLE);
        } else if word.starts_with("no,") {
            said.insert(rule, if *rule == "relro" { ABSENT } else { FAIL });
        }
    }
    (!text.is_empty()).then_some(said)
}

/// `    RELRO:      Full RELRO`; what is absent has no line. It prints to either stream.
pub(super) fn pwntools(output: &Output) -> Option<Opinions> {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.trim().split_once(": "))
        .map(|(name, word)| (name, word.trim()))
        .collect();
    lines.iter().find(|(name, _)| *name == "Arch")?;
    let mut said = Opinions::new();
    let (mut shadow_stack, mut landing_pads) = (false, false);
    for (name, word) in lines {
        match (name, word) {
            ("RELRO", word) => relro(&mut said, word),
            ("Stack", "Canary found") => _ = said.insert("stack-canary", PASS),
            ("Stack", "No canary found") => _ = said.insert("stack-canary", FAIL),
            ("Stack", "Executable") | ("NX", "NX disabled") => {
                said.insert("executable-stack", FAIL);
            }
            ("NX", "NX enabled") => _ = said.insert("executable-stack", PASS),
            ("PIE", "PIE enabled") => _ = said.insert("pie", PASS),
            ("PIE", word) if word.starts_with("No PIE") => _ = said.insert("pie", FAIL),
            // An executable stack is such a segment too, and has a line of its own.
            ("RWX", _) if !said.contains_key("executable-stack") => {
                said.insert("writable-code", FAIL);
            }
            ("FORTIFY", "Enabled") => _ = said.insert("fortify", SET),
            ("ASAN" | "MSAN" | "UBSAN", "Enabled") => _ = said.insert("sanitizers", FAIL),
            ("RPATH" | "RUNPATH", _) => _ = said.insert("search-path", PRESENT),
            ("Stripped", "No") => _ = said.insert("symbols", PASS),
            ("Stripped", "Yes") => _ = said.insert("symbols", FAIL),
            ("Debuginfo", "Yes") => _ = said.insert("debug-info", NOT_SET),
            ("SHSTK", "Enabled") => shadow_stack = true,
            ("IBT", "Enabled") => landing_pads = true,
            _ => {}
        }
    }
    if shadow_stack && landing_pads {
        said.insert("cet", PASS);
    }
    Some(said)
}

/// Whether a loader is needed, which it says by listing what the loader would load.
pub(super) fn ldd(output: &Output) -> Option<Opinions> {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let alone = ["statically linked", "not a dynamic executable"];
    if alone.iter().any(|words| text.contains(words)) {
        return Some(Opinions::from([("no-loader", PASS)]));
    }
    text.contains("=>")
        .then(|| Opinions::from([("no-loader", LOADED)]))
}

/// `{"result": {"files": [{"findings": [{"code": "relro", "answer": "pass"}]}]}}`, one file for each
/// program of a fat one.
pub(super) fn handpie(output: &Output) -> Option<Opinions> {
    let json: Value = serde_json::from_slice(&output.stdout).ok()?;
    let programs = json["result"]["files"].as_array()?;
    let mut said = Opinions::new();
    for program in programs {
        for finding in program["findings"].as_array()? {
            let rule = RULES.iter().find(|rule| finding["code"] == **rule);
            let answer = WORSE.iter().position(|meaning| {
                let name = meaning.first().map(|answer| answer.name());
                finding["answer"].as_str() == name
            });
            let (Some(rule), Some(place)) = (rule, answer) else {
                continue;
            };
            let before = said
                .get(rule)
                .and_then(|kept| WORSE.iter().position(|it| it == kept));
            let worst = place.max(before.unwrap_or(place));
            said.extend(WORSE.get(worst).map(|meaning| (*rule, *meaning)));
        }
    }
    (!programs.is_empty()).then_some(said)
}

/// Each answer by itself, the worse the further. Of ours, "unknown" is one that can be wrong.
const WORSE: [Meaning; 5] = [NOT_APPLICABLE, PASS, &[Answer::Unknown], PARTIAL, FAIL];

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stdout: &str) -> Output {
        Output {
            status: std::process::ExitStatus::default(),
            stdout: stdout.into(),
            stderr: Vec::new(),
        }
    }

    #[test]
    fn reads_the_words_of_checksec_in_bash() {
        let said = checksec_bash(&output(
            r#"{ "c": { "relro":"partial","canary":"no","nx":"yes","pie":"dso","rpath":"no",
                "runpath":"yes","symbols":"yes","fortify_source":"n/a" } }"#,
        ))
        .unwrap();
        assert_eq!(said["relro"], PARTIAL);
        assert!(!said.contains_key("bind-now"));
        assert_eq!(said["pie"], NOT_APPLICABLE);
        assert_eq!(said["search-path"], PRESENT);
        assert!(!said.contains_key("fortify"));
    }

    #[test]
    fn reads_the_words_of_checksec_in_go() {
        let said = checksec_go(&output(
            r#"[{"name":"c","checks":{"relro":"Full RELRO","canary":"No Canary Found",
                "cfi":"NO SHSTK & NO IBT","nx":"NX enabled","pie":"DSO","rpath":"No RPATH",
                "runpath":"No RUNPATH","symbols":"59 symbols","fortify_source":"N/A"}}]"#,
        ))
        .unwrap();
        assert_eq!(said["stack-canary"], FAIL);
        assert_eq!(said["cet"], FAIL);
        assert_eq!(said["symbols"], PASS);
        assert!(!said.contains_key("pie") && !said.contains_key("fortify"));
        assert!(checksec_go(&output("warning\n[]")).is_none());
    }

    #[test]
    fn what_hardening_check_does_not_know_is_left_out() {
        let said = hardening_check(&output(
            "c:\n Position Independent Executable: no, regular shared library (ignored)\n \
             Stack protected: unknown, no symbols found\n Immediate binding: no, not found!\n",
        ))
        .unwrap();
        assert_eq!(said.len(), 2);
        assert_eq!(said["pie"], NOT_APPLICABLE);
        assert_eq!(said["bind-now"], FAIL);
    }

    #[test]
    fn a_fat_file_is_as_good_as_the_worst_in_it() {
        let said = checksec_rs(&output(
            r#"{"binaries":[{"properties":{"MachO":{"pie":true,"canary":false,"nx_stack":true}}},
                {"properties":{"MachO":{"pie":true,"canary":true,"nx_stack":true}}}]}"#,
        ))
        .unwrap();
        assert_eq!(said["macho-pie"], PASS);
        assert_eq!(said["macho-canary"], FAIL);
    }

    #[test]
    fn reads_our_own_report() {
        let said = handpie(&output(
            r#"{"schema":1,"command":"check","result":{"files":[{"path":"c","kind":"static-pie",
                "findings":[{"code":"relro","answer":"pass"},{"code":"new","answer":"fail"}]}]}}"#,
        ))
        .unwrap();
        assert_eq!(said, Opinions::from([("relro", PASS)]));
    }
}
