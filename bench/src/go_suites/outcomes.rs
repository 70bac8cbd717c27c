//! What `go test -json` says came of each test.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Pass,
    Fail,
    Skip,
}

/// What came of each test of a package; the package as a whole is `(package)`.
pub(super) type Outcomes = BTreeMap<String, Outcome>;

/// The name under which a package's own outcome is kept.
pub(super) const WHOLE_PACKAGE: &str = "(package)";

/// Reads what `go test -json` says, one object a line.
pub(super) fn outcomes(events: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for line in events.lines() {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let outcome = match event["Action"].as_str() {
            Some("pass") => Outcome::Pass,
            Some("fail") => Outcome::Fail,
            Some("skip") => Outcome::Skip,
            _ => continue,
        };
        let name = event["Test"].as_str().unwrap_or(WHOLE_PACKAGE);
        let worst = outcomes.entry(name.to_owned()).or_insert(outcome);
        if outcome == Outcome::Fail {
            *worst = outcome;
        }
    }
    outcomes
}

/// The names whose outcomes are not the same, or that ran on one side only.
pub(super) fn differing<'a>(plain: &'a Outcomes, converted: &'a Outcomes) -> BTreeSet<&'a str> {
    plain
        .keys()
        .chain(converted.keys())
        .filter(|name| plain.get(*name) != converted.get(*name))
        .map(String::as_str)
        .collect()
}

pub(super) fn shown(outcomes: &Outcomes, name: &str) -> &'static str {
    match outcomes.get(name) {
        Some(Outcome::Pass) => "pass",
        Some(Outcome::Fail) => "fail",
        Some(Outcome::Skip) => "skip",
        None => "not run",
    }
}

pub(super) fn count(outcomes: &Outcomes) -> String {
    let of = |wanted| {
        let tests = outcomes.iter().filter(|(name, _)| *name != WHOLE_PACKAGE);
        tests.filter(|(_, outcome)| **outcome == wanted).count()
    };
    format!(
        "{}/{}/{}",
        of(Outcome::Pass),
        of(Outcome::Fail),
        of(Outcome::Skip)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_events_and_finds_what_differs() {
        let plain = outcomes(
            r#"{"Action":"start","Package":"os"}
{"Action":"pass","Package":"os","Test":"TestA"}
{"Action":"fail","Package":"os","Test":"TestB"}
{"Action":"pass","Package":"os","Test":"TestB"}
not json
{"Action":"skip","Package":"os","Test":"TestC/sub"}
{"Action":"fail","Package":"os"}"#,
        );
        assert_eq!(plain.get("TestB"), Some(&Outcome::Fail));
        assert_eq!(count(&plain), "1/1/1");
        let converted = outcomes(
            r#"{"Action":"pass","Package":"os","Test":"TestA"}
{"Action":"fail","Package":"os","Test":"TestB"}
{"Action":"fail","Package":"os","Test":"TestD"}
{"Action":"fail","Package":"os"}"#,
        );
        let names: Vec<&str> = differing(&plain, &converted).into_iter().collect();
        assert_eq!(names, ["TestC/sub", "TestD"]);
    }
}
