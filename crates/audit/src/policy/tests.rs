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
        .ruling(&[path], day("2026-01-01"))
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
        [
            "profile", "unknown", "rules", "paths", "waivers", "vuln", "cgo"
        ]
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
            "line 2, column 7: invalid type: boolean `false`, expected a level, or a table of \
             `level`, `warn`, `unknown` and `severity`",
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
            "line 2, column 9: invalid type: integer `3`, expected a glob, or a list of globs",
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
    let on = |path: &str, today: &str| policy.ruling(&[path], day(today)).waiver(pie());
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
    let waived = policy.ruling(&["x"], day("2026-01-01")).waiver(pie());
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

#[test]
fn what_a_policy_calls_fail_is_so_for_warnings_as_well() {
    let standing = |text: &str| {
        let Standing {
            level,
            warn,
            unknown,
            ..
        } = policy(text).standing(pie());
        (level, warn, unknown)
    };
    use Level::{Fail, Off, Warn};
    for (text, is) in [
        ("", (Fail, Warn, Off)),
        ("profile = 'portable'", (Fail, Warn, Off)),
        ("[rules]\npie = 'fail'", (Fail, Fail, Off)),
        ("[rules]\npie = { level = 'fail' }", (Fail, Fail, Off)),
        ("[rules]\npie = 'warn'", (Warn, Warn, Off)),
        (
            "[rules]\npie = { level = 'fail', warn = 'warn' }",
            (Fail, Warn, Off),
        ),
        ("[rules]\npie = { warn = 'fail' }", (Fail, Fail, Off)),
        ("[rules]\npie = { unknown = 'warn' }", (Fail, Warn, Warn)),
        ("unknown = 'fail'", (Fail, Warn, Fail)),
        (
            "unknown = 'fail'\n[rules]\npie = { unknown = 'off' }",
            (Fail, Warn, Off),
        ),
    ] {
        assert_eq!(standing(text), is, "{text}");
    }
    let later = policy(
        "[rules]\npie = 'fail'\n[[paths]]\nmatch = 'old'\nrules = { pie = 'warn' }\n\
         [[paths]]\nmatch = 'new'\nrules = { pie = { unknown = 'fail' } }\n",
    );
    let on = |path: &str| later.ruling(&[path], day("2026-01-01")).standing(pie());
    assert_eq!((on("old").level, on("old").warn), (Warn, Warn));
    assert_eq!((on("new").warn, on("new").unknown), (Fail, Fail));
    says(
        "[rules]\npie = { warn = 'off' }",
        "policy-value",
        "line 2, column 16: unknown value `off`, expected one of `warn`, `fail`",
    );
}

#[test]
fn an_id_is_the_same_in_any_case() {
    let policy = policy(
        "[[vuln]]\nid = 'cve-2024-1'\nreason = 'r'\nuntil = 2027-01-01\n\
         [[vuln]]\nid = 'GHSA-AAAA-bbbb-CCCC'\nreason = 'r'\nuntil = 2027-01-01\n\
         [[vuln]]\nid = ' Go-2024-7 '\nreason = 'r'\nuntil = 2027-01-01\n",
    );
    let ruling = policy.ruling(&["x"], day("2026-01-01"));
    for (ids, number) in [
        (["GO-2024-1", "CVE-2024-1"], Some(0)),
        (["GO-2024-1", "GHSA-aaaa-bbbb-cccc"], Some(1)),
        (["GO-2024-7", "x"], Some(2)),
        (["GO-2024-71", "CVE-2024-11"], None),
    ] {
        let suppressed = ruling.suppressed(&ids).map(|it| it.suppression);
        assert_eq!(suppressed, number, "{ids:?}");
    }
}

#[test]
fn tables_by_which_no_file_is_meant_are_named() {
    let policy = policy(
        "[[paths]]\nmatch = ['a/*', '!a/b']\nrules = { pie = 'off' }\n\
         [[waivers]]\nrule = 'pie'\nreason = 'r'\nexpires = 2027-01-01\n\
         [[waivers]]\nrule = 'pie'\npath = 'c'\nreason = 'r'\nexpires = 2027-01-01\n\
         [[vuln]]\nid = 'x'\npath = 'd'\nreason = 'r'\nuntil = 2027-01-01\n",
    );
    let unmatched = |path: &str| {
        let ruling = policy.ruling(&[path], day("2026-01-01"));
        let matched = ruling.tables().collect();
        let scopes = policy.unmatched(&matched).into_iter();
        scopes
            .map(|scope| (scope.table.0.name(), scope.line))
            .collect::<Vec<_>>()
    };
    let (paths, waivers, vuln) = (("[[paths]]", 1), ("[[waivers]]", 8), ("[[vuln]]", 13));
    assert_eq!(unmatched("a/b"), [paths, waivers, vuln]);
    assert_eq!(unmatched("a/x"), [waivers, vuln]);
    assert_eq!(unmatched("c/below"), [paths, vuln]);
    assert_eq!(unmatched("d"), [paths, waivers]);
}

/// In whatever way a text is too much, the error names the line and the column, is short, and comes
/// at once.
#[test]
fn a_hostile_text_ends_with_a_short_error_in_a_short_time() {
    let waiver = |path: &str| {
        format!("[[waivers]]\nrule = 'pie'\npath = '{path}'\nreason = 'r'\nexpires = 2027-01-01\n")
    };
    let many = |count: usize, path: fn(usize) -> String| -> String {
        (0..count).map(|number| waiver(&path(number))).collect()
    };
    let braces = "{a,".repeat(130) + &"}".repeat(130);
    for (what, text, words) in [
        (
            "braces",
            waiver(&braces),
            "line 3, column 8: a glob with more than 16 `{`",
        ),
        (
            "open braces",
            waiver(&"{".repeat(100_000)),
            "line 3, column 8: a glob of 100000 bytes",
        ),
        (
            "one long glob",
            waiver(&"?".repeat(200_000)),
            "line 3, column 8: a glob of 200000 bytes",
        ),
        (
            "waivers",
            many(12_000, |_| "x".to_owned()),
            "line 50001, column 1: more than 10000 tables",
        ),
        (
            "globs",
            many(5_000, |number| format!("{number}/*.so")),
            "line 20483, column 8: more globs",
        ),
        (
            "long globs",
            many(100, |_| "?/**/".repeat(800)),
            "column 8: more globs than are read",
        ),
        (
            "a list",
            format!(
                "[[paths]]\nmatch = [{}]\nrules = {{}}\n",
                "'a*', ".repeat(9_000)
            ),
            "line 2, column 9: more globs",
        ),
        (
            "bytes",
            "#".repeat(2 << 20),
            "line 1, column 1048577: a policy of more than 1048576 bytes",
        ),
        (
            "a deep list",
            format!("profile = {}", "[".repeat(200_000)),
            "line 1, column ",
        ),
        (
            "a deep table",
            format!("[{}a]", "a.".repeat(200_000)),
            "line 1, column ",
        ),
        (
            "deep inline tables",
            format!("rules = {}", "{a = ".repeat(100_000)),
            "line 1, column ",
        ),
        (
            "a long name",
            format!("[rules]\n{} = 'off'", "p".repeat(500_000)),
            "line 2, column 1: unknown rule `ppp",
        ),
        (
            "a long value",
            format!("profile = '{}'", "p".repeat(500_000)),
            "line 1, column 11: unknown value `ppp",
        ),
        (
            "a long key",
            format!("{} = 1", "k".repeat(500_000)),
            "line 1, column 1: unknown key `kkk",
        ),
        (
            "a long id",
            format!("[rules]\npie = {}", "9".repeat(500_000)),
            "line 2, column 7: ",
        ),
    ] {
        let start = std::time::Instant::now();
        let error = wrong(&text).to_string();
        let took = start.elapsed();
        assert!(error.contains(words), "{what}: {error:.300}");
        assert!(error.len() < 1000, "{what}: {} bytes", error.len());
        assert!(took.as_secs() < 5, "{what}: {took:?}");
    }
    let start = std::time::Instant::now();
    let large = policy(&many(4_000, |number| format!("bin/{number}-*.so")));
    assert_eq!(large.waivers().last().unwrap().line(), 19_996);
    let waived = large
        .ruling(&["bin/3999-x.so"], day("2026-01-01"))
        .waiver(pie());
    assert_eq!(waived.unwrap().waiver, 3999);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn what_is_not_utf8_is_no_policy() {
    let error = Policy::parse_bytes(b"# \xc3\xa4\npie = '\xff'").unwrap_err();
    let words = "line 2, column 8: invalid TOML: the byte 0xff is not UTF-8";
    assert_eq!(
        (error.code, error.to_string().as_str()),
        ("policy-syntax", words)
    );
    let utf16: Vec<u8> = "\u{feff}profile = 'host'"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let error = Policy::parse_bytes(&utf16).unwrap_err();
    assert_eq!((error.line, error.column), (1, 1));
    assert!(Policy::parse_bytes("\u{feff}profile = 'host'".as_bytes()).is_ok());
}
