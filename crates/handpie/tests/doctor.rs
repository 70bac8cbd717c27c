//! `handpie doctor` says what is true of this machine.

mod support;

use serde_json::Value;
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
