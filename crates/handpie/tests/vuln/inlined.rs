//! Where a function is that an advisory names: at an address of its own, or in the functions that it
//! was inlined into. The programs are such that everybody knows; Go's own `nm` says the addresses.

use std::path::Path;

use handpie_binary::Binary;
use handpie_binary::go::Pclntab;
use handpie_toolchain::command::Tool;
use serde_json::{Value, json};

use crate::support::{copy, go, go_release, handpie, text, tool};
use crate::workshop::{Workshop, advisory};
use handpie_testkit::schema::Schema;

const MAIN: &str = r#"
import ("os"; p "x.test/lib")
//go:noinline
func first(n int) int { return p.Small(n) + 1 }
//go:noinline
func second(n int) int { return p.Through(n) * 2 }
func main() {
	n := len(os.Args)
	println(first(n), second(n), p.Big(n))
}
"#;

/// `Through` and `Small` become part of their callers; what `Small` does is not known before it runs.
const LIB: &str = r#"
var table = []int{3, 1, 4, 1, 5}
func Small(n int) int { return table[n%5] }
func Through(n int) int { return Small(n + 1) }
//go:noinline
func Big(n int) int { return table[n%3] }
func Gone() int { return 7 }
"#;

fn workshop() -> Workshop {
    let workshop = Workshop::new(MAIN).module("x.test/lib", "v1.2.0", &[("", LIB)]);
    let symbols = ["Small", "Through", "Big", "Gone"];
    workshop.advisories(&[
        advisory("A-1", "x.test/lib", &[("x.test/lib", &symbols)]),
        advisory("A-2", "x.test/lib", &[("x.test/lib", &["Small"])]),
    ]);
    workshop
}

fn with_places(workshop: &Workshop, name: &str) -> Value {
    workshop.json(&["--show", "evidence", name])
}

/// Where a symbol is, by the first advisory that names it.
fn place<'r>(report: &'r Value, symbol: &str) -> &'r Value {
    let advisories = report["result"]["files"][0]["advisories"].as_array();
    let affected = advisories.unwrap_or_else(|| panic!("{report:#}")).iter();
    let symbols = affected.flat_map(|it| it["affected"][0]["symbols"].as_array().unwrap());
    let mut symbols = symbols.filter(|it| it["symbol"] == symbol);
    &symbols
        .next()
        .unwrap_or_else(|| panic!("{symbol}: {report:#}"))["place"]
}

/// Holds what is said of `name` against what everybody knows; `address` is that of `Big`.
fn assert_places(workshop: &Workshop, name: &str, address: Option<u64>) {
    let report = with_places(workshop, name);
    let inlined = |into: &[&str]| json!({ "count": into.len(), "into": into });
    let small = place(&report, "Small");
    assert_eq!(small["linked"], Value::Null, "{name}");
    assert_eq!(
        small["inlined"],
        inlined(&["main.first", "main.second"]),
        "{name}"
    );
    assert_eq!(
        place(&report, "Through")["inlined"],
        inlined(&["main.second"]),
        "{name}"
    );
    let big = place(&report, "Big");
    assert_eq!(big["inlined"], inlined(&[]), "{name}");
    assert_eq!(big["linked"]["function"], "x.test/lib.Big", "{name}");
    let found = big["linked"]["address"].as_u64();
    assert!(found.is_some(), "{name}: {big}");
    if address.is_some() {
        assert_eq!(found, address, "{name}");
    }
    let of_second = &report["result"]["files"][0]["advisories"][1];
    assert_eq!(
        of_second["affected"][0]["symbols"][0]["place"], *small,
        "{name}"
    );
}

/// The address of `Big`, as `go tool nm` says.
fn address_of_big(go: Tool, program: &Path) -> u64 {
    let said = go
        .args(["tool", "nm"])
        .arg(program)
        .run()
        .expect("go has nm");
    let said = text(&said);
    let mut lines = said.lines();
    let line = lines.find(|line| line.ends_with("x.test/lib.Big"));
    let address = line.unwrap().split_whitespace().next().unwrap();
    u64::from_str_radix(address, 16).unwrap()
}

#[test]
fn the_place_of_a_function_is_the_same_in_whatever_way_a_program_was_linked() {
    let what = "places in programs linked in several ways";
    let workshop = workshop();
    for (name, flags) in [
        ("plain", &["-ldflags="] as &[&str]),
        ("s-w", &["-ldflags=-s -w"]),
        ("pie", &["-buildmode=pie", "-ldflags="]),
        ("pie-s", &["-buildmode=pie", "-ldflags=-s -w"]),
    ] {
        let (Some(program), Some(go)) = (workshop.build(what, name, flags), go(what)) else {
            return;
        };
        let is_stripped = name.contains("-s") || name == "s-w";
        let address = (!is_stripped).then(|| address_of_big(go, &program));
        assert_places(&workshop, name, address);
    }
    for pie in ["pie", "pie-s"] {
        let name = format!("static-{pie}");
        handpie(["convert".as_ref(), workshop.path(pie).as_os_str()])
            .args(["-o".as_ref(), workshop.path(&name).as_os_str()])
            .run()
            .expect("handpie converts it");
        // A conversion changes no address.
        let before = with_places(&workshop, pie);
        let address = place(&before, "Big")["linked"]["address"].as_u64();
        assert_places(&workshop, &name, address);
    }
    let mut bytes = std::fs::read(workshop.path("s-w")).unwrap();
    // No section headers: e_shoff, e_shnum, e_shstrndx.
    bytes[0x28..0x30].fill(0);
    bytes[0x3c..0x40].fill(0);
    std::fs::write(workshop.path("section-less"), bytes).unwrap();
    assert_places(&workshop, "section-less", None);
}

#[test]
fn places_show_in_programs_for_other_systems_and_cpus() {
    let what = "places in programs for other systems";
    let workshop = workshop();
    for (os, cpu) in [
        ("linux", "arm64"),
        ("linux", "386"),
        ("linux", "s390x"),
        ("windows", "amd64"),
        ("windows", "386"),
        ("darwin", "arm64"),
        ("darwin", "amd64"),
    ] {
        let (Some(go), Some(nm)) = (go(what), go(what)) else {
            return;
        };
        let name = format!("{os}-{cpu}");
        let go = go.env("GOOS", os).env("GOARCH", cpu);
        workshop.build_with(go.clone(), &name, &["-ldflags="]);
        assert_places(
            &workshop,
            &name,
            Some(address_of_big(nm, &workshop.path(&name))),
        );
        let name = format!("{name}-s");
        workshop.build_with(go, &name, &["-ldflags=-s -w"]);
        assert_places(&workshop, &name, None);
    }
}

#[test]
fn every_go_that_is_here_tells_places() {
    let what = "places by several versions of Go";
    let workshop = workshop();
    for version in crate::support::RELEASES {
        let Some(go) = go_release(version, what) else {
            continue;
        };
        workshop.build_with(go.clone(), version, &["-ldflags=-s -w"]);
        assert_places(&workshop, version, None);
        let pie = format!("{version}-pie");
        workshop.build_with(go, &pie, &["-buildmode=pie", "-ldflags="]);
        assert_places(&workshop, &pie, None);
    }
}

#[test]
fn a_pie_by_another_linker_keeps_its_pointers_in_the_relocation_table() {
    let what = "places in a PIE that gcc linked";
    let (Some(go), Some(nm), Some(_)) = (go(what), go(what), tool("gcc", what)) else {
        return;
    };
    let workshop = workshop();
    workshop.write("c.go", "package main\nimport _ \"runtime/cgo\"\n");
    let flags = ["-buildmode=pie", "-ldflags=-linkmode=external"];
    workshop.build_with(go.env("CGO_ENABLED", "1"), "external", &flags);
    let address = address_of_big(nm, &workshop.path("external"));
    assert_places(&workshop, "external", Some(address));
    if let Some(strip) = tool("strip", what) {
        let stripped = copy(&workshop.path("external"), "stripped");
        Tool::new(strip).arg(&stripped).run().expect("it strips");
        assert_places(&workshop, "stripped", Some(address));
    }
}

#[test]
fn text_says_it_where_evidence_is_asked_for() {
    let workshop = workshop();
    let Some(_) = workshop.build("places as text", "app", &["-ldflags=-s -w"]) else {
        return;
    };
    let report = with_places(&workshop, "app");
    let address = place(&report, "Big")["linked"]["address"].as_u64().unwrap();
    for words in [&["--show", "evidence"][..], &["--show", "all"], &["-v"]] {
        let ran = workshop.run(&[&["vuln", "--db", "db", "app"], words].concat());
        let lines: Vec<&str> = ran.stdout.lines().map(str::trim).collect();
        for (name, place) in [
            (
                "x.test/lib.Small",
                "inlined into main.first, main.second".to_owned(),
            ),
            (
                "x.test/lib.Big",
                format!("linked as a function at virtual address {address:#x}"),
            ),
        ] {
            let at = lines
                .iter()
                .position(|line| line.ends_with(&format!(": {name}")));
            let behind = at.and_then(|at| lines.get(at + 1));
            assert_eq!(behind, Some(&&*place), "{words:?}: {ran:?}");
        }
    }
    let ran = workshop.run(&["vuln", "--db", "db", "app"]);
    assert!(!ran.stdout.contains("inlined"), "{ran:?}");
    // It costs reading more of the file.
    assert_eq!(place(&workshop.json(&["app"]), "Small"), &Value::Null);
    Schema::of("vuln").holds(&report);
    let words = ["vuln", "--db", "db", "--format", "sarif", "app", "--show"];
    let of_sarif = |show: &str| workshop.run(&[&words[..], &[show]].concat()).stdout;
    let said = "x.test/lib.Small: inlined into main.first, main.second";
    assert!(of_sarif("evidence").contains(said));
    assert!(!of_sarif("counting").contains("inlined"));
    workshop.write("kept.json", &workshop.run(&["facts", "app"]).stdout);
    assert_eq!(
        place(&workshop.json(&["--facts", "kept.json"]), "Small"),
        &Value::Null
    );
}

#[test]
fn of_many_callers_the_first_are_named() {
    let callers: String = (10..90)
        .map(|n| format!("//go:noinline\nfunc f{n}(n int) int {{ return p.Small(n + {n}) }}\n"))
        .collect();
    let calls: String = (10..90).map(|n| format!("println(f{n}(n))\n")).collect();
    let main = format!(
        "import (\"os\"; p \"x.test/lib\")\n{callers}func main() {{ n := len(os.Args)\n{calls} }}"
    );
    let workshop = Workshop::new(&main).module("x.test/lib", "v1.2.0", &[("", LIB)]);
    workshop.advisories(&[advisory("A-1", "x.test/lib", &[("x.test/lib", &["Small"])])]);
    let Some(_) = workshop.build("many callers", "app", &["-ldflags=-s -w"]) else {
        return;
    };
    let report = with_places(&workshop, "app");
    let inlined = &place(&report, "Small")["inlined"];
    assert_eq!(inlined["count"], 80);
    assert_eq!(inlined["into"].as_array().unwrap().len(), 64);
    let ran = workshop.run(&["vuln", "--db", "db", "--show", "evidence", "app"]);
    let wanted = "inlined into main.f10, main.f11, main.f12 (and 77 more)";
    assert!(ran.stdout.contains(wanted), "{ran:?}");
}

#[test]
fn generic_functions_and_closures_are_one_symbol_with_their_function() {
    let main = r#"
import ("os"; p "x.test/lib")
//go:noinline
func ints(n int) int { return p.Gen(n) }
//go:noinline
func floats(n float64) float64 { return p.Gen(n) }
func main() { n := len(os.Args); println(ints(n), floats(float64(n)), p.Outer(n)()) }
"#;
    let lib = r#"
var Factor = 3
func Gen[T int | float64](n T) T { return n * T(Factor) }
//go:noinline
func Outer(n int) func() int { return func() int { println(n); return n } }
"#;
    let workshop = Workshop::new(main).module("x.test/lib", "v1.2.0", &[("", lib)]);
    workshop.advisories(&[advisory(
        "A",
        "x.test/lib",
        &[("x.test/lib", &["Gen", "Outer"])],
    )]);
    let Some(_) = workshop.build("places of generic functions", "app", &["-ldflags=-s -w"]) else {
        return;
    };
    let report = with_places(&workshop, "app");
    let generic = &place(&report, "Gen")["inlined"]["into"];
    assert_eq!(*generic, json!(["main.ints", "main.floats"]), "{report:#}");
    let outer = place(&report, "Outer");
    assert_eq!(outer["linked"]["function"], "x.test/lib.Outer");
}

/// The linker writes a name for each function with code and for each that was inlined, and for no
/// other. So nothing is missing where every name has a place.
#[test]
fn every_name_in_the_table_has_a_place() {
    let what = "places of all names";
    let workshop = workshop();
    for version in crate::support::RELEASES {
        let Some(go) = go_release(version, what) else {
            continue;
        };
        let flags = ["-buildmode=pie", "-ldflags=-s -w"];
        workshop.build_with(go, version, &flags);
        let file = std::fs::read(workshop.path(version)).unwrap();
        let binary = &Binary::parse(&file).unwrap()[0];
        let table = Pclntab::read(binary).unwrap().unwrap();
        // Up to Go 1.21 there may be an empty one.
        let names = table
            .functions()
            .unwrap()
            .filter(|name| !name.bytes.is_empty());
        let names: Vec<_> = names.map(|name| vec![name.offset]).collect();
        let places = table.places(binary, &names).unwrap().unwrap();
        let mut linked = 0;
        for place in &places {
            let inlined = place.inlined.as_ref().unwrap();
            assert!(
                place.linked.is_some() || inlined.count > 0,
                "{version}: {place:?}"
            );
            linked += usize::from(place.linked.is_some());
        }
        assert!(
            linked > 1000 && linked < places.len(),
            "{version}: {linked}"
        );
    }
}
