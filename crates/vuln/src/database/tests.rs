#![allow(
    clippy::arithmetic_side_effects,
    reason = "test files are small, and a panic fails the test"
)]

use super::*;
use crate::ecosystem::Ecosystem;
use crate::version_doubt::VersionDoubt;

const ADVISORIES: [&str; 3] = [
    r#"{"id": "GO-9999-0002", "modified": "2026-02-02T00:00:00Z", "summary": "Second — ü",
        "aliases": ["CVE-9999-2", "GHSA-2"], "database_specific": {"url": "https://b", "review_status": "REVIEWED"},
        "affected": [{"package": {"ecosystem": "Go", "name": "example.org/b"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}]}],
            "ecosystem_specific": {"imports": [
                {"path": "example.org/b/p", "symbols": ["F", "T.M"], "goos": ["linux", "darwin"]},
                {"path": "example.org/b/q"}]}},
            {"package": {"ecosystem": "npm", "name": "b"}}]}"#,
    r#"{"id": "GO-9999-0001", "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "Go", "name": "example.org/a"}},
                     {"package": {"ecosystem": "Go", "name": "example.org/b"},
                      "ecosystem_specific": {"custom_ranges": [{"type": "ECOSYSTEM"}]}}]}"#,
    r#"{"id": "RUSTSEC-9999-0001", "modified": "2026-01-03T00:00:00Z",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}],
        "affected": [{"package": {"ecosystem": "crates.io", "name": "a"},
            "ecosystem_specific": {"affects": {"os": ["windows"]}},
            "database_specific": {"informational": "unsound"}}]}"#,
];

fn builder(advisories: &[&str]) -> Builder {
    let mut builder = Builder::default();
    builder.begin("here");
    for json in advisories {
        builder.add(json.as_bytes()).unwrap();
    }
    builder
}

#[test]
fn a_database_says_what_its_advisories_say() {
    let file = builder(&ADVISORIES).finish().unwrap();
    let database = Database::open(&file).unwrap();
    assert_eq!(
        (
            database.len(),
            database.module_count(),
            database.symbol_count()
        ),
        (3, 3, 2)
    );
    let source = database.sources().next().unwrap();
    assert_eq!((source.from.as_str(), source.advisories), ("here", 3));
    assert_eq!(source.modified, "2026-02-02T00:00:00Z");

    let blocks: Vec<_> = database.about(Ecosystem::Go, "example.org/b").collect();
    let ids: Vec<&str> = blocks.iter().map(|block| block.advisory().1.id()).collect();
    assert_eq!(ids, ["GO-9999-0001", "GO-9999-0002"]);
    assert!(
        blocks[0]
            .intervals()
            .all(|it| it.doubt == Some(VersionDoubt::CustomRanges))
    );
    assert_eq!(blocks[1].intervals().next().unwrap().fixed(), Some("1.2.0"));
    let imports: Vec<_> = blocks[1].imports().collect();
    assert_eq!(imports[0].path(), "example.org/b/p");
    let symbols: Vec<_> = imports[0].symbols().collect();
    let hash = crate::symbol::hash(b"example.org/b/p", b"T.M");
    assert_eq!((symbols[0].1, symbols[1]), ("F", (hash, "T.M")));
    assert!(imports[0].is_for("linux", "amd64") && imports[0].is_for("", ""));
    assert!(!imports[0].is_for("windows", "amd64"));
    assert_eq!(imports[1].symbols().count(), 0);

    let (_, advisory) = blocks[1].advisory();
    assert_eq!(advisory.summary(), "Second — ü");
    assert_eq!(
        advisory.aliases().collect::<Vec<_>>(),
        ["CVE-9999-2", "GHSA-2"]
    );
    assert_eq!(
        (advisory.url(), advisory.is_reviewed()),
        ("https://b", true)
    );
    assert_eq!(advisory.informational(), None);
    assert_eq!(advisory.text().unwrap(), ADVISORIES[0].as_bytes());

    let crates: Vec<_> = database.about(Ecosystem::CratesIo, "a").collect();
    let (_, advisory) = crates[0].advisory();
    assert_eq!(
        (advisory.informational(), advisory.severity()),
        (Some("unsound"), "CVSS:3.1/AV:N")
    );
    assert_eq!(crates[0].systems().collect::<Vec<_>>(), ["windows"]);
    for (ecosystem, name) in [
        (Ecosystem::CratesIo, "example.org/a"),
        (Ecosystem::Go, "a"),
        (Ecosystem::Go, "z"),
    ] {
        assert_eq!(database.about(ecosystem, name).count(), 0, "{name}");
    }
}

#[test]
fn the_order_of_advisories_does_not_matter() {
    let [a, b, c] = ADVISORIES;
    assert_eq!(
        builder(&[a, b, c]).finish().unwrap(),
        builder(&[c, b, a]).finish().unwrap()
    );
}

#[test]
fn of_an_advisory_that_comes_twice_the_newer_counts() {
    let advisory = |modified: &str, summary: &str| {
        format!(
            r#"{{"id": "GO-9999-0001", "modified": "{modified}", "summary": "{summary}",
            "affected": [{{"package": {{"ecosystem": "Go", "name": "a.test/a"}}}}]}}"#
        )
    };
    let old = &*advisory("2026-01-01T00:00:00Z", "old");
    let new = &*advisory("2026-01-02T00:00:00Z", "new");
    for order in [[old, new], [new, old]] {
        let file = builder(&order).finish().unwrap();
        let database = Database::open(&file).unwrap();
        let summaries: Vec<&str> = database.advisories().map(|it| it.summary()).collect();
        assert_eq!(summaries, ["new"]);
    }
}

#[test]
fn what_was_taken_back_is_kept_and_matches_nothing() {
    let file = builder(&[
        r#"{"id": "GO-9999-0001", "withdrawn": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "Go", "name": "example.org/a"}}]}"#,
    ]);
    let file = file.finish().unwrap();
    let database = Database::open(&file).unwrap();
    assert_eq!((database.len(), database.module_count()), (1, 0));
}

#[test]
fn what_is_no_advisory_is_refused() {
    let mut builder = Builder::default();
    for json in ["", "{", "[]", r#"{"summary": "no id"}"#, "\u{0}"] {
        assert!(builder.add(json.as_bytes()).is_err(), "{json}");
    }
    let large = format!(r#"{{"id": "A", "details": "{}"}}"#, "x".repeat(5 << 20));
    assert!(matches!(
        builder.add(large.as_bytes()),
        Err(RecordError::TooLarge(_))
    ));
    assert!(builder.is_empty());
}

#[test]
fn other_files_and_other_formats_are_told_apart() {
    let mut file = builder(&ADVISORIES).finish().unwrap();
    assert_eq!(
        Database::open(b"PK\x03\x04").unwrap_err(),
        DatabaseError::NotADatabase
    );
    assert_eq!(
        Database::open(b"").unwrap_err(),
        DatabaseError::NotADatabase
    );
    file[8] = 9;
    assert_eq!(
        Database::open(&file).unwrap_err(),
        DatabaseError::OtherFormat(9)
    );
}

#[test]
fn a_file_that_was_cut_or_changed_is_noticed() {
    let file = builder(&ADVISORIES).finish().unwrap();
    let without_texts = Database::size_without_texts(&file[..START]).unwrap();
    for length in MAGIC.len()..file.len() {
        if length as u64 == without_texts {
            let database = Database::open(&file[..length]).unwrap();
            assert_eq!(database.advisories().next().unwrap().text(), None);
            continue;
        }
        assert!(Database::open(&file[..length]).is_err(), "cut to {length}");
    }
    let texts = Database::open(&file)
        .unwrap()
        .advisories()
        .next()
        .unwrap()
        .text();
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 4;
        // The texts have sums of their own, each stream one.
        if let Ok(database) = Database::open(&damaged) {
            let text = database.advisories().next().unwrap().text();
            assert!(text.is_none() || text == texts, "byte {at}");
        }
    }
}

/// Numbers that somebody wrote on purpose, with the right checksum.
#[test]
fn no_forged_number_makes_reading_panic() {
    let file = builder(&ADVISORIES).finish().unwrap();
    let end = Database::open(&file).unwrap();
    let checked = file.len() - end.texts_size();
    let mut opened = 0;
    for at in (layout::CHECKED_FROM..checked).step_by(2) {
        for value in [0u32, 1, 7, 0x7fff_ffff, 0xffff_ffff, 0x0100_0000] {
            let mut forged = file.clone();
            let Some(place) = forged.get_mut(at..at + 4) else {
                continue;
            };
            place.copy_from_slice(&value.to_le_bytes());
            let sum = crc32fast::hash(&forged[layout::CHECKED_FROM..checked]);
            forged[12..16].copy_from_slice(&sum.to_le_bytes());
            if let Ok(database) = Database::open(&forged) {
                opened += 1;
                ask_everything(&database);
            }
        }
    }
    assert!(opened > 100, "only {opened} were opened");
}

fn ask_everything(database: &Database<'_>) {
    for advisory in database.advisories() {
        let _ = (
            advisory.id(),
            advisory.summary(),
            advisory.url(),
            advisory.text(),
        );
        let _ = advisory.aliases().count();
    }
    for (ecosystem, name) in [(Ecosystem::Go, "example.org/b"), (Ecosystem::CratesIo, "a")] {
        for block in database.about(ecosystem, name) {
            let _ = (
                block.advisory().1.id(),
                block.intervals().count(),
                block.systems().count(),
            );
            for import in block.imports() {
                let _ = (
                    import.path(),
                    import.symbols().count(),
                    import.is_for("linux", "arm64"),
                );
            }
        }
    }
}
