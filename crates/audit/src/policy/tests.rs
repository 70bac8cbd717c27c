//! Mistakes and what is said of them; which setting wins; until when a waiver holds.

use super::*;
use crate::rule::rules;

fn wrong(text: &str) -> PolicyError {
    Policy::parse(text).expect_err("a mistake")
}

#[track_caller]
fn says(text: &str, code: &str, words: &str) {
    let error = wrong(text);
    assert_eq!((error.code, error.to_string().as_str()), (code, words));
}

fn pie() -> &'static Rule {
    rules().find(|rule| rule.code == "pie").expect("the rule")
}

fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn day(text: &str) -> Date {
    let parts: Vec<u16> = text.split('-').map(|part| part.parse().unwrap()).collect();
    Date {
        year: parts[0],
        month: parts[1].try_into().unwrap(),
        day: parts[2].try_into().unwrap(),
    }
}

fn level(policy: &Policy, path: &str) -> Level {
    policy
        .ruling(Path::new(path), day("2026-01-01"))
        .standing(pie())
        .level
}

#[test]
fn an_unknown_rule_is_named_with_its_place() {
    let name = "policy-unknown-name";
    says(
        "[rules]\npie = 'off'\n  pi = 'off'\n",
        name,
        "line 3, column 3: unknown rule `pi`",
    );
    let error = wrong("[[waivers]]\nrule = ['pie', 'päi']\nreason = 'r'\nexpires = 2027-01-01");
    assert_eq!(error.to_string(), "line 2, column 16: unknown rule `päi`");
    let unknown = error.unknown.unwrap();
    assert_eq!(unknown.name, "päi");
    assert!(unknown.known.contains(&"pie".to_owned()), "{unknown:?}");
}

#[test]
fn an_unknown_key_is_named_with_its_place() {
    let name = "policy-unknown-name";
    says("[rulez]\n", name, "line 1, column 2: unknown key `rulez`");
    says(
        "[rules]\npie = { levle = 'off' }",
        name,
        "line 2, column 9: unknown key `levle`",
    );
    says(
        "\n[[paths]]\nmatches = '*'\n",
        name,
        "line 3, column 1: unknown key `matches`",
    );
    let known = wrong("[rulez]\n").unknown.unwrap().known;
    assert_eq!(
        known,
        ["profile", "rules", "paths", "waivers", "vuln", "cgo"]
    );
}

#[test]
fn what_is_no_toml_is_said() {
    says(
        "a = = 1",
        "policy-syntax",
        "line 1, column 5: invalid TOML: extra `=`, expected nothing",
    );
    says(
        "[rules]\npie='off'\npie='off'",
        "policy-syntax",
        "line 3, column 1: invalid TOML: duplicate key",
    );
}

#[test]
fn a_value_that_makes_no_sense_is_said() {
    let waiver = |rest: &str| format!("[[waivers]]\nrule = 'pie'\n{rest}");
    for (text, words) in [
        (
            "profile = 'hots'".to_owned(),
            "line 1, column 11: unknown value `hots`, expected one of `portable`, `host`, `distro`",
        ),
        (
            "[rules]\npie = 'fale'".to_owned(),
            "line 2, column 7: unknown value `fale`, expected one of `off`, `warn`, `fail`",
        ),
        (
            "[rules]\npie = false".to_owned(),
            "line 2, column 7: invalid type: boolean `false`, expected a level, or a table with \
             `level` and `severity`",
        ),
        (
            waiver("expires = 2027-03-01"),
            "line 1, column 1: missing field `reason`",
        ),
        (
            waiver("reason = ' '\nexpires = 2027-03-01"),
            "line 3, column 10: empty `reason`; state why this is accepted",
        ),
        (
            waiver("reason = 'r'"),
            "line 1, column 1: missing field `expires`",
        ),
        (
            waiver("reason = 'r'\nexpires = '2027-03-01'"),
            "line 4, column 11: invalid type: string \"2027-03-01\", expected a TOML datetime",
        ),
        (
            waiver("reason = 'r'\nexpires = 2027-03-01T10:00:00Z"),
            "line 4, column 11: a date with a time; expected a date without time, such as 2027-03-01",
        ),
        (
            "[[paths]]\nmatch = 3\nrules = {}".to_owned(),
            "line 2, column 9: a glob, or a list of globs",
        ),
    ] {
        says(&text, "policy-value", words);
    }
}

#[test]
fn the_later_setting_wins() {
    let policy = policy(
        "[rules]\npie = 'warn'\n\
         [[paths]]\nmatch = 'bin/*'\nrules = { pie = 'off' }\n\
         [[paths]]\nmatch = ['bin/a', 'bin/b']\nrules = { pie = 'fail' }\n",
    );
    assert_eq!(level(&policy, "lib/x"), Level::Warn);
    assert_eq!(level(&policy, "bin/x"), Level::Off);
    assert_eq!(level(&policy, "bin/a"), Level::Fail);
}

#[test]
fn a_setting_changes_what_it_names_and_nothing_else() {
    let severe = policy("[rules]\npie = { severity = 'low' }");
    let standing = severe.standing(pie());
    assert_eq!(standing.severity, Severity::Low);
    assert_eq!(standing.level, pie().levels.plain);
    assert_eq!(standing.origin, Origin::Default);
    let lax = policy("profile = 'host'\n[rules]\npie = { level = 'warn' }").standing(pie());
    assert_eq!((lax.level, lax.severity), (Level::Warn, pie().severity));
    assert_eq!(lax.origin, Origin::Rules);
}

#[test]
fn a_profile_given_later_takes_the_place_of_the_one_in_the_text() {
    let mut policy = policy("profile = 'host'");
    assert_eq!(policy.profile(), Some(Profile::Host));
    policy.set_profile(Profile::Distro);
    assert_eq!(policy.profile(), Some(Profile::Distro));
    assert_eq!(policy.standing(pie()).origin, Origin::Profile);
}

#[test]
fn a_waiver_holds_until_the_day_it_names() {
    let policy = policy(
        "\n[[waivers]]\nrule = 'pie'\npath = 'old/*'\nreason = 'ticket 7'\nexpires = 2027-03-01\n",
    );
    let on = |path: &str, today: &str| policy.ruling(Path::new(path), day(today)).waiver(pie());
    assert!(!on("old/svc", "2027-02-28").unwrap().expired);
    assert!(on("old/svc", "2027-03-01").unwrap().expired);
    assert_eq!(on("new/svc", "2027-02-28"), None);
    let waiver = policy.waivers().next().unwrap();
    assert_eq!((waiver.line(), waiver.reason()), (2, "ticket 7"));
    assert_eq!(waiver.expires().to_string(), "2027-03-01");
}

#[test]
fn of_two_waivers_the_one_that_still_holds_counts() {
    let one = |expires: &str| {
        format!("[[waivers]]\nrule = 'pie'\nreason = '{expires}'\nexpires = {expires}\n")
    };
    let policy = policy(&(one("2020-01-01") + &one("2030-01-01")));
    let waived = policy
        .ruling(Path::new("x"), day("2026-01-01"))
        .waiver(pie());
    assert_eq!(waived.unwrap().reason, "2030-01-01");
}

#[test]
fn the_packages_that_may_use_c_are_named_with_a_reason() {
    let policy =
        Policy::parse("[cgo]\npackages = [\"example.com/x/...\"]\nwhy = \"SQLite\"").unwrap();
    let cgo = policy.cgo().unwrap();
    assert_eq!(cgo.packages, ["example.com/x/..."]);
    assert_eq!(cgo.why, "SQLite");
    assert!(Policy::parse("[cgo]\npackages = []").is_err(), "no reason");
    assert!(Policy::parse("").unwrap().cgo().is_none());
}
