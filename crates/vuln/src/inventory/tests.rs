use super::*;
use crate::record::Crate;

fn inventory(json: &str) -> Inventory<'static> {
    let mut record: serde_json::Value = serde_json::from_str(json).unwrap();
    let defaults = serde_json::to_value(Record::default()).unwrap();
    for (key, value) in defaults.as_object().unwrap() {
        let fields = record.as_object_mut().unwrap();
        fields.entry(key).or_insert_with(|| value.clone());
    }
    let mut facts = record;
    facts["packages"] = serde_json::json!([]);
    facts["symbols"] = "".into();
    Inventory::kept(serde_json::from_value(facts).unwrap()).unwrap()
}

fn go(version: &str) -> Inventory<'static> {
    let json = serde_json::json!({ "go": version, "build_info": true, "package": "a.b/c",
        "main": { "path": "a.b/c", "version": "v1.0.0" } });
    inventory(&json.to_string())
}

fn stdlib(inventory: &Inventory<'_>) -> Option<String> {
    let mut components = inventory.components.iter();
    components
        .find(|it| it.name == STDLIB)
        .map(|it| it.version.clone())
        .filter(|version| !version.is_empty())
}

#[test]
fn versions_of_go_become_semantic_versions() {
    for (text, version) in [
        ("go1.27.3", "1.27.3"),
        ("go1.20", "1.20.0"),
        ("go1.25rc1", "1.25.0-rc.1"),
        ("go1.10beta2", "1.10.0-beta.2"),
        ("go1.26.6-X:nodwarf5", "1.26.6"),
        ("go1.20.4 X:nounified", "1.20.4"),
    ] {
        let inventory = go(text);
        assert_eq!(stdlib(&inventory).as_deref(), Some(version), "{text}");
        assert_eq!(inventory.caveats(), [], "{text}");
    }
}

#[test]
fn versions_of_go_that_are_no_releases_are_said() {
    for (text, version, code) in [
        (
            "go1.22.9 (Red Hat 1.22.9-2.el9)",
            Some("1.22.9"),
            "vuln-vendor-go",
        ),
        ("go1.25.3-1", Some("1.25.3"), "vuln-vendor-go"),
        ("go1.22.12-devel-cf", Some("1.22.12"), "vuln-vendor-go"),
        ("go1.22.5-devel", Some("1.22.5"), "vuln-vendor-go"),
        ("go1.22.5b7", Some("1.22.5"), "vuln-vendor-go"),
        ("go1.22.5-bigcorp", Some("1.22.5"), "vuln-vendor-go"),
        ("1.22.5", Some("1.22.5"), "vuln-vendor-go"),
        (
            "go1.21.9 (Red Hat 1.21.9-1.el9_4)",
            Some("1.21.9"),
            "vuln-vendor-go",
        ),
        (
            "go1.27.3-X:boringcrypto (Red Hat 1.27.3-1.el10)",
            Some("1.27.3"),
            "vuln-vendor-go",
        ),
        (
            "devel go1.23-abcdef Tue Jan 2 2024 X:nodwarf5",
            Some("1.23.0-0"),
            "vuln-development-go",
        ),
        ("go2.0.1", None, "vuln-unknown-version"),
        (
            "devel go1.28-3f1bb6a Thu Oct 3",
            Some("1.28.0-0"),
            "vuln-development-go",
        ),
        (
            "devel +3f1bb6a Tue Mar 3 2020",
            None,
            "vuln-unknown-version",
        ),
        ("gccgo 14", None, "vuln-unknown-version"),
    ] {
        let inventory = go(text);
        assert_eq!(stdlib(&inventory).as_deref(), version, "{text}");
        let codes: Vec<_> = inventory.caveats().iter().map(Caveat::code).collect();
        assert_eq!(codes, [code], "{text}");
        assert_eq!(inventory.unmatched().stdlib, version.is_none(), "{text}");
    }
}

#[test]
fn what_limits_the_answer_is_said() {
    for (json, codes) in [
        (r#"{"go": "go1.27.3"}"#, &["vuln-no-build-info"] as &[&str]),
        (
            r#"{"go": "go1.27.3", "build_info": true, "package": "a.b/c"}"#,
            &["vuln-no-module-list"],
        ),
        (
            r#"{"go": "go1.27.3", "build_info": true, "package": "cmd/go"}"#,
            &[],
        ),
        (
            r#"{"go": "go1.27.3", "build_info": true, "package": "a.b/c",
                "main": {"path": "a.b/c", "version": "(devel)"}}"#,
            &["vuln-main-devel"],
        ),
        (
            r#"{"go": "go1.27.3", "build_info": true, "package": "a.b/c", "main": {"path": "a.b/c",
                "version": "v0.0.0-20240102030405-abcdefabcdef+dirty"}}"#,
            &["vuln-main-pseudo", "vuln-main-dirty"],
        ),
        (
            r#"{"go": "go1.27.3", "build_info": true, "package": "a.b/c",
                "modules": [{"path": "d.e/f", "version": "v1.0.0",
                             "replacement": {"path": "../f", "version": ""}},
                            {"path": "d.e/g", "version": "tip"}]}"#,
            &["vuln-local-replacement", "vuln-unknown-version"],
        ),
    ] {
        let inventory = inventory(json);
        let found: Vec<_> = inventory.caveats().iter().map(Caveat::code).collect();
        assert_eq!(found, codes, "{json}");
    }
}

#[test]
fn a_table_of_functions_that_cannot_be_read_is_said() {
    let mut facts = go("go1.27.3").facts().unwrap();
    facts.packages = None;
    let inventory = Inventory::kept(facts).unwrap();
    assert_eq!(inventory.caveats(), [Caveat::NoFunctions]);
}

#[test]
fn crates_from_elsewhere_are_counted() {
    let it = |name: &str, source: &str| Crate {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        source: source.to_owned(),
    };
    let record = Record {
        crates: Some(vec![
            it("app", "local"),
            it("a", "crates.io"),
            it("b", "git"),
        ]),
        ..Record::default()
    };
    let inventory = Inventory::new(record, Code::Unreadable).unwrap();
    assert_eq!(inventory.caveats(), [Caveat::ForeignCrates(1)]);
    assert_eq!(inventory.components.len(), 1);
}

#[test]
fn a_package_belongs_to_the_module_with_the_longest_path() {
    let inventory = inventory(
        r#"{"go": "go1.27.3", "build_info": true, "package": "svc/cmd/app",
            "main": {"path": "svc", "version": "v1.0.0"},
            "modules": [{"path": "a.b/c", "version": "v1.0.0"},
                        {"path": "a.b/c/d", "version": "v1.0.0"},
                        {"path": "a.b/cd", "version": "v1.0.0"}]}"#,
    );
    let owner = |package: &str| {
        let owner = inventory.owner(package)?;
        Some(inventory.components[owner].name.as_str())
    };
    for (package, module) in [
        ("a.b/c", Some("a.b/c")),
        ("a.b/c/x", Some("a.b/c")),
        ("a.b/c/d", Some("a.b/c/d")),
        ("a.b/c/d/e", Some("a.b/c/d")),
        ("a.b/c/de", Some("a.b/c")),
        ("a.b/cd", Some("a.b/cd")),
        ("a.b/cde", None),
        ("svc/cmd/app", Some("svc")),
        ("net/http", Some(STDLIB)),
        ("vendor/golang.org/x/net/http2/hpack", Some(STDLIB)),
        ("golang.org/x/net/http2", None),
        ("command-line-arguments", None),
    ] {
        assert_eq!(owner(package), module, "{package}");
    }
}

#[test]
fn gos_own_programs_belong_to_the_toolchain() {
    let inventory = inventory(r#"{"go": "go1.21.13", "build_info": true, "package": "cmd/go"}"#);
    let names: Vec<_> = inventory
        .components
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, [STDLIB, TOOLCHAIN]);
    let owner = |package: &str| {
        inventory.components[inventory.owner(package).unwrap()]
            .name
            .as_str()
    };
    assert_eq!(owner("cmd/go/internal/load"), TOOLCHAIN);
    assert_eq!(owner("cmd/go"), TOOLCHAIN);
    assert_eq!(owner("os/exec"), STDLIB);
}

/// What is refused of a program with these modules.
fn refused(modules: impl Iterator<Item = (String, String)>) -> Option<NoInventory> {
    let module = |(path, version)| Module {
        path,
        version,
        replacement: None,
    };
    let record = Record {
        modules: modules.map(module).collect(),
        build_info: true,
        ..Record::default()
    };
    Inventory::new(record, Code::Unreadable).err()
}

#[test]
fn a_list_that_no_toolchain_writes_is_refused() {
    let many = |count: usize| (0..count).map(|n| (format!("a.b/{n}"), "v1.0.0".to_owned()));
    assert_eq!(refused(many(MAX_MODULES)), None);
    let count = MAX_MODULES + 1;
    assert_eq!(
        refused(many(count)),
        Some(NoInventory::TooManyModules(count))
    );
    let one = |count: usize| (0..count).map(|n| ("a.b/c".to_owned(), format!("v1.{n}.0")));
    assert_eq!(refused(one(MAX_VERSIONS)), None);
    let count = MAX_VERSIONS + 1;
    assert_eq!(
        refused(one(count)),
        Some(NoInventory::TooManyVersions(count))
    );
    let same = (0..MAX_MODULES).map(|_| ("a.b/c".to_owned(), "v1.0.0".to_owned()));
    assert_eq!(refused(same), None);
}

#[test]
fn what_cannot_be_matched_at_all_is_said() {
    let inventory = inventory(r#"{"build_info": true, "package": "a.b/c"}"#);
    let codes: Vec<_> = inventory.caveats().iter().map(Caveat::code).collect();
    let wanted = [
        "vuln-no-module-list",
        "vuln-unknown-version",
        "vuln-nothing-matched",
    ];
    assert_eq!(codes, wanted);
    let unmatched = inventory.unmatched();
    assert!(unmatched.modules && unmatched.stdlib);
}

#[test]
fn what_only_begins_with_a_version_is_that_version() {
    for (version, compared, codes) in [
        (
            "v4.0.0+incompatible+dirty",
            "v4.0.0+incompatible",
            &["vuln-main-dirty", "vuln-nearest-version"] as &[&str],
        ),
        (
            "v1.2.3.dirty",
            "v1.2.3",
            &["vuln-main-dirty", "vuln-nearest-version"],
        ),
        ("v1.2.3_acme7", "v1.2.3", &["vuln-nearest-version"]),
        ("v1.2.3+dirty", "v1.2.3+dirty", &["vuln-main-dirty"]),
        ("tip", "", &["vuln-unknown-version"]),
    ] {
        let json = serde_json::json!({ "go": "go1.27.3", "build_info": true, "package": "a.b/c",
            "main": { "path": "a.b/c", "version": version } });
        let inventory = inventory(&json.to_string());
        let mut components = inventory.components.iter();
        let main = components.find(|it| it.name == "a.b/c").unwrap();
        assert_eq!(main.compared, compared, "{version}");
        let found: Vec<_> = inventory.caveats().iter().map(Caveat::code).collect();
        assert_eq!(found, codes, "{version}");
        assert_eq!(inventory.unmatched(), Unmatched::default(), "{version}");
    }
}

/// Components as `name version path`, of a program with these packages, when a database knows these
/// modules and these versions are given.
fn supplied(record: &str, packages: &[&str], known: &[&str], versions: &str) -> Inventory<'static> {
    let mut builder = crate::database::Builder::default();
    builder.begin("here");
    for (number, module) in known.iter().enumerate() {
        let advisory = serde_json::json!({ "id": format!("A-{number}"), "affected": [
            { "package": { "ecosystem": "Go", "name": module } }] });
        builder.add(advisory.to_string().as_bytes()).unwrap();
    }
    let file = builder.finish().unwrap();
    let database = crate::database::Database::open(&file).unwrap();
    let mut given = crate::versions::Versions::default();
    given.add(versions).unwrap();
    let mut inventory = inventory(record);
    inventory.code = Code::Kept {
        packages: packages.iter().map(|it| (*it).to_owned()).collect(),
        symbols: Vec::new(),
    };
    inventory.supply(&database, &given).unwrap();
    inventory
}

fn shown(inventory: &Inventory<'_>) -> Vec<String> {
    let components = inventory.components.iter();
    let modules = components.filter(|it| it.name != STDLIB);
    let modules = modules.map(|it| format!("{} {} {}", it.name, it.compared, it.import_path));
    modules.collect()
}

const WITHOUT_LIST: &str =
    r#"{"go": "go1.22.5", "build_info": true, "package": "app.test/cmd/app"}"#;
const LINKED: [&str; 6] = [
    "app.test/cmd/app",
    "fmt",
    "vendor/golang.org/x/net/http2/hpack",
    "golang.org/x/text/language",
    "app.test/vendor/golang.org/x/net/http2",
    "nobody.test/lib",
];

#[test]
fn without_a_list_modules_are_those_of_the_packages_that_are_linked() {
    let known = [
        "golang.org/x/net",
        "golang.org/x/text",
        "golang.org/x/crypto",
    ];
    let inventory = supplied(WITHOUT_LIST, &LINKED, &known, "");
    let wanted = [
        "golang.org/x/net  app.test/vendor/golang.org/x/net",
        "golang.org/x/text  golang.org/x/text",
    ];
    assert_eq!(shown(&inventory), wanted);
    assert!(inventory.unmatched().modules);
    let codes: Vec<_> = inventory.caveats().iter().map(Caveat::code).collect();
    assert_eq!(codes, ["vuln-no-module-list", "vuln-linked-packages"]);
    let owner = inventory
        .owner("vendor/golang.org/x/net/http2/hpack")
        .unwrap();
    assert_eq!(inventory.components[owner].name, STDLIB);
}

#[test]
fn versions_that_are_given_take_the_place_of_the_list() {
    let known = ["golang.org/x/net", "golang.org/x/text"];
    let some = "golang.org/x/net v0.17.0\nunused.test/lib v1.0.0\n";
    let inventory = supplied(WITHOUT_LIST, &LINKED, &known, some);
    let wanted = [
        "golang.org/x/net v0.17.0 app.test/vendor/golang.org/x/net",
        "golang.org/x/text  golang.org/x/text",
    ];
    assert_eq!(shown(&inventory), wanted);
    assert!(inventory.unmatched().modules, "two modules are without");
    let all = format!("{some}golang.org/x/text v0.3.0\nnobody.test/lib v0.1.0\n");
    let inventory = supplied(WITHOUT_LIST, &LINKED, &known, &all);
    assert!(!inventory.unmatched().modules);
    let standard = supplied(WITHOUT_LIST, &["fmt", "app.test/cmd/app"], &known, "");
    assert!(!standard.unmatched().modules);
    assert_eq!(standard.caveats(), []);
}

#[test]
fn versions_that_are_given_fill_gaps_and_change_nothing_else() {
    let record = r#"{"go": "devel +3f1bb6a", "build_info": true, "package": "a.b/c",
        "main": {"path": "a.b/c", "version": "(devel)"},
        "modules": [{"path": "d.e/f", "version": "v1.0.0",
                     "replacement": {"path": "../f", "version": ""}},
                    {"path": "d.e/g", "version": "v1.1.0"},
                    {"path": "d.e/h", "version": "(devel)"}]}"#;
    let versions = "stdlib go1.22.5\na.b/c v1.7.0\nd.e/f v1.2.0 => x.y/f v1.3.0\nd.e/g v9.9.9\n";
    let inventory = supplied(record, &[], &[], versions);
    let wanted = [
        "a.b/c v1.7.0 a.b/c",
        "x.y/f v1.3.0 d.e/f",
        "d.e/g v1.1.0 d.e/g",
        "d.e/h  d.e/h",
    ];
    assert_eq!(shown(&inventory), wanted);
    assert_eq!(stdlib(&inventory).as_deref(), Some("1.22.5"));
    let codes: Vec<_> = inventory.caveats().iter().map(Caveat::code).collect();
    let given = "vuln-given-version";
    assert_eq!(codes, ["vuln-unknown-version", given, given, given]);
    assert_eq!(inventory.unmatched(), Unmatched::default());
}

#[test]
fn a_forged_table_of_functions_makes_no_endless_list_of_modules() {
    let packages: Vec<String> = (0..MAX_MODULES + 1)
        .map(|n| format!("a{n}.b/vendor/golang.org/x/net/http2"))
        .collect();
    let mut inventory = inventory(WITHOUT_LIST);
    inventory.code = Code::Kept {
        packages: packages.into_iter().collect(),
        symbols: Vec::new(),
    };
    let mut builder = crate::database::Builder::default();
    let advisory = r#"{"id": "A", "affected": [{"package":
        {"ecosystem": "Go", "name": "golang.org/x/net"}}]}"#;
    builder.begin("here");
    builder.add(advisory.as_bytes()).unwrap();
    let file = builder.finish().unwrap();
    let database = crate::database::Database::open(&file).unwrap();
    let refused = inventory.supply(&database, &crate::versions::Versions::default());
    assert_eq!(
        refused.err(),
        Some(NoInventory::TooManyModules(MAX_MODULES + 1))
    );
}
