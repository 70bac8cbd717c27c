use super::*;

fn affected(json: &str) -> Affected {
    let block = match json.starts_with('[') {
        true => format!(r#"{{"ranges": {json}}}"#),
        false => json.to_owned(),
    };
    serde_json::from_str(&block).unwrap()
}

/// Whether a version is affected, and what makes that doubtful. JSON is ranges, or a whole block.
fn answer(json: &str, version: &str) -> Option<Option<VersionDoubt>> {
    let affected = affected(json);
    let intervals = intervals(&affected).into_iter();
    let containing = intervals.filter(|interval| interval.contains(version));
    containing.map(|interval| interval.doubt).min()
}

fn affects(json: &str, version: &str) -> bool {
    match answer(json, version) {
        Some(Some(doubt)) => panic!("{json} {version}: {doubt}"),
        answer => answer.is_some(),
    }
}

/// The fixed version of the first interval.
fn fixed(json: &str) -> Option<String> {
    let affected = affected(json);
    let fixed = intervals(&affected).first().and_then(Interval::fixed);
    fixed.map(str::to_owned)
}

const TWICE: &str = r#"[{"type": "SEMVER", "events": [
    {"fixed": "1.11.3"}, {"introduced": "1.11.0-0"}, {"fixed": "1.10.6"}, {"introduced": "0"}]}]"#;

#[test]
fn the_first_version_is_affected_and_the_fixed_one_is_not() {
    for (version, affected) in [
        ("v1.0.0", true),
        ("v1.10.5", true),
        ("v1.10.6-rc.1", true),
        ("v1.10.6", false),
        ("v1.10.9", false),
        ("v1.11.0-beta.1", true),
        ("v1.11.2", true),
        ("v1.11.3", false),
        ("v2.0.0", false),
        ("what is no version", true),
    ] {
        assert_eq!(affects(TWICE, version), affected, "{version}");
    }
}

#[test]
fn what_was_never_fixed_has_no_end() {
    let json = r#"[{"type": "SEMVER", "events": [{"introduced": "1.2.0"}]}]"#;
    assert!(affects(json, "v99.0.0") && !affects(json, "v1.1.9"));
    assert_eq!(fixed(json), None);
    assert_eq!(fixed(TWICE), Some("1.10.6".to_owned()));
}

#[test]
fn the_last_affected_version_is_affected() {
    let json =
        r#"[{"type": "SEMVER", "events": [{"introduced": "0"}, {"last_affected": "1.2.3"}]}]"#;
    assert!(affects(json, "v1.2.3") && !affects(json, "v1.2.4"));
    assert_eq!(fixed(json), None);
}

#[test]
fn what_does_not_tell_which_versions_is_about_every_one_with_a_doubt() {
    use VersionDoubt::{CustomRanges, Malformed, NoVersions, OnlyCommits, Qualified};
    let git = r#"[{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]"#;
    let of_part = r#"{"package": {"ecosystem": "Go:x", "name": "a"},
        "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}"#;
    let custom = r#"{"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
        "ecosystem_specific": {"custom_ranges": [{"type": "ECOSYSTEM", "events": []}]}}"#;
    for (json, doubt) in [
        ("[]", NoVersions),
        (git, OnlyCommits),
        (r#"[{"type": "SEMVER", "events": []}]"#, Malformed),
        (
            r#"[{"type": "SEMVER", "events": [{"fixed": "1.0.0"}]}]"#,
            Malformed,
        ),
        (
            r#"[{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.0.0.1"}]}]"#,
            Malformed,
        ),
        (
            r#"[{"type": "SEMVER", "events": [{"introduced": "0"}, {"limit": "x"}]}]"#,
            Malformed,
        ),
        (
            r#"[{"type": "SEMVER", "events": [{"introduced": "0"}, {"unheard": "1.0.0"}]}]"#,
            Malformed,
        ),
        (
            r#"[{"type": "SEMVER", "events": [{"introduced": "0", "fixed": "1.0.0"}]}]"#,
            Malformed,
        ),
        (
            r#"[{"type": "DATE", "events": [{"introduced": "0"}]}]"#,
            Malformed,
        ),
        (of_part, Qualified),
        (custom, CustomRanges),
    ] {
        assert_eq!(answer(json, "v1.0.0"), Some(Some(doubt)), "{json}");
    }
}

#[test]
fn what_is_sure_is_sure_beside_what_is_not() {
    let json = r#"[{"type": "SEMVER", "events": []},
        {"type": "SEMVER", "events": [{"introduced": "1.0.0"}, {"fixed": "1.1.0"}]}]"#;
    assert_eq!(answer(json, "v1.0.1"), Some(None));
    assert_eq!(answer(json, "v1.1.0"), Some(Some(VersionDoubt::Malformed)));
}

#[test]
fn commits_are_passed_over_beside_anything_else() {
    let git = r#"{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}"#;
    let ranges = format!(
        r#"[{git}, {{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}, {{"fixed": "1.0.0"}}]}}]"#
    );
    assert!(affects(&ranges, "v0.9.0") && !affects(&ranges, "v1.0.0"));
    let list = format!(r#"{{"ranges": [{git}], "versions": ["v1.0.0"]}}"#);
    assert!(affects(&list, "v1.0.0") && !affects(&list, "v0.9.0"));
}

#[test]
fn a_listed_version_is_affected_and_no_other_is() {
    let json = r#"{"versions": ["1.2.0", "v1.3.0", "4.0.0+incompatible", "odd"]}"#;
    for version in ["v1.2.0", "1.2.0", "v1.3.0", "v4.0.0+incompatible", "odd"] {
        assert!(affects(json, version), "{version}");
    }
    for version in ["v1.2.1", "v1.2.0-rc.1", "v1.1.9", "other", ""] {
        assert!(!affects(json, version), "{version}");
    }
    let beside = r#"{"versions": ["2.2.2", "0.5.0"],
        "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.0.0"}]}]}"#;
    assert!(affects(beside, "v2.2.2") && affects(beside, "v0.9.0"));
    assert!(!affects(beside, "v2.2.1") && !affects(beside, "v1.0.0"));
    assert_eq!(
        intervals(&affected(beside)).len(),
        2,
        "0.5.0 is in the range"
    );
}

#[test]
fn a_range_ends_at_the_last_of_its_limits() {
    let json = |limits: &str| {
        format!(r#"[{{"type": "SEMVER", "events": [{{"introduced": "0"}}, {limits}]}}]"#)
    };
    let one = json(r#"{"limit": "2.2.0"}"#);
    assert!(affects(&one, "v2.1.9") && !affects(&one, "v2.2.0"));
    assert_eq!(fixed(&one), None, "nothing says that it is fixed");
    let two = json(r#"{"limit": "2.2.0"}, {"limit": "1.0.0"}"#);
    assert!(affects(&two, "v2.1.9") && !affects(&two, "v2.2.0"));
    let none = json(r#"{"limit": "2.2.0"}, {"limit": "*"}"#);
    assert!(affects(&none, "v9.0.0"));
    let fixed_before = json(r#"{"limit": "2.2.0"}, {"fixed": "1.0.0"}, {"introduced": "2.3.0"}"#);
    assert!(affects(&fixed_before, "v0.9.0"));
    assert!(!affects(&fixed_before, "v1.0.0") && !affects(&fixed_before, "v2.3.0"));
    let last = json(r#"{"limit": "2.2.0"}, {"last_affected": "2.2.0"}"#);
    assert!(affects(&last, "v2.1.9") && !affects(&last, "v2.2.0"));
}

#[test]
fn github_says_beside_a_range_where_it_ends() {
    let json = |text: &str| {
        format!(
            r#"{{"ranges": [{{"type": "SEMVER", "events": [{{"introduced": "1.0.0"}}]}}],
            "database_specific": {{"last_known_affected_version_range": {text}}}}}"#
        )
    };
    let last = json(r#""<= 2.1.0""#);
    assert!(affects(&last, "v2.1.0") && !affects(&last, "v2.1.1") && !affects(&last, "v0.9.0"));
    let before = json(r#""< 2.1.0""#);
    assert!(affects(&before, "v2.0.9") && !affects(&before, "v2.1.0"));
    for text in [r#"">= 2.1.0""#, r#""<= x""#, "7"] {
        let doubt = Some(Some(VersionDoubt::Malformed));
        assert_eq!(answer(&json(text), "v3.0.0"), doubt, "{text}");
        assert_eq!(answer(&json(text), "v0.9.0"), None, "{text}");
    }
}

#[test]
fn the_last_affected_version_can_be_fixed() {
    let json = r#"[{"type": "SEMVER", "events": [{"introduced": "0"}, {"last_affected": "2.0.0"},
        {"fixed": "2.0.0"}]}]"#;
    assert!(affects(json, "v1.9.0") && !affects(json, "v2.0.0"));
}

#[test]
fn one_of_several_ranges_is_enough() {
    let json = r#"[{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.0.0"}]},
        {"type": "SEMVER", "events": [{"introduced": "2.0.0"}, {"fixed": "2.1.0"}]}]"#;
    assert!(affects(json, "v0.9.0") && affects(json, "v2.0.0"));
    assert!(!affects(json, "v1.0.0") && !affects(json, "v2.1.0"));
}
