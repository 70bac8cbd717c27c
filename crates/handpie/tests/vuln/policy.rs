//! `[[vuln]]` in handpie.toml: advisories that are accepted for now.

use crate::workshop::{Workshop, advisory};

fn workshop() -> Option<Workshop> {
    let workshop = Workshop::calling_bad();
    workshop.advisories(&[advisory("A-1", "x.test/lib", &[("x.test/lib", &["Bad"])])]);
    workshop.build("suppressions", "app", &[])?;
    Some(workshop)
}

#[test]
fn an_accepted_advisory_does_not_count_until_its_day() {
    let Some(workshop) = workshop() else { return };
    for (policy, status, words) in [
        (
            "id = 'A-1'\nreason = 'not reached'\nuntil = 9999-12-31",
            0,
            "accepted until 9999-12-31: not reached",
        ),
        (
            "id = 'CVE-A-1'\nreason = 'by alias'\nuntil = 9999-12-31",
            0,
            "by alias",
        ),
        (
            "id = 'A-1'\nreason = 'for app'\nuntil = 9999-12-31\npath = 'app'",
            0,
            "for app",
        ),
        (
            "id = 'A-1'\nreason = 'for others'\nuntil = 9999-12-31\npath = 'other'",
            1,
            "fix",
        ),
        (
            "id = 'a-1'\nreason = 'in small letters'\nuntil = 9999-12-31",
            0,
            "in small letters",
        ),
        (
            "id = 'cve-a-1'\nreason = 'alias in small letters'\nuntil = 9999-12-31",
            0,
            "alias in small letters",
        ),
        (
            "id = 'A-1'\nreason = 'but for app'\nuntil = 9999-12-31\npath = ['*', '!app']",
            1,
            "fix",
        ),
        (
            "id = 'A-2'\nreason = 'another one'\nuntil = 9999-12-31",
            1,
            "fix",
        ),
        (
            "id = 'A-1'\nreason = 'over'\nuntil = 2000-01-01",
            1,
            "expired on 2000-01-01",
        ),
    ] {
        workshop.write("handpie.toml", &format!("[[vuln]]\n{policy}\n"));
        let ran = workshop.run(&["vuln", "--db", "db", "app"]);
        assert_eq!(ran.status, status, "{policy}: {ran:?}");
        assert!(ran.stdout.contains(words), "{policy}: {ran:?}");
    }
}

#[test]
fn a_suppression_without_reason_or_end_is_an_error() {
    let Some(workshop) = workshop() else { return };
    for (policy, code) in [
        ("id = 'A-1'\nuntil = 9999-12-31", "policy-value"),
        (
            "id = 'A-1'\nreason = ' '\nuntil = 9999-12-31",
            "policy-value",
        ),
        ("id = 'A-1'\nreason = 'x'", "policy-value"),
        ("reason = 'x'\nuntil = 9999-12-31", "policy-value"),
        (
            "id = 'A-1'\nreason = 'x'\nuntil = 9999-12-31\nexpires = 1",
            "policy-unknown-name",
        ),
    ] {
        workshop.write("handpie.toml", &format!("[[vuln]]\n{policy}\n"));
        let ran = workshop.run(&["vuln", "--db", "db", "app"]);
        assert_eq!(
            (ran.status, ran.stdout.as_str()),
            (2, ""),
            "{policy}: {ran:?}"
        );
        assert!(ran.stderr.contains(code), "{policy}: {ran:?}");
    }
}

#[test]
fn a_suppression_that_names_no_file_here_is_noted() {
    let Some(workshop) = workshop() else { return };
    workshop.write(
        "handpie.toml",
        "[[vuln]]\nid = 'A-1'\nreason = 'x'\nuntil = 9999-12-31\npath = 'ap'\n\
         [[paths]]\nmatch = 'other'\nrules = {}\n",
    );
    let note = "note: no file here matches `ap` of [[vuln]] (handpie.toml, line 1)\n";
    for args in [
        &["vuln", "--db", "db", "app"] as &[&str],
        &["vuln", "-v", "--db", "db", "app"],
    ] {
        let ran = workshop.run(args);
        assert_eq!((ran.status, ran.stderr.as_str()), (1, note), "{ran:?}");
    }
}

#[test]
fn a_suppression_that_nothing_needed_is_noted() {
    let Some(workshop) = workshop() else { return };
    workshop.write(
        "handpie.toml",
        "[[vuln]]\nid = 'A-9'\nreason = 'x'\nuntil = 9999-12-31\n",
    );
    let ran = workshop.run(&["vuln", "-v", "--db", "db", "app"]);
    assert!(
        ran.stderr
            .contains("nothing here needed the [[vuln]] for A-9 (handpie.toml, line 1)"),
        "{ran:?}"
    );
}
