//! Results that somebody has damaged where only one check looks.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "a forged file is small"
)]

use super::*;
use crate::apply::apply;
use crate::options::Options;
use crate::survey::{Convertibility, survey};
use handpie_testkit::forge::{GoPie, go_pie};

/// `.rela.plt`, which is empty, so that it can become another section.
const SPARE: usize = go_pie::SECTION_HEADERS + 6 * 64;

/// Converts a forged program that has sixteen zeros with a section, not loaded, and then some
/// bytes without one; and verifies the result that somebody has damaged.
fn verify_damaged(damage: impl Fn(&mut [u8])) -> Result<(), String> {
    let mut file = GoPie::default().build();
    let start = file.len().next_multiple_of(16) as u64;
    put(&mut file, SPARE + 4, &1u32.to_le_bytes());
    for (field, value) in [(8, 0), (16, 0), (24, start), (32, 16), (48, 16)] {
        put(&mut file, SPARE + field, &u64::to_le_bytes(value));
    }
    file.resize(start as usize + 64, 0);
    file.extend(b"nobody's");
    let survey = survey(Elf::parse(&file).unwrap()).unwrap();
    let Convertibility::Convertible(program) = &survey.answer else {
        panic!("{:?}", survey.answer);
    };
    let plan = crate::plan(&survey.elf, program, Options::default()).unwrap();
    let mut output = apply(survey.elf.file(), &plan).unwrap().to_bytes(&file);
    damage(&mut output);
    verify(&survey.elf, program, &plan, &Pieces::of_bytes(output))
}

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

#[test]
fn an_honest_result_passes() {
    assert_eq!(verify_damaged(|_| ()), Ok(()));
}

#[test]
fn a_byte_that_no_section_claims_is_missed() {
    let damaged = verify_damaged(|file| {
        let place = file.windows(8).position(|bytes| bytes == b"nobody's");
        file[place.unwrap()] = 0;
    });
    assert!(damaged.is_err_and(|what| what.contains("not loaded")));
}

#[test]
fn a_section_that_has_come_into_a_segment_is_found() {
    let damaged = verify_damaged(|file| {
        let data = go_pie::SECTION_HEADERS + 11 * 64 + 24;
        file.copy_within(data..data + 8, SPARE + 24);
    });
    assert!(damaged.is_err_and(|what| what.contains("section `.rela.plt`")));
}

#[test]
fn a_section_that_has_lost_its_alignment_is_found() {
    let damaged = verify_damaged(|file| file[SPARE + 24] += 8);
    assert!(damaged.is_err_and(|what| what.contains("section `.rela.plt`")));
}
