use std::collections::BTreeSet;

use super::*;
use crate::database::Builder;
use crate::upgrades::upgrades;

/// A program: modules with versions, and functions that are linked as `package symbol`.
pub(super) fn program(
    version: &str,
    modules: &[(&str, &str)],
    functions: &[(&str, &str)],
) -> Inventory<'static> {
    let modules = modules
        .iter()
        .map(|(path, version)| match path.split_once(" => ") {
            None => serde_json::json!({ "path": path, "version": version }),
            Some((path, by)) => serde_json::json!({ "path": path, "version": "v0.0.1",
            "replacement": { "path": by, "version": version } }),
        });
    let mut hashes: Vec<u64> = functions
        .iter()
        .map(|(p, s)| symbol::hash(p.as_bytes(), s.as_bytes()))
        .collect();
    hashes.sort_unstable();
    let packages: BTreeSet<&str> = functions.iter().map(|(package, _)| *package).collect();
    let facts = serde_json::json!({
        "go": version, "build_info": true, "package": "main.test/app",
        "main": { "path": "main.test/app", "version": "v1.0.0" },
        "modules": modules.collect::<Vec<_>>(),
        "settings": {}, "os": "linux", "cpu": "amd64", "crates": null,
        "packages": packages, "symbols": "",
    });
    let mut inventory = Inventory::kept(serde_json::from_value(facts).unwrap()).unwrap();
    inventory.code = crate::code::Code::Kept {
        packages: packages.into_iter().map(str::to_owned).collect(),
        symbols: hashes,
    };
    inventory
}

/// An advisory about packages of a module: `path: F, T.M`, before version 1.5.0.
pub(super) fn advisory(id: &str, module: &str, imports: &[&str]) -> String {
    let imports = imports.iter().map(|import| {
        let (path, symbols) = import.split_once(": ").unwrap_or((import, ""));
        let symbols: Vec<&str> = symbols.split(", ").filter(|it| !it.is_empty()).collect();
        serde_json::json!({ "path": path, "symbols": symbols })
    });
    let imports: Vec<_> = imports.collect();
    serde_json::json!({
        "id": id, "modified": "2026-01-01T00:00:00Z",
        "affected": [{
            "package": { "ecosystem": "Go", "name": module },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.5.0" }] }],
            "ecosystem_specific": { "imports": imports },
        }],
    })
    .to_string()
}

pub(super) fn database(advisories: &[String]) -> Vec<u8> {
    let mut builder = Builder::default();
    builder.begin("here");
    for json in advisories {
        builder.add(json.as_bytes()).unwrap();
    }
    builder.finish().unwrap()
}

/// Every row as `id tier basis module version fixed`.
fn rows(inventory: &Inventory<'_>, advisories: &[String]) -> Vec<String> {
    let file = database(advisories);
    let database = Database::open(&file).unwrap();
    let rows = matches(inventory, &database)
        .unwrap()
        .into_iter()
        .flat_map(|row| {
            let id = row.advisory.id().to_owned();
            let modules = row.modules.into_iter().map(move |module| {
                let fixed = module.fixed.as_deref().unwrap_or("-");
                let tier = module.tier.name();
                format!(
                    "{id} {tier} {:?} {} {} {fixed}",
                    module.basis, module.name, module.version
                )
            });
            modules.collect::<Vec<_>>()
        });
    rows.collect()
}

pub(super) const LIB: (&str, &str) = ("x.test/lib", "v1.2.0");

#[test]
fn each_tier_is_told_from_the_next() {
    let advisories = [advisory("A", "x.test/lib", &["x.test/lib/p: F, T.M"])];
    for (functions, row) in [
        (
            &[("x.test/lib/q", "F")] as &[_],
            "A module Symbols x.test/lib v1.2.0 v1.5.0",
        ),
        (
            &[("x.test/lib/p", "G")],
            "A package Symbols x.test/lib v1.2.0 v1.5.0",
        ),
        (
            &[("x.test/lib/p", "T.M")],
            "A symbol Symbols x.test/lib v1.2.0 v1.5.0",
        ),
    ] {
        let found = rows(&program("go1.27.3", &[LIB], functions), &advisories);
        assert_eq!(found, [row]);
    }
    let fixed = program(
        "go1.27.3",
        &[("x.test/lib", "v1.5.0")],
        &[("x.test/lib/p", "F")],
    );
    assert_eq!(rows(&fixed, &advisories), [""; 0]);
}

#[test]
fn an_advisory_without_symbols_counts_what_it_names() {
    let of_package = [advisory("A", "x.test/lib", &["x.test/lib/p"])];
    let of_module = [advisory("A", "x.test/lib", &[])];
    let linked = program("go1.27.3", &[LIB], &[("x.test/lib/p", "G")]);
    let other = program("go1.27.3", &[LIB], &[("x.test/lib/q", "G")]);
    let none = program("go1.27.3", &[LIB], &[("fmt", "Println")]);
    assert_eq!(
        rows(&linked, &of_package),
        ["A symbol Packages x.test/lib v1.2.0 v1.5.0"]
    );
    assert_eq!(
        rows(&other, &of_package),
        ["A module Symbols x.test/lib v1.2.0 v1.5.0"]
    );
    assert_eq!(
        rows(&other, &of_module),
        ["A symbol Module x.test/lib v1.2.0 v1.5.0"]
    );
    assert_eq!(
        rows(&none, &of_module),
        ["A module Module x.test/lib v1.2.0 v1.5.0"]
    );
}

#[test]
fn a_path_that_only_starts_with_the_same_letters_is_another_module() {
    let advisories = [advisory("A", "x.test/lib", &[])];
    let inventory = program(
        "go1.27.3",
        &[LIB, ("x.test/library", "v1.0.0")],
        &[("x.test/library", "F")],
    );
    assert_eq!(
        rows(&inventory, &advisories),
        ["A module Module x.test/lib v1.2.0 v1.5.0"]
    );
}

#[test]
fn a_package_of_a_module_inside_another_is_not_the_outer_ones() {
    let advisories = [
        advisory("A", "x.test/lib", &["x.test/lib/sub: F"]),
        advisory("B", "x.test/lib/sub", &["x.test/lib/sub: F"]),
    ];
    let inventory = program(
        "go1.27.3",
        &[LIB, ("x.test/lib/sub", "v0.1.0")],
        &[("x.test/lib/sub", "F")],
    );
    assert_eq!(
        rows(&inventory, &advisories),
        [
            "B symbol Symbols x.test/lib/sub v0.1.0 v1.5.0",
            "A module Symbols x.test/lib v1.2.0 v1.5.0"
        ]
    );
}

#[test]
fn a_module_that_was_replaced_is_what_replaced_it() {
    let advisories = [
        advisory("A", "x.test/lib", &["x.test/lib/p: F"]),
        advisory("B", "fork.test/lib", &["fork.test/lib/p: F"]),
    ];
    let functions = [("x.test/lib/p", "F")];
    let inventory = program(
        "go1.27.3",
        &[("x.test/lib => fork.test/lib", "v1.1.0")],
        &functions,
    );
    assert_eq!(
        rows(&inventory, &advisories),
        ["B symbol Symbols fork.test/lib v1.1.0 v1.5.0"]
    );
    let inventory = program(
        "go1.27.3",
        &[("x.test/lib => x.test/lib", "v1.6.0")],
        &functions,
    );
    assert_eq!(rows(&inventory, &advisories), [""; 0]);
}

#[test]
fn packages_for_other_systems_are_not_there() {
    let of = |fields: &str| {
        let json = advisory("A", "x.test/lib", &["x.test/lib/p: F"]);
        [json.replace("\"path\"", &format!("{fields},\"path\""))]
    };
    let inventory = program("go1.27.3", &[LIB], &[("x.test/lib/p", "F")]);
    assert_eq!(rows(&inventory, &of(r#""goos":["windows"]"#)), [""; 0]);
    assert_eq!(rows(&inventory, &of(r#""goarch":["arm64"]"#)), [""; 0]);
    assert_eq!(
        rows(
            &inventory,
            &of(r#""goos":["windows","linux"],"goarch":["amd64"]"#)
        )
        .len(),
        1
    );
}

#[test]
fn an_advisory_is_one_row_however_often_it_names_a_module() {
    let mut twice: serde_json::Value =
        serde_json::from_str(&advisory("A", "x.test/lib", &["x.test/lib/p: F"])).unwrap();
    let mut other = twice["affected"][0].clone();
    other["ranges"][0]["events"] =
        serde_json::json!([{ "introduced": "1.1.0" }, { "fixed": "1.7.0" }]);
    other["ecosystem_specific"]["imports"][0]["symbols"] = serde_json::json!(["G"]);
    twice["affected"].as_array_mut().unwrap().push(other);
    let mut stdlib = twice["affected"][0].clone();
    stdlib["package"]["name"] = "stdlib".into();
    stdlib["ecosystem_specific"]["imports"][0]["path"] = "net/http".into();
    stdlib["ranges"][0]["events"][1]["fixed"] = "1.28.0".into();
    twice["affected"].as_array_mut().unwrap().push(stdlib);
    let inventory = program(
        "go1.27.3",
        &[LIB],
        &[("x.test/lib/p", "G"), ("net/http", "Get")],
    );
    let advisories = [twice.to_string()];
    assert_eq!(
        rows(&inventory, &advisories),
        [
            "A symbol Symbols x.test/lib v1.2.0 v1.7.0",
            "A package Symbols stdlib 1.27.3 1.28.0"
        ]
    );
    let file = database(&advisories);
    let database = Database::open(&file).unwrap();
    assert_eq!(matches(&inventory, &database).unwrap().len(), 1);
}

#[test]
fn where_functions_cannot_be_read_nothing_is_ruled_out() {
    let mut inventory = program("go1.27.3", &[LIB], &[]);
    inventory.code = crate::code::Code::Unreadable;
    let advisories = [advisory("A", "x.test/lib", &["x.test/lib/p: F"])];
    assert_eq!(
        rows(&inventory, &advisories),
        ["A symbol Unseen x.test/lib v1.2.0 v1.5.0"]
    );
}

#[test]
fn each_module_is_upgraded_once_to_what_fixes_all() {
    let mut open: serde_json::Value =
        serde_json::from_str(&advisory("C", "x.test/lib", &[])).unwrap();
    open["affected"][0]["ranges"][0]["events"] = serde_json::json!([{ "introduced": "0" }]);
    let advisories = [
        advisory("A", "x.test/lib", &["x.test/lib/p: F"]),
        advisory("B", "x.test/lib", &[]).replace("1.5.0", "1.10.0"),
        open.to_string(),
        advisory("D", "y.test/other", &["y.test/other: F"]),
    ];
    let inventory = program(
        "go1.27.3",
        &[LIB, ("y.test/other", "v1.0.0")],
        &[("x.test/lib/p", "F"), ("y.test/other", "G")],
    );
    let file = database(&advisories);
    let database = Database::open(&file).unwrap();
    let matches = matches(&inventory, &database).unwrap();
    let upgrades = |least| -> Vec<String> {
        let upgrades = upgrades(matches.iter(), least).into_iter();
        let upgrades =
            upgrades.map(|it| format!("{} {:?} {}", it.module, it.to(), it.advisories.join(" ")));
        upgrades.collect()
    };
    let lib = [r#"x.test/lib Some("v1.10.0") A B"#, "x.test/lib None C"];
    assert_eq!(upgrades(Tier::Symbol), lib);
    assert_eq!(upgrades(Tier::Package).len(), 3);
    assert_eq!(upgrades(Tier::Package)[..2], lib);
}

#[test]
fn a_forged_list_of_modules_takes_no_longer_than_its_length() {
    // All packages are below a module that advisories name, and belong to another.
    let own: Vec<(String, &str)> = (0..64)
        .map(|n| (format!("v1.2.{n}"), "x.test/lib"))
        .collect();
    let mut modules: Vec<(&str, &str)> =
        own.iter().map(|(version, it)| (*it, &**version)).collect();
    let inner: Vec<String> = (0..16_000).map(|n| format!("x.test/lib/{n}")).collect();
    modules.extend(inner.iter().map(|path| (path.as_str(), "v9.0.0")));
    let packages: Vec<String> = inner.iter().map(|path| format!("{path}/p")).collect();
    let functions: Vec<(&str, &str)> = packages.iter().map(|it| (it.as_str(), "F")).collect();
    let inventory = program("go1.27.3", &modules, &functions);
    let advisories: Vec<String> = (0..50)
        .map(|n| advisory(&format!("A-{n}"), "x.test/lib", &[]))
        .collect();
    let started = std::time::Instant::now();
    assert_eq!(rows(&inventory, &advisories).len(), 50 * 64);
    // To hold each package against every module, for each advisory, took hours.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

/// The doubt about the version of the only row, and the version that fixes it.
fn doubt(version: &str, advisory: &str) -> (Option<UnclearVersion>, Option<String>) {
    let inventory = program(
        "go1.27.3",
        &[("x.test/lib", version)],
        &[("x.test/lib/p", "F")],
    );
    let file = database(&[advisory.to_owned()]);
    let database = Database::open(&file).unwrap();
    let found = matches(&inventory, &database).unwrap();
    let module = &found[0].modules[0];
    (module.unclear_version.clone(), module.fixed.clone())
}

#[test]
fn a_version_that_is_not_known_is_in_every_advisory_about_linked_code() {
    let later = |json: String| json.replace(r#""introduced":"0""#, r#""introduced":"1.4.0""#);
    let advisories = [
        advisory("A", "x.test/lib", &["x.test/lib/p: F"]),
        later(advisory("B", "x.test/lib", &["x.test/lib/p: F"])),
        advisory("C", "x.test/lib", &["x.test/lib/p: G"]),
    ];
    for version in ["(devel)", "tip", ""] {
        let inventory = program(
            "go1.27.3",
            &[("x.test/lib", version)],
            &[("x.test/lib/p", "F")],
        );
        let found = rows(&inventory, &advisories);
        assert_eq!(found.len(), 3, "{version}: {found:?}");
        assert!(found[0].starts_with("A symbol ") && found[0].ends_with(" v1.5.0"));
        assert!(found[1].starts_with("B symbol ") && found[2].starts_with("C package "));
        assert_eq!(
            doubt(version, &advisories[1]).0,
            Some(UnclearVersion::Unknown)
        );
    }
}

#[test]
fn what_begins_with_a_version_is_matched_as_that() {
    let of = advisory("A", "x.test/lib", &["x.test/lib/p: F"]);
    for (version, near) in [
        ("v1.2.0.dirty", "v1.2.0"),
        ("v1.2.0+incompatible+dirty", "v1.2.0+incompatible"),
    ] {
        let found = Some(UnclearVersion::Nearest(near.to_owned()));
        assert_eq!(doubt(version, &of), (found, Some("v1.5.0".to_owned())));
    }
    let fixed = program(
        "go1.27.3",
        &[("x.test/lib", "v1.5.0.dirty")],
        &[("x.test/lib/p", "F")],
    );
    assert_eq!(rows(&fixed, &[of]), [""; 0]);
}

#[test]
fn no_step_leads_from_a_commit_to_a_release_that_may_be_older() {
    let dated = |day: &str| {
        let published = format!(r#"{{"published":"{day}T00:00:00Z","#);
        advisory("A", "x.test/lib", &["x.test/lib/p: F"]).replacen('{', &published, 1)
    };
    let commit = "v0.0.0-20240703050607-abcdefabcdef";
    let (found, fixed) = doubt(commit, &dated("2021-05-06"));
    assert_eq!(found, Some(UnclearVersion::Commit("2024-07-03".to_owned())));
    assert_eq!(fixed.as_deref(), Some("v1.5.0"));
    for (version, day) in [
        (commit, "2024-08-01"),
        ("v1.4.10-0.20240703050607-abcdefabcdef", "2021-05-06"),
        ("v1.4.0", "2021-05-06"),
    ] {
        assert_eq!(doubt(version, &dated(day)).0, None, "{version} {day}");
    }
    let step = |day: &str| {
        let inventory = program(
            "go1.27.3",
            &[("x.test/lib", commit)],
            &[("x.test/lib/p", "F")],
        );
        let file = database(&[dated(day)]);
        let database = Database::open(&file).unwrap();
        let matches = matches(&inventory, &database).unwrap();
        let upgrades = upgrades(matches.iter(), Tier::Symbol);
        upgrades[0].to().map(str::to_owned)
    };
    assert_eq!(step("2021-05-06"), None);
    assert_eq!(step("2024-08-01").as_deref(), Some("v1.5.0"));
}

#[test]
fn a_module_in_two_versions_is_upgraded_from_each() {
    let old = advisory("A", "x.test/lib", &[]);
    let new = advisory("B", "x.test/lib", &[])
        .replace(r#""introduced":"0""#, r#""introduced":"2.0.0""#)
        .replace("1.5.0", "2.1.0");
    let inventory = program(
        "go1.27.3",
        &[("x.test/lib", "v2.0.3"), ("x.test/lib", "v1.2.0")],
        &[("x.test/lib/p", "F")],
    );
    let file = database(&[old, new]);
    let database = Database::open(&file).unwrap();
    let matches = matches(&inventory, &database).unwrap();
    let steps = upgrades(matches.iter(), Tier::Module).into_iter();
    let steps: Vec<_> = steps.map(|it| (it.version, it.fixed.unwrap())).collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(steps, [pair("v1.2.0", "v1.5.0"), pair("v2.0.3", "v2.1.0")]);
}

#[test]
fn what_was_copied_to_a_folder_of_another_is_the_module_that_it_was() {
    let path = "app.test/vendor/x.test/lib/p";
    let mut inventory = program("go1.27.3", &[], &[(path, "F"), ("app.test", "F")]);
    inventory.record.main = None;
    inventory.lacks_modules = true;
    let file = database(&[advisory("A", "x.test/lib", &["x.test/lib/p: F"])]);
    let database = Database::open(&file).unwrap();
    inventory
        .supply(&database, &crate::Versions::default())
        .unwrap();
    let found = matches(&inventory, &database).unwrap();
    let module = &found[0].modules[0];
    assert_eq!((module.tier, module.basis), (Tier::Symbol, Basis::Symbols));
    assert_eq!(module.replaces, None);
    assert!(module.packages.contains(path));
}
