//! govulncheck's own tests of its binary mode, asked of `handpie vuln --compat govulncheck`: the same
//! words, the same database, the same answer. `cargo xtask setup --all` fetches them.
//!
//! The programs of those tests are not part of what Go publishes; the ones here have the same modules
//! and the same functions in them. Not asked are:
//!
//! - `strip/testfiles/binary/strip.ct`, which says that a stripped program has every vulnerable symbol;
//! - `stdlib/testfiles/binary/binary_old_go_text.ct`, whose program, of Go 1.12, is not published;
//! - what is about source, and `-mode=extract`, which handpie does not do.

use std::fs;
use std::path::{Path, PathBuf};

use handpie_testkit::case::{Question, questions};
use handpie_toolchain::command::Tool;
use serde_json::Value;

use crate::support::{go, handpie, skip, tool};
use crate::workshop::Workshop;

/// Where the cases are, or nothing after saying that they are not there.
fn cases() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cases = root.join("target/tools/govulncheck-cases");
    if !cases.is_dir() {
        skip(
            "govulncheck's own tests",
            "them (`cargo xtask setup --all`)",
        );
        return None;
    }
    Some(cases.canonicalize().unwrap())
}

/// Asks what a file asks. `programs` are what the tests call the programs, and ours.
fn ask(suite: &str, file: &str, programs: &[(&str, &Path)], knows: impl Fn(&Question) -> bool) {
    let Some(folder) = cases() else { return };
    let suite = folder.join(suite);
    let text = fs::read_to_string(suite.join("testfiles").join(file)).unwrap();
    let cases = questions(&text);
    assert!(!cases.is_empty(), "{file}");
    let mut asked = 0;
    for case in cases.iter().filter(|case| knows(case)) {
        let words = case.words().into_iter().skip(1).map(|word| {
            let testdir = suite.join("testfiles").display().to_string();
            let word = word.replace("${testdir}", &testdir);
            programs.iter().fold(word, |word, (name, path)| {
                word.replace(name, &path.display().to_string())
            })
        });
        let words: Vec<String> = words.collect();
        let database = format!("file://{}", suite.join("vulndb-v1").display());
        let output = handpie(["vuln", "--compat", "govulncheck", "-db", &database])
            .args(&words)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert_eq!(output.status.code(), Some(case.status), "{words:?}: {said}");
        assert_same(&said, &case.answer, words.iter().any(|it| it == "json"));
        asked += 1;
    }
    assert!(asked > 0, "{file}: nothing was asked");
}

#[track_caller]
fn assert_same(said: &str, expected: &str, is_stream: bool) {
    let said = said.trim_end();
    let expected = expected.trim_end();
    if is_stream {
        return assert_eq!(messages(said), messages(expected));
    }
    match serde_json::from_str::<Value>(expected) {
        Ok(expected) => {
            let said = serde_json::from_str(said).unwrap();
            assert_eq!(masked(said), masked(expected));
        }
        Err(_) => assert_eq!(said, expected),
    }
}

/// The messages of a stream, in any order, as govulncheck's own tests take them. Only one of their
/// suites asks for the list of modules.
fn messages(text: &str) -> Vec<String> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let values = values.map(|value| masked(value.unwrap()));
    let values = values.filter(|value| value.get("SBOM").is_none());
    let mut messages: Vec<String> = values.map(|value| format!("{value:#}")).collect();
    messages.sort();
    messages
}

/// Without what govulncheck's own tests mask: which scanner, which database, which time.
fn masked(mut value: Value) -> Value {
    for path in ["/config", "/runs/0/tool/driver/properties"] {
        if let Some(config) = value.pointer_mut(path).and_then(Value::as_object_mut) {
            config
                .retain(|key, _| !matches!(key.as_str(), "scanner_version" | "db" | "go_version"));
        }
    }
    if let Some(driver) = value.pointer_mut("/runs/0/tool/driver") {
        driver["semanticVersion"] = "".into();
    }
    if let Some(document) = value.as_object_mut() {
        document.remove("timestamp");
    }
    value
}

/// The functions of gjson that the database knows and that are called, one by the other.
const GJSON: &str = "
type Result struct{ Raw string }

//go:noinline
func Get(json, path string) Result { return parseObject(Result{json + path}) }

//go:noinline
func (r Result) Get(path string) Result { return Get(r.Raw, path) }

//go:noinline
func parseObject(r Result) Result { return r }
";
const FOR_EACH: &str = "
//go:noinline
func (r Result) ForEach(f func() bool) { for f() {} }
";
const LANGUAGE: &str = "
//go:noinline
func Parse(text string) int { return Make(text) }

//go:noinline
func Make(text string) int { return len(text) }
";

/// A workshop with the modules of govulncheck's test program, as it is or as it is vendored.
fn vuln(for_each: bool, parse: bool) -> Workshop {
    let gjson = [GJSON, if for_each { FOR_EACH } else { "" }].concat();
    let gjson_calls = match for_each {
        true => "gjson.Get(\"\", \"\").ForEach(func() bool { return false })",
        false => "",
    };
    let language = if parse { "Parse" } else { "Make" };
    Workshop::new(&format!(
        "import gjson \"github.com/tidwall/gjson\"
         import language \"golang.org/x/text/language\"
         import match \"github.com/tidwall/match\"
         import pretty \"github.com/tidwall/pretty\"
         func main() {{
            println(gjson.Get(\"\", \"\").Get(\"\").Raw, language.{language}(\"\"), match.M, pretty.M)
            {gjson_calls}
         }}"
    ))
    .called("golang.org/vuln")
    .module("github.com/tidwall/gjson", "v1.6.5", &[("", &gjson)])
    .module("github.com/tidwall/match", "v1.1.0", &[("", "const M = 1")])
    .module("github.com/tidwall/pretty", "v1.2.0", &[("", "const M = 1")])
    .module("golang.org/x/text", "v0.3.0", &[("language", LANGUAGE)])
}

#[test]
fn a_program_gets_govulnchecks_answer_in_every_format() {
    let what = "govulncheck's own tests";
    let workshop = vuln(true, false);
    let Some(program) = workshop.build(what, "vuln", &[]) else {
        return;
    };
    let programs = [("${common_vuln_binary}", program.as_path())];
    for file in [
        "binary-call/binary_call_text.ct",
        "binary-call/binary_call_json.ct",
        "binary-call/binary_sarif.ct",
        "binary-call/binary_vex.ct",
        "binary-package/binary_package_text.ct",
        "binary-package/binary_package_json.ct",
        "binary-module/binary_module_text.ct",
        "binary-module/binary_module_json.ct",
        "failures/binary_fail.ct",
    ] {
        ask("common", file, &programs, |case| {
            !case.words().iter().any(|word| word.contains("${moddir}"))
        });
    }
}

#[test]
fn a_stripped_program_gets_the_answer_that_it_would_have_got_before() {
    let what = "govulncheck's own tests";
    let workshop = vuln(true, false);
    let Some(program) = workshop.build(what, "vuln", &["-ldflags=-s -w"]) else {
        return;
    };
    let programs = [("${common_vuln_binary}", program.as_path())];
    ask(
        "common",
        "binary-call/binary_call_text.ct",
        &programs,
        |_| true,
    );
}

#[test]
fn a_vendored_program_gets_govulnchecks_answer() {
    let what = "govulncheck's own tests";
    let workshop = vuln(false, true);
    let Some(program) = workshop.build(what, "vendored", &[]) else {
        return;
    };
    let programs = [("${common_vendored_binary}", program.as_path())];
    ask(
        "common",
        "binary-call/binary_vendored_json.ct",
        &programs,
        |_| true,
    );
}

#[test]
fn what_govulncheck_extracted_gets_its_answer() {
    ask("common", "extract/binary_extract.ct", &[], |case| {
        case.words().iter().any(|word| word == "-mode=binary")
    });
}

#[test]
fn the_version_of_the_main_module_counts_as_govulncheck_counts_it() {
    let what = "govulncheck's own tests of the main module";
    if tool("git", what).is_none() {
        return;
    }
    let workshop = Workshop::new("func main() { println() }").called("golang.org/vuln");
    let Some(devel) = workshop.build(what, "devel", &[]) else {
        return;
    };
    let git = |words: &[&str]| {
        let who = ["-c", "user.name=a", "-c", "user.email=a@a.test"];
        let git = Tool::new("git").args(who).args(words);
        git.dir(workshop.path("")).run().expect("git runs")
    };
    fs::remove_dir(workshop.path(".git")).unwrap();
    workshop.write(".gitignore", "devel\nreleased\n");
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-qm", "a"]);
    git(&["tag", "v0.3.1"]);
    let go = go(what).unwrap();
    let built = go.args(["build", "-buildvcs=true", "-o", "released"]);
    built.dir(workshop.path("")).run().expect("go builds it");
    let released = workshop.path("released");
    let programs = [
        ("${moddir}/vuln/vuln_main_devel", devel.as_path()),
        ("${moddir}/vuln/vuln_main_v0.3.1", released.as_path()),
    ];
    ask("main", "binary/binary_call_text.ct", &programs, |_| true);
    ask("main", "binary/binary_call_json.ct", &programs, |_| true);
}

#[test]
fn what_handpie_does_not_do_in_the_place_of_govulncheck_is_said() {
    for words in [&["./..."][..], &["-mode=source"], &["-mode=extract", "x"]] {
        let command = ["vuln", "--compat", "govulncheck"];
        let output = handpie(command).args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("-mode=binary"), "{said}");
    }
}

#[test]
fn its_manners_in_another_place_are_explained() {
    let workshop = Workshop::new("");
    for args in [
        &[
            "vuln",
            "--db",
            "my db",
            "--compat",
            "govulncheck",
            "-mode=binary",
            "app",
        ] as &[&str],
        &[
            "vuln",
            "--db",
            "my db",
            "--compat=govulncheck",
            "-mode=binary",
            "app",
        ],
        &[
            "vuln",
            "--db",
            "my db",
            "-mode=binary",
            "app",
            "--compat",
            "govulncheck",
        ],
    ] {
        let ran = workshop.run(args);
        assert_eq!(ran.status, 2, "{ran:?}");
        for words in [
            "`--compat govulncheck` must come directly after `handpie vuln`",
            "hint: handpie vuln --compat govulncheck --db 'my db' -mode=binary app",
        ] {
            assert!(ran.stderr.contains(words), "{words}: {ran:?}");
        }
    }
}
