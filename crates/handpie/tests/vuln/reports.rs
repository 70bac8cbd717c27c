//! What people read, and what programs read.

use serde_json::Value;

use crate::workshop::{Workshop, advisory, fixed_in};
use handpie_testkit::schema::Schema;

const MAIN: &str = "
import (p \"x.test/lib\"; q \"y.test/other/q\")
func main() { p.Bad(); q.Good() }";
const LIB: &str = "
//go:noinline
func Bad() { println(1) }";
const OTHER: &str = "
//go:noinline
func Good() { println(2) }";

fn workshop() -> Option<Workshop> {
    let workshop = Workshop::new(MAIN)
        .module("x.test/lib", "v1.2.0", &[("", LIB)])
        .module("y.test/other", "v1.0.0", &[("q", OTHER)]);
    let mut open = advisory("A-4", "x.test/lib", &[("x.test/lib", &["Bad"])]);
    open["affected"][0]["ranges"][0]["events"] = serde_json::json!([{ "introduced": "0" }]);
    workshop.advisories(&[
        advisory("A-1", "x.test/lib", &[("x.test/lib", &["Bad"])]),
        fixed_in(advisory("A-2", "x.test/lib", &[]), "1.10.0"),
        advisory("A-3", "y.test/other", &[("y.test/other/q", &["Bad"])]),
        open,
        advisory("A-5", "y.test/other", &[("y.test/other/gone", &["Bad"])]),
    ]);
    workshop.build("reports", "app", &["-trimpath", "-ldflags=-s -w"])?;
    Some(workshop)
}

/// The lines of a text, without the version of Go and the age of the database.
fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim_end);
    let fixed = lines.map(|line| match line.split_once(": Go ") {
        Some((file, rest)) => {
            let rest = rest.split_once(',').map_or(rest, |(_, rest)| rest);
            format!("{file}: Go,{rest}")
        }
        None if line.starts_with("database: ") => "database".to_owned(),
        None => line.to_owned(),
    });
    fixed.collect()
}

#[test]
fn what_to_do_comes_first() {
    let Some(workshop) = workshop() else { return };
    let ran = workshop.run(&["vuln", "--db", "db", "app"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    let wanted = "\
app: Go, 3 modules: 3 of 5 advisories count (3 symbol, 1 package, 1 module)
    fix
        upgrade x.test/lib from v1.2.0 to v1.10.0: A-1, A-2
        no version of x.test/lib (here v1.2.0) is fixed: A-4
    symbol linked
        A-1             Something is wrong in x.test/lib (CVE-A-1)
                        x.test/lib v1.2.0, fixed in v1.5.0
        A-2             Something is wrong in x.test/lib (CVE-A-2)
                        x.test/lib v1.2.0, fixed in v1.10.0; no symbol data: something of the module is linked
        A-4             Something is wrong in x.test/lib (CVE-A-4)
                        x.test/lib v1.2.0, not fixed
    caveats
        the main module has no version, so every advisory about it may apply
database";
    assert_eq!(lines(&ran.stdout).join("\n"), wanted);
}

#[test]
fn evidence_and_everything_are_shown_when_asked_for() {
    let Some(workshop) = workshop() else { return };
    let evidence = workshop
        .run(&["vuln", "--db", "db", "--show", "evidence", "app"])
        .stdout;
    let shown = evidence
        .lines()
        .find(|line| line.ends_with(": x.test/lib.Bad"));
    let offset = shown.unwrap().trim().split(':').next().unwrap();
    let offset = usize::from_str_radix(offset.trim_start_matches("0x"), 16).unwrap();
    let program = std::fs::read(workshop.path("app")).unwrap();
    assert!(
        program[offset..].starts_with(b"x.test/lib.Bad\0"),
        "the evidence is there"
    );
    assert!(
        evidence.contains("https://advisories.test/A-1"),
        "{evidence}"
    );
    assert!(!evidence.contains("A-5"), "{evidence}");
    let all = workshop
        .run(&["vuln", "--db", "db", "--show", "all", "app"])
        .stdout;
    for part in [
        "package linked, symbols not\n",
        "module in it, packages not linked\n",
        "A-5",
    ] {
        assert!(all.contains(part), "{part} in {all}");
    }
}

#[test]
fn the_tier_from_which_on_it_fails_is_the_users() {
    let Some(workshop) = workshop() else { return };
    for id in ["A-1", "A-2", "A-4"] {
        std::fs::remove_file(workshop.path(&format!("db/{id}.json"))).unwrap();
    }
    for (tier, status) in [("symbol", 0), ("package", 1), ("module", 1)] {
        let ran = workshop.run(&["vuln", "--db", "db", "--fail-on", tier, "app"]);
        assert_eq!(ran.status, status, "{tier}: {ran:?}");
    }
    std::fs::remove_file(workshop.path("db/A-3.json")).unwrap();
    for (tier, status) in [("symbol", 0), ("package", 0), ("module", 1)] {
        let ran = workshop.run(&["vuln", "--db", "db", "--fail-on", tier, "app"]);
        assert_eq!(ran.status, status, "{tier}: {ran:?}");
    }
}

#[test]
fn a_report_is_described_by_the_schema() {
    let Some(workshop) = workshop() else { return };
    workshop.write(
        "handpie.toml",
        "[[vuln]]\nid = 'A-1'\nreason = 'ticket 7'\nuntil = 9999-12-31\n",
    );
    let schema = Schema::of("vuln");
    let ran = workshop.run(&["vuln", "--format", "json", "--db", "db", "app", "main.go"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    schema.holds(&report);
    assert_eq!(report["result"]["unread"].as_array().unwrap().len(), 1);
    assert_eq!(
        format!("{report:#}\n"),
        ran.stdout,
        "set as a whole, in alphabetical order"
    );
    schema.holds(&workshop.json(&["db"]));
    let mut bad = report;
    bad["result"]["files"][0]["advisories"][0]["tier"] = "perhaps".into();
    assert!(schema.check(&bad).is_err());
}

#[test]
fn every_field_of_the_schemas_is_in_the_page() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let page = std::fs::read_to_string(path).unwrap();
    for name in ["vuln", "facts", "db"] {
        for field in Schema::of(name).fields() {
            assert!(
                page.contains(&format!("`{field}`")),
                "docs/json.md lacks `{field}`"
            );
        }
    }
}

#[test]
fn the_report_on_the_database_is_described_by_the_schema() {
    let workshop = Workshop::new("");
    workshop.advisories(&[advisory("A", "x.test/lib", &[])]);
    let ran = workshop.run(&["db", "update", "--from", "db", "--format", "json"]);
    Schema::of("db").holds(&serde_json::from_str(&ran.stdout).unwrap());
    let text = workshop.run(&["db", "info"]).stdout;
    assert!(text.contains(": 1 advisory\n"), "{text}");
    assert!(text.contains("last changed on 2026-01-01"), "{text}");
    let mut dateless = advisory("A", "x.test/lib", &[]);
    dateless.as_object_mut().unwrap().remove("modified");
    workshop.advisories(&[dateless]);
    workshop.run(&["db", "update", "--from", "db"]);
    let text = workshop.run(&["db", "info"]).stdout;
    assert!(
        text.contains("the day of the last change is unknown\n"),
        "{text}"
    );
}

#[test]
fn text_of_a_database_cannot_steer_the_terminal() {
    let Some(workshop) = workshop() else { return };
    let mut hostile = advisory("A-1", "x.test/lib", &[("x.test/lib", &["Bad"])]);
    hostile["summary"] = "a\u{1b}[2J\n::error::b".into();
    workshop.advisories(&[hostile]);
    let ran = workshop.run(&["vuln", "--db", "db", "--show", "all", "app"]);
    assert!(ran.stdout.contains("a\\x1b[2J\\n::error::b"), "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
}
