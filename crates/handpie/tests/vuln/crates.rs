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
    program_of(workshop, Path::new("/bin/true"), packages)
}

fn program_of(workshop: &Workshop, original: &Path, packages: &Value) -> Option<()> {
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
    copy.arg(original)
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
    assert_eq!(file["advisories"][0]["tier"], "symbol");
    assert_eq!(file["advisories"][0]["affected"][0]["basis"], "unseen");
    assert_eq!(file["advisories"][0]["affected"][0]["fixed"], "1.2.4");
    assert_eq!(file["doubts"][0]["code"], "vuln-foreign-crates");
    // Nothing rules out that the code of a crate is linked, so it counts; as for a Go program whose
    // table of functions cannot be read.
    let ran = workshop.run(&["vuln", "--db", "db", "app"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    let first =
        "app: Rust, 3 crates: 1 crate not matched; 1 of 2 advisories counts (2 not ruled out)";
    assert!(ran.stdout.starts_with(first), "{ran:?}");
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

#[test]
fn an_advisory_for_another_cpu_is_not_there() {
    let workshop = Workshop::new("");
    let on = |id: &str, cpus: &[&str]| {
        let mut advisory = advisory(id, "old", "9.0.0");
        advisory["affected"][0]["ecosystem_specific"]["affects"]["arch"] = json!(cpus);
        advisory
    };
    let every = [
        "x86",
        "x86_64",
        "arm",
        "aarch64",
        "loongarch64",
        "riscv64",
        "s390x",
        "powerpc64",
    ];
    workshop.advisories(&[
        on("ALL", &every),
        on("NONE", &["sparc64"]),
        on("OLD", &["x86"]),
    ]);
    let packages = json!([{ "name": "old", "version": "1.2.3", "source": "crates.io" }]);
    let Some(()) = program(&workshop, &packages) else {
        return;
    };
    let found: Vec<String> = workshop.tiers("app").into_keys().collect();
    // Of a CPU that is not known here, it cannot be told.
    let wanted = match cfg!(target_arch = "x86") {
        true => vec!["ALL", "NONE", "OLD"],
        false => vec!["ALL", "NONE"],
    };
    assert_eq!(found, wanted);
}

#[test]
fn an_id_of_any_length_stands_apart_from_its_title() {
    let workshop = Workshop::new("");
    let ids = [
        "GHSA-wcg3-cvx6-7396",
        "RUSTSEC-2020-0071",
        "A-23456789012345",
    ];
    workshop.advisories(&ids.map(|id| advisory(id, "old", "9.0.0")));
    let packages = json!([{ "name": "old", "version": "1.2.3", "source": "crates.io" }]);
    let Some(()) = program(&workshop, &packages) else {
        return;
    };
    let ran = workshop.run(&["vuln", "--db", "db", "app"]);
    for id in ids {
        let line = ran
            .stdout
            .lines()
            .find(|line| line.trim_start().starts_with(id));
        let line = line.unwrap_or_else(|| panic!("{ran:?}"));
        assert!(line.contains(&format!("{id} ")), "{ran:?}");
    }
}

/// A program that calls `Tm::now` of crate `old-time`, with its symbols.
fn program_calling(workshop: &Workshop, mangling: &str) -> Option<()> {
    let what = "functions of crates";
    let rustc = tool("rustc", what)?;
    workshop.write(
        "old.rs",
        "mod inner { pub struct Tm; impl Tm { #[inline(never)] pub fn now() -> u64 { \
         std::process::id().into() } } }\npub use inner::Tm;\n",
    );
    workshop.write(
        "main.rs",
        "fn main() { println!(\"{}\", old_time::Tm::now()); }\n",
    );
    let compile = |args: &[&str]| {
        let mangling = format!("symbol-mangling-version={mangling}");
        let rustc = Tool::new(&rustc).args(["-C", &mangling, "-C", "opt-level=1"]);
        // Neither way of mangling is stable to ask for in every rustc.
        let rustc = rustc
            .args(["-Z", "unstable-options"])
            .env("RUSTC_BOOTSTRAP", "1");
        let done = rustc.args(args).dir(workshop.path("")).run();
        done.expect("rustc compiles");
    };
    compile(&["--crate-type", "rlib", "--crate-name", "old_time", "old.rs"]);
    compile(&[
        "-L", ".", "--extern", "old_time", "-o", "calling", "main.rs",
    ]);
    let packages = json!([{ "name": "old-time", "version": "1.2.3", "source": "crates.io" }]);
    program_of(workshop, &workshop.path("calling"), &packages)
}

fn naming(id: &str, functions: Value) -> Value {
    let mut advisory = advisory(id, "old-time", "9.0.0");
    advisory["affected"][0]["ecosystem_specific"]["affects"]["functions"] = functions;
    advisory
}

#[test]
fn functions_that_an_advisory_names_are_found_among_symbols() {
    for mangling in ["legacy", "v0"] {
        let workshop = Workshop::new("");
        workshop.advisories(&[
            naming("CALLED", json!(["old_time::Tm::now"])),
            naming("NOT-CALLED", json!(["old_time::Tm::later"])),
            naming(
                "REQUIRED",
                json!({ "old_time::Tm::now": ["< 1.0", ">= 1.2, < 2"] }),
            ),
            naming("OTHER-VERSION", json!({ "old_time::Tm::now": ["^2"] })),
            naming("STRANGE", json!(7)),
        ]);
        let Some(()) = program_calling(&workshop, mangling) else {
            return;
        };
        let report = workshop.json(&["app"]);
        let rows = report["result"]["files"][0]["advisories"]
            .as_array()
            .unwrap();
        let basis = |id: &str| {
            let row = rows.iter().find(|it| it["id"] == id).unwrap();
            assert_eq!(row["fails"], true, "{mangling}: {report:#}");
            row["affected"][0]["basis"].as_str().unwrap().to_owned()
        };
        assert_eq!(basis("CALLED"), "symbols", "{mangling}: {report:#}");
        assert_eq!(basis("REQUIRED"), "symbols", "{mangling}");
        for id in ["NOT-CALLED", "OTHER-VERSION", "STRANGE"] {
            assert_eq!(basis(id), "unseen", "{mangling} {id}");
        }
        let ran = workshop.run(&["vuln", "--db", "db", "--show", "evidence", "app"]);
        for words in [
            "symbol linked\n",
            "::now\n",
            "not ruled out",
            "linked as a function at",
        ] {
            assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
        }
    }
}

#[test]
fn without_symbols_the_same_advisories_count() {
    let workshop = Workshop::new("");
    workshop.advisories(&[naming("CALLED", json!(["old_time::Tm::now"]))]);
    let Some(()) = program_calling(&workshop, "v0") else {
        return;
    };
    let Some(strip) = tool("strip", "a stripped Rust program") else {
        return;
    };
    Tool::new(strip).arg(workshop.path("app")).run().unwrap();
    let ran = workshop.run(&["vuln", "--db", "db", "app"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stdout.contains("which does not rule them out"),
        "{ran:?}"
    );
}
