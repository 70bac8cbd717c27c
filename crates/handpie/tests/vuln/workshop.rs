//! A folder with a Go program, the modules that it is made of, and a database of advisories.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use handpie_toolchain::command::Tool;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Ran, go, handpie};

/// A folder in which programs are built and handpie is run. Modules are vendored, so that they have
/// versions although nobody serves them.
pub(crate) struct Workshop {
    folder: TempDir,
    main: &'static str,
    modules: Vec<(String, String, Vec<String>)>,
}

impl Workshop {
    /// With a main package of this source, which belongs to module `main.test/app` if nothing else is
    /// said.
    pub(crate) fn new(main: &str) -> Workshop {
        let folder = tempfile::tempdir().unwrap();
        let workshop = Workshop {
            folder,
            main: "main.test/app",
            modules: Vec::new(),
        };
        // The search for a policy ends here.
        fs::create_dir(workshop.path(".git")).unwrap();
        workshop.write("main.go", &format!("package main\n{main}"));
        workshop
    }

    /// With a program that calls `Bad` of module `x.test/lib`, version 1.2.0.
    pub(crate) fn calling_bad() -> Workshop {
        let lib = "\n//go:noinline\nfunc Bad() { println(1) }";
        let main = "\nimport p \"x.test/lib\"\nfunc main() { p.Bad() }";
        Workshop::new(main).module("x.test/lib", "v1.2.0", &[("", lib)])
    }

    /// Lets the main package belong to another module.
    pub(crate) fn called(mut self, main: &'static str) -> Workshop {
        self.main = main;
        self
    }

    /// Adds a module; files are packages, by their path below it, with the source behind `package p`.
    pub(crate) fn module(
        mut self,
        path: &str,
        version: &str,
        packages: &[(&str, &str)],
    ) -> Workshop {
        let mut imports = Vec::new();
        for (package, source) in packages {
            let import = match package.is_empty() {
                true => path.to_owned(),
                false => format!("{path}/{package}"),
            };
            self.write(
                &format!("vendor/{import}/p.go"),
                &format!("package p\n{source}"),
            );
            imports.push(import);
        }
        self.modules
            .push((path.to_owned(), version.to_owned(), imports));
        self
    }

    /// Builds the program with the Go in PATH, or gives nothing after saying that it is not there.
    pub(crate) fn build(&self, what: &str, name: &str, flags: &[&str]) -> Option<PathBuf> {
        self.build_with(go(what)?, name, flags);
        Some(self.path(name))
    }

    pub(crate) fn build_with(&self, go: Tool, name: &str, flags: &[&str]) {
        let mut requires = format!("module {}\n\ngo 1.21\n", self.main);
        let mut listed = String::new();
        for (path, version, imports) in &self.modules {
            requires.push_str(&format!("require {path} {version}\n"));
            listed.push_str(&format!("# {path} {version}\n## explicit; go 1.21\n"));
            listed.extend(imports.iter().map(|import| format!("{import}\n")));
        }
        self.write("go.mod", &requires);
        self.write("vendor/modules.txt", &listed);
        let built = go
            .args(["build", "-buildvcs=false", "-o", name])
            .args(flags);
        built
            .dir(self.path(""))
            .run()
            .expect("go builds the program");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes advisories into the folder `db`.
    pub(crate) fn advisories(&self, advisories: &[Value]) {
        for advisory in advisories {
            let id = advisory["id"].as_str().unwrap();
            self.write(&format!("db/{id}.json"), &advisory.to_string());
        }
    }

    /// Runs handpie in the folder. What it would keep of the user lies there, too.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let run = handpie(args)
            .dir(self.path(""))
            .env("XDG_DATA_HOME", self.path("data"))
            .env_remove("COLUMNS");
        Ran::of(&run)
    }

    /// What `handpie vuln --format json --db db` says.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[&["vuln", "--format", "json", "--db", "db"], args].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// The tier of every advisory in a program.
    pub(crate) fn tiers(&self, program: &str) -> BTreeMap<String, String> {
        let report = self.json(&[program]);
        let advisories = report["result"]["files"][0]["advisories"].as_array();
        let advisories = advisories.unwrap_or_else(|| panic!("{report:#}")).iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        advisories
            .map(|it| (text(&it["id"]), text(&it["tier"])))
            .collect()
    }
}

/// An advisory about a module of Go before version 1.5.0; `imports` are packages with their symbols.
pub(crate) fn advisory(id: &str, module: &str, imports: &[(&str, &[&str])]) -> Value {
    let imports = imports
        .iter()
        .map(|(path, symbols)| json!({ "path": path, "symbols": symbols }));
    json!({
        "id": id,
        "modified": "2026-01-01T00:00:00Z",
        "summary": format!("Something is wrong in {module}"),
        "aliases": [format!("CVE-{id}")],
        "affected": [{
            "package": { "ecosystem": "Go", "name": module },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.5.0" }] }],
            "ecosystem_specific": { "imports": imports.collect::<Vec<_>>() },
        }],
        "database_specific": { "url": format!("https://advisories.test/{id}") },
    })
}

/// The same with another version that is fixed.
pub(crate) fn fixed_in(mut advisory: Value, version: &str) -> Value {
    advisory["affected"][0]["ranges"][0]["events"][1]["fixed"] = version.into();
    advisory
}
