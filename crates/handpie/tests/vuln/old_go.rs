//! Programs that Go 1.15 to 1.17 made, which nobody builds any more: one is among the tests of Go's own
//! sources, the others come with a Go module (`cargo xtask setup --all` fetches it).

use std::path::{Path, PathBuf};

use handpie_toolchain::command::Tool;
use serde_json::{Value, json};

use crate::support::{go, go_release, skip, text, tool};
use crate::workshop::{Workshop, advisory, fixed_in};

/// A program of the module, or nothing after saying that it is not there.
fn fetched(name: &str, what: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("target/tools/old-go").join(name);
    if !path.is_file() {
        skip(what, "programs of old Go (`cargo xtask setup --all`)");
        return None;
    }
    Some(path)
}

/// Advisories about the runtime, which is in every program, and about a module that is in the old ones.
fn workshop() -> Workshop {
    let workshop = Workshop::new("");
    let of_runtime = |id: &str, symbol: &str| {
        fixed_in(advisory(id, "stdlib", &[("runtime", &[symbol])]), "1.999.0")
    };
    let xerrors = "golang.org/x/xerrors";
    workshop.advisories(&[
        of_runtime("LINKED", "mallocgc"),
        of_runtime("INLINED", "isDirectIface"),
        of_runtime("GONE", "neverWritten"),
        advisory("MODULE-LINKED", xerrors, &[(xerrors, &["Errorf"])]),
        advisory("MODULE-INLINED", xerrors, &[(xerrors, &["errorAt"])]),
        advisory("MODULE-GONE", xerrors, &[(xerrors, &["Opaque"])]),
        advisory(
            "MODULE-UNUSED",
            xerrors,
            &[("golang.org/x/xerrors/internal", &["F"])],
        ),
    ]);
    workshop
}

/// What is said of a program, with places.
fn report(workshop: &Workshop, program: &Path) -> Value {
    let report = workshop.json(&["--show", "evidence", program.to_str().unwrap()]);
    report["result"]["files"][0].clone()
}

fn advisory_of<'f>(file: &'f Value, id: &str) -> &'f Value {
    let mut advisories = file["advisories"].as_array().unwrap().iter();
    let found = advisories.find(|it| it["id"] == id);
    found.unwrap_or_else(|| panic!("{id}: {file:#}"))
}

fn assert_tiers(file: &Value, tiers: &[(&str, &str)]) {
    for (id, tier) in tiers {
        assert_eq!(advisory_of(file, id)["tier"], *tier, "{id}: {file:#}");
    }
}

fn place<'f>(file: &'f Value, id: &str) -> &'f Value {
    &advisory_of(file, id)["affected"][0]["symbols"][0]["place"]
}

const OF_RUNTIME: [(&str, &str); 3] = [
    ("LINKED", "symbol"),
    ("INLINED", "symbol"),
    ("GONE", "package"),
];

/// What is true of `isDirectIface` in every Go: nobody but these calls it in a small program.
fn assert_is_inlined(file: &Value) {
    let place = place(file, "INLINED");
    assert_eq!(place["linked"], Value::Null, "{place}");
    let into = place["inlined"]["into"].as_array().unwrap();
    for host in ["runtime.efaceeq", "runtime.ifaceeq"] {
        assert!(into.contains(&json!(host)), "{place}");
    }
}

#[test]
fn a_program_of_go_1_17_is_known() {
    let what = "a program of Go 1.17";
    let (Some(go), Some(base64)) = (go_release("1.27.3", what), tool("base64", what)) else {
        return;
    };
    let root = text(&go.args(["env", "GOROOT"]).run().unwrap());
    let path = format!(
        "{}/src/debug/buildinfo/testdata/go117/go117.base64",
        root.trim()
    );
    if !Path::new(&path).is_file() {
        return skip(what, "debug/buildinfo/testdata/go117 in Go's sources");
    }
    let workshop = workshop();
    let program = Tool::new(base64).args(["-d", &path]).run().unwrap().stdout;
    std::fs::write(workshop.path("go117"), program).unwrap();
    let file = report(&workshop, &workshop.path("go117"));
    assert_eq!(file["go"], "go1.17");
    assert_tiers(&file, &OF_RUNTIME);
    assert_is_inlined(&file);
}

#[test]
fn a_program_of_go_1_16_is_known_with_its_replaced_module() {
    let Some(program) = fetched("replace.elf", "a program of Go 1.16") else {
        return;
    };
    let workshop = workshop();
    let mysql = "github.com/go-sql-driver/mysql";
    let of_mysql = advisory("REPLACED", mysql, &[(mysql, &["MySQLDriver.Open"])]);
    workshop.advisories(&[fixed_in(of_mysql, "1.6.0")]);
    let file = report(&workshop, &program);
    assert_eq!(
        (&file["go"], &file["modules"]),
        (&"go1.16.4".into(), &3.into())
    );
    assert_tiers(&file, &OF_RUNTIME);
    assert_tiers(&file, &[("REPLACED", "symbol")]);
    assert_eq!(
        advisory_of(&file, "REPLACED")["affected"][0]["version"],
        "v1.5.0"
    );
    assert_is_inlined(&file);
}

#[test]
fn programs_of_go_1_15_are_known_on_every_system() {
    let what = "programs of Go 1.15";
    for name in ["test.elf", "test.exe", "test.macho"] {
        let (Some(program), Some(go)) = (fetched(name, what), go(what)) else {
            return;
        };
        let file = report(&workshop(), &program);
        assert_eq!(file["go"], "go1.15.2", "{name}");
        assert_eq!(file["modules"], 4, "{name}");
        assert_tiers(&file, &OF_RUNTIME);
        assert_tiers(
            &file,
            &[
                ("MODULE-LINKED", "symbol"),
                ("MODULE-INLINED", "symbol"),
                ("MODULE-GONE", "package"),
                ("MODULE-UNUSED", "module"),
            ],
        );
        assert_is_inlined(&file);
        let hosts = json!({ "count": 1, "into": ["golang.org/x/xerrors.Errorf"] });
        assert_eq!(place(&file, "MODULE-INLINED")["inlined"], hosts, "{name}");
        let said = text(&go.args(["tool", "nm"]).arg(&program).run().unwrap());
        let address = place(&file, "LINKED")["linked"]["address"]
            .as_u64()
            .unwrap();
        let line = format!("{address:x} T runtime.mallocgc");
        assert!(said.lines().any(|it| it.trim() == line), "{name}: {line}");
    }
}
