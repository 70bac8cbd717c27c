//! `handpie db update` and `handpie db info`: every kind of source, and what is wrong with some.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};

use handpie_toolchain::command::{Stream, Tool};
use serde_json::{Value, json};

use crate::server::Server;
use crate::support::{handpie, tool};
use crate::workshop::{Workshop, advisory};

fn advisories() -> Vec<Value> {
    vec![
        advisory("GO-9999-0001", "x.test/lib", &[("x.test/lib", &["F", "G"])]),
        advisory("GO-9999-0002", "stdlib", &[("net/url", &["Parse"])]),
    ]
}

fn workshop() -> Workshop {
    let workshop = Workshop::new("");
    workshop.advisories(&advisories());
    workshop
}

/// Go's own layout: `ID/*.json` beside `index/`.
pub(crate) fn mirrored() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut listed = Vec::new();
    for advisory in advisories() {
        let id = advisory["id"].as_str().unwrap();
        files.insert(format!("/ID/{id}.json"), advisory.to_string().into_bytes());
        listed.push(json!({ "id": id, "modified": "2026-01-01T00:00:00Z" }));
    }
    let mut index = |name: &str, value: Value| {
        files.insert(
            format!("/index/{name}.json"),
            value.to_string().into_bytes(),
        );
    };
    index("db", json!({ "modified": "2026-01-05T00:00:00Z" }));
    index("vulns", listed.into());
    index("modules", json!([]));
    files
}

pub(crate) fn zipped(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, bytes) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer
            .start_file(path.trim_start_matches('/'), options)
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// What `db info` says after an update, but for where it came from.
pub(crate) fn updated(workshop: &Workshop, from: &str) -> Value {
    let ran = workshop.run(&["db", "update", "--format", "json", "--from", from]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let ran = workshop.run(&["db", "info", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["result"]["sources"][0]["from"], from);
    report["result"].clone()
}

pub(crate) fn assert_whole(result: &Value, modified: &str) {
    assert_eq!(result["advisories"], 2, "{result:#}");
    assert_eq!(result["modules"], 2, "{result:#}");
    assert_eq!(result["symbols"], 3, "{result:#}");
    assert_eq!(result["sources"][0]["modified"], modified, "{result:#}");
}

#[test]
fn a_folder_of_advisories_becomes_a_database() {
    let workshop = workshop();
    assert_whole(&updated(&workshop, "db"), "2026-01-01T00:00:00Z");
    let url = format!("file://{}", workshop.path("db").display());
    let ran = workshop.run(&["db", "update", "--from", &url]);
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn gos_folder_and_its_zip_become_the_same_database() {
    let workshop = Workshop::new("");
    for (path, bytes) in mirrored() {
        workshop.write(&format!("v1{path}"), std::str::from_utf8(&bytes).unwrap());
    }
    fs::write(workshop.path("vulndb.zip"), zipped(&mirrored())).unwrap();
    for from in ["v1", "vulndb.zip"] {
        assert_whole(&updated(&workshop, from), "2026-01-05T00:00:00Z");
    }
}

#[test]
fn a_server_is_asked_for_its_zip_and_without_one_for_each_advisory() {
    let workshop = Workshop::new("");
    let mut files = mirrored();
    let server = Server::of(files.clone());
    assert_whole(&updated(&workshop, &server.address), "2026-01-05T00:00:00Z");
    assert_eq!(server.asked()[0], "/vulndb.zip");
    assert!(server.asked().contains(&"/ID/GO-9999-0002.json".to_owned()));

    files.insert("/vulndb.zip".to_owned(), zipped(&files));
    let server = Server::of(files);
    assert_whole(&updated(&workshop, &server.address), "2026-01-05T00:00:00Z");
    assert_eq!(server.asked(), ["/vulndb.zip"]);
    let address = format!("{}/vulndb.zip", server.address);
    assert_whole(&updated(&workshop, &address), "2026-01-05T00:00:00Z");
}

#[test]
fn several_sources_are_one_database_and_the_oldest_is_its_age() {
    let workshop = workshop();
    let mut other = advisory("RUSTSEC-9999-1", "a", &[]);
    other["affected"][0]["package"]["ecosystem"] = "crates.io".into();
    other["modified"] = "2025-01-01T00:00:00Z".into();
    workshop.write("crates/RUSTSEC-9999-1.json", &other.to_string());
    let ran = workshop.run(&[
        "db", "update", "--from", "db", "--from", "crates", "--format", "json",
    ]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["result"]["advisories"], 3, "{report:#}");
    let age = report["result"]["age"].as_u64().unwrap();
    let ran = workshop.run(&["db", "update", "--from", "db", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["result"]["age"].as_u64().unwrap() + 365, age);
}

#[test]
fn without_a_database_there_is_no_answer() {
    let workshop = workshop();
    let ran = workshop.run(&["vuln", "/bin/sh"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (3, ""), "{ran:?}");
    assert!(
        ran.stderr.contains("there is no advisory database yet"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("handpie db update"), "{ran:?}");
    assert!(ran.stderr.contains("explain vuln-db-missing"), "{ran:?}");
    assert_eq!(workshop.run(&["db", "info"]).status, 3);
}

#[test]
fn what_is_no_database_is_refused_and_the_old_one_stays() {
    let workshop = workshop();
    assert_whole(&updated(&workshop, "db"), "2026-01-01T00:00:00Z");
    let kept = workshop.path("data/handpie/advisories.db");
    let before = fs::read(&kept).unwrap();
    workshop.write("text", "no database");
    workshop.write("broken/A.json", "{\"id\": ");
    workshop.write("empty/README.md", "nothing");
    let zip = zipped(&mirrored());
    fs::write(workshop.path("cut.zip"), &zip[..zip.len() / 2]).unwrap();
    let mut bad = mirrored();
    bad.insert("/ID/bad.json".to_owned(), b"[]".to_vec());
    fs::write(workshop.path("bad.zip"), zipped(&bad)).unwrap();
    fs::write(workshop.path("cut.db"), &before[..before.len() - 9]).unwrap();
    let server = Server::of(BTreeMap::new());
    for (from, words) in [
        ("nowhere", "No such file"),
        ("text", "neither a ZIP archive nor an advisory database"),
        ("broken", "A.json"),
        ("empty", "no advisory found"),
        ("cut.zip", "cut.zip"),
        ("bad.zip", "ID/bad.json"),
        ("cut.db", "damaged"),
        ("/dev/null", "neither a file nor a directory"),
        (&server.address, "does not exist"),
        ("http://127.0.0.1:1/", "GET http://127.0.0.1:1/vulndb.zip"),
    ] {
        let ran = workshop.run(&["db", "update", "--from", from]);
        assert_eq!(
            (ran.status, ran.stdout.as_str()),
            (3, ""),
            "{from}: {ran:?}"
        );
        assert!(ran.stderr.contains(words), "{from}: {ran:?}");
        assert_eq!(fs::read(&kept).unwrap(), before, "{from}");
    }
    let left: Vec<_> = fs::read_dir(kept.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left beside it: {left:?}");
}

#[test]
fn a_database_that_was_made_before_is_taken_as_it_is() {
    let workshop = workshop();
    assert_whole(&updated(&workshop, "db"), "2026-01-01T00:00:00Z");
    let made = workshop.path("data/handpie/advisories.db");
    fs::copy(&made, workshop.path("copy.db")).unwrap();
    let ran = workshop.run(&["db", "info", "--db", "copy.db", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_whole(&report["result"], "2026-01-01T00:00:00Z");
    fs::remove_file(&made).unwrap();
    assert_eq!(
        workshop.run(&["db", "update", "--from", "copy.db"]).status,
        0
    );
    assert_eq!(
        fs::read(&made).unwrap(),
        fs::read(workshop.path("copy.db")).unwrap()
    );
}

#[test]
fn an_old_database_is_refused_where_that_was_asked_for() {
    let workshop = workshop();
    let ran = workshop.run(&["vuln", "--db", "db", "--max-db-age", "3", "/bin/sh"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (3, ""), "{ran:?}");
    assert!(ran.stderr.contains("--max-db-age allows 3"), "{ran:?}");
    let ran = workshop.run(&["vuln", "--db", "db", "--max-db-age", "99999", "."]);
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn a_name_from_a_server_does_not_leave_its_folder() {
    let workshop = Workshop::new("");
    let mut files = mirrored();
    let listed = json!([{ "id": "../../secret" }]).to_string();
    files.insert("/index/vulns.json".to_owned(), listed.into_bytes());
    let server = Server::of(files);
    let ran = workshop.run(&["db", "update", "--from", &server.address]);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(ran.stderr.contains("is not an advisory ID"), "{ran:?}");
    assert_eq!(server.asked(), ["/vulndb.zip", "/index/vulns.json"]);
}

#[test]
fn a_server_that_speaks_tls_is_believed_by_its_certificate() {
    let what = "a server that speaks TLS";
    let Some(openssl) = tool("openssl", what) else {
        return;
    };
    let workshop = workshop();
    let certificate = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -nodes \
                       -keyout key.pem -out cert.pem -subj /CN=localhost \
                       -addext subjectAltName=DNS:localhost \
                       -addext basicConstraints=critical,CA:FALSE";
    let made = Tool::new(&openssl).args(certificate.split_whitespace());
    made.dir(workshop.path("")).run().expect("a certificate");
    fs::write(workshop.path("vulndb.zip"), zipped(&mirrored())).unwrap();
    let serve = "s_server -accept 0 -cert cert.pem -key key.pem -WWW";
    let serve = Tool::new(&openssl).args(serve.split_whitespace());
    let serve = serve.dir(workshop.path("")).stdout(Stream::Capture);
    let mut server = serve.spawn().expect("openssl serves");
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = lines.map_while(Result::ok).find_map(|line| {
        let place = line.strip_prefix("ACCEPT ")?.to_owned();
        place.rsplit(':').next().map(str::to_owned)
    });
    let address = format!("https://localhost:{}", port.expect("a port"));
    let update = |certificates: &str| {
        let update = handpie(["db", "update", "--from", &address]).dir(workshop.path(""));
        let update = update.env("XDG_DATA_HOME", workshop.path("data"));
        let ended = update.env("SSL_CERT_FILE", certificates).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        (ended.status.code(), said)
    };
    let believed = update("cert.pem");
    // Certificates that are not this server's, and none.
    let other = Tool::new(&openssl).args(
        certificate
            .replace("cert.pem", "other.pem")
            .split_whitespace(),
    );
    other
        .dir(workshop.path(""))
        .run()
        .expect("another certificate");
    let refused = update("other.pem");
    let nothing = update("vulndb.zip");
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(believed, (Some(0), String::new()));
    assert_eq!(refused.0, Some(3), "{}", refused.1);
    assert!(refused.1.contains("certificate"), "{}", refused.1);
    assert!(
        refused.1.contains("hint: set SSL_CERT_FILE"),
        "{}",
        refused.1
    );
    assert_eq!(nothing.0, Some(3), "{}", nothing.1);
    assert!(nothing.1.contains("vulndb.zip"), "{}", nothing.1);
}
