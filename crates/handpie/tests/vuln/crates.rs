//! Rust programs with the list of crates that cargo-auditable leaves in them.

use std::io::Write;
use std::path::Path;

use handpie_toolchain::command::Tool;
use serde_json::{Value, json};

use crate::support::tool;
use crate::workshop::Workshop;

pub(crate) fn advisory(id: &str, name: &str, fixed: &str) -> Value {
    json!({
        "id": id,
        "modified": "2026-01-01T00:00:00Z",
        "summary": "Something is wrong",
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
        "affected": [{
            "package": { "ecosystem": "crates.io", "name": name },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0.0.0-0" }, { "fixed": fixed }] }],
            "ecosystem_specific": { "affects": { "arch": [], "functions": [], "os": [] } },
        }],
    })
}

/// A program with a list of crates, made of `/bin/true` and objcopy.
pub(crate) fn program(workshop: &Workshop, packages: &Value) -> Option<()> {
    let what = "a program with a list of crates";
    let objcopy = tool("objcopy", what)?;
    let json = json!({ "packages": packages }).to_string();
    let list = workshop.path("list");
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(json.as_bytes(), 6);
    std::fs::File::create(&list)
        .unwrap()
        .write_all(&packed)
        .unwrap();
    let section = format!(".dep-v0={}", list.display());
    let copy = Tool::new(objcopy).args(["--add-section", &section]);
    copy.arg(Path::new("/bin/true"))
        .arg(workshop.path("app"))
        .run()
        .expect("objcopy works");
    Some(())
}

#[test]
fn crates_are_matched_by_version() {
    let workshop = Workshop::new("");
    let mut unsound = advisory("RUSTSEC-4", "old", "9.0.0");
    unsound["affected"][0]["database_specific"] = json!({ "informational": "unmaintained" });
    let mut windows = advisory("RUSTSEC-5", "old", "9.0.0");
    windows["affected"][0]["ecosystem_specific"]["affects"]["os"] = json!(["windows"]);
    workshop.advisories(&[
        advisory("RUSTSEC-1", "old", "1.2.4"),
        advisory("RUSTSEC-2", "old", "1.2.3"),
        advisory("RUSTSEC-3", "tool", "9.0.0"),
        unsound,
        windows,
        advisory("RUSTSEC-6", "forked", "9.0.0"),
    ]);
    let packages = json!([
        { "name": "app", "version": "0.1.0", "source": "local", "root": true },
        { "name": "old", "version": "1.2.3", "source": "crates.io" },
        { "name": "tool", "version": "1.0.0", "source": "crates.io", "kind": "build" },
        { "name": "forked", "version": "1.0.0", "source": "git" },
    ]);
    let Some(()) = program(&workshop, &packages) else {
        return;
    };
    let report = workshop.json(&["app"]);
    let file = &report["result"]["files"][0];
    let ids: Vec<_> = file["advisories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["id"])
        .collect();
    assert_eq!(ids, ["RUSTSEC-1", "RUSTSEC-4"], "{report:#}");
    assert_eq!(file["advisories"][0]["tier"], "module");
    assert_eq!(file["advisories"][0]["affected"][0]["fixed"], "1.2.4");
    assert_eq!(file["doubts"][0]["code"], "vuln-foreign-crates");
    // Crates have one tier, so nothing counts unless that one does.
    assert_eq!(workshop.run(&["vuln", "--db", "db", "app"]).status, 0);
    let ran = workshop.run(&["vuln", "--db", "db", "--fail-on", "module", "app"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stdout
            .contains("upgrade old from 1.2.3 to 1.2.4: RUSTSEC-1\n"),
        "{ran:?}"
    );
}

#[test]
fn a_list_that_is_damaged_is_none() {
    let workshop = Workshop::new("");
    workshop.advisories(&[advisory("RUSTSEC-1", "old", "1.2.4")]);
    let Some(()) = program(&workshop, &json!([])) else {
        return;
    };
    let file = std::fs::read(workshop.path("app")).unwrap();
    let list = std::fs::read(workshop.path("list")).unwrap();
    let at = file
        .windows(list.len())
        .position(|part| part == list)
        .unwrap();
    let mut damaged = file.clone();
    damaged[at] ^= 0xff;
    std::fs::write(workshop.path("app"), damaged).unwrap();
    let ran = workshop.run(&["vuln", "--db", "db", "app"]);
    assert_eq!(ran.status, 3, "{ran:?}");
}
