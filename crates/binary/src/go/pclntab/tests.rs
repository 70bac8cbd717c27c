#![expect(
    clippy::arithmetic_side_effects,
    reason = "forged files are small, and a panic fails the test"
)]

use super::*;
use crate::elf::Elf;
use handpie_testkit::forge::segment::{DATA, elf_of_one_segment};

const FUNCTIONS: [&str; 4] = [
    "runtime.main",
    "runtime/cgo._cgo_panic",
    "github.com/x/sqlite%2ego._Cfunc_open",
    "net._C2func_getaddrinfo",
];
const FILES: [&str; 2] = ["runtime/proc.go", "/home/me/main.go"];

/// Writes numbers of one byte order and pointer size.
#[derive(Clone, Copy)]
struct Writer {
    big: bool,
    pointer_size: u8,
}

impl Writer {
    fn int(self, number: usize) -> Vec<u8> {
        let number = u32::try_from(number).unwrap();
        match self.big {
            true => number.to_be_bytes().into(),
            false => number.to_le_bytes().into(),
        }
    }

    fn pointer(self, number: usize) -> Vec<u8> {
        match (self.pointer_size, self.big) {
            (4, _) => self.int(number),
            (_, true) => (number as u64).to_be_bytes().into(),
            (_, false) => (number as u64).to_le_bytes().into(),
        }
    }

    fn head(self, last: usize) -> Vec<u8> {
        let mut head = self.int(0xffff_ff00 | last);
        head.extend([0, 0, 1, self.pointer_size]);
        head
    }

    /// Go 1.16 and newer.
    fn with_tables(self, last: usize) -> Vec<u8> {
        let row = |names: &[&str]| {
            names
                .iter()
                .flat_map(|name| [name, "\0"])
                .collect::<String>()
        };
        let (functions, files) = (row(&FUNCTIONS), row(&FILES));
        let words = if last == 0xfa { 7 } else { 8 };
        let start = 8 + words * usize::from(self.pointer_size);
        let cu = start + functions.len();
        let filetab = cu + 8;
        let pctab = filetab + files.len();
        let mut numbers = vec![FUNCTIONS.len(), FILES.len()];
        numbers.extend((last != 0xfa).then_some(0x1000));
        numbers.extend([start, cu, filetab, pctab, pctab + 1]);
        let mut table = self.head(last);
        table.extend(numbers.into_iter().flat_map(|number| self.pointer(number)));
        table.extend(functions.bytes());
        table.extend([0; 8]);
        table.extend(files.bytes());
        table.extend([0; 64]);
        table
    }

    /// Go 1.2 to 1.15.
    fn with_pointers(self) -> Vec<u8> {
        let step = usize::from(self.pointer_size);
        let functab = 8 + step;
        let described = functab + FUNCTIONS.len() * 2 * step + step + 4;
        let description = step + 4;
        let names = described + FUNCTIONS.len() * description;
        let file_table = names + 200;
        let mut table = self.head(0xfb);
        table.extend(self.pointer(FUNCTIONS.len()));
        for index in 0..FUNCTIONS.len() {
            table.extend(self.pointer(0x1000 + index));
            table.extend(self.pointer(described + index * description));
        }
        table.extend(self.pointer(0x2000));
        table.extend(self.int(file_table));
        let mut strings = Vec::new();
        for (index, name) in FUNCTIONS.iter().enumerate() {
            table.extend(self.pointer(0x1000 + index));
            table.extend(self.int(names + strings.len()));
            strings.extend(name.bytes().chain([0]));
        }
        table.extend(strings);
        table.resize(file_table, 0);
        table.extend(self.int(FILES.len() + 1));
        let mut at = file_table + 4 * (FILES.len() + 1);
        for name in FILES {
            table.extend(self.int(at));
            at += name.len() + 1;
        }
        table.extend(FILES.iter().flat_map(|name| name.bytes().chain([0])));
        table
    }
}

fn texts(names: Names<'_>) -> Vec<String> {
    names
        .map(|name| String::from_utf8_lossy(name.bytes).into_owned())
        .collect()
}

#[test]
fn reads_names_of_every_layout_byte_order_and_pointer_size() {
    for (big, pointer_size) in [(false, 8), (false, 4), (true, 8), (true, 4)] {
        let writer = Writer { big, pointer_size };
        let tables = [0xfa, 0xf0, 0xf1].map(|last| writer.with_tables(last));
        for table in tables.into_iter().chain([writer.with_pointers()]) {
            let read = Pclntab::parse(Bytes::of_file(&table)).unwrap();
            assert_eq!(texts(read.functions().unwrap()), FUNCTIONS);
            assert_eq!(texts(read.files().unwrap()), FILES);
            let name = read.files().unwrap().nth(1).unwrap();
            let at = usize::try_from(name.offset.0).unwrap();
            assert!(table[at..].starts_with(b"/home/me/main.go\0"));
        }
    }
}

const PLAIN: Writer = Writer {
    big: false,
    pointer_size: 8,
};

#[test]
fn finds_the_table_without_section_headers_and_passes_over_what_only_looks_like_it() {
    let table = PLAIN.with_tables(0xf1);
    let mut data = vec![0; 40];
    // A header whose parts lie nowhere.
    data.extend(table.iter().take(16));
    data.resize(96, 0xee);
    data.extend(&table);
    let file = elf_of_one_segment(&data);
    let elf = Elf::parse(&file).unwrap();
    let found = Pclntab::read(&elf).unwrap().unwrap();
    assert_eq!(found.offset(), Offset((DATA + 96) as u64));
    assert!(has_cgo(&elf).unwrap());
    let packages = packages_with_cgo_calls(&elf).unwrap();
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    assert_eq!(packages, ["github.com/x/sqlite.go", "net"]);
}

/// A table that holds functions of these names and no files.
fn with_functions(functions: &[&str]) -> Vec<u8> {
    let row: String = functions.iter().map(|name| format!("{name}\0")).collect();
    let start = 72;
    let end = start + row.len();
    let numbers = [functions.len(), 0, 0, start, end, end, end, end];
    let mut table = PLAIN.head(0xf1);
    table.extend(numbers.into_iter().flat_map(|number| PLAIN.pointer(number)));
    table.extend(row.bytes());
    table.push(0);
    elf_of_one_segment(&table)
}

#[test]
fn tells_cgo_by_its_functions_in_every_version_of_go() {
    let has_cgo = |functions: &[&str]| {
        let file = with_functions(functions);
        has_cgo(&Elf::parse(&file).unwrap()).unwrap()
    };
    assert!(!has_cgo(&["runtime.main", "runtime.cgocall"]));
    assert!(has_cgo(&["runtime.main", "runtime/cgo.set_crosscall2"]));
    assert!(has_cgo(&["_cgo_panic", "crosscall2"]), "Go 1.19");
    let purego = "github.com/ebitengine/purego/internal/fakecgo.init";
    assert!(!has_cgo(&["crosscall2", purego]));
}

#[test]
fn a_header_that_contradicts_itself_is_none() {
    let table = PLAIN.with_tables(0xf1);
    for (at, byte) in [(0, 0xf2), (4, 1), (6, 3), (7, 5), (8 + 3 * 8 + 7, 0x7f)] {
        let mut wrong = table.clone();
        wrong[at] = byte;
        assert!(Pclntab::parse(Bytes::of_file(&wrong)).is_none(), "{at}");
    }
    for end in 0..72 {
        assert!(Pclntab::parse(Bytes::of_file(&table[..end])).is_none());
    }
}

#[test]
fn many_functions_with_one_long_name_end_soon() {
    let count = 10_000usize;
    let functab = 16;
    let described = functab + count * 16 + 12;
    let name = described + 12;
    let mut table = PLAIN.head(0xfb);
    table.extend(PLAIN.pointer(count));
    for _ in 0..count {
        table.extend(PLAIN.pointer(0x1000));
        table.extend(PLAIN.pointer(described));
    }
    table.extend([0; 12]);
    table.extend(PLAIN.pointer(0x1000));
    table.extend(PLAIN.int(name));
    table.extend(vec![b'a'; 10_000]);
    table.push(0);
    let read = Pclntab::parse(Bytes::of_file(&table)).unwrap();
    assert!(read.functions().unwrap().count() < 20);
}

#[test]
fn tells_the_package_of_a_function() {
    let package = |bytes| {
        let offset = Offset(0);
        Name { bytes, offset }.package()
    };
    assert_eq!(package(b"main.main"), b"main");
    assert_eq!(package(b"os/user.Lookup"), b"os/user");
    assert_eq!(package(b"example.org/a/b.(*T).M.func1"), b"example.org/a/b");
    assert_eq!(package(b"slices.Sort[go.shape.x/y.z]"), b"slices");
    assert_eq!(package(b"_rt0_amd64_linux"), b"");
}

mod places;
