//! Programs that list more modules or crates than any toolchain writes.

use std::path::Path;
use std::time::{Duration, Instant};

use handpie_toolchain::command::Tool;
use serde_json::{Value, json};

use crate::support::tool;
use crate::workshop::{Workshop, advisory};

/// Far above what any of this takes, and far below what it would take without limits.
const SOON: Duration = Duration::from_secs(30);

/// What `handpie facts` keeps of programs that hold these modules, and no other version.
pub(crate) fn record(names: &[&str], modules: &[(String, String)]) -> Value {
    let modules = modules.iter();
    let modules = modules.map(|(path, version)| json!({ "path": path, "version": version }));
    let modules: Vec<Value> = modules.collect();
    let files = names.iter().map(|name| {
        json!({
            "path": name, "member": null, "go": null, "build_info": true, "package": "a.b/c",
            "main": null, "modules": modules, "settings": {}, "os": "linux", "cpu": "amd64",
            "crates": null, "packages": [], "symbols": "",
        })
    });
    json!({ "schema": 1, "command": "facts", "result": { "files": files.collect::<Value>() } })
}

fn modules(count: usize) -> Vec<(String, String)> {
    let modules = (0..count).map(|n| (format!("x.test/m{n}"), "v1.0.0".to_owned()));
    modules.collect()
}

fn workshop() -> Workshop {
    let workshop = Workshop::new("");
    workshop.advisories(&[advisory("A-1", "x.test/m7", &[])]);
    workshop
}

/// `/bin/true` with a section `.go.buildinfo`, as Go 1.18 writes it.
fn program(workshop: &Workshop, modules: &[(String, String)]) -> Option<()> {
    let objcopy = tool("objcopy", "forged build info")?;
    let mut text = String::from("path\ta.b/c\nmod\ta.b/c\tv1.0.0\t\n");
    for (path, version) in modules {
        text.push_str(&format!("dep\t{path}\t{version}\t\n"));
    }
    let mut info = b"\xff Go buildinf:\x08\x02".to_vec();
    info.resize(32, 0);
    for part in [
        "go1.27.3".to_owned(),
        format!("{0}{text}{0}", "0".repeat(16)),
    ] {
        let mut length = part.len();
        while length > 0x7f {
            info.push(0x80 | (length & 0x7f) as u8);
            length >>= 7;
        }
        info.push(length as u8);
        info.extend(part.as_bytes());
    }
    std::fs::write(workshop.path("info"), info).unwrap();
    let section = format!(".go.buildinfo={}", workshop.path("info").display());
    std::fs::create_dir(workshop.path("bin")).unwrap();
    Tool::new(objcopy)
        .args(["--add-section", &section])
        .arg(Path::new("/bin/true"))
        .arg(workshop.path("bin/app"))
        .run()
        .expect("objcopy works");
    Some(())
}

#[test]
fn a_list_of_a_thousand_modules_is_held_against_the_database() {
    let workshop = workshop();
    let Some(()) = program(&workshop, &modules(1000)) else {
        return;
    };
    let report = workshop.json(&["bin/app"]);
    let file = &report["result"]["files"][0];
    assert_eq!(file["modules"], 1001, "{report:#}");
    assert_eq!(file["advisories"][0]["id"], "A-1", "{report:#}");
}

#[test]
fn hundreds_of_thousands_of_modules_are_refused_soon_wherever_they_are() {
    let workshop = workshop();
    let Some(()) = program(&workshop, &modules(200_000)) else {
        return;
    };
    let started = Instant::now();
    for (args, of_facts) in [
        (&["vuln", "--db", "db", "bin/app"] as &[&str], false),
        (&["vuln", "--db", "db", "bin"], false),
        (&["facts", "bin/app"], true),
    ] {
        let ran = workshop.run(args);
        assert_eq!(ran.status, 3, "{args:?}");
        let words = "lists 200000 modules or crates; expected at most 16384";
        assert!(ran.stdout.contains(words), "{args:?} {}", ran.stderr);
        assert_eq!(
            ran.stdout.contains("vuln-too-many-modules"),
            of_facts,
            "{args:?}"
        );
    }
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[test]
fn a_forged_record_is_refused_as_the_program_is() {
    let workshop = workshop();
    let one = (0..200).map(|n| ("x.test/m7".to_owned(), format!("v1.0.{n}")));
    for (modules, words) in [
        (modules(200_000), "200000 modules"),
        (
            one.collect(),
            "200 versions of one module or crate; expected at most 64",
        ),
    ] {
        workshop.write("kept.json", &record(&["app"], &modules).to_string());
        let started = Instant::now();
        let ran = workshop.run(&["vuln", "--db", "db", "--facts", "kept.json"]);
        assert_eq!(ran.status, 3, "{}", ran.stderr);
        assert!(ran.stdout.contains(words), "{}", ran.stdout);
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    }
}

#[test]
fn a_forged_list_of_crates_is_refused() {
    let workshop = workshop();
    let packages = (0..100_000)
        .map(|n| json!({ "name": format!("c{n}"), "version": "1.0.0", "source": "crates.io" }));
    let Some(()) = crate::crates::program(&workshop, &packages.collect()) else {
        return;
    };
    let ran = workshop.run(&["vuln", "--db", "db", "app"]);
    assert_eq!(ran.status, 3, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("lists 100000 modules or crates"),
        "{}",
        ran.stdout
    );
}
