//! `handpie doctor` says what is true of this machine.

mod support;

use std::fs;
use std::path::Path;

use handpie_testkit::schema::Schema;
use handpie_toolchain::command::Tool;
use serde_json::{Value, json};
use support::{handpie, text, tool};

fn doctor(path: Option<&str>) -> Value {
    let doctor = handpie(["doctor", "--format", "json"]).env("GOTOOLCHAIN", "local");
    let doctor = match path {
        Some(path) => doctor.env("PATH", path),
        None => doctor,
    };
    let said = doctor.run().expect("an answer");
    let mut said: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    said["result"].take()
}

fn cpu<'a>(report: &'a Value, name: &str) -> &'a Value {
    let cpus = report["cpus"].as_array().expect("a list");
    cpus.iter().find(|cpu| cpu["cpu"] == name).expect("the CPU")
}

#[test]
fn each_cpu_has_an_answer_and_a_reason() {
    let what = "asking the doctor";
    let (Some(_), Some(_)) = (tool("go", what), tool("qemu-aarch64-static", what)) else {
        return;
    };
    let report = doctor(None);
    for cpu in report["cpus"].as_array().expect("a list") {
        for question in ["build", "run", "prove"] {
            let answer = &cpu[question];
            assert!(answer["yes"].is_boolean(), "{cpu}");
            assert!(
                answer["reason"].as_str().is_some_and(|it| !it.is_empty()),
                "{cpu}"
            );
        }
    }
    let mips = &cpu(&report, "mips")["build"];
    assert_eq!(mips["yes"], false);
    assert!(
        mips["reason"]
            .as_str()
            .expect("a reason")
            .contains("golang/go#")
    );
    let native = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        _ => return support::skip(what, "amd64 or arm64"),
    };
    for question in ["build", "run", "prove"] {
        assert_eq!(cpu(&report, native)[question]["yes"], true, "{question}");
    }
    let other = if native == "amd64" { "arm64" } else { "amd64" };
    assert_eq!(cpu(&report, other)["prove"]["yes"], false);
}

#[test]
fn what_can_be_made_is_tried_and_what_is_missing_has_its_package() {
    let what = "trying what can be made";
    let (Some(_), Some(_)) = (tool("musl-gcc", what), tool("ld.bfd", what)) else {
        return;
    };
    if cfg!(not(target_arch = "x86_64")) {
        return support::skip(what, "x86-64");
    }
    let bin = tempfile::tempdir().expect("a folder");
    for name in ["gcc", "as", "ld", "ld.bfd"] {
        let program = tool(name, what).expect("a part of gcc");
        std::os::unix::fs::symlink(program, bin.path().join(name)).expect("a link");
    }
    let tried = handpie(["doctor", "--try", "--format", "json"]).env("PATH", bin.path());
    let tried = tried
        .env("XDG_CACHE_HOME", bin.path())
        .run()
        .expect("an answer");
    let tried: Value = serde_json::from_slice(&tried.stdout).expect("JSON");
    let attempts = tried["result"]["attempts"].as_array().expect("a list");
    let answer = |language: &str, linker: &str| {
        let mut all = attempts.iter();
        let found = all.find(|one| one["language"] == language && one["linker"] == linker);
        found.unwrap_or_else(|| panic!("{attempts:#?}")).clone()
    };
    let embedded = answer("C", "embedded");
    assert_eq!(embedded["yes"], true, "{embedded}");
    assert_eq!(embedded["reason"], "built and run");
    assert_eq!(answer("C", "bfd")["yes"], true, "{}", answer("C", "bfd"));
    for (language, linker, word) in [
        ("C", "mold", "install mold"),
        ("Go", "built-in", "https://go.dev/dl"),
        ("Rust", "embedded", "https://rustup.rs"),
    ] {
        let missing = answer(language, linker);
        assert_eq!(missing["yes"], false, "{missing}");
        let reason = missing["reason"].as_str().expect("a reason");
        assert!(reason.contains(word), "{missing}");
    }
    let unknown = handpie(["doctor", "--try", "vax"])
        .output()
        .expect("an end");
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn without_go_nothing_can_be_built_and_it_says_so() {
    let report = doctor(Some("/nonexistent"));
    assert_eq!(report["go"], Value::Null);
    let amd64 = &cpu(&report, "amd64")["build"];
    assert_eq!(amd64["yes"], false);
    assert!(amd64["reason"].as_str().expect("a reason").contains("go"));
    let text = text(
        &handpie(["doctor"])
            .env("PATH", "/nonexistent")
            .run()
            .expect("an answer"),
    );
    assert!(text.starts_with("go: not found"), "{text}");
}

/// What `handpie doctor --cpu` says of this machine, held against its schema.
fn cpu_report() -> Value {
    let said = handpie(["doctor", "--cpu", "--format", "json"]).run();
    let said: Value = serde_json::from_slice(&said.expect("an answer").stdout).expect("JSON");
    Schema::of("doctor-cpu").holds(&said);
    said
}

#[test]
fn the_cpu_level_is_that_of_the_loader() {
    let what = "comparing CPU levels";
    let loader = Path::new("/lib64/ld-linux-x86-64.so.2");
    if std::env::consts::ARCH != "x86_64" || !loader.exists() {
        return support::skip(what, "glibc's loader for x86-64");
    }
    let said = text(&Tool::new(loader).arg("--help").run().expect("its help"));
    let supported = said.lines().filter(|line| line.contains("(supported"));
    let mut levels =
        supported.filter_map(|line| line.trim().strip_prefix("x86-64-")?.split(' ').next());
    // The highest comes first; what is below v2 is not listed.
    let highest = levels.next().unwrap_or("v1");
    assert_eq!(cpu_report()["result"]["safe_level"], highest, "{said}");
}

#[test]
fn every_feature_that_counts_is_one_that_the_kernel_lists() {
    if std::env::consts::ARCH != "x86_64" {
        return support::skip("comparing CPU features", "x86-64");
    }
    let info = fs::read_to_string("/proc/cpuinfo").expect("/proc/cpuinfo");
    let flags = info
        .lines()
        .find(|line| line.starts_with("flags"))
        .expect("flags");
    let flags: Vec<&str> = flags.split_whitespace().collect();
    let report = cpu_report();
    let features = report["result"]["features"].as_array().expect("features");
    assert_eq!(features.len(), 21);
    for feature in features {
        let name = feature["name"].as_str().expect("a name").to_lowercase();
        let flag = match name.as_str() {
            "cmpxchg16b" => "cx16",
            "lahf-sahf" => "lahf_lm",
            "sse3" => "pni",
            "lzcnt" => "abm",
            "osxsave" => "xsave",
            same => same,
        };
        assert_eq!(feature["usable"], flags.contains(&flag), "{name}");
        assert_eq!(feature["usable"], feature["reason"] == "", "{name}");
    }
}

#[test]
fn a_fleet_is_told_by_the_reports_of_its_hosts() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = |name: &str, level: &str, lacks: &[&str]| {
        let mut report = cpu_report();
        let result = &mut report["result"];
        result["cpu"] = "amd64".into();
        result["variable"] = "GOAMD64".into();
        result["host"] = name.into();
        result["level"] = level.into();
        result["safe_level"] = level.into();
        result["next"] = json!({"level": "higher", "lacks": lacks});
        report.to_string()
    };
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    };
    let new = write("new.json", &host("new", "v4", &[]));
    // Two reports one after another are two hosts.
    let both = host("old", "v2", &["AVX2", "FMA"]) + "\n" + &host("mid", "v3", &["AVX512F"]);
    let both = write("both.json", &both);
    let fleet = || handpie(["doctor", "--fleet"]).args([&new, &both]);
    let said = fleet().args(["--format", "json"]).run().expect("an answer");
    let said: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    Schema::of("doctor-cpu").holds(&said);
    let amd64 = &said["result"]["cpus"][0];
    assert_eq!(
        (&said["result"]["hosts"], &amd64["safe_level"]),
        (&json!(3), &json!("v2"))
    );
    let brakes = json!([{"host": "old", "level": "v2", "lacks": ["AVX2", "FMA"]}]);
    assert_eq!(amd64["held_back_by"], brakes);
    let words = text(&fleet().run().expect("an answer"));
    assert!(
        words.starts_with("amd64 on 3 hosts: GOAMD64=v2\n"),
        "{words}"
    );
    assert!(words.contains("old (v2), which lacks AVX2, FMA"), "{words}");
}

#[test]
fn files_that_are_no_reports_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = cpu_report();
    let mut escape = good.clone();
    escape["result"]["host"] = "\u{1b}]0;title\u{7}".into();
    let mut level = good.clone();
    level["result"]["safe_level"] = "v99".into();
    let mut deep = "[".repeat(100_000);
    deep.push_str(&"]".repeat(100_000));
    let cut = good.to_string()[..200].to_owned();
    let cases = [
        ("empty", String::new(), "the file is empty"),
        ("cut", cut, "EOF"),
        ("words", "GOAMD64=v3\n".to_owned(), "expected value"),
        (
            "elsewhere",
            json!({"schema": 1, "command": "check"}).to_string(),
            "doctor",
        ),
        ("escape", escape.to_string(), "control characters"),
        ("level", level.to_string(), "not a level"),
        ("deep", deep, "recursion limit"),
        ("behind", format!("{good} trailing"), "expected ident"),
    ];
    for (name, content, why) in cases {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a file");
        let output = handpie(["doctor", "--fleet"])
            .arg(&path)
            .output()
            .expect("an end");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{name}: {words}");
        assert!(
            words.contains(why) && words.contains(name),
            "{name}: {words}"
        );
        assert!(
            !words.contains('\u{1b}') && output.stdout.is_empty(),
            "{name}: {words}"
        );
        let document = handpie(["doctor", "--format", "json", "--fleet"])
            .arg(&path)
            .output();
        let document = serde_json::from_slice(&document.expect("an end").stdout).expect("JSON");
        Schema::of("doctor-cpu").holds(&document);
    }
    let folder = handpie(["doctor", "--fleet"]).arg(folder.path()).output();
    assert_eq!(folder.expect("an end").status.code(), Some(3), "a folder");
}
