//! Databases in folders of every shape: links, deep trees, ZIPs inside; and files made to be large once
//! they are read.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::database::zipped;
use crate::workshop::{Workshop, advisory};

/// Far above what any of this takes.
const SOON: Duration = Duration::from_secs(60);

/// The advisories in a database made from a folder, or why there is none.
fn made(workshop: &Workshop, from: &str) -> Result<u64, String> {
    let ran = workshop.run(&["db", "update", "--format", "json", "--from", from]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    match ran.status {
        0 => Ok(report["result"]["advisories"].as_u64().unwrap()),
        3 => Err(report["error"]["causes"].to_string()),
        status => panic!("{status}: {ran:?}"),
    }
}

fn write(workshop: &Workshop, path: &str, id: &str) {
    workshop.write(path, &advisory(id, "x.test/lib", &[]).to_string());
}

#[test]
fn a_volume_of_kubernetes_is_read_through_its_links() {
    let workshop = Workshop::new("");
    write(&workshop, "mount/..2026_01_01/A-1.json", "A-1");
    write(&workshop, "mount/..2026_01_01/ID/A-2.json", "A-2");
    symlink("..2026_01_01", workshop.path("mount/..data")).unwrap();
    symlink("..data/A-1.json", workshop.path("mount/A-1.json")).unwrap();
    symlink("..data/ID", workshop.path("mount/ID")).unwrap();
    assert_eq!(made(&workshop, "mount"), Ok(2));
}

#[test]
fn a_link_among_files_is_read() {
    let workshop = Workshop::new("");
    write(&workshop, "db/T-TWO.json", "T-TWO");
    write(&workshop, "store/abc-T-ONE", "T-ONE");
    symlink("../store/abc-T-ONE", workshop.path("db/T-ONE.json")).unwrap();
    assert_eq!(made(&workshop, "db"), Ok(2));
    // The folder itself may be a link.
    symlink("db", workshop.path("latest")).unwrap();
    assert_eq!(made(&workshop, "latest"), Ok(2));
}

#[test]
fn links_in_a_circle_end_and_no_folder_is_read_twice() {
    let workshop = Workshop::new("");
    write(&workshop, "db/a/A-1.json", "A-1");
    symlink(".", workshop.path("db/self")).unwrap();
    symlink("..", workshop.path("db/a/up")).unwrap();
    // Each of these folders has two links to the next: two to the thirtieth ways.
    for level in 0..30 {
        fs::create_dir(workshop.path(&format!("db/f{level}"))).unwrap();
        for name in ["x", "y"] {
            let link = workshop.path(&format!("db/f{level}/{name}"));
            symlink(format!("../f{}", level + 1), link).unwrap();
        }
    }
    write(&workshop, "db/f30/A-2.json", "A-2");
    let started = Instant::now();
    assert_eq!(made(&workshop, "db"), Ok(2));
    assert!(started.elapsed() < SOON);
}

#[test]
fn a_link_that_leads_nowhere_is_refused() {
    for name in ["A-2.json", "more", "more.zip"] {
        let workshop = Workshop::new("");
        write(&workshop, "db/A-1.json", "A-1");
        symlink("gone", workshop.path(&format!("db/{name}"))).unwrap();
        let refused = made(&workshop, "db").unwrap_err();
        assert!(refused.contains("symbolic link to `gone`"), "{refused}");
        assert!(refused.contains(name), "{refused}");
    }
}

#[test]
fn githubs_tree_is_read_and_what_is_about_others_is_counted() {
    let workshop = Workshop::new("");
    let mut other = advisory("GHSA-2", "x", &[]);
    other["affected"][0]["package"]["ecosystem"] = "npm".into();
    let mut files = BTreeMap::new();
    for (month, advisory) in [("01", advisory("GHSA-1", "x.test/lib", &[])), ("02", other)] {
        let id = advisory["id"].as_str().unwrap().to_owned();
        let path = format!("advisories/github-reviewed/2024/{month}/{id}/{id}.json");
        workshop.write(&format!("clone/{path}"), &advisory.to_string());
        files.insert(
            format!("advisory-database-main/{path}"),
            advisory.to_string().into_bytes(),
        );
    }
    workshop.write("clone/.github/x.json", "no advisory");
    fs::write(workshop.path("clone.zip"), zipped(&files)).unwrap();
    for from in ["clone", "clone/advisories", "clone.zip"] {
        let ran = workshop.run(&["db", "update", "--from", from]);
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(ran.stdout.contains("1 advisory\n"), "{ran:?}");
        let words = "1 advisory about neither Go nor crates.io";
        assert!(ran.stdout.contains(words), "{ran:?}");
    }
}

#[test]
fn a_folder_deeper_than_any_database_is_refused() {
    let workshop = Workshop::new("");
    write(&workshop, &format!("db/{}A-1.json", "d/".repeat(31)), "A-1");
    assert_eq!(made(&workshop, "db"), Ok(1));
    write(&workshop, &format!("db/{}A-1.json", "d/".repeat(33)), "A-1");
    let refused = made(&workshop, "db").unwrap_err();
    assert!(
        refused.contains("more than 32 directories deep"),
        "{refused}"
    );
}

#[test]
fn a_zip_in_a_folder_is_read_and_a_pipe_is_refused() {
    let workshop = Workshop::new("");
    write(&workshop, "db/A-1.json", "A-1");
    let inside = advisory("A-2", "x.test/lib", &[]).to_string().into_bytes();
    let files = BTreeMap::from([("A-2.json".to_owned(), inside)]);
    fs::write(workshop.path("db/more.zip"), zipped(&files)).unwrap();
    assert_eq!(made(&workshop, "db"), Ok(2));
    fs::write(workshop.path("db/cut.zip"), "PK").unwrap();
    let refused = made(&workshop, "db").unwrap_err();
    assert!(refused.contains("cut.zip"), "{refused}");
}

#[test]
fn a_packed_advisory_is_refused_unless_it_is_there_unpacked() {
    let workshop = Workshop::new("");
    write(&workshop, "db/index/A-1.json", "A-1");
    workshop.write("db/index/A-1.json.gz", "");
    workshop.write("db/index/vulns.json.gz", "");
    assert_eq!(made(&workshop, "db"), Ok(1));
    workshop.write("db/A-2.json.gz", "");
    let refused = made(&workshop, "db").unwrap_err();
    assert!(refused.contains("A-2.json.gz"), "{refused}");
    assert!(refused.contains("packed with gzip"), "{refused}");
    let files = [("A-1.json.gz", b"".to_vec())].map(|(name, bytes)| (name.to_owned(), bytes));
    fs::write(workshop.path("packed.zip"), zipped(&BTreeMap::from(files))).unwrap();
    let refused = made(&workshop, "packed.zip").unwrap_err();
    assert!(refused.contains("packed with gzip"), "{refused}");
}

/// A ZIP of advisories that all have this in `affected`, written piece by piece: it is large only when
/// it is unpacked.
fn bomb(workshop: &Workshop, count: usize, affected: &str) {
    let file = fs::File::create(workshop.path("bomb.zip")).unwrap();
    let mut writer = zip::ZipWriter::new(file);
    for number in 0..count {
        let options = zip::write::SimpleFileOptions::default();
        writer
            .start_file(format!("ID/A-{number}.json"), options)
            .unwrap();
        let affected = affected.replace('#', &number.to_string());
        let json = format!(r#"{{"id":"A-{number}","affected":{affected}}}"#);
        writer.write_all(json.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn what_is_built_is_bounded_and_not_only_what_is_read() {
    let module = |name: &str, rest: &str| {
        format!(r#"{{"package":{{"name":"{name}","ecosystem":"Go"}},{rest}}}"#)
    };
    let events = r#"{"introduced":"0"},{"fixed":"1.0.0"},"#.repeat(40_000);
    let events = format!(
        r#""ranges":[{{"type":"SEMVER","events":[{}]}}]"#,
        events.trim_end_matches(',')
    );
    let symbols = json!({ "imports": [{ "path": "e.x/a", "symbols": vec!["A"; 30] }] });
    let symbols = module("e.x/a", &format!(r#""ecosystem_specific":{symbols}"#));
    let many = |count: usize, one: &str| format!("[{}]", vec![one; count].join(","));
    // Few enough for one advisory, and other symbols in each.
    let fitting: Vec<String> = (0..15_000).map(|n| format!("\"S{n}x#\"")).collect();
    let fitting = format!(
        r#""ecosystem_specific":{{"imports":[{{"path":"e.x/a#","symbols":[{}]}}]}}"#,
        fitting.join(",")
    );
    for (count, affected, words) in [
        (
            3,
            format!("[{}]", module("e.x/a", &events)),
            "a list has more than 16384 items",
        ),
        (
            3,
            many(12_000, &symbols),
            "384000 modules, ranges, packages and symbols; expected at most",
        ),
        (
            100,
            format!("[{}]", module("e.x/a", &fitting)),
            "of all advisories exceed 64 MiB in total",
        ),
    ] {
        let workshop = Workshop::new("");
        bomb(&workshop, count, &affected);
        let started = Instant::now();
        let refused = made(&workshop, "bomb.zip").unwrap_err();
        assert!(refused.contains(words), "{refused}");
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    }
}
