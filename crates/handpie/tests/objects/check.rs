//! `handpie check` on objects and archives: kind, answer, evidence, and how it ends.

use std::fs;

use handpie_toolchain::command::Tool;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{handpie, text, tool};
use handpie_testkit::schema::Schema;

const RULE: &str = "position-independent-code";
const CODE: &str = "int a[9]; int *f(int i) { return &a[i]; }\n";

/// A folder with `good.o`, `bad.o`, and archives of them.
struct Bench(TempDir);

impl Bench {
    fn new(what: &str) -> Option<Bench> {
        let (gcc, ar) = (tool("gcc", what)?, tool("ar", what)?);
        let bench = Bench(tempfile::tempdir().unwrap());
        fs::create_dir(bench.0.path().join(".git")).unwrap();
        bench.write("part.c", CODE);
        for (name, flag) in [("good.o", "-fPIE"), ("bad.o", "-fno-pie")] {
            let gcc = Tool::new(&gcc).args(["-O2", flag, "-c", "part.c", "-o", name]);
            gcc.dir(bench.0.path()).run().unwrap();
        }
        bench.write("README", "a text");
        for (name, members) in [
            ("good.a", &["good.o"][..]),
            ("bad.a", &["good.o", "bad.o", "README"]),
            ("texts.a", &["README"]),
        ] {
            let ar = Tool::new(&ar).args(["rcs", name]).args(members);
            ar.dir(bench.0.path()).run().unwrap();
        }
        fs::create_dir(bench.0.path().join("thin")).unwrap();
        let thin = Tool::new(&ar).args(["rcsT", "thin/thin.a", "good.o", "bad.o"]);
        thin.dir(bench.0.path()).run().unwrap();
        Some(bench)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.0.path().join(name), content).unwrap();
    }

    fn check(&self, args: &[&str]) -> (i32, String) {
        let check = handpie(["check"]).args(args).dir(self.0.path());
        let output = check.output().unwrap();
        (output.status.code().unwrap(), text(&output))
    }

    /// What is said of each file, of which there are as many as paths.
    fn json(&self, args: &[&str]) -> (i32, Vec<Value>) {
        let (status, text) = self.check(&[&["--format", "json"], args].concat());
        let report: Value = serde_json::from_str(&text).unwrap();
        Schema::of("check").holds(&report);
        (
            status,
            report["result"]["files"].as_array().unwrap().clone(),
        )
    }
}

fn finding(file: &Value) -> &Value {
    let mut findings = file["findings"].as_array().unwrap().iter();
    findings.find(|finding| finding["code"] == RULE).unwrap()
}

#[test]
fn objects_and_archives_get_an_answer_with_every_place() {
    let Some(bench) = Bench::new("checking objects") else {
        return;
    };
    for (path, kind, answer) in [
        ("good.o", "relocatable-object", "pass"),
        ("bad.o", "relocatable-object", "fail"),
        ("good.a", "archive", "pass"),
        ("bad.a", "archive", "fail"),
        ("thin/thin.a", "archive", "fail"),
        ("texts.a", "archive", "not-applicable"),
    ] {
        let (status, files) = bench.json(&[path]);
        let [file] = &files[..] else {
            panic!("{path}: {files:#?}")
        };
        assert_eq!(file["kind"], kind, "{path}");
        assert_eq!(finding(file)["answer"], answer, "{path}: {file:#}");
        assert_eq!(status, i32::from(answer == "fail"), "{path}");
        let evidence = finding(file)["evidence"].as_array().unwrap();
        if answer != "fail" {
            assert!(evidence.is_empty(), "{evidence:#?}");
            continue;
        }
        let what = evidence[0]["what"].as_str().unwrap();
        assert!(what.contains("pic-narrow-address: `R_X86_64_32"), "{what}");
        // A thin archive names files from its own folder.
        let names_member = what.contains("bad.o: ");
        assert_eq!(names_member, kind == "archive", "{what}");
        assert!(evidence[0]["offset"].as_u64().unwrap() > 0);
        assert!(finding(file)["hint"].as_str().unwrap().contains("-fPIE"));
    }
}

#[test]
fn all_formats_name_the_object_in_an_archive() {
    let Some(bench) = Bench::new("checking archives") else {
        return;
    };
    let (status, said) = bench.check(&["-v", "bad.a"]);
    assert_eq!(status, 1);
    assert!(
        said.starts_with("bad.a: archive of objects, C or C++: fail"),
        "{said}"
    );
    assert!(
        said.contains("bad.o: pic-narrow-address: `R_X86_64_32"),
        "{said}"
    );
    let (_, said) = bench.check(&["--format", "sarif", "bad.a"]);
    let sarif: Value = serde_json::from_str(&said).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], RULE);
    assert!(
        result["relatedLocations"].to_string().contains("bad.o"),
        "{result:#}"
    );
    for format in ["junit", "github"] {
        let (_, said) = bench.check(&["--format", format, "bad.a"]);
        assert!(said.contains(RULE), "{said}");
    }
}

#[test]
fn archives_in_directories_are_found_and_those_without_objects_passed_over() {
    let Some(bench) = Bench::new("checking directories") else {
        return;
    };
    let (status, files) = bench.json(&["."]);
    let paths: Vec<&str> = files
        .iter()
        .filter_map(|file| file["path"].as_str())
        .collect();
    let expected = [
        "./bad.a",
        "./bad.o",
        "./good.a",
        "./good.o",
        "./thin/thin.a",
    ];
    assert_eq!(paths, expected);
    assert_eq!(status, 1);
}

#[test]
fn a_policy_decides_what_it_comes_to() {
    let Some(bench) = Bench::new("a policy for archives") else {
        return;
    };
    bench.write(
        "handpie.toml",
        "[rules]\nposition-independent-code = 'warn'\n",
    );
    let (status, files) = bench.json(&["bad.a"]);
    assert_eq!((status, &finding(&files[0])["answer"]), (0, &"warn".into()));
    bench.write(
        "handpie.toml",
        "[rules]\nposition-independent-code = 'off'\n",
    );
    let (status, files) = bench.json(&["bad.a"]);
    assert_eq!(
        (status, files[0]["findings"].as_array().unwrap().len()),
        (0, 0)
    );
}

#[test]
fn a_thin_archive_without_its_files_cannot_be_read() {
    let Some(bench) = Bench::new("a broken thin archive") else {
        return;
    };
    fs::remove_file(bench.0.path().join("bad.o")).unwrap();
    let (status, said) = bench.check(&["-v", "thin/thin.a"]);
    assert_eq!(status, 3, "{said}");
    assert!(
        said.contains("bad.o") && said.contains("thin archive"),
        "{said}"
    );
    // Nothing but regular files is opened.
    fs::create_dir(bench.0.path().join("bad.o")).unwrap();
    let (status, said) = bench.check(&["-v", "thin/thin.a"]);
    assert_eq!(status, 3);
    assert!(said.contains("a directory"), "{said}");
}

#[test]
fn damaged_archives_and_members_are_told_apart() {
    let Some(bench) = Bench::new("damaged archives") else {
        return;
    };
    let path = bench.0.path().join("good.a");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 2]).unwrap();
    let (status, said) = bench.check(&["-v", "good.a"]);
    assert_eq!(status, 3);
    assert!(said.contains("see: handpie explain truncated"), "{said}");
    let mut wrong = bytes.clone();
    let object = wrong
        .windows(4)
        .position(|four| four == b"\x7fELF")
        .unwrap();
    wrong[object + 4] = 7;
    fs::write(&path, &wrong).unwrap();
    let (status, said) = bench.check(&["-v", "good.a"]);
    assert_eq!(status, 1);
    assert!(said.contains("good.o: pic-damaged-object: "), "{said}");
}

#[test]
fn rust_libraries_are_archives_of_rust() {
    let what = "checking a Rust library";
    let Some(rustc) = tool("rustc", what) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("part.rs");
    fs::write(
        &source,
        "pub static A: [u32; 2] = [1, 2];\npub fn f(i: usize) -> &'static u32 { &A[i] }\n",
    )
    .unwrap();
    let library = |model: &str| {
        let path = folder.path().join(format!("lib{model}.rlib"));
        let rustc = Tool::new(&rustc).args(["--crate-type=rlib", "--edition=2024", "-o"]);
        let rustc = rustc
            .arg(&path)
            .arg("-C")
            .arg(format!("relocation-model={model}"));
        rustc.arg(&source).run().unwrap();
        path
    };
    for (model, status) in [("pic", 0), ("static", 1)] {
        let path = library(model);
        let output = handpie(["check"]).arg(&path).output().unwrap();
        let said = text(&output);
        assert!(said.contains(": archive of objects, Rust: "), "{said}");
        assert_eq!(output.status.code(), Some(status), "{said}");
    }
}

#[test]
fn kernel_modules_are_not_asked() {
    let what = "checking a kernel module";
    let Some(bench) = Bench::new(what) else {
        return;
    };
    let code = format!(
        "{CODE}__attribute__((section(\".modinfo\"))) char m[] = \"license=GPL\";\n\
         __attribute__((section(\".gnu.linkonce.this_module\"))) char t[64];\n"
    );
    bench.write("module.c", &code);
    let gcc = Tool::new("gcc").args(["-fno-pie", "-mcmodel=kernel", "-c", "module.c"]);
    gcc.dir(bench.0.path()).run().unwrap();
    let (_, files) = bench.json(&["module.o"]);
    assert_eq!(finding(&files[0])["answer"], "not-applicable");
}

#[test]
fn what_is_of_no_package_names_none() {
    let what = "naming a Debian package";
    let (Some(_), Some(bench)) = (tool("dpkg", what), Bench::new(what)) else {
        return;
    };
    let (_, files) = bench.json(&["bad.a"]);
    let evidence = finding(&files[0])["evidence"].to_string();
    assert!(!evidence.contains("Debian package"), "{evidence}");
}
