//! Telling what is in any file ends soon, without a panic; so does opening any database, and what
//! was kept of a program answers as the program does.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use handpie_audit::{Date, Policy};
use handpie_binary::Binary;
use handpie_vuln::{Builder, Database, Inventory, Origin, Question, Tier, Vex, matches};
use libfuzzer_sys::fuzz_target;

/// Nothing is missing of a file in memory.
const COMPLETE: &str = "all of it is there";

/// About what any Go program holds.
static DATABASE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .add(
            br#"{"id": "GO-9999-0001", "affected": [
                {"package": {"ecosystem": "Go", "name": "stdlib"}, "ecosystem_specific": {"imports": [
                    {"path": "runtime", "symbols": ["main", "GC"]}, {"path": "net/url"}]}},
                {"package": {"ecosystem": "Go", "name": "toolchain"}}]}"#,
        )
        .expect("an advisory");
    builder.finish().expect("a small database")
});

fuzz_target!(|data: &[u8]| {
    if let Ok(database) = Database::open(data) {
        for advisory in database.advisories() {
            let _ = (advisory.text(), advisory.aliases().count());
        }
    }
    let _ = Builder::default().add(data);
    let database = Database::open(&DATABASE).expect("a database of ours");
    let Ok(binaries) = Binary::parse(data) else {
        return;
    };
    for binary in binaries {
        let Ok(inventory) = Inventory::of(&binary) else {
            continue;
        };
        let of_program = triage(&inventory, &binary, &database);
        let kept =
            Inventory::kept(inventory.facts().expect(COMPLETE)).expect("as many modules as before");
        assert_eq!(matches(&kept, &database).expect(COMPLETE).len(), of_program);
    }
});

/// How many advisories there are, with every vulnerable function located.
fn triage<'data>(
    inventory: &Inventory<'data>,
    binary: &Binary<'data>,
    database: &Database<'_>,
) -> usize {
    let question = Question {
        database,
        vex: &Vex::default(),
        fail_on: Tier::Module,
        locations: true,
    };
    let origin = Origin {
        path: String::new(),
        member: None,
        named: true,
        hash: None,
    };
    let today = Date {
        year: 2026,
        month: 1,
        day: 1,
    };
    let policy = Policy::default();
    let ruling = policy.ruling(&[Path::new("")], today);
    let triage = question.triage(origin, inventory, Some(binary), &ruling);
    triage.expect(COMPLETE).verdicts.len()
}
