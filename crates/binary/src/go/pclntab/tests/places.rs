//! Tables with functions that were inlined, forged in every layout: three functions with code, of
//! which two hold calls of two others.

use std::collections::HashMap;

use super::*;
use crate::quantity::Address;

const NAMES: [&str; 6] = [
    "main.main",
    "p.Bad",
    "p.Mid",
    "main.other",
    "p.Stands",
    "p.Gone",
];
/// Functions with code, and the functions that were inlined into them.
const CODE: [(&str, &[&str]); 3] = [
    ("main.main", &["p.Mid", "p.Bad"]),
    ("main.other", &["p.Bad"]),
    ("p.Stands", &[]),
];
const TEXT: usize = 0x40_0000;
/// Where the first function starts, from `TEXT` on, and how far apart they are.
const FIRST: usize = 0x20;
const STEP: usize = 0x100;
/// How far into the file's data the lists of calls start.
const GOFUNC: usize = 0x18;
/// Where the names stand in a table of Go 1.15.
const OLD_NAMES: usize = 0x400;
const LAYOUTS: [usize; 4] = [0xfb, 0xfa, 0xf0, 0xf1];

/// What to get wrong.
#[derive(Clone, Copy, Default)]
struct Lie {
    no_moduledata: bool,
    pctab: Option<&'static [u8]>,
}

/// The function with code and its address, and what the names were inlined into.
type Seen = (Option<(String, Option<u64>)>, Option<Vec<String>>);

struct Forged {
    file: Vec<u8>,
    names: HashMap<&'static str, Offset>,
}

impl Forged {
    fn of(last: usize, lie: Lie) -> Self {
        let is_new = last == 0xf0 || last == 0xf1;
        let cell = |number: usize| match is_new {
            true => PLAIN.int(number),
            false => PLAIN.pointer(number),
        };
        let row: String = NAMES.iter().map(|name| format!("{name}\0")).collect();
        let start_of = |name: &str| row.find(&format!("{name}\0")).unwrap();
        let recorded = |name: &str| match last {
            0xfb => OLD_NAMES + start_of(name),
            _ => start_of(name),
        };

        let mut data = vec![0xee; GOFUNC];
        let mut lists = Vec::new();
        for (_, calls) in CODE {
            lists.push(data.len());
            for name in calls {
                let zero = [0; 4];
                let name = PLAIN.int(recorded(name));
                data.extend(match last {
                    0xf1 => [&zero, &name[..], &PLAIN.int(7), &PLAIN.int(40)].concat(),
                    _ => [&[0xff, 0xff, 0, 0], &zero, &zero, &name[..], &zero].concat(),
                });
            }
        }

        let pctab = match lie.pctab {
            Some(pctab) => pctab.to_vec(),
            // Numbers from -1 on by one, each for four instructions.
            None => [&[0u8][..], &[2, 4, 2, 4, 0], &[2, 4, 0]].concat(),
        };
        let indices = [1, 6, 0];
        let pctab_start = match last {
            0xfb => OLD_NAMES + row.len(),
            _ => 0,
        };

        let functab_size = (CODE.len() * 2 + 1) * cell(0).len();
        let before = if last == 0xfb { 16 } else { 0 };
        let mut functab = Vec::new();
        let mut funcs = vec![0; 8];
        for (index, (name, calls)) in CODE.into_iter().enumerate() {
            funcs.resize(funcs.len().next_multiple_of(8), 0);
            let entry = FIRST + index * STEP + if is_new { 0 } else { TEXT };
            functab.extend(cell(entry));
            functab.extend(cell(before + functab_size + funcs.len()));
            funcs.extend(cell(entry));
            funcs.extend(PLAIN.int(recorded(name)));
            funcs.extend([0; 20]);
            funcs.extend(PLAIN.int(3));
            let later = match last {
                0xfb => 0,
                0xf1 => 8,
                _ => 4,
            };
            funcs.extend(vec![0; later]);
            let funcdata = if last == 0xfb { 4 } else { 3 };
            funcs.extend([0, 0, 0, funcdata + 1]);
            let index_table = match indices[index] {
                0 => 0,
                start => pctab_start + start,
            };
            for number in [0, 0, index_table] {
                funcs.extend(PLAIN.int(number));
            }
            if !is_new {
                let place = before + functab_size + funcs.len();
                funcs.resize(funcs.len() + place.next_multiple_of(8) - place, 0);
            }
            for _ in 0..funcdata {
                funcs.extend(cell(if is_new { 0xffff_ffff } else { 0 }));
            }
            funcs.extend(match (calls.is_empty(), is_new) {
                (true, true) => PLAIN.int(0xffff_ffff),
                (true, false) => PLAIN.pointer(0),
                (false, true) => PLAIN.int(lists[index] - GOFUNC),
                (false, false) => PLAIN.pointer(DATA + lists[index]),
            });
        }
        functab.extend(cell(
            FIRST + CODE.len() * STEP + if is_new { 0 } else { TEXT },
        ));
        functab.extend(funcs);

        data.resize(data.len().next_multiple_of(32), 0xee);
        let table_start = data.len();
        let mut table = PLAIN.head(last);
        let names_start;
        if last == 0xfb {
            table.extend(PLAIN.pointer(CODE.len()));
            table.extend(functab);
            table.resize(OLD_NAMES, 0);
            names_start = OLD_NAMES;
            table.extend(row.bytes());
            table.extend(pctab);
        } else {
            let words = if last == 0xfa { 7 } else { 8 };
            names_start = 8 + words * 8;
            let cu = names_start + row.len();
            let pctab_at = cu + 8;
            let pcln = (pctab_at + pctab.len()).next_multiple_of(32);
            let mut numbers = vec![CODE.len(), 0];
            numbers.extend(is_new.then_some(0));
            numbers.extend([names_start, cu, pctab_at, pctab_at, pcln]);
            table.extend(numbers.into_iter().flat_map(|number| PLAIN.pointer(number)));
            table.extend(row.bytes());
            table.extend([0; 8]);
            table.extend(pctab);
            table.resize(pcln, 0);
            table.extend(functab);
        }
        table.resize(table.len().next_multiple_of(8) + 64, 0);
        data.extend(table);

        let header = DATA + table_start;
        let names = header + names_start + usize::from(lie.no_moduledata);
        let minpc = TEXT + FIRST;
        let maxpc = minpc + CODE.len() * STEP;
        // Behind what is known: a pointer to something else, and that to `go:func.*`.
        let module = [
            header,
            names,
            99,
            99,
            TEXT,
            minpc,
            maxpc,
            DATA,
            0,
            DATA + GOFUNC,
        ];
        data.extend(PLAIN.pointer(header));
        data.extend(module.into_iter().flat_map(|word| PLAIN.pointer(word)));

        let at = |name: &&'static str| {
            let offset = DATA + table_start + names_start + start_of(name);
            (*name, Offset(offset as u64))
        };
        Self {
            file: elf_of_one_segment(&data),
            names: NAMES.iter().map(at).collect(),
        }
    }

    /// Of each group of names, the function with code and its address, and what they were inlined
    /// into.
    fn places(&self, groups: &[&[&str]]) -> Vec<Seen> {
        let elf = Elf::parse(&self.file).unwrap();
        let table = Pclntab::read(&elf).unwrap().unwrap();
        let groups: Vec<Vec<Offset>> = groups
            .iter()
            .map(|names| names.iter().map(|name| self.names[name]).collect())
            .collect();
        let text = |name: &Name<'_>| String::from_utf8_lossy(name.bytes).into_owned();
        let places = table.places(&elf, &groups).unwrap().unwrap();
        let places = places.into_iter().map(|place| {
            let linked = place
                .linked
                .map(|it| (text(&it.name), it.address.map(|Address(it)| it)));
            let inlined = place.inlined.map(|inlined| {
                assert_eq!(inlined.count, inlined.into.len() as u64);
                inlined.into.iter().map(text).collect()
            });
            (linked, inlined)
        });
        places.collect()
    }
}

fn linked(name: &str, index: usize) -> Option<(String, Option<u64>)> {
    let address = TEXT + FIRST + index * STEP;
    Some((name.to_owned(), Some(address as u64)))
}

fn into(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|&name| name.to_owned()).collect())
}

#[test]
fn tells_in_every_layout_where_functions_stand_and_what_they_were_inlined_into() {
    for last in LAYOUTS {
        let forged = Forged::of(last, Lie::default());
        let places = forged.places(&[
            &["p.Bad"],
            &["p.Stands"],
            &["p.Mid", "main.main"],
            &["main.other"],
            &["p.Gone"],
        ]);
        let wanted = [
            (None, into(&["main.main", "main.other"])),
            (linked("p.Stands", 2), into(&[])),
            (linked("main.main", 0), into(&[])),
            (linked("main.other", 1), into(&[])),
            (None, into(&[])),
        ];
        assert_eq!(places, wanted, "{last:x}");
    }
}

#[test]
fn up_to_go_1_15_the_names_of_inlined_functions_are_those_of_the_lists() {
    let forged = Forged::of(0xfb, Lie::default());
    let elf = Elf::parse(&forged.file).unwrap();
    let names = texts(Pclntab::read(&elf).unwrap().unwrap().functions().unwrap());
    let wanted = ["main.main", "main.other", "p.Stands", "p.Bad", "p.Mid"];
    assert_eq!(names, wanted);
}

#[test]
fn without_moduledata_the_lists_and_addresses_are_not_known() {
    let lie = Lie {
        no_moduledata: true,
        ..Lie::default()
    };
    for last in [0xf0, 0xf1] {
        let places = Forged::of(last, lie).places(&[&["p.Bad"], &["p.Stands"]]);
        let stands = Some(("p.Stands".to_owned(), None));
        assert_eq!(places, [(None, None), (stands, None)], "{last:x}");
    }
}

#[test]
fn lists_that_claim_to_be_endless_end() {
    // The number two thirds of the way to 2^31, and a table that does not end.
    for pctab in [
        &[0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 4, 2, 4, 0, 0][..],
        &[0, 2, 4, 2, 4, 2, 2, 2, 2, 2, 2],
        &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0],
    ] {
        let pctab = Some(pctab);
        let lie = Lie {
            pctab,
            ..Lie::default()
        };
        for last in LAYOUTS {
            let places = Forged::of(last, lie).places(&[&["p.Stands"]]);
            assert_eq!(places[0].0, linked("p.Stands", 2), "{last:x}");
        }
    }
}

#[test]
fn a_table_cut_or_changed_anywhere_is_read_without_harm() {
    for last in LAYOUTS {
        let forged = Forged::of(last, Lie::default());
        let groups: Vec<Vec<Offset>> = forged.names.values().map(|it| vec![*it]).collect();
        for at in DATA..forged.file.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut wrong = forged.file.clone();
                wrong[at] = byte;
                let elf = Elf::parse(&wrong).unwrap();
                if let Some(table) = Pclntab::read(&elf).unwrap() {
                    let _ = (
                        table.places(&elf, &groups),
                        table.functions().unwrap().count(),
                    );
                }
            }
        }
    }
}
