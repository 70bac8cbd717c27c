//! A program that ends too early: at the border of each header, at the start, in the middle and
//! one byte before the end of each table, segment and section.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use handpie_binary::elf::Elf;
use handpie_pie::{Error, Options, convert};

use crate::judge::{failed, run};
use handpie_testkit::forge::Program;

/// Cuts `program` everywhere that matters; each time it cannot be read, and the message says where.
/// The converter sees every cut; the program, which has to start anew for each, sees every eighth.
pub(crate) fn sweep(program: &Path) {
    let whole = fs::read(program).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("cut");
    let output = folder.path().join("output");
    for (index, length) in lengths(&whole).into_iter().enumerate() {
        let cut = &whole[..length];
        let code = match length {
            0 => "empty-file",
            1..4 => "not-elf",
            _ => "truncated",
        };
        match convert(cut, Options::default()).expect_err("it is not whole") {
            Error::Unreadable(error) => {
                assert_eq!(error.kind().code(), code, "cut to {length} bytes: {error}");
                assert_eq!(error.offset().is_some(), length > 0, "{length}: {error}");
            }
            other => panic!("cut to {length} bytes: {other}"),
        }
        if index % 8 == 0 {
            fs::write(&input, cut).unwrap();
            let ran = run(crate::inputs::convert(&input, &output));
            failed(&ran, code, &["Caused by:"]);
            assert!(!output.exists(), "cut to {length} bytes");
        }
    }
}

/// Every length that cuts through, or right before, something that a header announces.
fn lengths(whole: &[u8]) -> BTreeSet<usize> {
    let elf = Elf::parse(whole).expect("the whole file can be read");
    let header = elf.header();
    let table = |start: u64, count: usize, size: u64| {
        let entries = (0..=count as u64).map(move |index| start + index * size);
        entries.flat_map(move |at| [at, at + size / 2])
    };
    let tables = table(
        header.program_headers.0,
        elf.segments().len(),
        header.program_header_size,
    )
    .chain(table(
        header.section_headers.0,
        elf.sections().len(),
        header.section_header_size,
    ));
    let segments = elf.segments().iter().map(|s| (s.offset.0, s.file_size.0));
    let sections = elf.sections().iter().map(|s| (s.offset.0, s.file_size().0));
    let ranges = segments
        .chain(sections)
        // What has no bytes in the file may stand anywhere.
        .filter(|(_, size)| *size > 0)
        .flat_map(|(start, size)| [start, start + size / 2, (start + size).saturating_sub(1)]);
    let first = (0..=64).chain([whole.len() as u64 - 1]);
    let all = tables.chain(ranges).chain(first);
    let all = all.map(|length| usize::try_from(length).unwrap());
    // The last bytes of a file may be padding that nothing announces.
    let announced = announced_end(&elf);
    all.filter(|&length| length < announced).collect()
}

fn announced_end(elf: &Elf<'_>) -> usize {
    let header = elf.header();
    let sections = elf.sections().iter();
    let sections = sections.map(|s| (s.file_end().0, s.file_size().0));
    let segments = elf.segments().iter();
    let segments = segments.map(|s| (s.file_end().0, s.file_size.0));
    let table = elf.sections().len() as u64 * header.section_header_size;
    let ends = sections.chain(segments).filter(|(_, size)| *size > 0);
    let ends = ends.map(|(end, _)| end);
    let end = ends.chain([header.section_headers.0 + table]).max();
    usize::try_from(end.unwrap_or(0)).unwrap()
}

#[test]
fn a_forged_program_cut_at_any_byte_is_never_taken_for_whole() {
    let whole = Program::of_c().bytes();
    for length in 0..whole.len() {
        let error = convert(&whole[..length], Options::default()).expect_err("it is not whole");
        let Error::Unreadable(error) = error else {
            panic!("cut to {length} bytes: {error}");
        };
        let kind = error.kind().code();
        assert!(
            ["empty-file", "not-elf", "truncated"].contains(&kind),
            "{length}: {kind}"
        );
    }
}
