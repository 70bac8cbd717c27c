use super::*;
use crate::cpu::Next;
use serde_json::json;

fn host(name: &str, cpu: &str, level: &str, lacks: &[&str]) -> HostCpu {
    HostCpu {
        host: name.to_owned(),
        cpu: cpu.to_owned(),
        model: String::new(),
        variable: Some(format!("GO{}", cpu.to_uppercase())),
        level: Some(level.to_owned()),
        safe_level: Some(level.to_owned()),
        next: Some(Next {
            level: "next".to_owned(),
            lacks: lacks.iter().map(|it| (*it).to_owned()).collect(),
        }),
        features: Vec::new(),
        cautions: Vec::new(),
    }
}

fn names(fleet: &FleetCpu) -> Vec<&str> {
    fleet
        .held_back_by
        .iter()
        .map(|it| it.host.as_str())
        .collect()
}

#[test]
fn a_fleet_is_as_high_as_its_lowest_host() {
    let hosts = [
        host("new", "amd64", "v4", &[]),
        host("old", "amd64", "v2", &["AVX2", "FMA"]),
        host("mid", "amd64", "v3", &["AVX512F"]),
    ];
    let fleet = Fleet::of(&hosts);
    let [amd64] = fleet.cpus.as_slice() else {
        panic!("{fleet:?}")
    };
    assert_eq!((amd64.hosts, amd64.safe_level.as_deref()), (3, Some("v2")));
    assert_eq!(names(amd64), ["old"]);
    assert_eq!(amd64.held_back_by[0].lacks, ["AVX2", "FMA"]);
    let levels: Vec<_> = amd64
        .levels
        .iter()
        .map(|it| (&*it.level, it.hosts))
        .collect();
    assert_eq!(levels, [("v2", 1), ("v3", 1), ("v4", 1)]);
}

#[test]
fn nobody_holds_back_where_all_are_the_same() {
    let hosts = [
        host("a", "amd64", "v3", &["x"]),
        host("b", "amd64", "v3", &["x"]),
    ];
    let fleet = Fleet::of(&hosts);
    assert_eq!(fleet.cpus[0].safe_level.as_deref(), Some("v3"));
    assert!(fleet.cpus[0].held_back_by.is_empty());
    assert!(Fleet::of(&[]).cpus.is_empty());
}

#[test]
fn cpus_are_kept_apart_and_options_are_lost_one_by_one() {
    let hosts = [
        host("a", "amd64", "v3", &[]),
        host("pi", "arm64", "v8.0", &["atomics"]),
        host("aws", "arm64", "v8.2,crypto", &["jscvt"]),
        host("apple", "arm64", "v8.5", &["i8mm"]),
        host("loong", "loong64", "", &[]),
    ];
    let mut hosts = hosts.to_vec();
    hosts[4].safe_level = None;
    let fleet = Fleet::of(&hosts);
    let cpus: Vec<_> = fleet
        .cpus
        .iter()
        .map(|it| (&*it.cpu, it.safe_level.as_deref()))
        .collect();
    let wanted = [
        ("amd64", Some("v3")),
        ("arm64", Some("v8.0")),
        ("loong64", None),
    ];
    assert_eq!(cpus, wanted);
    assert_eq!(names(&fleet.cpus[1]), ["pi", "apple"]);
    assert!(fleet.cpus[1].held_back_by[1].lacks[1].contains("crypto"));
}

fn report(result: Value) -> Value {
    json!({"schema": 1, "command": "doctor", "result": result})
}

fn sound() -> Value {
    serde_json::to_value(host("a", "amd64", "v3", &["AVX512F"])).unwrap()
}

#[test]
fn what_this_version_writes_can_be_read() {
    let read = host_of(report(sound())).unwrap();
    assert_eq!((&*read.host, read.safe_level.as_deref()), ("a", Some("v3")));
    let mut more = sound();
    more["added_later"] = json!(1);
    assert!(host_of(report(more)).is_ok(), "fields may be added");
}

#[test]
fn what_is_no_report_says_why() {
    let mut control = sound();
    control["host"] = json!("a\u{1b}[2J");
    let mut long = sound();
    long["host"] = json!("a".repeat(301));
    let mut level = sound();
    level["safe_level"] = json!("v5");
    let mut cpu = sound();
    cpu["cpu"] = json!("arm64");
    let mut many = sound();
    many["next"]["lacks"] = json!(vec!["x"; 300]);
    let mut kind = sound();
    kind["features"] = json!("none");
    for (document, why) in [
        (json!([1]), "not a JSON object"),
        (json!({}), "the field `schema` is missing"),
        (json!({"schema": 2}), "`schema` is 2"),
        (
            json!({"schema": 1, "error": {"message": "x"}}),
            "a failure: x",
        ),
        (
            json!({"schema": 1, "command": "check", "result": {}}),
            "not \"doctor\"",
        ),
        (report(json!({"cpus": []})), "--cpu"),
        (report(control), "control characters"),
        (report(long), "more than 300"),
        (report(level), "is not a level"),
        (report(cpu), "is not a level"),
        (report(many), "more than 200"),
        (report(kind), "invalid type"),
    ] {
        let error = host_of(document.clone()).unwrap_err();
        assert!(error.contains(why), "{error} for {document}");
    }
}
