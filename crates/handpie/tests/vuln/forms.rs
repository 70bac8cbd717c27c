//! The answer is the same in whatever form a program comes: stripped or not, linked in whatever way,
//! for whatever system and CPU.

use std::collections::BTreeMap;
use std::path::Path;

use handpie_toolchain::command::Tool;

use crate::support::{copy, go, go_release, handpie, skip, tool};
use crate::workshop::{Workshop, advisory};

const MAIN: &str = r#"
import (used "x.test/lib/used"; other "x.test/lib/other")
func main() { used.Bad(); other.Good() }
"#;

const USED: &str = r#"
import "os"
//go:noinline
func Bad() { os.Stdout.WriteString("bad\n") }
func Never() { panic("never") }
"#;

const OTHER: &str = r#"
import "os"
//go:noinline
func Good() { os.Stdout.WriteString("good\n") }
func Bad() { panic("never") }
"#;

fn workshop() -> Workshop {
    let packages = [("used", USED), ("other", OTHER), ("unused", OTHER)];
    let workshop = Workshop::new(MAIN).module("x.test/lib", "v1.2.0", &packages);
    workshop.advisories(&[
        advisory("A-1", "x.test/lib", &[("x.test/lib/used", &["Bad"])]),
        advisory("A-2", "x.test/lib", &[("x.test/lib/other", &["Bad"])]),
        advisory("A-3", "x.test/lib", &[("x.test/lib/unused", &["Bad"])]),
        advisory("A-4", "x.test/lib", &[("x.test/lib/used", &[])]),
        advisory("A-5", "x.test/lib", &[]),
        advisory("A-6", "y.test/lib", &[("x.test/lib/used", &["Bad"])]),
    ]);
    workshop
}

fn expected() -> BTreeMap<String, String> {
    [
        ("A-1", "symbol"),
        ("A-2", "package"),
        ("A-3", "module"),
        ("A-4", "symbol"),
        ("A-5", "symbol"),
    ]
    .map(|(id, tier)| (id.to_owned(), tier.to_owned()))
    .into()
}

#[test]
fn a_stripped_program_gets_the_answer_of_the_one_before() {
    let what = "stripped programs";
    let workshop = workshop();
    for (name, flags) in [
        ("plain", &[] as &[&str]),
        ("s", &["-ldflags=-s"]),
        ("s-w", &["-ldflags=-s -w"]),
        ("w", &["-ldflags=-w"]),
        ("trimpath", &["-trimpath", "-ldflags=-s -w"]),
    ] {
        let Some(_) = workshop.build(what, name, flags) else {
            return;
        };
        assert_eq!(workshop.tiers(name), expected(), "{name}");
    }
    for (strip, arg) in [
        ("strip", "--strip-all"),
        ("eu-strip", "-g"),
        ("llvm-strip", "--strip-all"),
    ] {
        let Some(program) = tool(strip, what) else {
            continue;
        };
        let file = copy(&workshop.path("plain"), strip);
        Tool::new(program)
            .arg(arg)
            .arg(&file)
            .run()
            .expect("it strips");
        assert_eq!(workshop.tiers(strip), expected(), "{strip}");
    }
    let mut bytes = std::fs::read(workshop.path("s-w")).unwrap();
    // No section headers: e_shoff, e_shnum, e_shstrndx.
    bytes[0x28..0x30].fill(0);
    bytes[0x3c..0x40].fill(0);
    std::fs::write(workshop.path("section-less"), bytes).unwrap();
    assert_eq!(workshop.tiers("section-less"), expected());
}

#[test]
fn a_pie_and_the_static_pie_made_of_it_get_the_same_answer() {
    let what = "a PIE and a static-PIE";
    let workshop = workshop();
    let Some(pie) = workshop.build(what, "pie", &["-buildmode=pie", "-ldflags=-s"]) else {
        return;
    };
    handpie(["convert".as_ref(), pie.as_os_str()])
        .args(["-o".as_ref(), workshop.path("static-pie").as_os_str()])
        .run()
        .expect("handpie converts it");
    for name in ["pie", "static-pie"] {
        assert_eq!(workshop.tiers(name), expected(), "{name}");
    }
}

#[test]
fn programs_for_other_systems_and_cpus_get_the_same_answer() {
    let what = "programs for other systems";
    let workshop = workshop();
    for (os, cpu) in [
        ("linux", "arm64"),
        ("linux", "386"),
        ("linux", "s390x"),
        ("linux", "mips"),
        ("windows", "amd64"),
        ("darwin", "arm64"),
    ] {
        let Some(go) = go(what) else { return };
        let name = format!("{os}-{cpu}");
        let flags = ["-ldflags=-s -w"];
        workshop.build_with(go.env("GOOS", os).env("GOARCH", cpu), &name, &flags);
        assert_eq!(workshop.tiers(&name), expected(), "{name}");
        let report = workshop.json(&[&name]);
        let file = &report["result"]["files"][0];
        assert_eq!((&file["os"], &file["cpu"]), (&os.into(), &cpu.into()));
    }
}

#[test]
fn every_go_that_is_here_gives_the_same_answer() {
    let what = "programs of several versions of Go";
    let workshop = workshop();
    for version in crate::support::RELEASES {
        let Some(go) = go_release(version, what) else {
            continue;
        };
        workshop.build_with(go, version, &["-ldflags=-s -w"]);
        assert_eq!(workshop.tiers(version), expected(), "{version}");
    }
}

#[test]
fn what_tells_nothing_is_an_error_by_name_and_passed_over_in_a_folder() {
    let workshop = workshop();
    let own = std::fs::read("/bin/sh").unwrap();
    std::fs::create_dir(workshop.path("bin")).unwrap();
    std::fs::write(workshop.path("bin/sh"), own).unwrap();
    workshop.write("bin/readme", "no program");
    let ran = workshop.run(&["vuln", "--db", "db", "bin/sh"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(
        ran.stdout
            .contains("not a Go program, and has no list of crates"),
        "{ran:?}"
    );
    let ran = workshop.run(&["vuln", "--db", "db", "bin"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.contains("2 other files"), "{ran:?}");
}

#[test]
fn without_build_info_the_version_of_go_is_that_of_the_runtime() {
    let what = "a program without build info";
    let (Some(objcopy), Some(strip)) = (tool("objcopy", what), tool("strip", what)) else {
        return;
    };
    let workshop = workshop();
    for (name, flags) in [
        ("plain", &["-ldflags="] as &[&str]),
        ("s-w", &["-ldflags=-s -w"]),
        ("pie", &["-buildmode=pie", "-ldflags=-s -w"]),
    ] {
        let Some(app) = workshop.build(what, name, flags) else {
            return;
        };
        let version = workshop.json(&[name])["result"]["files"][0]["go"].clone();
        let without = Tool::new(&objcopy).args(["--remove-section", ".go.buildinfo"]);
        without.arg(&app).run().expect("objcopy works");
        let check = || {
            let report = workshop.json(&[name]);
            let file = &report["result"]["files"][0];
            assert_eq!(
                (&file["matched"], &file["go"]),
                (&1.into(), &version),
                "{name}"
            );
            assert_eq!(
                file["doubts"][0]["code"], "vuln-no-build-info",
                "{report:#}"
            );
        };
        check();
        Tool::new(&strip).arg(&app).run().expect("strip works");
        check();
    }
}

#[test]
fn a_program_of_which_nothing_has_a_version_is_not_said_to_be_clean() {
    let what = "a program without build info and version";
    let (Some(objcopy), workshop) = (tool("objcopy", what), workshop()) else {
        return;
    };
    let Some(app) = workshop.build(what, "app", &["-ldflags=-s -w"]) else {
        return;
    };
    let without = Tool::new(objcopy).args(["--remove-section", ".go.buildinfo"]);
    without.arg(&app).run().expect("objcopy works");
    let mut bytes = std::fs::read(&app).unwrap();
    let version: Vec<usize> = places_of(&bytes, b"go1.");
    for at in version {
        bytes[at] = b'x';
    }
    std::fs::write(&app, bytes).unwrap();
    let report = workshop.json(&["app"]);
    let file = &report["result"]["files"][0];
    assert_eq!(
        (&file["matched"], &file["go"]),
        (&0.into(), &serde_json::Value::Null)
    );
    assert_eq!(
        file["doubts"][0]["code"], "vuln-no-build-info",
        "{report:#}"
    );
    assert_eq!(report["result"]["summary"]["unmatched"], 1);
    let ran = workshop.run(&["vuln", "--db", "db", "app"]);
    assert!(
        ran.stdout.contains("nothing in it could be matched"),
        "{ran:?}"
    );
}

/// Every place where `needle` stands.
fn places_of(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    let parts = bytes.windows(needle.len()).enumerate();
    let found = parts.filter(|(_, part)| *part == needle);
    found.map(|(at, _)| at).collect()
}

#[test]
fn a_packed_program_is_not_said_to_be_clean() {
    let what = "a packed program";
    if Tool::new("upx").arg("--version").run().is_err() {
        return handpie_testkit::skip_rare(what, "upx");
    }
    let workshop = workshop();
    if workshop
        .build(what, "packed", &["-ldflags=-s -w"])
        .is_none()
    {
        return skip(what, "go");
    }
    let packed = Tool::new("upx")
        .args(["-q", "-1"])
        .arg(workshop.path("packed"));
    packed.run().expect("upx packs it");
    let ran = workshop.run(&["vuln", "--db", "db", "packed"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(ran.stdout.contains("packed with UPX"), "{ran:?}");
    assert!(Path::new(&workshop.path("packed")).is_file());
}
