//! Telling what is in any file ends soon, without a panic; so does opening any database, and what
//! was kept of a program answers as the program does.
#![no_main]

use std::sync::LazyLock;

use handpie_audit::vuln::{Builder, Database, Inventory, locate, triage};
use handpie_binary::Binary;
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
    builder.finish()
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
        let mut rows = triage(&inventory, &database).expect(COMPLETE).rows;
        let of_program = rows.len();
        locate(&mut rows, &inventory, &binary).expect(COMPLETE);
        let kept = Inventory::kept(inventory.facts().expect(COMPLETE)).expect("as many modules as before");
        assert_eq!(triage(&kept, &database).expect(COMPLETE).rows.len(), of_program);
    }
});
