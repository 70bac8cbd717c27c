//! Runs `handpie convert` on bad input and holds what it says against what is expected.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Ran, handpie};

/// Runs handpie; a run that does not end by itself fails the test.
pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    Ran::of(&handpie(args).timeout(Duration::from_secs(60)))
}

/// Converts `input` into a new folder, once in each format, and checks that nothing is in it then.
fn convert(input: &Path) -> (Ran, Ran) {
    let bytes = || input.is_file().then(|| fs::read(input).unwrap());
    let before = bytes();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    let args = |format| {
        let fixed = ["convert".as_ref(), input.as_os_str(), "-o".as_ref()];
        let last = [output.as_os_str(), "--format".as_ref(), OsStr::new(format)];
        run([fixed, last].concat())
    };
    let (text, json) = (args("text"), args("json"));
    assert_eq!(text.status, json.status, "both formats end alike");
    let written = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(written, 0, "something was written for {}", input.display());
    assert!(before == bytes(), "the input was changed");
    (text, json)
}

fn parse(json: &str) -> Value {
    let value: Value = serde_json::from_str(json).expect("one JSON document");
    crate::documents::holds_to_the_schema(&value);
    value
}

/// Checks that `input` is refused with exactly these codes, in this order, and that the message of
/// each holds these words.
pub(crate) fn refused(input: &Path, expected: &[(&str, &[&str])]) {
    let (text, json) = convert(input);
    let shown = format!("{}:\n{}{}", input.display(), text.stdout, text.stderr);
    assert_eq!(text.status, 1, "{shown}");
    assert_eq!(
        text.stderr, "",
        "a refusal is an answer, and goes to stdout"
    );
    let result = parse(&json.stdout)["result"].take();
    assert_eq!(result["answer"], "refused");
    let reasons = result["refusals"].as_array().expect("a list of refusals");
    let codes: Vec<&str> = reasons.iter().filter_map(|r| r["code"].as_str()).collect();
    let wanted: Vec<&str> = expected.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, wanted, "{shown}");
    for (reason, (code, words)) in reasons.iter().zip(expected) {
        let message = reason["message"].as_str().unwrap();
        let hint = reason["hint"].as_str().unwrap();
        for word in *words {
            assert!(message.contains(word), "{word:?} is missing in {message:?}");
        }
        assert!(!message.ends_with('.') && !hint.is_empty(), "{shown}");
        let lines =
            format!("refused: {code}\n    {message}\nhint: {hint}\nsee: handpie explain {code}\n");
        assert_eq!(
            text.stdout.matches(&lines).count(),
            1,
            "{lines:?} in {shown}"
        );
    }
}

/// Checks that `input` cannot be read, for the reason of this code, in these words.
pub(crate) fn unreadable(input: &Path, code: &str, words: &[&str]) {
    let (text, json) = convert(input);
    failed(&text, code, words);
    assert_eq!(text.stdout, "", "an error is no result");
    let error = parse(&json.stdout)["error"].take();
    assert_eq!(error["exit"], 3);
    assert_eq!(error["code"], code);
    assert!(text.stderr.contains(error["message"].as_str().unwrap()));
    for cause in error["causes"].as_array().unwrap() {
        assert!(text.stderr.contains(cause.as_str().unwrap()));
    }
    assert_eq!(json.stderr, text.stderr, "people read the same words");
}

/// Checks the text of a failure.
pub(crate) fn failed(ran: &Ran, code: &str, words: &[&str]) {
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(ran.stderr.starts_with("error: "), "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word:?} is missing in {ran:?}");
    }
    let see = format!("see: handpie explain {code}\n");
    assert!(ran.stderr.ends_with(&see), "{see:?} in {ran:?}");
}

/// The codes that come of an input, whatever they are.
pub(crate) fn codes_of(input: &Path) -> Vec<String> {
    let (_, json) = convert(input);
    let value = parse(&json.stdout);
    let one = value["error"]["code"].as_str().map(str::to_owned);
    let reasons = value["result"]["refusals"].as_array();
    let many = reasons.into_iter().flatten();
    let many = many.filter_map(|reason| Some(reason["code"].as_str()?.to_owned()));
    one.into_iter().chain(many).collect()
}
