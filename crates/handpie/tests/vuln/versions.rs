//! Versions: of Go with experiments and of vendors, of Go's own programs, of modules.

use serde_json::json;

use crate::support::{go, go_release, skip};
use crate::workshop::{Workshop, advisory, fixed_in};

const MAIN: &str =
    "import \"net/url\"\nfunc main() { u, err := url.Parse(\"a://b\"); println(u, err) }";

/// Everything before a version of Go that will not come soon.
fn of_stdlib() -> serde_json::Value {
    fixed_in(
        advisory("STD", "stdlib", &[("net/url", &["Parse"])]),
        "1.999.0",
    )
}

#[test]
fn the_standard_library_is_matched_in_a_program_with_experiments() {
    let what = "a program with GOEXPERIMENT";
    let Some(go) = go_release("1.26.6", what).or_else(|| self::go(what)) else {
        return;
    };
    let workshop = Workshop::new(MAIN);
    workshop.advisories(&[of_stdlib()]);
    workshop.build_with(go.env("GOEXPERIMENT", "nodwarf5"), "app", &["-ldflags=-s"]);
    let report = workshop.json(&["app"]);
    let version = report["result"]["files"][0]["go"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(version.contains("X:"), "{version}");
    assert_eq!(workshop.tiers("app")["STD"], "symbol");
}

#[test]
fn the_go_command_is_matched_as_part_of_the_toolchain() {
    let what = "the go command";
    let Some(go) = go_release("1.22.10", what) else {
        return;
    };
    let found = go.args(["env", "GOROOT"]).run().unwrap();
    let root = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    let program = format!("{root}/bin/go");
    if !std::path::Path::new(&program).is_file() {
        return skip(what, "bin/go of a toolchain");
    }
    let workshop = Workshop::new("");
    let with = |id: &str, imports: &[(&str, &[&str])]| {
        fixed_in(advisory(id, "toolchain", imports), "1.999.0")
    };
    workshop.advisories(&[
        with("TOOL", &[("cmd/go", &[])]),
        with("LOAD", &[("cmd/go/internal/load", &["PackagesAndErrors"])]),
        with("LINK", &[("cmd/link", &[])]),
        of_stdlib(),
    ]);
    let tiers = workshop.tiers(&program);
    assert_eq!(tiers["TOOL"], "symbol", "{tiers:?}");
    assert_eq!(tiers["LOAD"], "symbol", "{tiers:?}");
    assert_eq!(tiers["LINK"], "module", "{tiers:?}");
    assert_eq!(tiers["STD"], "symbol", "{tiers:?}");
}

#[test]
fn toolchain_advisories_are_not_about_programs_that_it_made() {
    let workshop = Workshop::new(MAIN);
    let of_toolchain = advisory("TOOL", "toolchain", &[("cmd/go", &[])]);
    workshop.advisories(&[fixed_in(of_toolchain, "1.999.0"), of_stdlib()]);
    let Some(_) = workshop.build("toolchain advisories", "app", &[]) else {
        return;
    };
    assert_eq!(
        workshop.tiers("app").into_keys().collect::<Vec<_>>(),
        ["STD"]
    );
}

#[test]
fn versions_are_compared_as_gos_modules_compare_them() {
    let what = "versions of modules";
    for (version, fixed, affected) in [
        ("v1.4.9", "1.5.0", true),
        ("v1.5.0", "1.5.0", false),
        ("v1.5.0-rc.1", "1.5.0", true),
        ("v1.4.10-0.20240102030405-abcdefabcdef", "1.4.10", true),
        ("v1.4.11-0.20240102030405-abcdefabcdef", "1.4.10", false),
        (
            "v0.0.0-20240102030405-abcdefabcdef",
            "0.0.0-20240101000000-000000000000",
            false,
        ),
        (
            "v0.0.0-20240102030405-abcdefabcdef",
            "0.0.0-20250101000000-000000000000",
            true,
        ),
        ("v4.0.0+incompatible", "4.0.0", false),
        ("v4.0.0+incompatible", "4.0.1", true),
    ] {
        let source = "//go:noinline\nfunc F() { println(1) }";
        let main = "import p \"x.test/lib\"\nfunc main() { p.F() }";
        let workshop = Workshop::new(main).module("x.test/lib", version, &[("", source)]);
        let about = advisory("A", "x.test/lib", &[("x.test/lib", &["F"])]);
        workshop.advisories(&[fixed_in(about, fixed)]);
        let Some(_) = workshop.build(what, "app", &[]) else {
            return;
        };
        assert_eq!(
            workshop.tiers("app").contains_key("A"),
            affected,
            "{version} {fixed}"
        );
    }
}

#[test]
fn an_advisory_for_another_system_is_not_there() {
    let workshop = Workshop::new(MAIN);
    let mut windows = of_stdlib();
    windows["affected"][0]["ecosystem_specific"]["imports"][0]["goos"] = json!(["windows"]);
    workshop.advisories(&[windows]);
    let what = "advisories for systems";
    let (Some(here), Some(there)) = (go(what), go(what)) else {
        return;
    };
    workshop.build_with(here, "app", &[]);
    workshop.build_with(there.env("GOOS", "windows"), "app.exe", &[]);
    assert_eq!(workshop.tiers("app").len(), 0);
    assert_eq!(workshop.tiers("app.exe")["STD"], "symbol");
}
