//! `handpie facts`: what is kept of a program answers as the program does.

use serde_json::Value;

use crate::workshop::{Workshop, advisory};
use handpie_testkit::schema::Schema;

const MAIN: &str = "
import p \"x.test/lib\"
func main() { p.Bad() }";
const LIB: &str = "
//go:noinline
func Bad() { println(1) }
func Never() { println(2) }";

fn workshop() -> Workshop {
    let workshop = Workshop::new(MAIN).module("x.test/lib", "v1.2.0", &[("", LIB)]);
    workshop.advisories(&[
        advisory("A", "x.test/lib", &[("x.test/lib", &["Bad", "Never"])]),
        advisory("B", "x.test/lib", &[("x.test/lib", &["Never"])]),
        advisory("C", "x.test/lib", &[]),
    ]);
    workshop
}

#[test]
fn what_was_kept_answers_as_the_program_does() {
    let workshop = workshop();
    let Some(_) = workshop.build("facts", "app", &["-ldflags=-s -w"]) else {
        return;
    };
    let kept = workshop.run(&["facts", "app"]);
    assert_eq!(kept.status, 0, "{kept:?}");
    workshop.write("app.json", &kept.stdout);
    let from_program = workshop.json(&["app"]);
    let from_facts = workshop.json(&["--facts", "app.json"]);
    let without_functions = |report: &Value| {
        let mut file = report["result"]["files"][0].clone();
        for advisory in file["advisories"].as_array_mut().unwrap() {
            for affected in advisory["affected"].as_array_mut().unwrap() {
                for symbol in affected["symbols"].as_array_mut().unwrap() {
                    symbol["function"] = Value::Null;
                    symbol["offset"] = Value::Null;
                }
            }
        }
        file
    };
    assert_eq!(
        without_functions(&from_facts),
        without_functions(&from_program)
    );
    assert_eq!(
        from_facts["result"]["files"][0]["advisories"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    // Small enough to keep for every release.
    let size = std::fs::metadata(workshop.path("app")).unwrap().len();
    assert!(
        (kept.stdout.len() as u64) < size / 20,
        "{} of {size}",
        kept.stdout.len()
    );
}

#[test]
fn a_record_is_described_by_the_schema() {
    let workshop = workshop();
    let Some(_) = workshop.build("facts", "app", &[]) else {
        return;
    };
    let kept = workshop.run(&["facts", "app"]).stdout;
    Schema::of("facts").holds(&serde_json::from_str(&kept).unwrap());
}

#[test]
fn what_is_no_record_is_refused() {
    let workshop = workshop();
    for (text, words) in [
        ("", "EOF"),
        ("{}", "missing field `result`"),
        (r#"{"result": {"files": [{"path": "a"}]}}"#, "missing field"),
    ] {
        workshop.write("kept.json", text);
        let ran = workshop.run(&["vuln", "--db", "db", "--facts", "kept.json"]);
        assert_eq!(ran.status, 3, "{ran:?}");
        assert!(
            ran.stderr.contains(words) && ran.stderr.contains("not a record"),
            "{ran:?}"
        );
    }
    assert_eq!(
        workshop
            .run(&["vuln", "--db", "db", "--facts", "gone.json"])
            .status,
        3
    );
}
