//! Holds `handpie check` against binaries of which the truth is known: one test for each binary of
//! `target/corpus`, which `cargo xtask corpus` builds. What the answers mean, and where the truth
//! comes from, stands in `crates/corpus/README.md`.

mod support;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use handpie_toolchain::command::{Stream, Tool};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use support::handpie;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/corpus");
    let trials = match truth(&folder) {
        Some(binaries) => binaries
            .into_iter()
            .map(|binary| trial(&folder, binary))
            .collect(),
        None => {
            support::skip("`handpie check` on the corpus", "`cargo xtask corpus`");
            Vec::new()
        }
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What is known of each binary; `None` when none was built. With `HANDPIE_REQUIRE=all` they are
/// built first, without those for rare systems: a whole corpus takes ten minutes.
fn truth(folder: &Path) -> Option<Vec<Value>> {
    let path = folder.join("truth.json");
    if handpie_testkit::is_required() {
        let build = Tool::new(env!("CARGO")).args(["xtask", "corpus", "--quick"]);
        let build = build.dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
        let build = build.env("HANDPIE_OF_CORPUS", env!("CARGO_BIN_EXE_handpie"));
        let built = build.stdout(Stream::Inherit).stderr(Stream::Inherit).run();
        built.expect("the corpus is built");
    }
    let text = fs::read_to_string(path).ok()?;
    let truth: Value = serde_json::from_str(&text).expect("truth.json is JSON");
    assert_eq!(truth["schema"], 1, "the schema of truth.json");
    let binaries = truth["binaries"].as_array().expect("binaries");
    assert!(binaries.len() >= 80, "only {} binaries", binaries.len());
    Some(binaries.clone())
}

fn trial(folder: &Path, truth: Value) -> Trial {
    let name = text(&truth["name"]);
    let path = folder.join(&name);
    let kind = text(&truth["format"]);
    Trial::test(name, move || check(&path, &truth)).with_kind(kind)
}

/// Fails with everything that `handpie check` says otherwise than the truth.
fn check(path: &Path, truth: &Value) -> Result<(), Failed> {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/every-rule.toml");
    let output = handpie(["check", "--format", "json", "--policy"])
        .args([policy.as_path(), path])
        .output()
        .map_err(|error| error.to_string())?;
    let said: Value = serde_json::from_slice(&output.stdout).map_err(|error| {
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        format!("no JSON ({error}); it says: {words}")
    })?;
    let programs = said["result"]["files"].as_array().cloned();
    let programs = programs.unwrap_or_default();
    if programs.is_empty() {
        return Err(format!("not read: {}", said["result"]).into());
    }
    let differences = differences(&programs, truth);
    match differences.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "{}\nwhy it is in the corpus: {}\nbuilt by: {}",
            differences.join("\n"),
            text(&truth["why"]),
            text(&truth["build"])
        )
        .into()),
    }
}

/// The answers, the worse the further.
const WORSE: [&str; 5] = ["not-applicable", "pass", "unknown", "warn", "fail"];

/// `programs` are more than one in a fat file, which is as good as the worst in it.
fn differences(programs: &[Value], truth: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    for program in programs
        .iter()
        .filter(|program| program["kind"] != truth["kind"])
    {
        differences.push(format!(
            "kind: says {}, is {}",
            program["kind"], truth["kind"]
        ));
    }
    let answers = truth["answers"].as_object().expect("answers");
    for (rule, answer) in answers {
        let answer = text(answer);
        let says = programs.iter().map(|program| says(program, rule));
        let worst = |(answer, _): &(String, String)| WORSE.iter().position(|it| it == answer);
        let (found, why) = says.max_by_key(worst).unwrap_or_default();
        // A known gap is expected; one that has closed is taken out of known-gaps.toml.
        match truth["gaps"][rule].as_str() {
            Some(gap) if found == gap => {}
            Some(_) if found == answer => {
                differences.push(format!("{rule}: the gap has closed; it says {found}"));
            }
            _ if found != answer => {
                differences.push(format!("{rule}: says {found} ({why}), truth is {answer}"));
            }
            _ => {}
        }
    }
    differences
}

/// What a rule says of a program, and why. One that does not speak about such does not apply.
fn says(program: &Value, rule: &str) -> (String, String) {
    let findings = program["findings"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    match findings.iter().find(|finding| finding["code"] == rule) {
        Some(finding) => (text(&finding["answer"]), text(&finding["why"])),
        None => ("not-applicable".to_owned(), "it says nothing".to_owned()),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
