//! Damaged build info, tables of functions, databases, advisories and kept facts: whatever is changed
//! in one, there is an answer soon, without a panic, or an error that says why not.
//!
//! The same mutations in every run. `HANDPIE_MUTATIONS=10000000` runs ten million of them; the
//! coverage-guided twin of this test is in `fuzz/`.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

use std::time::Instant;

use handpie_binary::Binary;
use handpie_testkit::forge::segment::{DATA, elf_of_one_segment};
use handpie_testkit::mutation::{self, Mutator, SLOW, Seed};
use handpie_vuln::{Builder, Database, Facts, Inventory, matches};

/// How many mutated files a plain test run tries.
const QUICK: u64 = 50_000;

/// About the module, the standard library, and what the forged programs hold of both.
const ADVISORIES: [&str; 3] = [
    r#"{"id": "GO-9999-0001", "modified": "2026-01-01T00:00:00Z", "aliases": ["CVE-9999-1"],
        "summary": "about a function", "details": "a long text",
        "affected": [{"package": {"ecosystem": "Go", "name": "a.test/m"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.5.0"}]}],
            "ecosystem_specific": {"imports": [{"path": "a.test/m", "symbols": ["F", "T.M"]}]}}]}"#,
    r#"{"id": "GO-9999-0002", "modified": "2026-01-02T00:00:00Z",
        "affected": [{"package": {"ecosystem": "Go", "name": "stdlib"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.20.0-0"}]}],
            "ecosystem_specific": {"imports": [{"path": "net/url", "goos": ["linux"]}]}}]}"#,
    r#"{"id": "RUSTSEC-9999-0003", "modified": "2026-01-02T00:00:00Z",
        "affected": [{"package": {"ecosystem": "crates.io", "name": "a"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"last_affected": "1.0.0"}]}],
            "database_specific": {"informational": "unsound"}}]}"#,
];

const NAMES: [&str; 6] = [
    "main.main",
    "a.test/m.F",
    "a.test/m.(*T).M-fm",
    "a.test/m.G[go.shape.int].N.func1",
    "net/url.Parse",
    "gopkg.in/yaml%2ev3.Unmarshal",
];

#[test]
fn no_damage_makes_telling_vulnerabilities_panic_or_hang() {
    let count = mutation::rounds(QUICK);
    let database = database();
    let opened = Database::open(&database).unwrap();
    let programs = programs();
    for program in &programs {
        assert!(
            look(&program.file, &opened),
            "the seeds themselves are whole"
        );
    }
    let whole = Binary::parse(programs[0].file.as_slice()).unwrap();
    let inventory = Inventory::of(&whole[0]).unwrap();
    assert_eq!(matches(&inventory, &opened).unwrap().len(), 2);
    let facts = serde_json::to_vec(&inventory.facts().unwrap()).unwrap();
    let others = [
        Seed::of_all(database.clone()),
        Seed::of_all(ADVISORIES[0].as_bytes().to_vec()),
        Seed::of_all(facts),
    ];
    let mut mutator = Mutator::new(0x0d15_ea5e_0dd5_ee0d);
    let (mut answered, mut refused) = (0u64, 0u64);
    for round in 0..count {
        let at = (round % (programs.len() + others.len()) as u64) as usize;
        let seed = programs.iter().chain(&others).nth(at).unwrap();
        let file = mutator.mutate(seed);
        let start = Instant::now();
        let is_answered = match at.checked_sub(programs.len()) {
            None => look(&file, &opened),
            Some(0) => ask(&file, &inventory),
            Some(1) => Builder::default().add(&file).is_ok(),
            Some(_) => answer_later(&file, &opened),
        };
        let taken = start.elapsed();
        assert!(taken < SLOW, "round {round} took {taken:?}");
        match is_answered {
            true => answered += 1,
            false => refused += 1,
        }
    }
    mutation::assert_each_is_reached(count, 10, &[("answered", answered), ("refused", refused)]);
}

/// Asks about a program, and what is kept of it; whether it tells what it holds.
fn look(file: &[u8], database: &Database<'_>) -> bool {
    let Ok(binaries) = Binary::parse(file) else {
        return false;
    };
    let inventories = binaries.iter().filter_map(|it| Inventory::of(it).ok());
    let mut answered = false;
    for inventory in inventories {
        let rows = matches(&inventory, database).unwrap().len();
        let kept = Inventory::kept(inventory.facts().unwrap()).unwrap();
        assert_eq!(
            matches(&kept, database).unwrap().len(),
            rows,
            "what was kept"
        );
        answered = true;
    }
    answered
}

/// Asks a damaged database, if it can be opened.
fn ask(file: &[u8], inventory: &Inventory<'_>) -> bool {
    let Ok(database) = Database::open(file) else {
        return false;
    };
    for advisory in database.advisories() {
        let _ = (advisory.text(), advisory.aliases().count());
    }
    matches(inventory, &database).unwrap();
    true
}

fn answer_later(file: &[u8], database: &Database<'_>) -> bool {
    let Ok(facts) = serde_json::from_slice::<Facts>(file) else {
        return false;
    };
    let Ok(inventory) = Inventory::kept(facts) else {
        return false;
    };
    matches(&inventory, database).unwrap();
    true
}

fn database() -> Vec<u8> {
    let mut builder = Builder::default();
    builder.begin("test");
    for advisory in ADVISORIES {
        builder.add(advisory.as_bytes()).unwrap();
    }
    builder.finish().unwrap()
}

/// Programs of one segment, with build info and a table of functions of every layout.
fn programs() -> Vec<Seed> {
    let tables = [
        pclntab(0xf1, 8, u64_le),
        pclntab(0xf0, 4, u32_le),
        pclntab(0xfa, 8, u64_be),
        pclntab(0xfb, 4, u32_be),
    ];
    let seeds = tables.into_iter().map(|table| {
        let mut data = build_info();
        data.resize(data.len().next_multiple_of(16), 0);
        data.extend(table);
        let file = elf_of_one_segment(&data);
        let places = [0..0x80, DATA..DATA + 48, DATA..file.len()];
        Seed::new(file, places)
    });
    seeds.collect()
}

/// What Go 1.18 and later write: debug/buildinfo/buildinfo.go.
fn build_info() -> Vec<u8> {
    let modules = "path\ta.test/app\nmod\ta.test/app\tv1.0.0\t\ndep\ta.test/m\tv1.2.0\th1:x\n\
                   dep\tb.test/n\tv0.0.0-20210107192922-496545a6307b\th1:x\n\
                   =>\tb.test/o\tv1.0.0\th1:x\nbuild\tGOOS=linux\nbuild\tGOARCH=amd64\n";
    let frame = [0xffu8; 16];
    let info = [&frame[..], modules.as_bytes(), &frame[..]].concat();
    let mut blob = b"\xff Go buildinf:\x08\x02".to_vec();
    blob.resize(32, 0);
    for text in [b"go1.22.1".as_slice(), &info] {
        let mut length = text.len();
        while length >= 0x80 {
            blob.push(length as u8 | 0x80);
            length >>= 7;
        }
        blob.push(length as u8);
        blob.extend(text);
    }
    blob
}

type Word = fn(u64) -> Vec<u8>;

fn u64_le(value: u64) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

fn u64_be(value: u64) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

fn u32_le(value: u64) -> Vec<u8> {
    (value as u32).to_le_bytes().to_vec()
}

fn u32_be(value: u64) -> Vec<u8> {
    (value as u32).to_be_bytes().to_vec()
}

/// A table of functions; see crates/binary/src/go/pclntab.rs for its layouts.
fn pclntab(magic: u8, pointer_size: u8, word: Word) -> Vec<u8> {
    let is_little = word(1)[0] == 1;
    let mut table = match is_little {
        true => vec![magic, 0xff, 0xff, 0xff, 0, 0],
        false => vec![0xff, 0xff, 0xff, magic, 0, 0],
    };
    table.extend([1, pointer_size]);
    let names: Vec<u8> = NAMES
        .iter()
        .flat_map(|name| name.bytes().chain([0]))
        .collect();
    if magic == 0xfb {
        return pointed(table, u64::from(pointer_size), &names, word);
    }
    // Behind the header: names, then four more parts, of which nothing is asked.
    let words = if magic == 0xfa { 7 } else { 8 };
    let start = 8 + words * u64::from(pointer_size);
    let end = start + names.len() as u64;
    let mut header = vec![NAMES.len() as u64, 1];
    if magic != 0xfa {
        header.push(0x1000);
    }
    header.extend([start, end, end, end, end]);
    table.extend(header.into_iter().flat_map(word));
    table.extend(names);
    table.extend([0; 16]);
    table
}

/// Up to Go 1.15: functab with an address and an offset for each, and there the offset of the name.
fn pointed(mut table: Vec<u8>, pointer_size: u64, names: &[u8], word: Word) -> Vec<u8> {
    let count = NAMES.len() as u64;
    let functab = 8 + pointer_size;
    let described = functab + count * 2 * pointer_size;
    let names_at = described + count * (pointer_size + 4);
    table.extend(word(count));
    for index in 0..count {
        table.extend(word(0x1000 + index));
        table.extend(word(described + index * (pointer_size + 4)));
    }
    let mut at = names_at;
    for (index, name) in (0..).zip(NAMES) {
        table.extend(word(0x1000 + index));
        let four: Vec<u8> = match word(1)[0] == 1 {
            true => (at as u32).to_le_bytes().to_vec(),
            false => (at as u32).to_be_bytes().to_vec(),
        };
        table.extend(four);
        at += name.len() as u64 + 1;
    }
    table.extend(names);
    table.extend([0; 16]);
    table
}
